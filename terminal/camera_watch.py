"""The camera under the eyes of the vision thread: each picture is judged, and a camera that is stuck is opened anew."""

import math
from collections.abc import Callable, Collection

from terminal import camera_life
from terminal.camera import CameraLost, Frame
from terminal.faces import Box, Picture
from terminal.sighting import CameraTrouble

_JUDGED_EVERY_S = 0.1
"""Of pictures that are fine; while something is wrong each is judged."""
_FACES_EVERY_S = 0.2
_FIRST_REOPENING_S, _REOPENINGS = 10.0, 5
"""A picture that stands still for so long may move again when the camera is opened anew: tried after this, then after
twice as long, and not for ever, for picamera2 leaves two descriptors behind each time."""


class OpenAnew(CameraLost):
    """The camera gives pictures that are worth nothing; it may give better ones when it is opened anew."""


class CameraWatch:
    """What the pictures of a camera have shown of it, also across its being opened anew. Belongs to one thread."""

    def __init__(self, find_faces: Callable[[Picture], Collection[Box]]) -> None:
        """`find_faces` is used only while the colours of the next face are what shows that the camera is fine again."""
        self._find_faces = find_faces
        self._life = camera_life.Life()
        self._judged_s = -math.inf
        self._sought_s = 0.0
        self._reopenings = 0

    @property
    def trouble(self) -> CameraTrouble | None:
        """What is wrong with the pictures."""
        return self._life.trouble

    def judge(self, frame: Frame) -> bool:
        """The frame is taken into account; return whether it ended what was wrong."""
        before, now_s = self.trouble, frame.monotonic_ns / 1e9
        if before is None and 0 <= now_s - self._judged_s < _JUDGED_EVERY_S:
            return False
        self._judged_s = now_s
        self._life = camera_life.judge(self._life, camera_life.measure(frame.picture), now_s=now_s, live=frame.live)
        if self._life.of_faces and abs(now_s - self._sought_s) >= _FACES_EVERY_S:
            self._sought_s = now_s
            self.judge_faces(frame, self._find_faces(frame.picture))
        mended = before is not None and self.trouble is None
        if mended:
            self._reopenings = 0
        return mended

    def judge_faces(self, frame: Frame, faces: Collection[Box]) -> None:
        """The colours of `faces`, found in `frame`, are taken into account."""
        self._life = camera_life.judge_faces(self._life, frame.picture, faces, now_s=frame.monotonic_ns / 1e9)

    def troubled(self, for_s: float) -> None:
        """Raises OpenAnew when the camera is worth opening anew after being troubled `for_s` since it was opened."""
        if (
            self.trouble is CameraTrouble.FROZEN
            and self._reopenings < _REOPENINGS
            and for_s > _FIRST_REOPENING_S * 2**self._reopenings
        ):
            self._reopenings += 1
            raise OpenAnew(camera_life.sentence(CameraTrouble.FROZEN))

    def gone(self) -> None:
        """The camera is another one when it is back, or may be."""
        self._life = camera_life.Life()
