"""An errand at a whole kiosk: opened from the menu, it has screen, keys and eyes to itself, and nobody is punched."""

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from errors import HadirError
from sync.messages import DeskNote
from terminal.camera import Frame
from terminal.errand import Beginning, Errand, Eyes, Given, Glance, Wish
from terminal.faces import Engine
from terminal.guard import Guard
from terminal.screens.drawing import Button, Rect, Screen
from terminal.screens.look import NIGHT, Context
from terminal.visit.signals import ENROL_BUTTON, CameraChanged, Chime, Sound, Tapped, Typed
from terminal.visit.states import Now
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, Kit
from tests.terminal.test_app_answers import PATIENT, to_the_menus_pin

pytestmark = pytest.mark.slow


@dataclass
class Fake:
    """An errand that only notes what it is given, and ends when its one button is touched."""

    beginning: Beginning
    given: list[Given] = field(default_factory=list)
    seen: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    employee: str | None = None
    closed: int = 0
    failing: bool = False

    @property
    def eyes(self) -> Eyes:
        def look(frame: Frame, engine: Engine, guard: Guard | None) -> Glance:
            return Glance(picture=frame.picture)

        return look

    def step(self, given: Given, now: Now) -> tuple[Wish, ...]:
        assert not self.closed, "stepped after it was closed"
        self.given.append(given)
        if isinstance(given, Glance):
            self.seen.set()
        if self.failing:
            raise ValueError("odd")
        if given == Tapped(button="end"):
            self.over = True
        return (Chime(sound=Sound.KEY),) if isinstance(given, Tapped) else ()

    def screen(self, context: Context) -> Screen:
        end = Button(id="end", label="end", box=Rect(0.1, 0.1, 0.5, 0.5))
        return Screen(name="Fake", background=NIGHT, shapes=(), texts=(), buttons=(end,))

    def spoken(self, context: Context) -> tuple[str, str] | None:
        return None

    def close(self) -> None:
        self.closed += 1


class Errands(list[Fake]):
    """Begins fakes and keeps them."""

    def __call__(self, beginning: Beginning) -> Errand:
        self.append(Fake(beginning))
        return self[-1]


def to_the_errand(kit: Kit, watched: Watched) -> None:
    to_the_menus_pin(kit, watched)
    watched.type(*PIN, "enter")
    watched.until_screen("Desk")
    watched.tap(ENROL_BUTTON)


def states(fake: Fake) -> list[str]:
    return [each.camera.state for each in fake.given if isinstance(each, CameraChanged)]


def notes_of(kit: Kit) -> list[str]:
    return [entry.action for entry in kit.entries() if isinstance(entry, DeskNote)]


def test_an_errand_has_screen_keys_and_eyes_to_itself_until_it_is_over(kit: Kit, watched: Watched) -> None:
    errands = Errands()

    def director() -> None:
        to_the_errand(kit, watched)
        watched.until_screen("Fake")
        kit.camera.show(2)
        assert errands[0].seen.wait(10)
        watched.type("7")
        watched.until(lambda: Typed(key="7") in errands[0].given, "no key")
        errands[0].seen.clear()
        assert errands[0].seen.wait(10), "pictures go on"
        kit.camera.unplug()
        watched.until(
            lambda: any(isinstance(g, CameraChanged) and g.camera.state == "lost" for g in errands[0].given), ""
        )
        kit.camera.unplug(False)
        errands[0].seen.clear()
        assert errands[0].seen.wait(10), "the camera came back"
        kit.camera.show()
        watched.tap("end")
        watched.until_screen("Idle")

    live(kit, director, visit=PATIENT, errand=errands)
    (fake,) = errands
    assert (fake.beginning.administrator, fake.beginning.camera_lost, fake.closed) == ("1001", False, 1)
    assert {*fake.beginning.gallery().people} == {"1001", "1002"}
    assert [*fake.beginning.peppers()]
    assert [event.punch.employee for event in kit.events()] == ["1001"], "nobody but who opened the menu"
    assert notes_of(kit) == ["opened", "enrolment_opened", "closed"]


def test_an_errand_that_fails_again_and_again_is_left_and_the_kiosk_goes_on(kit: Kit, watched: Watched) -> None:
    errands = Errands()

    def director() -> None:
        to_the_errand(kit, watched)
        watched.until_screen("Fake")
        errands[0].failing = True
        watched.until_screen("Idle")
        kit.camera.show(2)
        watched.until_screen("Recorded")

    live(kit, director, visit=PATIENT, errand=errands)
    assert errands[0].closed == 1
    assert [event.punch.employee for event in kit.events()] == ["1001", "1002"]


def test_an_errand_that_cannot_begin_leaves_nobody_before_a_dead_screen(kit: Kit, watched: Watched) -> None:
    def begin(beginning: Beginning) -> Any:
        raise HadirError("there is no calibration")

    def director() -> None:
        to_the_errand(kit, watched)
        watched.until_screen("Idle")

    live(kit, director, visit=PATIENT, errand=begin)
    assert notes_of(kit) == ["opened", "enrolment_opened", "closed"]
