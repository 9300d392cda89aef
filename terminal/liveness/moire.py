"""A grid over the skin: a display's cells, a print's dots, or the waves they make with a sensor's own. *Pure*.

Skin has no rhythm. A fine grid is one, and shows as a peak in the spectrum of the face, many times what else is of
that fineness. As peak over the median of its ring, the medians of clips of people were 8 to 26, and of 190 single
pictures of people the largest was 96; drawn displays whose cells a lens resolves went from 120 into the thousands.
Where it resolves none, nothing is seen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from terminal.liveness.cues import Cue, Finding, Reason, silent

LEAST_PX = 48
_SUSPECT, _DENY = 130.0, 400.0
_LEAST_LOOKS, _SHARE = 3, 0.5
_COARSEST, _FINEST = 0.12, 0.48
"""In waves a pixel: coarser is a face's own, finer is what sharpening adds."""
_RINGS = 64
_NOISE = 1.0
"""In grey values: the noise any sensor has, and compression takes away."""
_BLOCK, _BLOCK_WIDTH = 8, 0.012
"""Compression works in blocks of 8 pixels, whose rhythm is no screen's; nor is that of rows, which sensors have."""


def peak_of(skin: NDArray[np.float32]) -> float | None:
    """Return the largest peak in the spectrum of `skin` (rows, columns), grey values without what is coarser than a few
    pixels, relative to the median of its ring; None of fewer than 48 rows or columns."""
    rows, columns = skin.shape
    if min(rows, columns) < LEAST_PX:
        return None
    window = np.outer(np.hanning(rows), np.hanning(columns))
    power = np.abs(np.fft.rfft2(skin * window)) ** 2
    least = _NOISE**2 * float((window**2).sum())
    down = np.abs(np.fft.fftfreq(rows))[:, None]
    across = np.fft.rfftfreq(columns)[None, :]
    fineness = np.hypot(down, across)
    ring = (fineness * _RINGS).astype(np.int64)
    inside = (fineness > _COARSEST) & (fineness < _FINEST) & (across > _BLOCK_WIDTH)
    for wave in range(1, _BLOCK // 2):
        inside &= (np.abs(down - wave / _BLOCK) > _BLOCK_WIDTH) & (np.abs(across - wave / _BLOCK) > _BLOCK_WIDTH)
    found = 0.0
    for each in np.unique(ring[inside]):
        here = inside & (ring == each)
        found = max(found, float(power[here].max() / (np.median(power[ring == each]) + least)))
    return found


def judge(peaks: Sequence[float]) -> Cue:
    """Return whether a grid lies over the face: `deny` or `suspect` if half of at least three looks show one, that
    plainly. The value is what half of the looks exceed."""
    if len(peaks) < _LEAST_LOOKS:
        return silent(Reason.MOIRE)
    usual = float(np.quantile(peaks, 1 - _SHARE))
    finding = Finding.DENY if usual >= _DENY else Finding.SUSPECT if usual >= _SUSPECT else Finding.CLEAR
    return Cue(reason=Reason.MOIRE, finding=finding, value=round(usual, 1))
