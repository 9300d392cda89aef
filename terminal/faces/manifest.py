"""A model of one's own, described: what a centre writes beside an ArcFace-style network so that Hadir can use it.

The file is YAML, or JSON if its name ends so. Everything in it is checked before the network is looked at, and the
network's own bytes must have the hash written there.
"""

import hashlib
import math
import re
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from terminal.faces.models import ModelUnavailable

MAX_MANIFEST_BYTES = 8 * 2**10
"""Ten times what one has; the YAML parser recurses, and of 60 KB of brackets it dies."""
MAX_MODEL_BYTES = 512 * 2**20
"""The largest ArcFace networks in use have 250 MB; a kiosk with 1 GB of memory could not hold more."""

PLAIN_FILE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z"
HASH = r"^[0-9a-f]{64}\Z"
NAME = r"^[a-z0-9][a-z0-9-]{1,39}\Z"

T = TypeVar("T")


class ManifestRefused(ModelUnavailable):
    """The manifest, or the file it describes, is not what it must be; the text says what."""


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network. `file` lies beside the manifest; the network gets (pixel - `mean`) * `scale` for each channel.

    `mean` is in the order of `colour`, in grey levels of 0..255. `dimension` is the length of the one vector that comes
    out. `alignment` "arcface-112" is the crop of 112x112 pixels that terminal/faces/alignment.py makes. `licence` is
    shown, never judged.
    """

    name: Annotated[str, Meta(pattern=NAME)]
    file: Annotated[str, Meta(pattern=PLAIN_FILE)]
    sha256: Annotated[str, Meta(pattern=HASH)]
    licence: Annotated[str, Meta(min_length=1, max_length=200)]
    dimension: Annotated[int, Meta(ge=16, le=4096)]
    input_px: Annotated[int, Meta(ge=112, le=112)] = 112
    alignment: Literal["arcface-112"] = "arcface-112"
    colour: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0

    @property
    def engine_id(self) -> str:
        """Says name, bytes and treatment: where any of them differs, so do the encodings."""
        recipe = [self.input_px, self.alignment, self.colour, self.mean, self.scale, self.dimension]
        treatment = hashlib.sha256(msgspec.json.encode(recipe)).hexdigest()
        return f"onnx-{self.name}-{self.sha256[:12]}-{treatment[:8]}"


def read_manifest(path: str) -> Manifest:
    """Return the manifest in the file `path`, every value in its range. Raises ManifestRefused."""
    if not path:
        raise ManifestRefused("engine.manifest is empty; the onnx engine needs the file that describes its model")
    manifest = decoded(path, Manifest, setting="engine.manifest")
    check_treatment(manifest.mean, manifest.scale, f"engine.manifest {path}: ")
    return manifest


def decoded(path: str, kind: type[T], *, setting: str) -> T:
    """Return what the file `path` describes, strictly a `kind`. `setting` named it. Raises ManifestRefused."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ManifestRefused(f"{setting} {path} cannot be read ({why}); give the right file") from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise ManifestRefused(f"{setting} {path} is larger than {MAX_MANIFEST_BYTES // 2**10} KB; that is none")
    try:
        decode = msgspec.json.decode if path.endswith(".json") else msgspec.yaml.decode
        return decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError) as error:
        raise ManifestRefused(f"{setting} {path}: {_explained(error)}") from error


def check_treatment(mean: tuple[float, float, float], scale: float, where: str) -> None:
    """The pixels' treatment is one that can be meant. Raises ManifestRefused beginning with `where`."""
    if not all(math.isfinite(value) and 0 <= value <= 255 for value in mean):
        raise ManifestRefused(f"{where}mean: three grey levels of 0 to 255 are wanted")
    if not (math.isfinite(scale) and 1e-6 <= scale <= 1e3):
        raise ManifestRefused(f"{where}scale: a number of 0.000001 to 1000 is wanted")


def model_bytes(manifest: Manifest, path: str) -> bytes:
    """Return the bytes of the network that the manifest in `path` describes; they have its hash.

    Raises ManifestRefused.
    """
    return bytes_beside(path, file=manifest.file, sha256=manifest.sha256)


def bytes_beside(path: str, *, file: str, sha256: str) -> bytes:
    """Return the bytes of `file` beside the manifest in `path`; they have the hash `sha256`. Raises ManifestRefused."""
    place = Path(path).parent / file
    try:
        with place.open("rb") as opened:
            content = opened.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise ManifestRefused(
            f"{place} cannot be read ({error.strerror}); the model's file must lie beside its manifest"
        ) from error
    if len(content) > MAX_MODEL_BYTES:
        raise ManifestRefused(f"{place} is larger than {MAX_MODEL_BYTES // 2**20} MB; no kiosk can hold that model")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ManifestRefused(
            f"{place} is not the file its manifest describes (its SHA-256 differs) and was not used; "
            "put the right file there, or correct the manifest if the model was changed on purpose"
        )
    return content


def _explained(error: Exception) -> str:
    """Return msgspec's words on one line, the setting first; a YAML parser's words are cut short."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    message, _, where = str(error).partition(" - at `$.")
    plain = " ".join(re.sub(r"[^\x20-\x7e]", " ", message).split())[:200]
    key = where.rstrip("`")
    return f"{key}: {plain}" if key else plain
