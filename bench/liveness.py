"""What liveness adds to a visit: the clip's people, from first seen to when they may be recorded, without it and with.

Both look at the same frames in the same run, all that the clip has: what is added is what has to be seen, in the clip's
own time, and what a frame costs, in this machine's.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.looking import frames_of
from config import Config
from config import replace as with_settings
from sync.messages import PadVerdict
from sync.releases import EncodingSet, Person
from terminal.camera import Frame
from terminal.faces import Engine
from terminal.gallery import Gallery
from terminal.liveness_models import LivenessModels
from terminal.looking import Looker
from terminal.matching import Outcome
from terminal.sighting import Sighting


def measure(settings: Config, engine: Engine, clip: Path, people: Path) -> dict[str, Any]:
    """Return for how long the people of `people` (a folder each, with photos) are looked at in `clip`, and the ratios.

    With the passive models where they are there; else by the cues alone, and `passive` says so. `asked` counts visits
    in which something was asked. Raises CameraFailed.
    """
    models = LivenessModels(with_settings(settings, liveness={"mode": "cues"}))
    models.load()
    lookers = Looker(engine, settings), Looker(engine, settings, guard=models.guard())
    known = _known(settings, engine, people)
    without, including = _watched(frames_of(settings, clip), lookers, known)
    waits = [(without.waited_s[who], including.waited_s[who]) for who in without.waited_s if who in including.waited_s]
    bare_s, guarded_s = (float(np.mean(each)) for each in zip(*waits, strict=True)) if waits else (0.0, 0.0)
    return {
        "passive": not models.alarms(),
        "visits": len(without.waited_s),
        "believed": len(waits),
        "asked": len(including.asked),
        "without_s": round(bare_s, 2),
        "with_s": round(guarded_s, 2),
        "ratio_visit": round(guarded_s / bare_s, 2) if bare_s else None,
        "ratio_frame": round(including.spent_s / without.spent_s, 2) if without.spent_s else None,
    }


class Visits:
    """What one Looker made of the frames: `waited_s` by track of who may be recorded, `asked` the tracks of who was."""

    def __init__(self) -> None:
        self.waited_s: dict[tuple[str, int], float] = {}
        self.asked: set[int] = set()
        self.spent_s = 0.0
        self.through: tuple[int, ...] = ()
        self._times: dict[str, int] = {}
        self._last: dict[str, float] = {}

    def saw(self, sighting: Sighting) -> None:
        """The sighting counts. Whoever comes again counts as another visit."""
        served = sighting.served
        if served is None:
            return
        if served.challenge is not None:
            self.asked.add(served.track_id)
        found = served.identification
        if found is None or found.outcome is not Outcome.MATCH or found.employee is None:
            return
        if served.pad not in (PadVerdict.BONA_FIDE, PadVerdict.NOT_CHECKED) or served.track_id in self.through:
            return
        self.through = (*self.through, served.track_id)
        now_s = sighting.monotonic_ns / 1e9
        if now_s - self._last.get(found.employee, -60.0) < 10:
            return  # a track that broke is no other visit
        self._last[found.employee] = now_s
        self._times[found.employee] = self._times.get(found.employee, 0) + 1
        waited_s = (sighting.taken_at - served.first_seen_at).total_seconds()
        self.waited_s[(found.employee, self._times[found.employee])] = waited_s


def _watched(frames: Iterable[Frame], lookers: tuple[Looker, Looker], gallery: Gallery) -> tuple[Visits, Visits]:
    visits = Visits(), Visits()
    for frame in frames:
        for looker, each in zip(lookers, visits, strict=True):
            began_s = time.perf_counter()
            sighting = looker.look(frame, gallery, answered=each.through)
            each.spent_s += time.perf_counter() - began_s
            each.saw(sighting)
    return visits


def _known(settings: Config, engine: Engine, people: Path) -> Gallery:
    """Return a gallery of whoever has a folder in `people`, named as that begins, from their photos."""
    persons = []
    for folder in sorted(each for each in people.iterdir() if each.is_dir()):
        templates = []
        for path in sorted(folder.glob("*.jpg")):
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
            faces = [] if picture is None else engine.detect(np.asarray(picture, np.uint8))
            if picture is not None and faces:
                vector = engine.encode(np.asarray(picture, np.uint8), faces[0]).vector
                templates.append(np.asarray(vector, "<f4").tobytes())
        if templates:
            number = folder.name.partition("-")[0]
            persons.append(Person(employee=number, name=number, templates=tuple(templates)))
    return Gallery.from_set(
        EncodingSet(
            office=settings.office.id,
            version=1,
            engine_id=engine.engine_id,
            dimension=engine.dimension,
            created_at=datetime.now(UTC),
            people=tuple(persons),
        )
    )
