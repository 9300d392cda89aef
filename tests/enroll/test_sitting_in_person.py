"""F3 with real pixels: a head that turns when the wizard asks is enrolled, and a photo held before it is not.

The head and the photos are drawn (`tests.attacks.hall`); engine, landmarks, guard and wizard are the kiosk's own. The
passive models are absent, or take everything for skin, which is the worst that they can do.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

import config
from demo import scene
from enroll.sitting.policy import rules_of
from enroll.wizard.signals import AGREE_BUTTON, EMPLOYEE_BUTTON
from enroll.wizard.states import Capture, ChoosePin, Stalled
from enroll.wizard.values import Pose
from sync.messages import PadVerdict
from terminal.faces import Engine
from terminal.gallery import Gallery
from terminal.guard import Guard
from terminal.liveness.eye import OpenCvEye
from tests.attacks import hall
from tests.attacks.presented import Fooled
from tests.enroll.sittings import NotingPlace, Played
from tests.terminal.portraits import PEOPLE, STRANGERS

SETTINGS = config.replace(config.Config(), quality={"min_sharpness": 0})
HIMSELF = PEOPLE["obama"][0]
SEED = 1
SIDES = {Pose.FRONT: 0.0, Pose.LEFT: 30.0, Pose.RIGHT: -30.0}
Shown = Callable[[hall.Image, float, float], None]
"""Draws what is before the camera at a moment, for a head that would be turned by so many degrees."""


def fooled() -> Guard:
    return Guard(Fooled(OpenCvEye(hall.landmarks(), None)), always=False)


def asking() -> Guard:
    return Guard(OpenCvEye(hall.landmarks(), None), always=True, reads=False)


def head(frame: hall.Image, at_s: float, turned_deg: float) -> None:
    about = turned_deg + 2 * math.sin(3 * at_s)
    scene.set_in(frame, hall.person(HIMSELF), hall.pose(at_s, x_m=0, z_m=0.9, yaw_deg=about))


def paper(frame: hall.Image, at_s: float, turned_deg: float) -> None:
    hall.hold_up(frame, hall.sheet(HIMSELF), at_s)


def cut_out(frame: hall.Image, at_s: float, turned_deg: float) -> None:
    hall.hold_cut_out(frame, hall.sheet(HIMSELF), at_s)


def before(engine: Engine, guard: Guard | None, show: Shown, *, turns: bool = True, seconds: float = 14) -> Played:
    """Return the enrolment after `show` was before its camera until no more pictures were wanted."""
    print(f"seed {SEED}")
    rules = replace(rules_of(config.Config(), engine.engine_id), looks=(), draw=0)
    played = Played(NotingPlace(Gallery.empty(engine.engine_id)), engine, SETTINGS, rules=rules, guard=guard)
    played.tap(f"{EMPLOYEE_BUTTON}1001", AGREE_BUTTON)
    turned = 0.0

    def draw(frame: hall.Image, at_s: float) -> None:
        nonlocal turned
        wanted = SIDES[played.state.pose] if turns and isinstance(played.state, Capture) else 0.0
        turned += max(-8.0, min(8.0, wanted - turned))
        show(frame, at_s, turned)

    for frame in hall.film(draw, seconds=seconds, seed=SEED):
        if not isinstance(played.state, Capture):
            break
        played.show([frame.picture])
    return played


def pads(played: Played) -> set[PadVerdict]:
    assert isinstance(played.state, ChoosePin)
    return {sample.pad for sample in played.state.draft.samples}


@pytest.mark.parametrize("guard", [fooled, asking])
def test_f3_a_head_that_turns_as_it_is_asked_is_enrolled_as_there_in_person(
    opencv: Engine, guard: Callable[[], Guard]
) -> None:
    played = before(opencv, guard(), head)
    assert pads(played) == {PadVerdict.BONA_FIDE}
    assert isinstance(played.state, ChoosePin)
    assert {sample.pose for sample in played.state.draft.samples} == set(Pose)
    assert played.at_s < 12, "nobody is kept longer than who does not turn"


@pytest.mark.slow
def test_f3_who_does_not_turn_is_enrolled_all_the_same_and_marked(opencv: Engine) -> None:
    assert pads(before(opencv, asking(), head, turns=False)) == {PadVerdict.UNDECIDED}


@pytest.mark.parametrize("shown", [paper, cut_out])
@pytest.mark.parametrize("guard", [fooled, asking])
def test_f3_a_photo_held_before_the_wizard_is_not_enrolled(
    opencv: Engine, guard: Callable[[], Guard], shown: Shown
) -> None:
    played = before(opencv, guard(), shown)
    assert isinstance(played.state, Stalled)
    assert played.state.refused
    assert played.state.capture.draft.samples == (), "nothing of it is kept"


def test_f3_control_without_a_guard_the_photo_is_enrolled(opencv: Engine) -> None:
    assert pads(before(opencv, None, paper)) == {PadVerdict.NOT_CHECKED}


@pytest.mark.slow
def test_f3_another_head_before_it_speaks_for_no_photo(opencv: Engine) -> None:
    """A stranger turns his head about before he holds up the photo, cut out, and holds it still."""

    def swapped(frame: hall.Image, at_s: float, turned_deg: float) -> None:
        if at_s < 0.6:
            stranger = hall.person(STRANGERS[0])
            scene.set_in(frame, stranger, hall.pose(at_s, x_m=0, z_m=0.9, yaw_deg=30 * math.sin(9 * at_s)))
        else:
            hall.hold_cut_out(frame, hall.sheet(HIMSELF), 0.1 * at_s, z_m=0.9)

    played = before(opencv, fooled(), swapped)
    if isinstance(played.state, ChoosePin):
        assert PadVerdict.BONA_FIDE not in pads(played)
    else:
        assert isinstance(played.state, Stalled)
        assert played.state.capture.draft.pad is not PadVerdict.BONA_FIDE
