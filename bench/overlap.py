"""Whether doing two things at once pays: frames a second with each frame fetched while the last is looked at, and with
each encoding made while the next frame is searched, against one after the other.

The frames are JPEG, as a USB camera sends them; every fourth is encoded, as of somebody who is being identified.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Self

import cv2
import numpy as np

from bench.footage import Footage
from terminal.camera import CameraEnded, Frame
from terminal.capture import Ahead
from terminal.faces import Engine

ENCODED_EVERY = 4
_FRAMES = 40


class JpegCamera:
    """Gives frames as a USB camera does: each decoded and converted when it is read."""

    def __init__(self, content: Sequence[Any]) -> None:
        self._content = iter(content)

    def read(self) -> Frame:
        for each in self._content:
            decoded: Any = cv2.imdecode(each, cv2.IMREAD_COLOR)
            picture = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
            return Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=time.monotonic_ns())
        raise CameraEnded("there are no more frames")

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def measure(footage: Footage, engines: tuple[Engine, Engine], *, rounds: int = 5) -> dict[str, float]:
    """Return `ratio_read_ahead` and `ratio_encode_ahead`: frames a second, over those of one after the other.

    Of each the fastest of its rounds, which take turns. Two engines, for one belongs to one thread.
    """
    files = [footage.folder / f"{number:05}.jpg" for number in footage.timed]
    middle = files[max(0, len(files) // 2 - _FRAMES // 2) :][:_FRAMES]
    content = [np.frombuffer(path.read_bytes(), np.uint8) for path in middle]
    ways: dict[str, Callable[[], None]] = {
        "in_turn": lambda: _in_turn(content, engines[0]),
        "read_ahead": lambda: _read_ahead(content, engines[0]),
        "encode_ahead": lambda: _encode_ahead(content, engines),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - began)
    return {
        f"ratio_{name}": round(min(took["in_turn"]) / min(took[name]), 2) for name in ("read_ahead", "encode_ahead")
    }


def _in_turn(content: Sequence[Any], engine: Engine) -> None:
    camera = JpegCamera(content)
    for number in range(len(content)):
        _look(engine, camera.read(), number)


def _read_ahead(content: Sequence[Any], engine: Engine) -> None:
    with Ahead(lambda: JpegCamera(content), interval_s=0, every_frame=True) as frames:
        for number in range(len(content)):
            frame = frames.take(60)
            assert frame is not None  # noqa: S101 - a frame is read in less than a minute
            _look(engine, frame, number)


def _encode_ahead(content: Sequence[Any], engines: tuple[Engine, Engine]) -> None:
    finder, encoder = engines
    pending: Future[Any] | None = None
    with (
        ThreadPoolExecutor(1) as pool,
        Ahead(lambda: JpegCamera(content), interval_s=0, every_frame=True) as frames,
    ):
        for number in range(len(content)):
            frame = frames.take(60)
            assert frame is not None  # noqa: S101 - a frame is read in less than a minute
            faces = finder.detect(frame.picture)
            if pending is not None:
                pending.result()
                pending = None
            if faces and number % ENCODED_EVERY == 0:
                pending = pool.submit(encoder.encode, frame.picture, faces[0])


def _look(engine: Engine, frame: Frame, number: int) -> None:
    faces = engine.detect(frame.picture)
    if faces and number % ENCODED_EVERY == 0:
        engine.encode(frame.picture, faces[0])
