"""The thread that fetches frames: what lies ready, what is never lost, and how an end of the camera arrives."""

import threading
from collections.abc import Callable
from typing import Self

import pytest

from terminal.camera import CameraLost, Frame
from terminal.capture import Ahead
from tests.terminal.stage import frame

TIMEOUT_S = 5.0


class StepCamera:
    """Gives frame after frame, each once `allow` was called for it; complains about any other thread than its first."""

    def __init__(self, frames: int, *, free: bool = False) -> None:
        self.given = threading.Condition()
        self.number, self.asked = 0, 0
        self.closed = False
        self._frames, self._free = frames, free
        self._allowed = threading.Semaphore(0)
        self._thread: int | None = None

    def allow(self, frames: int = 1) -> None:
        self._allowed.release(frames)

    def wait_until(self, what: Callable[[], bool]) -> None:
        with self.given:
            assert self.given.wait_for(what, TIMEOUT_S)

    def read(self) -> Frame:
        assert not self.closed, "read after close"
        self._thread = self._thread or threading.get_ident()
        assert self._thread == threading.get_ident(), "read by another thread"
        with self.given:
            self.asked += 1
            self.given.notify_all()
        if not self._free:
            assert self._allowed.acquire(timeout=TIMEOUT_S)
        if self.number == self._frames:
            raise CameraLost("camera 0 is gone; check its cable")
        with self.given:
            self.number += 1
            self.given.notify_all()
        return frame(self.number - 1)

    def close(self) -> None:
        assert self._thread in (None, threading.get_ident()), "closed by another thread"
        self.closed = True

    def __enter__(self) -> Self:
        self._thread = threading.get_ident()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def number_of(taken: Frame | None) -> int:
    assert taken is not None
    return int(taken.picture[0, 0, 0]) * 256 + int(taken.picture[0, 0, 1])


def test_the_next_frame_is_fetched_while_the_last_is_looked_at() -> None:
    camera = StepCamera(10)
    with Ahead(lambda: camera, interval_s=0) as ahead:
        camera.allow()
        assert number_of(ahead.take(TIMEOUT_S)) == 0
        camera.wait_until(lambda: camera.asked == 2)  # and nobody has asked this side for a second one
        camera.allow(20)


def test_of_a_live_camera_the_newest_is_taken_and_what_nobody_took_is_gone() -> None:
    camera = StepCamera(10)
    with Ahead(lambda: camera, interval_s=0) as ahead:
        camera.allow(4)
        camera.wait_until(lambda: camera.asked == 5)
        assert number_of(ahead.take(TIMEOUT_S)) == 3
        assert ahead.take(0) is None
        camera.allow(20)


def test_of_a_file_no_frame_is_lost_however_slowly_they_are_taken() -> None:
    with Ahead(lambda: StepCamera(25, free=True), interval_s=0, every_frame=True) as ahead:
        assert [number_of(ahead.take(TIMEOUT_S)) for _ in range(25)] == list(range(25))
        with pytest.raises(CameraLost):
            ahead.take(TIMEOUT_S)


def test_a_camera_that_dies_is_noticed_after_its_last_frame_was_taken() -> None:
    camera = StepCamera(1, free=True)
    with Ahead(lambda: camera, interval_s=0) as ahead:
        camera.wait_until(lambda: camera.asked == 2)
        assert number_of(ahead.take(TIMEOUT_S)) == 0
        with pytest.raises(CameraLost, match="check its cable"):
            ahead.take(TIMEOUT_S)
    assert camera.closed


def test_a_camera_that_cannot_be_opened_and_a_fault_of_ours_are_raised_where_frames_are_taken() -> None:
    def fails() -> StepCamera:
        raise ZeroDivisionError("a fault of ours")

    with Ahead(fails, interval_s=0) as ahead, pytest.raises(ZeroDivisionError):
        ahead.take(TIMEOUT_S)


def test_nothing_comes_of_a_silent_camera_and_its_thread_ends_with_it() -> None:
    camera = StepCamera(5)
    with Ahead(lambda: camera, interval_s=0) as ahead:
        camera.wait_until(lambda: camera.asked == 1)
        assert ahead.take(0.01) is None
        camera.allow()
    assert camera.closed
    assert not [thread for thread in threading.enumerate() if thread.name == "capture"]


def test_a_file_that_nobody_takes_frames_of_ends_as_well() -> None:
    camera = StepCamera(5, free=True)
    with Ahead(lambda: camera, interval_s=0, every_frame=True):
        camera.wait_until(lambda: camera.asked == 2)
    assert camera.closed
