"""The whole kiosk and photos held up to it: noted, a pause after five, through a restart too, and the PIN meanwhile.

What tells a photo is made up here: tests/attacks and tests/terminal/test_guard.py are about that.
"""

import logging

import pytest

from sync import sealing
from sync.messages import AttackNote, Direction, Method, PadVerdict
from terminal import app
from terminal.attacks import FOLDER
from terminal.guard import Guard, Judged
from terminal.visit.signals import ENTER
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, Kit, picture_of

pytestmark = pytest.mark.slow


class Photos:
    """Whether what stands before the camera is a photo."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.held_up = True
        monkeypatch.setattr(app.LivenessModels, "load", lambda _: None)
        monkeypatch.setattr(Guard, "look", lambda *_, **__: None)
        monkeypatch.setattr(Guard, "judge", self._judged)

    def _judged(self, track_id: int, *, known: bool, **__: object) -> Judged:
        if not known:
            return Judged(pad=PadVerdict.UNDECIDED)
        if self.held_up:
            return Judged(pad=PadVerdict.ATTACK, cues=("edge",))
        return Judged(pad=PadVerdict.BONA_FIDE, cues=("frame",))


@pytest.fixture
def photos(monkeypatch: pytest.MonkeyPatch) -> Photos:
    return Photos(monkeypatch)


def hold_up(kit: Kit, watched: Watched, *, place: int = 0) -> None:
    """A photo of 1001 is held up in that place until it is refused, and taken away again."""
    count = watched.screens.count("Refused")
    picture = picture_of()
    picture[0, place] = (255, 1, 255)
    picture[60:140, 100:200] = 30  # something to see
    kit.camera._picture = picture
    watched.until(lambda: watched.screens.count("Refused") > count, "not refused")
    kit.camera.show()
    watched.until(lambda: watched.screens[-1] in ("Idle", "Held"), "the screen stays")


def punch_by_pin(watched: Watched) -> None:
    watched.type(*"1001", ENTER)
    watched.until_screen("PinCode")
    watched.type(*PIN, ENTER)
    watched.until_screen("Recorded")


def attacks_on(kit: Kit) -> list[AttackNote]:
    return [entry for entry in kit.entries() if isinstance(entry, AttackNote)]


def test_f3_a_photo_is_refused_and_lies_sealed_beside_its_note(
    kit: Kit, watched: Watched, photos: Photos, caplog: pytest.LogCaptureFixture
) -> None:
    def director() -> None:
        watched.until_screen("Idle")
        hold_up(kit, watched)
        photos.held_up = False
        kit.camera.show(2)
        watched.until_screen("Recorded")

    with caplog.at_level(logging.DEBUG):
        live(kit, director, liveness={"mode": "on"})
    (note,) = attacks_on(kit)
    assert (note.employee, note.verdict, note.cues, note.held) == ("1001", PadVerdict.ATTACK, ("edge",), False)
    ref = note.evidence_ref or ""
    key = kit.settings.terminal.evidence_key.with_name("evidence.key")
    assert sealing.open_sealed(kit.card / FOLDER / sealing.name_of(ref), key, ref=ref)
    (event,) = kit.events()
    assert (event.punch.employee, event.punch.pad, event.punch.cues) == ("1002", PadVerdict.BONA_FIDE, ("frame",))
    told = [record.getMessage() for record in caplog.records if "attack noted" in record.getMessage()]
    assert len(told) == 1
    assert not any(name in line for line in told for name in ("1001", "Suharto", "Siti"))
    shown = " ".join(watched.said).lower()
    assert not any(word in shown for word in ("attack", "edge", "serangan", "foto"))


def test_f3_after_five_photos_only_the_pin_is_taken_through_a_restart_and_the_punch_says_so(
    kit: Kit, watched: Watched, photos: Photos
) -> None:
    settings = {"mode": "on", "delay_s": 60, "picture": "never"}

    def attacked() -> None:
        watched.until_screen("Idle")
        for number in range(5):
            hold_up(kit, watched, place=number % 2)
        watched.until_screen("Held")
        photos.held_up = False

    def again() -> None:
        watched.until_screen("Held")
        kit.camera.show(2)
        count = len(watched.said)
        watched.until(lambda: len(watched.said) >= count + 2, "no countdown")
        assert watched.screens[-1] == "Held", "a living colleague's face is not taken either"
        punch_by_pin(watched)
        watched.until_screen("Held")

    live(kit, attacked, liveness=settings)
    watched.screens.clear()
    live(kit, again, liveness=settings)
    assert [note.held for note in attacks_on(kit)] == [False] * 4 + [True]
    assert {note.evidence_ref for note in attacks_on(kit)} == {"none:policy"}
    (event,) = kit.events()
    assert (event.punch.employee, event.punch.method.value[-3:]) == ("1001", Method.PIN.value)
    assert event.punch.direction in Direction
