"""An enrolment driven by hand, with a desk that answers as it is told to."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import numpy as np

from enroll import wizard
from enroll.wizard.signals import (
    AGREE_BUTTON,
    EMPLOYEE_BUTTON,
    REFUSE_BUTTON,
    CameraChanged,
    Enrol,
    EnrolFailed,
    Enrolled,
    Found,
    Input,
    Recognise,
    Recognised,
    Saw,
    Search,
    Searched,
    Speak,
    Tapped,
    Tick,
    Typed,
)
from enroll.wizard.states import Capture, ChoosePin, SelfTest, State
from enroll.wizard.values import Entry, Pose, WizardRules
from terminal.faces import Vector
from terminal.quality import Quality, Reason
from terminal.sighting import CameraState
from terminal.visit.signals import ENTER, Chime
from terminal.visit.states import Now

STATES: tuple[type[State], ...] = get_args(State)
INPUTS: tuple[type[Input], ...] = get_args(Input)
NINE = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
ROSTER = (Entry(number="1001", name="Siti Rahasia"), Entry(number="1002", name="Budi Rahasia", enrolled=True))
PIN = "739206"
YAWS = {Pose.FRONT: 0.0, Pose.LEFT: 0.2, Pose.RIGHT: -0.2}
RULES = WizardRules(looks=(), same_person=0.3)


def moment(seconds: float = 0.0) -> Now:
    return Now(at=NINE + timedelta(seconds=seconds), monotonic_s=1000.0 + seconds)


def vector(person: int = 0) -> Vector:
    made = np.full(4, 0.05, np.float32)
    made[person] = 1.0
    return (made / np.linalg.norm(made)).astype(np.float32)


def saw(yaw: float = 0.0, *, value: float = 0.8, reason: Reason | None = None, person: int = 0, **more: Any) -> Saw:
    advice = more.pop("advice", None)
    quality = Quality(value=value, reason=reason, advice=advice)
    return Saw(quality=quality, yaw=yaw, vector=vector(person) if reason is None else None, **more)


NOBODY = Saw()


def camera(state: str) -> CameraChanged:
    return CameraChanged(camera=CameraState(state=state))


class Life:
    """One enrolment. What is asked for waits in `searches`, `questions` and `wishes` until it is answered."""

    def __init__(self, rules: WizardRules = RULES, **changes: Any) -> None:
        rules = replace(rules, **changes)
        self.at_s = 0.0
        self.wizard = wizard.start(rules, moment(), administrator="9", roster=ROSTER)
        self.searches: list[Search] = []
        self.questions: list[Recognise] = []
        self.wishes: list[Enrol] = []
        self.spoken: list[str] = []

    @property
    def state(self) -> State:
        return self.wizard.state

    def give(self, given: Input, *, after_s: float = 0.0) -> State:
        self.at_s += after_s
        self.wizard, effects = wizard.step(self.wizard, given, moment(self.at_s))
        for effect in effects:
            match effect:
                case Search():
                    self.searches.append(effect)
                case Recognise():
                    self.questions.append(effect)
                case Enrol():
                    self.wishes.append(effect)
                case Speak():
                    self.spoken.append(effect.language)
                case Chime():
                    pass
        return self.state

    def tap(self, *buttons: str) -> State:
        for button in buttons:
            self.give(Tapped(button=button))
        return self.state

    def type(self, *keys: str) -> State:
        for key in keys:
            self.give(Typed(key=key))
        return self.state

    def wait(self, seconds: float) -> State:
        return self.give(Tick(), after_s=seconds)

    def agree(self, number: str = "1001") -> State:
        return self.tap(f"{EMPLOYEE_BUTTON}{number}", AGREE_BUTTON)

    def refuse(self, number: str = "1001") -> State:
        return self.tap(f"{EMPLOYEE_BUTTON}{number}", REFUSE_BUTTON)

    def pose(self, person: int = 0) -> State:
        """Hold every pose that is asked for."""
        while isinstance(self.state, Capture):
            self.give(saw(YAWS[self.state.pose], person=person), after_s=1.0)
        return self.state

    def search(self, found: Found = Found.NOBODY, other: str | None = None) -> State:
        return self.give(Searched(check=self.searches[-1].check, found=found, other=other))

    def choose_pin(self, pin: str = PIN) -> State:
        return self.type(*pin, ENTER, *pin, ENTER)

    def walk_up(self, *, known_as: str | None = "1001") -> State:
        self.give(NOBODY, after_s=1.0)
        self.give(saw(), after_s=1.0)
        return self.give(Recognised(check=self.questions[-1].check, employee=known_as), after_s=0.3)

    def store(self) -> State:
        return self.give(Enrolled(save=self.wishes[-1].save))

    def fail(self) -> State:
        return self.give(EnrolFailed(save=self.wishes[-1].save, attempt=self.wishes[-1].attempt))


def lives() -> Iterator[tuple[type[State], Life]]:
    """Yield a life in each state, and further ones where a state has more than one kind."""

    def to_test(life: Life) -> Life:
        life.agree()
        life.pose()
        life.search()
        life.choose_pin()
        return life

    def to_failed(life: Life) -> Life:
        to_test(life)
        for _ in range(2):
            life.walk_up(known_as=None)
        return life

    for state in STATES:
        life = Life(duty=True, pin_required=False)
        match state.__name__:
            case "FindEmployee":
                life.type("1", "0", "0", "1")
            case "Purpose":
                life.tap(f"{EMPLOYEE_BUTTON}1001")
            case "Capture":
                life.agree()
            case "Stalled":
                life.agree()
                life.wait(21)
            case "OfferLooks":
                life = Life(looks=("glasses",))
                life.agree()
                life.pose()
            case "Checking":
                life.agree()
                life.pose()
            case "Duplicate":
                life.agree()
                life.pose()
                life.search(Found.SAME_FACE, "1002")
            case "ChoosePin":
                life.agree()
                life.pose()
                life.search()
                bare, repeating = Life(), Life()
                bare.refuse()
                repeating.refuse()
                repeating.type(*PIN, ENTER, *PIN)
                yield state, bare
                yield state, repeating
            case "SelfTest":
                to_test(life)
                asked = to_test(Life())
                asked.give(NOBODY)
                asked.give(saw())
                yield state, asked
            case "SelfTestFailed":
                to_failed(life)
            case "NoCamera":
                life.agree()
                life.give(camera("lost"))
                late = to_failed(Life())
                late.give(camera("lost"))
                late.tap("again")
                yield state, late
            case "Saving":
                to_test(life)
                life.walk_up()
            case "NotEnrolled":
                to_test(life)
                life.walk_up()
                silent = Life()
                silent.refuse()
                silent.choose_pin()
                silent.wait(11)
                yield state, silent
                life.fail()
            case "Done":
                life.refuse()
                life.choose_pin()
                life.store()
            case "Cancelled":
                life.tap("cancel")
                silent = Life()
                silent.refuse()
                silent.choose_pin()
                silent.wait(11)
                silent.tap("cancel")
                yield state, silent
        assert type(life.state) is state
        yield state, life


def before_test(**changes: object) -> Life:
    """A life before its self-test."""
    life = Life(**changes)
    life.agree()
    life.pose()
    life.search()
    if isinstance(life.state, ChoosePin):
        life.choose_pin()
    assert isinstance(life.state, SelfTest)
    return life
