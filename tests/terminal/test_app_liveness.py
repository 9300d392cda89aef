"""F3: a kiosk whose liveness lacks a model says so, asks everybody, and takes the right file when it comes."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

import config
from terminal import liveness_models
from terminal.camera import Frame
from terminal.faces import Face, Picture
from terminal.liveness.eye import OpenCvEye
from terminal.liveness.watch import Glance
from terminal.liveness_models import LIVENESS_UNAVAILABLE
from terminal.pulse import Pulse
from tests.terminal.living import Watched, live
from tests.terminal.made import FakeCamera, Kit
from tests.terminal.test_liveness_models import PERSON, described, grainy, put, until

__all__ = ["described"]


class Grainy(FakeCamera):
    """A FakeCamera with the noise that every real one has."""

    def read(self) -> Frame:
        frame = super().read()
        return replace(frame, picture=grainy(frame.picture, frame.monotonic_ns))


@pytest.mark.slow
def test_f3_a_whole_kiosk_with_an_altered_model_says_so_asks_and_takes_the_right_one(
    described: config.Config, kit: Kit, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through `terminal.app.run`: the alarm is in what the status is made of, and goes when the right file comes."""
    monkeypatch.setattr(liveness_models, "_FIRST_LOOK_S", 0.05)
    monkeypatch.setattr(liveness_models, "_LAST_LOOK_S", 0.05)
    pulses: list[Pulse] = []
    condition = Pulse.alarms
    monkeypatch.setattr(Pulse, "alarms", lambda pulse: pulses.append(pulse) or condition(pulse))
    eyes: list[bool] = []
    look = OpenCvEye.look

    def looking(eye: OpenCvEye, picture: Picture, face: Face, **more: Any) -> Glance:
        eyes.append(eye._passive is not None)
        return look(eye, picture, face, **more)

    monkeypatch.setattr(OpenCvEye, "look", looking)
    put(described, b"altered")
    camera = Grainy()

    def director() -> None:
        watched.until(lambda: bool(pulses), "no pulse")
        until(lambda: LIVENESS_UNAVAILABLE in pulses[-1].condition().alarms)
        camera.show(1)
        watched.until_screen("Challenged")
        assert kit.events() == [], "nobody is recorded for being known"
        camera.show()
        watched.until_screen("Idle")
        put(described, PERSON)
        until(lambda: LIVENESS_UNAVAILABLE not in pulses[-1].condition().alarms)
        assert not any(eyes)
        camera.show(2)
        until(lambda: any(eyes))
        camera.show()
        watched.until_screen("Idle")

    sections = {name: msgspec.to_builtins(getattr(described, name), enc_hook=str) for name in ("engine", "liveness")}
    live(replace(kit, camera=camera), director, **sections)
