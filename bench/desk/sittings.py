"""Whole enrolments before real people's clips, then the same people in their other clip, as a kiosk sees them.

The fingers are scripted and quick: a key every 0.4 s. What cannot be measured on a clip is left out and said so: the
time somebody takes to read the purpose. Nor is anybody checked for being there: whoever is in a clip was asked nothing.
A clip goes back and forth until the enrolment is over, so that nobody jumps.
"""

import csv
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

import config
from bench.desk.twice import Studied
from enroll.rules import Known
from enroll.screens import screen_of, spoken_of
from enroll.sitting.eyes import WizardEyes
from enroll.sitting.likeness import recognised, search, templates_of, with_new
from enroll.sitting.policy import rules_of
from enroll.sitting.session import Face, Sitting, at_once
from enroll.wizard import start
from enroll.wizard.signals import (
    AGREE_BUTTON,
    GO_ON_BUTTON,
    Enrol,
    EnrolFailed,
    Enrolled,
    Recognise,
    Recognised,
    Search,
    Searched,
)
from enroll.wizard.states import Capture, ChoosePin, Done, OfferLooks, Purpose, SelfTest, State, Walk
from enroll.wizard.values import Entry, Pose, Sample, WizardRules
from sync.releases import EncodingSet, Person
from terminal.calibration import calibrated, policy_for, suspect_score
from terminal.camera import CameraEnded, Frame, open_camera
from terminal.errand import Given
from terminal.faces import Engine, Picture, Vector
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.matching import Policy
from terminal.replay import visits
from terminal.visit.signals import ENTER, Tapped, Tick, Typed
from terminal.visit.states import Now

KEY_S = 0.4
LOOK_S = 0.1
NUMBER, PIN = "7001", "739206"
AWAY_S = 1.5
"""Somebody steps out of the picture and comes back."""
_GIVES_UP_S = 90.0
_EPOCH = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clips:
    """One person's clips: `first` to enrol from, `second` to be recognised in, where there is one."""

    who: str
    first: Path
    second: Path | None = None


def clips_of(folder: Path) -> tuple[Clips, ...]:
    """Return the clips that the manifest of `folder` names: pairs, and those of somebody close who moves."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith("video/") and row["identity"]]
    second = {row["identity"]: folder / row["path"] for row in rows if row["role"] == "video_probe"}
    return tuple(
        Clips(who=row["identity"], first=folder / row["path"], second=second.get(row["identity"]))
        for row in rows
        if row["role"] in ("video_enroll", "video")
    )


def measure(engine: Engine, settings: config.Config, folder: Path, studied: Studied) -> list[dict[str, Any]]:
    """Return for each clip how its person's enrolment went, among everybody of `studied`.

    `pictures_s` from the purpose to the last picture; `whole_s` from the first key to the end, without reading; absent
    where it was not reached. `turned` are the sides a head turned to far enough; `stalls_without_patience` by a machine
    that waits for ever for a head to turn. `known` in the other clip: right, wrong or nobody; `score` there.
    """
    gallery = gallery_of(engine, studied.first)
    return [enrol(engine, settings, gallery, clips) for clips in clips_of(folder)]


def enrol(engine: Engine, settings: config.Config, gallery: Gallery, clips: Clips) -> dict[str, Any]:
    """Return one row of `measure`, among the people of `gallery`. Raises NotCalibrated."""
    settings = calibrated(settings, engine.engine_id)
    rules = replace(rules_of(settings, engine.engine_id), draw=0)
    pictures = _pictures(clips.first)
    later = _pictures(clips.second) if clips.second else pictures
    patient = _sitting(engine, settings, gallery, pictures, later, rules)
    waiting = _sitting(engine, settings, gallery, pictures, later, replace(rules, patience_s=float("inf")))
    kept = patient.place.kept
    known, score = ("", None)
    if kept is not None and clips.second is not None:
        known, score = _known(engine, settings, gallery, kept.samples, clips.second)
    return {
        "clip": clips.first.stem,
        "among": len(gallery.employees),
        "turned": [pose.value for pose in sorted(waiting.poses - {Pose.FRONT})],
        "pictures_s": patient.pictures_s,
        "stalls_without_patience": waiting.pictures_s is None,
        "whole_s": patient.whole_s,
        "ends": type(patient.state).__name__,
        "known": known,
        "score": score,
    }


def gallery_of(engine: Engine, templates: Mapping[str, Vector]) -> Gallery:
    """Return a gallery of these people, one template each."""
    return Gallery.from_set(
        EncodingSet(
            office="bench",
            version=1,
            engine_id=engine.engine_id,
            dimension=engine.dimension,
            created_at=_EPOCH,
            people=tuple(
                Person(employee=who, name="", templates=(np.asarray(vector, "<f4").tobytes(),))
                for who, vector in sorted(templates.items())
            ),
        )
    )


class _Place:
    """A desk that knows everybody of the gallery, and keeps nothing but the last wish."""

    def __init__(self, engine: Engine, settings: config.Config, gallery: Gallery, policy: Policy) -> None:
        self._engine, self._settings, self._gallery, self._policy = engine, settings, gallery, policy
        self.kept: Enrol | None = None

    def search(self, asked: Search) -> Searched:
        known = Known(owners=self._gallery.owners, matrix=self._gallery.matrix)
        alike = suspect_score(self._engine.engine_id, self._settings.match, self._gallery.rows)
        vectors = [*templates_of(asked.samples).values()]
        same = self._settings.enroll.duplicate_score
        found, who = search(vectors, known, employee=asked.employee, same_face=same, alike=alike)
        return Searched(check=asked.check, found=found, other=who.employee if who is not None else None)

    def recognise(self, asked: Recognise) -> Recognised:
        return recognised(asked, self._gallery, self._policy)

    def save(self, asked: Enrol, id_: str) -> Enrolled | EnrolFailed:
        self.kept = asked
        return Enrolled(save=asked.save)


class _Played:
    """One enrolment of a willing person with quick fingers, on the clip's clock."""

    def __init__(self, engine: Engine, settings: config.Config, place: _Place, rules: WizardRules) -> None:
        self.at_s, self.place, self._engine = 0.0, place, engine
        self.poses: set[Pose] = set()
        self.pictures_s: float | None = None
        self.whole_s: float | None = None
        self._sitting = Sitting(
            start(rules, self._now, administrator="9", roster=[Entry(number=NUMBER, name="")]),
            place,
            face=Face(draw=screen_of, say=spoken_of),
            eyes=lambda wizard: WizardEyes(settings, engine_id=engine.engine_id, wizard=wizard),
            worker=at_once,
        )

    @property
    def state(self) -> State:
        return self._sitting.wizard.state

    @property
    def _now(self) -> Now:
        return Now(at=_EPOCH + timedelta(seconds=self.at_s), monotonic_s=1000 + self.at_s)

    def press(self, *given: Given) -> None:
        for each in given:
            self.at_s += KEY_S
            self._give(each)

    def show(self, pictures: Iterator[Picture], *, until: Callable[[State], bool], most_s: float) -> None:
        ends_s = self.at_s + most_s
        while not until(self.state) and self.at_s < ends_s:
            self.at_s += LOOK_S
            frame = Frame(picture=next(pictures), taken_at=self._now.at, monotonic_ns=round(self.at_s * 1e9))
            self._give(self._sitting.eyes(frame, self._engine, None))
            self._give(Tick())

    def _give(self, given: Given) -> None:
        self._sitting.step(given, self._now)
        if isinstance(self.state, Capture):
            self.poses |= {sample.pose for sample in self.state.draft.samples}


def _sitting(
    engine: Engine,
    settings: config.Config,
    gallery: Gallery,
    pictures: list[Picture],
    later: list[Picture],
    rules: WizardRules,
) -> _Played:
    place = _Place(engine, settings, gallery, policy_for(engine.engine_id, settings.match))
    played = _Played(engine, settings, place, rules)
    played.press(*(Typed(key=key) for key in (*NUMBER, ENTER)))
    assert isinstance(played.state, Purpose)  # noqa: S101 - the number is on the roster
    played.press(Tapped(button=AGREE_BUTTON))
    began_s = played.at_s
    played.show(_back_and_forth(pictures), until=lambda state: not isinstance(state, Capture), most_s=_GIVES_UP_S)
    if not isinstance(played.state, OfferLooks | ChoosePin):
        return played
    played.pictures_s = round(played.at_s - began_s, 1)
    if isinstance(played.state, OfferLooks):
        played.press(Tapped(button=GO_ON_BUTTON))
    if isinstance(played.state, ChoosePin):
        played.press(*(Typed(key=key) for key in (*PIN, ENTER, *PIN, ENTER)))
    empty = np.full_like(pictures[0], 128)
    played.show(itertools.repeat(empty), until=lambda _: False, most_s=AWAY_S)
    played.show(
        _back_and_forth(later),
        until=lambda state: (
            not isinstance(state, SelfTest) or (state.draft.failed > 0 and state.walk is Walk.STEP_BACK)
        ),
        most_s=_GIVES_UP_S,
    )
    if isinstance(played.state, Done):
        played.whole_s = round(played.at_s, 1)
    return played


def _known(
    engine: Engine, settings: config.Config, gallery: Gallery, samples: tuple[Sample, ...], clip: Path
) -> tuple[str, float | None]:
    """Return whether the kiosk knows them in `clip`, and with what score."""
    policy = policy_for(engine.engine_id, settings.match)
    everybody = with_new(gallery, NUMBER, [*templates_of(samples).values()], policy)
    with open_camera(config.Camera(source=f"file:{clip}"), real_time=False) as camera:
        lines = list(visits(camera, Looker(engine, settings, idle_look_s=settings.camera.idle_look_s), everybody))
    named: Mapping[str, float] = {line["employee"]: line["score"] for line in lines if line["employee"]}
    if not named:
        return "nobody", max((line["score"] for line in lines if line["score"] is not None), default=None)
    return ("right", named[NUMBER]) if set(named) == {NUMBER} else ("wrong", max(named.values()))


def _pictures(clip: Path) -> list[Picture]:
    """Return ten of its pictures a second, of 20 s at most."""
    taken: list[Picture] = []
    next_s: float | None = None
    with open_camera(config.Camera(source=f"file:{clip}"), real_time=False) as camera:
        while len(taken) < 200:
            try:
                frame = camera.read()
            except CameraEnded:
                break
            at_s = frame.monotonic_ns / 1e9
            if next_s is None or at_s >= next_s:
                taken.append(frame.picture.copy())
                next_s = (at_s if next_s is None else next_s) + LOOK_S
    return taken


def _back_and_forth(pictures: list[Picture]) -> Iterator[Picture]:
    return itertools.cycle([*pictures, *pictures[-2:0:-1]])
