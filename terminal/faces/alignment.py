"""Faces set upright in the one place and size that ArcFace-style networks read. *Pure*."""

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Picture

CROP_PX = 112
# Right eye, left eye, nose, right and left mouth corner in the crop: InsightFace's, as in OpenCV's FaceRecognizerSF.
_TEMPLATE = np.array(
    [38.2946 + 51.6963j, 73.5318 + 51.5014j, 56.0252 + 71.7366j, 41.5493 + 92.3655j, 70.7299 + 92.2041j]
)


def aligned(picture: Picture, landmarks: NDArray[np.float32]) -> Picture:
    """Return the (112, 112, 3) crop of `picture` in which `landmarks`, (5, 2) finite, lie nearest to the template.

    Turned, scaled and moved, never sheared. What lies outside the picture is black.
    """
    return np.asarray(cv2.warpAffine(picture, placement(landmarks), (CROP_PX, CROP_PX)), np.uint8)


def placement(landmarks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (2, 3) matrix that takes the picture of `landmarks`, (5, 2) finite, to its aligned crop.

    The least-squares similarity (Umeyama 1991), in closed form with points as complex numbers.
    """
    points = landmarks[:, 0].astype(np.float64) + 1j * landmarks[:, 1].astype(np.float64)
    middle, target = points.mean(), _TEMPLATE.mean()
    spread = float(np.sum(np.abs(points - middle) ** 2))
    turn = np.sum(np.conj(points - middle) * (_TEMPLATE - target)) / max(spread, 1e-6)
    shift = target - turn * middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
