"""What looks at the pixels of one face: the Eye protocol, and the one that does it with OpenCV.

An eye follows one track at a time and has no thread of its own; it belongs to the thread that has the frames. What it
sees is values (`watch.Glance`), so that everything after it is tested without a picture, and a second camera or one in
the near infrared is another eye.
"""

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box, Face, Picture
from terminal.liveness import moire
from terminal.liveness.edges import Lines
from terminal.liveness.gestures import EYES, Mesh, bearing_of
from terminal.liveness.networks import Landmarks, Passive
from terminal.liveness.repeats import Glimpse
from terminal.liveness.skin import Skin
from terminal.liveness.watch import Glance, Pass

_LONGER_PX = 640
"""Motion and edges are looked for in the picture shrunk to this."""
_PASSIVE_EVERY_S, _MESH_EVERY_S, _LINES_EVERY_S = 0.1, 0.06, 0.3
_PASSIVE_LEAST_PX = 60
"""The passive models waver on smaller faces: nothing is asked of them."""
_LINES_AT_PX = 120
"""Width of the face at which its surroundings are searched for lines: finer edges are hair and cloth."""
_LINES_REACH, _LEAST_LINE = 2.2, 0.4
_GLIMPSE = (24, 24)
_EYE, _EYE_SHARE, _EYE_PX = (32, 16), 1.2, 14.0
"""An eye is cut out 1.2 times as wide as between its corners; narrower than 14 px it says nothing."""
_SKIN_PX, _SKIN_SHARE, _COARSE_PX = 192, 0.9, 4.0
_NO_LINES: Lines = np.zeros((0, 2, 2))


class Eye(Protocol):
    """Looks at one face, frame by frame."""

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        """Return what this frame adds, taken `at_s` on a steady clock, later than the one before."""
        ...

    def forget(self) -> None:
        """The next face looked at is another track's."""
        ...


class OpenCvEye:
    """The eye of a kiosk. `landmarks` and `passive` may be absent: what needs them is then not seen."""

    def __init__(self, landmarks: Landmarks | None, passive: Passive | None) -> None:
        self._landmarks = landmarks
        self._passive = passive
        self._segments = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD)
        self.forget()

    def forget(self) -> None:
        self._skin = Skin()
        self._due = {"passive": 0.0, "mesh": 0.0, "lines": 0.0}

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        scale = min(1.0, _LONGER_PX / max(picture.shape[:2]))
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        small = grey if scale == 1.0 else _shrunk(grey, scale)
        box = Box(
            x=face.box.x * scale, y=face.box.y * scale, width=face.box.width * scale, height=face.box.height * scale
        )
        anchor = self._skin.wants_anchor(at_s)
        mesh = None
        if self._landmarks is not None and (anchor or self._is_due("mesh", at_s, _MESH_EVERY_S)):
            mesh = self._landmarks.mesh(picture, face)
        seen: list[Lines] = []

        def lines() -> Lines:
            if not seen:
                seen.append(self._lines(small, box))
            return seen[0]

        passes: list[Pass] = self._skin.follow(small, box, None if mesh is None else mesh * scale, lines, at_s=at_s)
        peak = None
        if self._is_due("lines", at_s, _LINES_EVERY_S):
            lines()
            peak = _peak(grey, face.box)
        logits = {}
        size_px = max(face.box.width, face.box.height)
        if (
            self._passive is not None
            and size_px >= _PASSIVE_LEAST_PX
            and self._is_due("passive", at_s, _PASSIVE_EVERY_S)
        ):
            logits = self._passive.logits(picture, face.box)
        return Glance(
            at_s=at_s,
            face=box,
            logits=logits,
            bearing=None if mesh is None else bearing_of(mesh, size_px=size_px, at_s=at_s, eyes=_eyes(grey, mesh)),
            lines=seen[0] if seen else None,
            glimpse=_glimpse(grey, face.box, at_s),
            peak=peak,
            passes=passes,
        )

    def _is_due(self, what: str, at_s: float, every_s: float) -> bool:
        if at_s < self._due[what]:
            return False
        self._due[what] = at_s + every_s
        return True

    def _lines(self, grey: NDArray[np.uint8], face: Box) -> Lines:
        """Return the long straight lines around `face`."""
        size = max(face.width, face.height)
        x, y = face.centre
        left, top = (max(0, int(each - _LINES_REACH * size)) for each in (x, y))
        part = grey[top : int(y + _LINES_REACH * size), left : int(x + _LINES_REACH * size)]
        shrink = min(1.0, _LINES_AT_PX / size)
        if min(part.shape) * shrink < 16:
            return _NO_LINES
        if shrink < 1:
            part = _shrunk(part, shrink)
        found = self._segments.detect(np.ascontiguousarray(part))[0]
        if found is None:
            return _NO_LINES
        ends = found.reshape(-1, 2, 2).astype(np.float64) / shrink + (left, top)
        lengths = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
        return np.asarray(ends[lengths > _LEAST_LINE * size], np.float64)


def _glimpse(grey: NDArray[np.uint8], face: Box, at_s: float) -> Glimpse | None:
    left, top = max(0, int(face.x)), max(0, int(face.y))
    part = grey[top : int(face.y + face.height), left : int(face.x + face.width)]
    if min(part.shape) < _GLIMPSE[0]:
        return None
    small = cv2.resize(part.astype(np.float32), _GLIMPSE, interpolation=cv2.INTER_AREA)
    return Glimpse(small=np.asarray(small, np.float32), at_s=at_s)


def _peak(grey: NDArray[np.uint8], face: Box) -> float | None:
    """Return the largest peak in the spectrum of the middle of `face`."""
    half = int(min(_SKIN_PX, _SKIN_SHARE * min(face.width, face.height))) // 2
    x, y = (int(each) for each in face.centre)
    skin = grey[max(0, y - half) : y + half, max(0, x - half) : x + half].astype(np.float32)
    if min(skin.shape) < moire.LEAST_PX:
        return None
    return moire.peak_of(np.asarray(skin - cv2.GaussianBlur(skin, (0, 0), _COARSE_PX), np.float32))


def _eyes(grey: NDArray[np.uint8], mesh: Mesh) -> NDArray[np.float32] | None:
    """Return what the right and the left eye look like, level, whatever their brightness and contrast."""
    found = []
    for corners in EYES:
        (x0, y0), (x1, y1) = sorted(mesh[list(corners), :2].tolist())
        width = float(np.hypot(x1 - x0, y1 - y0))
        if width < _EYE_PX:
            return None
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        into = cv2.getRotationMatrix2D(
            (x, y), float(np.degrees(np.arctan2(y1 - y0, x1 - x0))), _EYE[0] / width / _EYE_SHARE
        )
        into[0, 2] += _EYE[0] / 2 - x
        into[1, 2] += _EYE[1] / 2 - y
        eye = cv2.warpAffine(grey, into, _EYE).astype(np.float32).ravel()
        eye -= eye.mean()
        found.append(eye / (float(np.linalg.norm(eye)) + 1e-6))
    return np.stack(found)


def _shrunk(grey: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
