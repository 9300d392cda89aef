"""The lobby of the bench: a camera before which people step up one after the other, in real time."""

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Self

import cv2
import numpy as np

from bench.kiosk.people import Someone
from terminal.camera import Frame
from terminal.faces import Picture


class Lobby:
    """A live camera of `queue`. A frame that nobody fetched in time is gone, as with a real one.

    Somebody is there until their clip is over or `move_on` is called, and after `gap_s` of an empty place the next one
    is; with `stay`, they go through it forth and back for ever. After the last the room is empty.
    """

    def __init__(
        self, queue: Sequence[Someone], *, gap_s: float = 0.0, stay: bool = False, rate_hz: float | None = None
    ) -> None:
        """`rate_hz`: of the camera, where that is not the clips' own."""
        self._queue, self._gap_s, self._stay, self._rate_hz = tuple(queue), gap_s, stay, rate_hz
        self._lock = threading.Lock()
        self._place = 0
        self._came_s: float | None = None
        self._gone_s = 0.0
        self._due_s = 0.0
        self._first_s: float | None = None
        self._empty = np.full_like(decode(queue[0].frames[0]), 128)
        self.empty = threading.Event()
        self.came_at: list[datetime] = []
        """When each was before the camera for the first time."""
        self.lasted_s = 0.0
        """From the first frame to the end of the last person's."""

    @property
    def who(self) -> str | None:
        """Whose turn it is, None when the room is empty."""
        with self._lock:
            return self._queue[self._place].employee if self._place < len(self._queue) else None

    def move_on(self) -> None:
        """Whoever is there goes. Any thread."""
        with self._lock:
            if self._came_s is not None:
                self._leave(time.monotonic())

    def _leave(self, now_s: float) -> None:
        self._place, self._came_s, self._gone_s = self._place + 1, None, now_s

    def open(self) -> Self:
        return self

    def read(self) -> Frame:
        rate_hz = self._rate_hz or self._queue[0].rate_hz
        now_s = time.monotonic()
        self._due_s = max(self._due_s + 1 / rate_hz, now_s - 1 / rate_hz)
        time.sleep(max(0.0, self._due_s - now_s))
        content = self._content(time.monotonic())
        picture = decode(content) if content is not None else self._empty.copy()
        return Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=time.monotonic_ns())

    def _content(self, now_s: float) -> bytes | None:
        with self._lock:
            self._first_s = self._first_s or now_s
            while self._place < len(self._queue):
                who = self._queue[self._place]
                if now_s < self._gone_s + self._gap_s:
                    return None
                if self._came_s is None:
                    self._came_s = now_s
                    self.came_at.append(datetime.now(UTC))
                number = int((now_s - self._came_s) * who.rate_hz)
                if self._stay:
                    forth = number % (2 * len(who.frames))
                    return who.frames[min(forth, 2 * len(who.frames) - 1 - forth)]
                if number < len(who.frames):
                    return who.frames[number]
                self._leave(now_s)
            if not self.empty.is_set():
                self.lasted_s = now_s - self._first_s
                self.empty.set()
            return None

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...


def decode(content: bytes) -> Picture:
    """Return the RGB picture: what a USB camera costs too, which sends JPEG."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(np.asarray(picture, np.uint8), cv2.COLOR_BGR2RGB), np.uint8)
