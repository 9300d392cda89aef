"""Enrolments played frame by frame without a screen: somebody before a camera, fingers, and a place that notes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import config
from enroll.rules import Known
from enroll.sitting.eyes import WizardEyes
from enroll.sitting.likeness import recognised, search, templates_of
from enroll.sitting.session import Face, Place, Sitting, at_once
from enroll.wizard import start
from enroll.wizard.signals import Enrol, EnrolFailed, Enrolled, Recognise, Recognised, Search, Searched
from enroll.wizard.states import State, Wizard
from enroll.wizard.values import Entry, Pose, WizardRules
from terminal.camera import Frame
from terminal.errand import Given
from terminal.faces import Engine, Picture
from terminal.gallery import Gallery
from terminal.guard import Guard
from terminal.matching import Policy
from terminal.screens.drawing import Screen
from terminal.screens.look import NIGHT, Context
from terminal.screens.words import Words
from terminal.visit.signals import ENTER, Sound, Tapped, Tick, Typed
from terminal.visit.states import Now

NINE = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PIN = "739206"
POLICY = Policy(threshold=0.45, margin=0.08)
RULES = WizardRules(looks=(), poses=(Pose.FRONT, Pose.FRONT, Pose.FRONT), same_person=0.4, least_quality=0.1)
"""Portraits look straight ahead, all of them."""
ROSTER = (
    Entry(number="1001", name="Siti Rahasia"),
    Entry(number="1002", name="Budi Rahasia", enrolled=True),
    Entry(number="1003", name="Joko Rahasia"),
)


def _draw(wizard: Wizard, context: Context) -> Screen:
    return Screen(name=type(wizard.state).__name__, background=NIGHT, shapes=(), texts=(), buttons=())


def _say(wizard: Wizard, words: Words) -> str | None:
    return type(wizard.state).__name__


PLAIN = Face(draw=_draw, say=_say)


@dataclass
class NotingPlace:
    """A place whose register is a dictionary; it complains where the same is stored in two ways."""

    gallery: Gallery
    fails: int = 0
    stored: dict[str, Enrol] = field(default_factory=dict)
    searches: list[Search] = field(default_factory=list)

    def search(self, asked: Search) -> Searched:
        self.searches.append(asked)
        known = Known(owners=self.gallery.owners, matrix=self.gallery.matrix)
        vectors = [*templates_of(asked.samples).values()]
        found, who = search(vectors, known, employee=asked.employee, same_face=0.5, alike=0.4)
        return Searched(check=asked.check, found=found, other=who.employee if who else None)

    def recognise(self, asked: Recognise) -> Recognised:
        return recognised(asked, self.gallery, POLICY)

    def save(self, asked: Enrol, id_: str) -> Enrolled | EnrolFailed:
        if self.fails:
            self.fails -= 1
            return EnrolFailed(save=asked.save, attempt=asked.attempt)
        assert id_ not in self.stored
        self.stored[id_] = asked
        return Enrolled(save=asked.save)


class Played:
    """A sitting before a camera of ten frames a second, whose worker answers at once."""

    def __init__(
        self,
        place: Place,
        engine: Engine,
        settings: config.Config,
        *,
        rules: WizardRules = RULES,
        roster: Sequence[Entry] = ROSTER,
        engine_id: str | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.at_s, self.guard = 0.0, guard
        self.engine = engine
        self.tones: list[Sound] = []
        self.seen: list[type[State]] = []
        self.sitting = Sitting(
            start(rules, self.now, administrator="9", roster=roster),
            place,
            face=PLAIN,
            eyes=lambda wizard: WizardEyes(settings, engine_id=engine_id or engine.engine_id, wizard=wizard),
            worker=at_once,
        )

    @property
    def now(self) -> Now:
        return Now(at=NINE + timedelta(seconds=self.at_s), monotonic_s=1000.0 + self.at_s)

    @property
    def state(self) -> State:
        return self.sitting.wizard.state

    def give(self, *given: Given) -> State:
        for each in given:
            self.tones += [wish.sound for wish in self.sitting.step(each, self.now)]
            if self.seen[-1:] != [type(self.state)]:
                self.seen.append(type(self.state))
        return self.state

    def tap(self, *buttons: str) -> State:
        return self.give(*(Tapped(button=button) for button in buttons))

    def type(self, *keys: str) -> State:
        return self.give(*(Typed(key=key) for key in keys))

    def wait(self, seconds: float) -> State:
        self.at_s += seconds
        return self.give(Tick())

    def show(self, pictures: Iterable[Picture], *, until: Callable[[State], bool] = lambda _: False) -> State:
        """Let these pictures come from the camera, until the machine is where it is wanted."""
        for picture in pictures:
            if until(self.state):
                break
            self.at_s += 0.1
            frame = Frame(picture=picture, taken_at=self.now.at, monotonic_ns=round(self.at_s * 1e9))
            self.give(self.sitting.eyes(frame, self.engine, self.guard), Tick())
        return self.state

    def choose_pin(self, pin: str = PIN) -> State:
        return self.type(*pin, ENTER, *pin, ENTER)
