"""YuNet finds the faces for every engine: boxes, five landmarks and scores, through OpenCV."""

import cv2
import numpy as np

from config import Engine as EngineSettings
from terminal.faces import Box, Face, Picture
from terminal.faces.models import ModelUnavailable

NMS_IOU = 0.3
"""Boxes overlapping more are one face (the detector's published default)."""
MAX_FACES = 50
_LEAST_SIDE_PX = 32
"""The coarsest cell YuNet looks at; of less, OpenCV reads memory that nobody wrote."""


class YuNet:
    """The detector. Belongs to one thread."""

    def __init__(self, content: bytes, settings: EngineSettings) -> None:
        """Loaded. Raises ModelUnavailable."""
        self._longest_px = settings.detect_width_px
        size = (self._longest_px, self._longest_px * 9 // 16)
        try:
            self._detector = cv2.FaceDetectorYN.create(
                "onnx",
                np.frombuffer(content, np.uint8),
                np.zeros(0, np.uint8),
                size,
                settings.detect_score,
                NMS_IOU,
                MAX_FACES,
            )
        except cv2.error as error:
            raise unloadable(settings) from error

    def detect(self, picture: Picture) -> list[Face]:
        """Return the faces in `picture`, largest first, in the picture's own pixels.

        A picture whose longer side exceeds `engine.detect_width_px` is shrunk to it before the search; a face must be
        about 10 pixels wide there to be found.
        """
        height, width = picture.shape[:2]
        shrink = min(1.0, self._longest_px / max(width, height))
        size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        if min(size) < _LEAST_SIDE_PX:
            return []
        small = _shrunk(picture, size)
        self._detector.setInputSize(size)
        rows = self._detector.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]
        if rows is None:
            return []
        scale = np.array([width / size[0], height / size[1]] * 7, np.float32)
        sound = [row for row in rows if np.isfinite(row).all() and row[2] > 0 and row[3] > 0]
        faces = [_face(row[:14] * scale, float(row[14])) for row in sound]
        return sorted(faces, key=lambda face: face.box.area, reverse=True)


def unloadable(settings: EngineSettings) -> ModelUnavailable:
    """Return the error for published models that this OpenCV cannot load."""
    return ModelUnavailable(
        f"OpenCV {cv2.__version__} cannot load the models in {settings.models}; install 4.14 or later, below 5"
    )


def _shrunk(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return `picture` in `size`, halved first while that is far away: a third of the time of one exact average."""
    while picture.shape[1] >= 2 * size[0] and picture.shape[0] >= 2 * size[1]:
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    if picture.shape[1::-1] == size:
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _face(values: np.ndarray, score: float) -> Face:
    x, y, width, height = (float(value) for value in values[:4])
    return Face(
        box=Box(x=x, y=y, width=width, height=height),
        landmarks=values[4:14].reshape(5, 2).astype(np.float32),
        score=min(1.0, max(0.0, score)),
    )
