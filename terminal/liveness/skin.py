"""Points on a face's skin, followed from frame to frame (Lucas and Kanade, forwards and backwards)."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box
from terminal.liveness.edges import Lines
from terminal.liveness.gestures import Mesh
from terminal.liveness.relief import LEAST_POINTS, Flow
from terminal.liveness.watch import Pass

ANCHOR_EVERY_S = 0.3
_TOLD_AFTER_S = (0.3, 0.6, 0.9)
_LOST_AFTER_S = 0.5
_POINTS, _WINDOW, _LEVELS = 120, (15, 15), 3
_BACK_PX = 0.7
"""How far from where it began a point may come back when it is followed backwards."""
_MARGIN = 0.6
"""Of the face, around its points: as far as they may move from frame to frame."""
_WITHIN = 0.94
"""Of the face's outline: at its very border, the points are the background's."""
# MediaPipe's outline of the face, in order.
_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

Points = NDArray[np.float32]
Grey = NDArray[np.uint8]


@dataclass(slots=True, kw_only=True)
class _Anchor:
    """A frame whose points are followed: `at` where they were, `now` where they are, of those still `alive`."""

    began_s: float
    face: Box
    at: Points
    now: Points
    alive: NDArray[np.bool_]
    depth: NDArray[np.float64]
    lines: Lines
    told: int = 0


@dataclass(slots=True)
class Skin:
    """The points of one face. Changes with every frame."""

    _before: Grey | None = None
    _seen_s: float = 0.0
    _anchors: list[_Anchor] = field(default_factory=list)

    def wants_anchor(self, at_s: float) -> bool:
        """Return whether points are to be found anew at `at_s`, which takes landmarks."""
        return not self._anchors or at_s - self._anchors[-1].began_s >= ANCHOR_EVERY_S

    def follow(
        self, grey: Grey, face: Box, mesh: Mesh | None, lines: Callable[[], Lines], *, at_s: float
    ) -> list[Pass]:
        """Return where skin went since earlier frames, a Pass for each that is old enough.

        `mesh` in pixels of `grey`: where it is given and points are wanted, they are found in this frame. `lines` is
        asked for the straight lines in it, when they are needed.
        """
        if self._before is None or grey.shape != self._before.shape or at_s - self._seen_s > _LOST_AFTER_S:
            self._anchors = []
        elif self._anchors:
            self._carry_on(self._before, grey, max(face.width, face.height))
        passes = []
        for anchor in self._anchors:
            if anchor.told < len(_TOLD_AFTER_S) and at_s - anchor.began_s >= _TOLD_AFTER_S[anchor.told] - 1e-6:
                anchor.told += 1
                if (found := _pass_of(anchor, lines)) is not None:
                    passes.append(found)
        self._anchors = [
            each for each in self._anchors if each.told < len(_TOLD_AFTER_S) and each.alive.sum() >= LEAST_POINTS
        ]
        if (
            mesh is not None
            and self.wants_anchor(at_s)
            and (begun := _anchor(grey, face, mesh, lines, at_s)) is not None
        ):
            self._anchors.append(begun)
        self._before, self._seen_s = grey, at_s
        return passes

    def _carry_on(self, before: Grey, grey: Grey, size_px: float) -> None:
        """The anchors' points are where they are in `grey`. Only the part of the pictures around them is looked at."""
        points = np.concatenate([each.now for each in self._anchors])
        alive = np.concatenate([each.alive for each in self._anchors])
        inside = points[alive].reshape(-1, 2)
        left, top = (max(0, int(each)) for each in inside.min(axis=0) - _MARGIN * size_px)
        right, bottom = (int(each) for each in inside.max(axis=0) + _MARGIN * size_px)
        first, second = before[top:bottom, left:right], grey[top:bottom, left:right]
        corner = np.array([left, top], np.float32)
        ahead, found, missed = _followed(first, second, points - corner)
        alive &= found & (missed < _BACK_PX)
        ends = np.cumsum([len(each.now) for each in self._anchors])[:-1]
        for anchor, now, living in zip(
            self._anchors, np.split(ahead + corner, ends), np.split(alive, ends), strict=True
        ):
            anchor.now, anchor.alive = now, living


def _followed(first: Grey, second: Grey, points: Points) -> tuple[Points, NDArray[np.bool_], NDArray[np.float32]]:
    """Return where `points` of `first` are in `second`, whether they were found, and how far from where they began they
    come back when they are followed backwards."""
    into, back_into = np.empty_like(points), np.empty_like(points)  # OpenCV writes its answer there
    ahead, found, _ = cv2.calcOpticalFlowPyrLK(first, second, points, into, winSize=_WINDOW, maxLevel=_LEVELS)
    back, again, _ = cv2.calcOpticalFlowPyrLK(second, first, ahead, back_into, winSize=_WINDOW, maxLevel=_LEVELS)
    missed = np.hypot(*(np.asarray(back) - points).reshape(-1, 2).T)
    both = (np.asarray(found).ravel() > 0) & (np.asarray(again).ravel() > 0)
    return np.asarray(ahead, np.float32), both, np.asarray(missed, np.float32)


def _anchor(grey: Grey, face: Box, mesh: Mesh, lines: Callable[[], Lines], at_s: float) -> _Anchor | None:
    height, width = grey.shape
    if face.x < 2 or face.y < 2 or face.x + face.width > width - 2 or face.y + face.height > height - 2:
        return None
    size = max(face.width, face.height)
    outline = mesh[list(_OVAL), :2]
    centre = outline.mean(axis=0)
    mask = np.zeros_like(grey)
    cv2.fillConvexPoly(mask, (centre + _WITHIN * (outline - centre)).astype(np.int32), 255)
    points = cv2.goodFeaturesToTrack(grey, _POINTS, 0.005, max(3.0, size / 30), mask=mask, blockSize=5)
    if points is None or len(points) < LEAST_POINTS:
        return None
    return _Anchor(
        began_s=at_s,
        face=face,
        at=np.asarray(points, np.float32),
        now=np.asarray(points, np.float32),
        alive=np.ones(len(points), np.bool_),
        depth=_depth_at(points.reshape(-1, 2).astype(np.float64), mesh),
        lines=lines(),
    )


def _depth_at(points: NDArray[np.float64], mesh: Mesh) -> NDArray[np.float64]:
    """Return the mesh's depth at `points`: the mean of its four nearest, the nearer the more."""
    far = ((points[:, None] - mesh[None, :, :2]) ** 2).sum(axis=-1)
    nearest = np.argpartition(far, 4, axis=1)[:, :4]
    weight = 1 / (np.take_along_axis(far, nearest, axis=1) + 4.0)
    return np.asarray((mesh[nearest, 2] * weight).sum(axis=1) / weight.sum(axis=1), np.float64)


def _pass_of(anchor: _Anchor, lines: Callable[[], Lines]) -> Pass | None:
    if anchor.alive.sum() < LEAST_POINTS:
        return None
    before = anchor.at[anchor.alive].reshape(-1, 2).astype(np.float64)
    after = anchor.now[anchor.alive].reshape(-1, 2).astype(np.float64)
    size = max(anchor.face.width, anchor.face.height)
    carry, _ = cv2.estimateAffine2D(before, after, ransacReprojThreshold=max(1.0, 0.01 * size))
    if carry is None:
        return None
    return Pass(
        flow=Flow(before=before, after=after, depth=anchor.depth[anchor.alive], size_px=size),
        carry=np.asarray(carry, np.float64),
        before=anchor.lines,
        after=lines(),
        face=anchor.face,
    )
