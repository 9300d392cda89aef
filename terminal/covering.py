"""Whether the lower half of a face looks covered, as by a mask. *Pure*.

A mask has no mouth: no dark line between two lips where one should be, little relief compared with the eyes, and
often another colour than the skin above it. A headscarf leaves all three as they are. Each compares parts of one face,
so that neither dim light nor a dark skin looks like a mask.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Picture

_MOUTH = (slice(84, 102), slice(42, 71))
_LOWER = (slice(70, 108), slice(40, 73))
_LOWER_SKIN = (slice(78, 108), slice(36, 77))
_FOREHEAD = (slice(28, 42), slice(38, 75))
_CHEEKS = ((slice(56, 63), slice(28, 42)), (slice(56, 63), slice(71, 85)))
_EYES = ((slice(44, 59), slice(30, 47)), (slice(44, 59), slice(65, 82)))
_LEAST_LINE, _LEAST_RELIEF = 1.0, 3.0
"""Grey levels that a usual sensor's noise makes of nothing."""
_WEIGHTS = (-2.44, -2.74, 0.297)
_BIAS = -4.53


def covered(crop: Picture) -> float:
    """Return how much the face in `crop`, aligned and (112, 112, 3), looks covered: over 0 more like a mask than not.

    The log-odds of a logistic regression on three numbers, fitted to photographs of the bench as they are and with
    masks of seven kinds drawn on (`hadir bench quality FOLDER --masks`, which also says how often it is right).
    """
    line, relief, colour = signs(crop)
    return _WEIGHTS[0] * math.log(line) + _WEIGHTS[1] * math.log(relief) + _WEIGHTS[2] * colour + _BIAS


def signs(crop: Picture) -> tuple[float, float, float]:
    """Return how strong the line of the mouth is and how much relief the lower face has, both in parts of the lesser
    eye's, and how far its colour is from that of the skin above, in the plane of CIELAB."""
    smooth = np.asarray(cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (0, 0), 1.2), np.float32)
    bent = cv2.Sobel(smooth, cv2.CV_32F, 0, 2, ksize=5) / 16
    line = float(bent[_MOUTH].mean(axis=1).max()) / (min(float(bent[eye].std()) for eye in _EYES) + _LEAST_LINE)
    relief = float(smooth[_LOWER].std()) / (min(float(smooth[eye].std()) for eye in _EYES) + _LEAST_RELIEF)
    lab = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2LAB), np.float32)
    lower = _hue(lab, _LOWER_SKIN)
    colour = min(_apart(lower, _hue(lab, _FOREHEAD)), _apart(lower, _hue(lab, *_CHEEKS)))
    return max(line, 0.0) + 0.02, relief + 0.02, colour


def _hue(lab: NDArray[np.float32], *places: tuple[slice, slice]) -> tuple[float, float]:
    pixels = np.concatenate([lab[place][..., 1:].reshape(-1, 2) for place in places])
    return float(np.median(pixels[:, 0])), float(np.median(pixels[:, 1]))


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return math.hypot(one[0] - other[0], one[1] - other[1])
