"""The enrolment before the camera: pictures, the search for the same face, the test before somebody leaves."""

from typing import Any

import numpy as np
import pytest

from enroll import wizard
from enroll.wizard.looking import STARTS_OVER, is_pose
from enroll.wizard.signals import (
    AGAIN_BUTTON,
    AGREE_BUTTON,
    EMPLOYEE_BUTTON,
    GO_ON_BUTTON,
    OTHER_EMPLOYEE_BUTTON,
    REFUSE_BUTTON,
    Found,
    Recognised,
    Saw,
    Searched,
)
from enroll.wizard.states import (
    Capture,
    CaptureProblem,
    Checking,
    ChoosePin,
    Duplicate,
    FindEmployee,
    NoCamera,
    Purpose,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    Walk,
)
from enroll.wizard.values import Pose, WizardRules
from sync.messages import PadVerdict
from terminal.quality import Quality, Reason
from terminal.visit.signals import CANCEL
from tests.enroll.wizard_life import NOBODY, Life, before_test, camera, saw, vector

# --- capture --------------------------------------------------------------------------------------------------------


def captured(given: Saw, **changes: object) -> tuple[Capture, Life]:
    life = Life(**changes)
    life.agree()
    state = life.give(given, after_s=1.0)
    assert isinstance(state, Capture)
    return state, life


@pytest.mark.parametrize(
    ("given", "bar"),
    [
        (NOBODY, 0.0),
        (saw(value=0.2), 0.2),
        (saw(0.2), 0.8),
        (saw(value=7.0, yaw=-0.2), 1.0),
        (saw(reason=Reason.TOO_DARK, value=0.4), 0.4),
        (saw(advice=Reason.MASK), 0.8),
        (saw(float("inf")), 0.8),
        (saw(float("nan")), 0.8),
        (Saw(quality=Quality(value=0.9, reason=None), vector=None), 0.9),
    ],
)
def test_what_is_not_good_or_not_the_wanted_pose_moves_the_bar_only(given: Saw, bar: float) -> None:
    state, _ = captured(given)
    assert (state.draft.samples, state.quality, state.pose) == ((), bar, Pose.FRONT)


@pytest.mark.parametrize("wrong", [{"reason": Reason.TOO_DARK, "value": 0.1}, {"advice": Reason.MASK}])
def test_what_is_wrong_is_said_only_once_it_stays_so_and_no_longer_than_it_does(wrong: dict[str, Any]) -> None:
    """A word that comes and goes with every frame is read by nobody."""
    life = Life(least_quality=0.9)
    life.agree()
    flickering, staying = [], []
    for frame in range(30):
        state = life.give(saw(value=0.5) if frame % 2 else saw(**wrong), after_s=0.1)
        assert isinstance(state, Capture)
        flickering.append(state.hint)
    for _ in range(20):
        state = life.give(saw(**wrong), after_s=0.1)
        assert isinstance(state, Capture)
        staying.append(state.hint)
    assert set(flickering) == {None}
    assert staying[-1] is (wrong.get("reason") or wrong.get("advice"))
    assert staying[0] is None
    state = life.give(NOBODY, after_s=0.1)
    assert isinstance(state, Capture)
    assert (state.hint, state.trouble) == (None, None)


def test_left_and_right_are_the_persons_own() -> None:
    rules = WizardRules()
    held = {yaw: [pose for pose in Pose if is_pose(pose, yaw, rules)] for yaw in (0.0, 0.12, 0.2, -0.12, -0.2)}
    assert held == {0.0: [Pose.FRONT], 0.12: [], 0.2: [Pose.LEFT], -0.12: [], -0.2: [Pose.RIGHT]}


def test_two_pictures_of_one_moment_are_one() -> None:
    _, life = captured(saw())
    state = life.give(saw(0.2), after_s=0.3)
    assert isinstance(state, Capture)
    assert state.pose is Pose.LEFT
    state = life.give(saw(0.2), after_s=0.5)
    assert isinstance(state, Capture)
    assert state.pose is Pose.RIGHT


def test_another_person_who_steps_in_is_not_mixed_in() -> None:
    _, life = captured(saw())
    state = life.give(saw(0.2, person=1), after_s=1.0)
    assert isinstance(state, Capture)
    assert (len(state.draft.samples), state.problem) == (1, CaptureProblem.OTHER_PERSON)


def test_an_encoding_that_is_none_is_not_taken() -> None:
    state, _ = captured(Saw(quality=Quality(value=0.9, reason=None), vector=vector() * np.float32("nan")))
    assert state.draft.samples == ()


def test_without_a_good_picture_it_offers_again_and_the_way_without_a_face() -> None:
    life = Life()
    life.agree()
    life.give(saw(), after_s=1.0)
    assert isinstance(life.wait(19.9), Capture), "each sample gives more time"
    assert isinstance(life.wait(0.2), Stalled)
    assert wizard.choices(life.wizard) == (AGAIN_BUTTON, REFUSE_BUTTON, CANCEL)
    state = life.tap(AGAIN_BUTTON)
    assert isinstance(state, Capture)
    assert (state.pose, len(state.draft.samples)) == (Pose.LEFT, 1)
    life.wait(21)
    assert isinstance(life.tap(REFUSE_BUTTON), ChoosePin)


def test_who_cannot_turn_their_head_is_taken_as_they_stand_after_a_while() -> None:
    _, life = captured(saw())
    state = life.give(saw(), after_s=1.0)
    assert isinstance(state, Capture)
    assert len(state.draft.samples) == 1, "at first the pose is waited for"
    taken = []
    for _ in range(2):
        life.wait(5.1)
        taken.append(life.give(saw(float("nan"))))
        taken.append(life.give(saw(0.01)))
    unclear, second, _, done = taken
    assert isinstance(unclear, Capture)
    assert len(unclear.draft.samples) == 1, "a head whose pose cannot be told is no picture to take"
    assert isinstance(second, Capture)
    assert [sample.pose for sample in second.draft.samples] == [Pose.FRONT, Pose.FRONT]
    assert not second.as_they_stand, "each pose is waited for anew"
    assert isinstance(done, Checking)
    assert life.at_s < 20


def test_a_picture_that_is_not_good_is_not_taken_however_long_somebody_waits() -> None:
    _, life = captured(saw())
    life.wait(6)
    for poor in (saw(value=0.2), saw(reason=Reason.TOO_DARK), saw(advice=Reason.MASK)):
        state = life.give(poor, after_s=0.1)
        assert isinstance(state, Capture)
        assert len(state.draft.samples) == 1


# --- duplicates -----------------------------------------------------------------------------------------------------


def test_the_same_face_under_another_number_gets_nothing_and_only_the_number_is_shown() -> None:
    life = Life()
    life.agree()
    life.pose()
    state = life.search(Found.SAME_FACE, "1002")
    assert isinstance(state, Duplicate)
    assert (state.employee, state.other) == ("1001", "1002")
    assert isinstance(life.tap(REFUSE_BUTTON), Duplicate), "not by PIN either"
    assert isinstance(life.tap(OTHER_EMPLOYEE_BUTTON), FindEmployee)
    assert life.spoken == ["id"], "whoever comes next is asked in the desk's language, not in this person's"
    assert life.wishes == []


def test_a_look_alike_goes_on_and_is_told_to_the_administrator() -> None:
    life = Life()
    life.agree()
    life.pose()
    state = life.search(Found.LOOK_ALIKE, "1002")
    assert isinstance(state, ChoosePin)
    assert state.draft.look_alikes == ("1002",)
    life.choose_pin()
    life.walk_up()
    assert life.wishes[0].look_alikes == ("1002",)


def test_a_search_without_an_answer_lets_nobody_through_and_is_asked_again() -> None:
    life = Life()
    life.agree()
    life.pose()
    state = life.wait(11)
    assert isinstance(state, Checking)
    assert state.unanswered
    assert isinstance(life.tap(AGAIN_BUTTON), Checking)
    assert isinstance(life.give(Searched(check=1, found=Found.NOBODY)), Checking), "the answer to the first"
    assert isinstance(life.search(), ChoosePin)


# --- self-test ------------------------------------------------------------------------------------------------------


def test_who_does_not_step_back_is_not_tested() -> None:
    life = before_test()
    state = life.give(saw())
    assert isinstance(state, SelfTest)
    assert state.walk is Walk.STEP_BACK
    state = life.give(saw(reason=Reason.TOO_FAR))
    assert isinstance(state, SelfTest)
    assert state.walk is Walk.WALK_UP
    state = life.give(saw(reason=Reason.HOLD_STILL))
    assert isinstance(state, SelfTest)
    assert state.hint is Reason.HOLD_STILL
    life.give(saw(pad=PadVerdict.ATTACK))
    assert life.questions == []


@pytest.mark.parametrize("known_as", [None, "1002"])
def test_twice_not_recognised_means_more_samples_or_pin_only(known_as: str | None) -> None:
    life = before_test()
    assert isinstance(life.walk_up(known_as=known_as), SelfTest)
    assert isinstance(life.walk_up(known_as=known_as), SelfTestFailed)
    assert isinstance(life.tap(AGAIN_BUTTON), Capture)
    assert isinstance(life.pose(), Checking), "new samples are searched for like the first"
    assert len(life.searches[-1].samples) == 6
    assert isinstance(life.search(), SelfTest), "the PIN is chosen already"
    for _ in range(2):
        life.wait(21)
    assert isinstance(life.state, SelfTestFailed)
    assert isinstance(life.tap(REFUSE_BUTTON), Saving)
    assert life.wishes[0].samples == ()


def test_looks_are_offered_once_and_not_with_the_second_samples() -> None:
    life = Life(looks=("glasses",))
    life.agree()
    life.pose()
    life.tap(GO_ON_BUTTON)
    life.search()
    life.choose_pin()
    for _ in range(2):
        life.walk_up(known_as=None)
    life.tap(AGAIN_BUTTON)
    assert isinstance(life.pose(), Checking)


def test_samples_do_not_pile_up_for_ever() -> None:
    life = before_test(most_samples=5)
    for _ in range(2):
        life.walk_up(known_as=None)
    assert wizard.choices(life.wizard) == (REFUSE_BUTTON, CANCEL)


def test_an_old_answer_passes_no_test() -> None:
    life = before_test()
    life.walk_up(known_as=None)
    life.give(NOBODY)
    life.give(saw())
    state = life.give(Recognised(check=life.questions[0].check, employee="1001"))
    assert isinstance(state, SelfTest)


# --- the camera -----------------------------------------------------------------------------------------------------


def test_a_lost_camera_offers_the_pin_and_goes_on_when_it_is_back() -> None:
    life = Life()
    life.agree()
    life.give(saw(), after_s=1.0)
    assert isinstance(life.give(camera("lost")), NoCamera)
    assert isinstance(life.give(camera("starting"), after_s=30), NoCamera)
    state = life.give(camera("ok"))
    assert isinstance(state, Capture)
    assert (len(state.draft.samples), isinstance(life.wait(19), Capture)) == (1, True)
    life.give(camera("lost"))
    assert isinstance(life.tap(REFUSE_BUTTON), ChoosePin)
    assert isinstance(life.choose_pin(), Saving)


def test_a_camera_lost_while_somebody_reads_is_said_when_it_is_needed() -> None:
    life = Life()
    life.tap(f"{EMPLOYEE_BUTTON}1001")
    assert isinstance(life.give(camera("lost")), Purpose)
    assert isinstance(life.tap(AGREE_BUTTON), NoCamera)
    assert isinstance(life.give(camera("ok")), Capture)
    test = before_test()
    test.give(camera("lost"))
    assert isinstance(test.state, NoCamera)
    assert isinstance(test.give(camera("ok")), SelfTest)


def test_when_the_first_one_has_left_the_samples_are_those_of_whoever_stands_there() -> None:
    _, life = captured(saw())
    for _ in range(STARTS_OVER - 1):
        state = life.give(saw(person=1, yaw=0.2), after_s=0.7)
    assert isinstance(state, Capture)
    assert (len(state.draft.samples), state.others) == (1, STARTS_OVER - 1)
    state = life.give(saw(person=1, yaw=0.2), after_s=0.7)
    assert isinstance(state, Capture)
    assert (state.draft.samples, state.poses, state.others) == ((), life.wizard.rules.poses, 0)
    state = life.give(saw(person=1), after_s=0.1)
    assert isinstance(state, Capture)
    assert len(state.draft.samples) == 1


def test_somebody_else_before_a_further_look_starts_nothing_over() -> None:
    life = Life(looks=("glasses",))
    life.agree()
    for yaw in (0.0, 0.2, -0.2):
        life.give(saw(yaw), after_s=1.0)
    life.tap("look:glasses")
    for _ in range(2 * STARTS_OVER):
        state = life.give(saw(person=1), after_s=1.0)
    assert isinstance(state, Capture)
    assert (len(state.draft.samples), state.problem) == (3, CaptureProblem.OTHER_PERSON)
