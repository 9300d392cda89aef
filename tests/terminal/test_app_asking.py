"""F3: a whole kiosk asks, hears that somebody cannot, and leaves them the PIN: from the finger to vision and back."""

import pytest

from terminal.guard import Guard
from terminal.liveness_models import LivenessModels
from terminal.visit.signals import CANNOT_BUTTON
from tests.terminal.living import Watched, live
from tests.terminal.made import Kit
from tests.terminal.test_guard import MadeUpEye


@pytest.mark.parametrize("by_key", [False, True])
def test_f3_who_cannot_turn_has_the_keypad_at_once(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch, by_key: bool
) -> None:
    def guard(_: LivenessModels, *, attended: bool = False) -> Guard:
        assert attended, "the screen keeps the time"
        return Guard(MadeUpEye(None), always=True, reads=False, attended=attended)

    monkeypatch.setattr(LivenessModels, "guard", guard)

    def director() -> None:
        kit.camera.show(1)
        watched.until_screen("Challenged")
        if by_key:
            watched.type("-")
        else:
            watched.tap(CANNOT_BUTTON)
        watched.until_screen("PinNumber")
        assert kit.events() == []

    live(kit, director, liveness={"mode": "off"})
