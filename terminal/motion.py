"""Whether an empty room is as it was, which spares a kiosk that nobody stands before the search for faces. *Pure*.

The frame is shrunk and compared with the one that was last searched, so that whoever comes in slowly adds up. What a
camera's noise, a lamp's flicker or daylight change by themselves is learned and not taken for somebody. Nothing is
left to this alone: a frame is searched every so often, whatever moved.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Picture

Small = NDArray[np.float32]
"""(rows, columns), the logarithm of the brightness: a change of light is then the same everywhere."""

AWAKE_S = 1.0
"""Every frame is searched for so long after something moved: somebody may have stopped, and turn round."""
_LONGER_SIDE = 160
_LOG = np.log(np.arange(256, dtype=np.float32) + 16)
"""16: below it, a change is a sensor's noise and no light."""
_LEAST_CHANGE = 0.04
_TIMES_NOISE = 6.0
"""Of the mean change of a cell by itself: 4.8 standard deviations of even noise, one false cell in 50 frames."""
_LEAST_CELLS = 8
"""A face that can be found covers more than twice as many, and does not come without its body."""
_MEMORY_FRAMES = 256
"""A picture in motion, as on a screen on the wall, is learned to be one within a minute, one passer-by is not."""
_LEARNING_FRAMES = 15
_MOST_LEARNED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Room:
    """What is known of the room. `searched` is the frame last searched for faces; `noise` how much each cell changes
    from then by itself, on average; `frames` from how many frames that is known."""

    searched: Small | None = None
    noise: Small | None = None
    frames: int = 0
    searched_s: float = -math.inf
    moved_s: float = -math.inf


def look_round(room: Room, picture: Picture, *, now_s: float, every_s: float) -> tuple[Room, bool]:
    """Return what is known of the room after `picture`, and whether that is to be searched for faces.

    It is where something moved in the last AWAKE_S, where the room is not known yet, and `every_s` after the last time.
    """
    small = shrunk(picture)
    if room.searched is None or room.searched.shape != small.shape or now_s < room.searched_s:
        noise = room.noise if room.noise is not None and room.noise.shape == small.shape else None
        frames = room.frames if noise is not None else 0
        return Room(searched=small, noise=noise, frames=frames, searched_s=now_s, moved_s=now_s), True
    change = _change(small, room.searched)
    if room.frames < _LEARNING_FRAMES or room.noise is None or _moved(change, room.noise):
        room = replace(room, moved_s=now_s)
    room = _learned(room, change)
    if now_s - room.moved_s < AWAKE_S or now_s - room.searched_s >= every_s:
        return replace(room, searched=small, searched_s=now_s), True
    return room, False


def somebody(room: Room) -> Room:
    """Return what is known of the room while somebody is in view: with them gone, it is looked at anew."""
    return room if room.searched is None else replace(room, searched=None)


def shrunk(picture: Picture) -> Small:
    """Return the brightness of `picture`, 160 cells along its longer side, each the mean of many of its pixels."""
    height, width = picture.shape[:2]
    cell = max(1.0, max(width, height) / _LONGER_SIDE)
    size = (max(1, round(width / cell)), max(1, round(height / cell)))
    rows = picture[:: max(1, int(cell) // 2)]  # two rows of each cell are enough, and a quarter of the memory to read
    grey = cv2.cvtColor(cv2.resize(rows, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.LUT(grey, _LOG), np.float32)


def _change(small: Small, before: Small) -> Small:
    """Return how much each cell changed, but for what its whole row did: daylight, a lamp's flicker in a rolling
    shutter, the camera's own exposure."""
    change = small - before
    return np.asarray(np.abs(change - np.median(change, axis=1, keepdims=True)), np.float32)


def _moved(change: Small, noise: Small) -> bool:
    limit = np.maximum(_LEAST_CHANGE, _TIMES_NOISE * np.maximum(noise, np.median(noise)))
    return int(np.count_nonzero(change > limit)) >= _LEAST_CELLS


def _learned(room: Room, change: Small) -> Room:
    frames = min(room.frames + 1, _MEMORY_FRAMES)
    change = np.minimum(change, _MOST_LEARNED)
    noise = change if room.noise is None else np.asarray(room.noise + (change - room.noise) / frames, np.float32)
    return replace(room, noise=noise, frames=frames)
