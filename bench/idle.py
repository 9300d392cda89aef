"""What a kiosk costs before which nobody stands: the real vision thread over a film of an empty room.

Run as a program, so that nothing else's processor time is counted: settings on stdin, one JSON object on stdout.
"""

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

import config
from bench.footage import BenchRefused, empty_room
from terminal.camera import Frame
from terminal.errand import Glance
from terminal.faces import Engine, open_engine
from terminal.gallery import Gallery
from terminal.sighting import CameraState, Sighting
from terminal.vision import Vision

PROJECT = Path(__file__).resolve().parent.parent
SETTLE_S = 2.5
"""A room is learned in the first second, and searched in every frame for one more."""
MEASURED_S = 8.0


class EmptyRoom:
    """A camera that gives the film of an empty room as the one on a Pi gives its pictures: BGR, converted here."""

    def __init__(self, film: list[NDArray[np.uint8]]) -> None:
        self._film = film
        self._number = 0

    def read(self) -> Frame:
        content = self._film[self._number % len(self._film)]
        self._number += 1
        picture = np.asarray(cv2.cvtColor(content, cv2.COLOR_BGR2RGB), np.uint8)
        return Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=time.monotonic_ns())

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def measure(settings: config.Config, *, measured_s: float = MEASURED_S) -> dict[str, float]:
    """Return `idle_cpu_percent` of one core, and `idle_ungated_cpu_percent` with every frame searched for faces.

    Both of a fresh process, one after the other in turns of half the time. Raises BenchRefused.
    """
    done = subprocess.run(
        [sys.executable, "-m", "bench.idle", str(measured_s)],
        input=config.dump(settings).encode(),
        cwd=PROJECT,
        capture_output=True,
        check=False,
        timeout=120 + 10 * measured_s,
    )
    if done.returncode:
        raise BenchRefused(
            f"the empty room could not be watched: {done.stderr.decode(errors='replace').strip()[-200:]}"
        )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def watched(settings: config.Config, engine: Engine, film: list[NDArray[np.uint8]], measured_s: float) -> float:
    """Return the processor time of this process, in percent of one core, while vision looks at an empty room."""
    stop = threading.Event()
    vision = Vision(
        settings,
        open_camera=lambda: EmptyRoom(film),
        engine=engine,
        gallery=lambda: Gallery.empty(engine.engine_id),
        publish=_nothing,
    )
    thread = threading.Thread(target=vision.run, args=[stop])
    thread.start()
    try:
        time.sleep(SETTLE_S)
        cpu_s, wall_s, frames = time.process_time(), time.perf_counter(), vision.frames
        time.sleep(measured_s)
        percent = 100 * (time.process_time() - cpu_s) / (time.perf_counter() - wall_s)
        if vision.frames == frames:
            raise BenchRefused("the vision thread looked at nothing")
    finally:
        stop.set()
        thread.join()
    return percent


def _nothing(news: Sighting | CameraState | Glance) -> None:
    pass


def main() -> None:
    """Print the figures."""
    settings = config.parse(sys.stdin.read(), name="the settings", base=PROJECT)
    ungated = config.replace(settings, camera={"idle_look_s": 0})
    engine = open_engine(settings.engine)
    film = empty_room(settings.camera.width_px, settings.camera.height_px)
    percents: dict[str, Any] = {"idle_cpu_percent": [], "idle_ungated_cpu_percent": []}
    for _ in range(2):
        for name, each in zip(percents, (settings, ungated), strict=True):
            percents[name].append(watched(each, engine, film, float(sys.argv[1]) / 2))
    json.dump({name: round(sum(each) / len(each), 2) for name, each in percents.items()}, sys.stdout)


if __name__ == "__main__":
    main()
