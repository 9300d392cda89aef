"""The whole kiosk before a camera that is covered: PIN only within three seconds, flagged, and back by itself."""

import time
from typing import Any

import pytest

from sync.messages import Method
from terminal import app
from terminal.camera import Frame
from terminal.pulse import Pulse
from terminal.sighting import CameraTrouble
from terminal.visit.signals import ENTER
from tests.terminal.camera_scenes import Lobby
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, Kit

pytestmark = pytest.mark.slow


def test_a_covered_camera_means_pin_only_within_three_seconds_and_is_back_within_one(
    kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered, lobby = [False], Lobby()
    read, pulses = kit.camera.read, []

    def through_the_lens() -> Frame:
        frame = read()
        if not covered[0]:
            return frame
        return Frame(picture=lobby.covered(), taken_at=frame.taken_at, monotonic_ns=frame.monotonic_ns)

    def kept(*given: Any, **named: Any) -> Pulse:
        pulses.append(Pulse(*given, **named))
        return pulses[0]

    monkeypatch.setattr(kit.camera, "read", through_the_lens)
    monkeypatch.setattr(app, "Pulse", kept)

    def director() -> None:
        watched.until(lambda: "READY=1" in watched.told, "not ready")
        watched.until_screen("Idle")
        began_s, covered[0] = time.monotonic(), True
        watched.until_screen("CameraDown")
        down_s = time.monotonic() - began_s
        assert pulses[0].camera == "lost"
        assert CameraTrouble.BLACK.alarm in pulses[0].alarms()
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")
        watched.until_screen("CameraDown")
        began_s, covered[0] = time.monotonic(), False
        watched.until_screen("Idle")
        back_s = time.monotonic() - began_s
        kit.camera.show(2)
        watched.until_screen("Recorded")
        print(f"covered: PIN only after {down_s:.2f} s, back after {back_s:.2f} s")
        assert down_s < 3
        assert back_s < 1

    live(kit, director)
    assert [event.punch.method for event in kit.events()] == [Method.PIN, Method.FACE]
    record = pulses[0].camera_record
    assert (record.losses, record.last_why) == (1, CameraTrouble.BLACK)
    assert record.lost_s > 0
    assert CameraTrouble.BLACK.alarm not in pulses[0].alarms()
