"""The enrolment machine: scenarios by name. Its table and random lives are in test_wizard_lives.py."""

import numpy as np
import pytest

from enroll import wizard
from enroll.purpose import VERSION
from enroll.wizard.looking import is_pose
from enroll.wizard.signals import (
    AGAIN_BUTTON,
    AGREE_BUTTON,
    EMPLOYEE_BUTTON,
    GO_ON_BUTTON,
    LOOK_BUTTON,
    OTHER_BASIS_BUTTON,
    OTHER_EMPLOYEE_BUTTON,
    PHOTO_BUTTON,
    REFUSE_BUTTON,
    SKIP_BUTTON,
    EnrolFailed,
    Enrolled,
    Found,
    Recognised,
    Saw,
    Searched,
    Typed,
)
from enroll.wizard.states import (
    Cancelled,
    Capture,
    CaptureProblem,
    Checking,
    ChoosePin,
    Done,
    Duplicate,
    FindEmployee,
    NoCamera,
    NotEnrolled,
    NumberProblem,
    OfferLooks,
    PinStep,
    Purpose,
    Saving,
    SelfTest,
    SelfTestFailed,
    Stalled,
    Walk,
    Why,
)
from enroll.wizard.values import Ground, Pose, WizardRules
from sync.messages import PadVerdict
from sync.register.consents import Basis
from terminal.pin.policy import PinFlaw
from terminal.quality import Quality, Reason
from terminal.visit.signals import BACK_BUTTON, BACKSPACE, CANCEL, ENTER
from tests.enroll.wizard_life import NINE, NOBODY, PIN, ROSTER, Life, camera, moment, saw, vector


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


# --- the whole way --------------------------------------------------------------------------------------------------


def test_a_willing_person_is_enrolled_with_everything_in_one_wish() -> None:
    life = Life()
    assert isinstance(life.type(*"1001", ENTER), Purpose)
    life.at_s = 5
    assert isinstance(life.tap(AGREE_BUTTON), Capture)
    assert isinstance(life.pose(), Checking)
    assert isinstance(life.search(), ChoosePin)
    assert isinstance(life.choose_pin(), SelfTest)
    assert life.wishes == [], "nothing is stored before the end"
    assert isinstance(life.walk_up(), Saving)
    assert isinstance(life.store(), Done)
    (wish,) = life.wishes
    decision = wish.decision
    assert (decision.ground, decision.text_version, decision.language) == (Ground.CONSENT, VERSION, "id")
    assert (decision.at - NINE).total_seconds() == 5
    assert [sample.pose for sample in wish.samples] == [Pose.FRONT, Pose.LEFT, Pose.RIGHT]
    assert (wish.administrator, wish.employee, wish.pin, wish.photo, dict(wish.looks)) == ("9", "1001", PIN, False, {})
    assert life.at_s < 20, "with a second for each picture"


def test_looks_are_offered_after_the_usual_samples_and_stored_by_their_name() -> None:
    life = Life(looks=("glasses", "jilbab"))
    life.agree()
    assert isinstance(life.pose(), OfferLooks)
    state = life.tap(f"{LOOK_BUTTON}glasses")
    assert isinstance(state, Capture)
    assert (state.look, state.poses) == ("glasses", (Pose.FRONT,))
    offered = life.pose()
    assert isinstance(offered, OfferLooks)
    assert offered.looks == ("jilbab",)
    assert isinstance(life.tap(GO_ON_BUTTON), Checking)
    assert len(life.searches[0].samples) == 4, "a look is searched for as well"
    life.search()
    life.choose_pin()
    life.walk_up()
    assert [sample.look for sample in life.wishes[0].looks["glasses"]] == ["glasses"]
    assert len(life.wishes[0].samples) == 3


# --- who it is ------------------------------------------------------------------------------------------------------


def test_a_badge_is_read_whole() -> None:
    life = Life()
    life.type(*"1002")
    state = life.give(Typed(key=ENTER, burst="1002"))
    assert isinstance(state, Purpose)
    assert state.employee == "1002"


@pytest.mark.parametrize(
    ("keys", "problem"), [((ENTER,), NumberProblem.NO_NUMBER), (("7", ENTER), NumberProblem.NOT_LISTED)]
)
def test_who_is_not_on_the_roster_goes_no_further(keys: tuple[str, ...], problem: NumberProblem) -> None:
    state = Life().type(*keys)
    assert isinstance(state, FindEmployee)
    assert (state.problem, state.number) == (problem, "")


@pytest.mark.parametrize("hostile", ["'; DROP TABLE employees", "../../etc/passwd", "9" * 4000, "\x00", "💥"])
def test_a_hostile_badge_is_nobody(hostile: str) -> None:
    life = Life()
    life.type(*hostile[:100])
    assert isinstance(life.give(Typed(key=ENTER, burst=hostile)), FindEmployee)
    assert isinstance(life.tap(f"{EMPLOYEE_BUTTON}{hostile}"), FindEmployee)


def test_a_wrong_sign_is_taken_back() -> None:
    life = Life()
    state = life.type(*"100", "7", BACKSPACE, "1", "💥", "")
    assert isinstance(state, FindEmployee)
    assert state.number == "1001"


# --- purpose --------------------------------------------------------------------------------------------------------


def test_another_basis_is_offered_only_where_policy_says_so_and_is_recorded_as_such() -> None:
    life = Life()
    life.tap(f"{EMPLOYEE_BUTTON}1001")
    assert isinstance(life.tap(OTHER_BASIS_BUTTON), Purpose)
    life = Life(duty=True)
    state = life.tap(f"{EMPLOYEE_BUTTON}1001", OTHER_BASIS_BUTTON)
    assert isinstance(state, Capture)
    assert state.draft.decision.ground is Ground.PUBLIC_DUTY


def test_the_bases_are_those_the_register_keeps() -> None:
    assert {each.value for each in Basis} == {each.value for each in Ground} - {Ground.NO_FACE.value}


def test_pictures_are_kept_only_if_that_is_agreed_to_too() -> None:
    life = Life()
    state = life.tap(f"{EMPLOYEE_BUTTON}1001", PHOTO_BUTTON, AGREE_BUTTON)
    assert isinstance(state, Capture)
    assert state.draft.photo
    state = life.tap(REFUSE_BUTTON)
    assert isinstance(state, ChoosePin)
    assert not state.draft.photo, "and never without a face"


def test_the_text_is_read_in_the_persons_own_language_and_that_is_kept() -> None:
    life = Life()
    life.tap(f"{EMPLOYEE_BUTTON}1001", "language:jv", "language:xx")
    assert life.spoken == ["jv"]
    state = life.tap(AGREE_BUTTON)
    assert isinstance(state, Capture)
    assert state.draft.decision.language == "jv"


# --- without a face -------------------------------------------------------------------------------------------------


def test_who_refuses_is_enrolled_by_number_and_pin_with_no_sample_and_no_picture() -> None:
    life = Life()
    assert isinstance(life.refuse(), ChoosePin)
    assert isinstance(life.choose_pin(), Saving), "no camera, no test"
    state = life.store()
    assert state == Done(employee="1001", by_face=False)
    (wish,) = life.wishes
    assert (wish.decision.ground, wish.samples, dict(wish.looks), wish.pin, wish.photo) == (
        Ground.NO_FACE, (), {}, PIN, False,
    )  # fmt: skip
    assert (life.searches, life.questions) == ([], [])


def test_who_changes_their_mind_after_the_pin_is_not_asked_for_it_again() -> None:
    life = before_test()
    assert isinstance(life.tap(REFUSE_BUTTON), Saving)
    assert (life.wishes[0].decision.ground, life.wishes[0].samples, life.wishes[0].pin) == (Ground.NO_FACE, (), PIN)


def test_a_refusal_by_mistake_leads_back_to_the_purpose() -> None:
    life = Life()
    life.refuse()
    assert isinstance(life.tap(BACK_BUTTON), Purpose)
    assert isinstance(life.tap(REFUSE_BUTTON), ChoosePin)
    assert isinstance(life.type(BACKSPACE), Purpose), "by the keyboard too"


def test_without_a_face_the_pin_cannot_be_skipped() -> None:
    life = Life(pin_required=False)
    life.refuse()
    assert isinstance(life.tap(SKIP_BUTTON), ChoosePin)


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
    quality = given.quality
    assert state.hint is (quality and (quality.reason or quality.advice))


@pytest.mark.parametrize("pad", [PadVerdict.ATTACK, PadVerdict.UNDECIDED])
def test_a_photograph_held_up_gives_no_sample(pad: PadVerdict) -> None:
    state, _ = captured(saw(pad=pad))
    assert (state.draft.samples, state.problem) == ((), CaptureProblem.NOT_LIVE)


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


# --- PIN ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pin", "flaw"),
    [
        ("", PinFlaw.NOT_SIX_DIGITS),
        ("7392", PinFlaw.NOT_SIX_DIGITS),
        ("777777", PinFlaw.REPEATED),
        ("987654", PinFlaw.IN_A_ROW),
        ("739739", PinFlaw.PATTERN),
        ("733377", PinFlaw.TOO_FEW_DIGITS),
        ("147258", PinFlaw.COMMON),
        ("731001", PinFlaw.OWN_NUMBER),
    ],
)
def test_a_poor_pin_is_told_what_is_wrong_with_it(pin: str, flaw: PinFlaw) -> None:
    life = Life()
    life.refuse()
    state = life.type(*pin, ENTER)
    assert isinstance(state, ChoosePin)
    assert (state.flaw, state.step, state.code) == (flaw, PinStep.CHOOSE, "")
    assert isinstance(life.choose_pin(), Saving)


def test_a_pin_typed_differently_the_second_time_is_begun_anew() -> None:
    life = Life()
    life.refuse()
    state = life.type(*PIN, ENTER)
    assert isinstance(state, ChoosePin)
    assert state.step is PinStep.REPEAT
    state = life.type(*"739207", ENTER)
    assert isinstance(state, ChoosePin)
    assert (state.step, state.different) == (PinStep.CHOOSE, True)
    life.type(*"1", BACKSPACE)
    life.give(Typed(key=ENTER, burst=PIN))
    assert isinstance(life.choose_pin(), Saving)


def test_who_has_a_face_may_skip_the_pin_where_policy_allows() -> None:
    life = Life(pin_required=False)
    life.agree()
    life.pose()
    life.search()
    assert isinstance(life.tap(SKIP_BUTTON), SelfTest)
    assert isinstance(life.tap(REFUSE_BUTTON), ChoosePin), "but has to choose one without it"


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


# --- the end --------------------------------------------------------------------------------------------------------


def test_what_failed_is_not_there_and_may_be_tried_again() -> None:
    life = before_test()
    life.walk_up()
    state = life.fail()
    assert isinstance(state, NotEnrolled)
    assert not state.unanswered
    assert isinstance(life.tap(AGAIN_BUTTON), Saving)
    assert life.wishes[0].save == life.wishes[1].save
    assert isinstance(life.store(), Done)


def test_what_failed_and_is_left_is_cancelled() -> None:
    life = before_test()
    life.walk_up()
    life.fail()
    assert life.tap(CANCEL) == Cancelled(why=Why.FAILED)


def test_without_an_answer_nobody_says_that_nothing_is_there() -> None:
    life = before_test()
    life.walk_up()
    state = life.wait(11)
    assert isinstance(state, NotEnrolled)
    assert state.unanswered
    assert isinstance(life.tap(REFUSE_BUTTON), NotEnrolled), "it may be there with a face"
    state = life.tap(CANCEL)
    assert isinstance(state, Cancelled)
    assert state.why is Why.UNANSWERED
    assert life.store() == Done(employee="1001", by_face=True), "the late answer is heard"


def test_a_late_failure_clears_the_doubt_and_one_of_an_older_try_does_not() -> None:
    life = before_test()
    life.walk_up()
    life.wait(11)
    life.tap(AGAIN_BUTTON)
    first, second = life.wishes
    assert isinstance(life.give(EnrolFailed(save=first.save, attempt=first.attempt)), Saving)
    life.wait(11)
    life.tap(CANCEL)
    life.give(EnrolFailed(save=first.save, attempt=first.attempt))
    assert isinstance(life.state, Cancelled)
    assert life.state.why is Why.UNANSWERED
    assert life.give(EnrolFailed(save=second.save, attempt=second.attempt)) == Cancelled(why=Why.FAILED)
    assert life.give(Enrolled(save=first.save)) == Cancelled(why=Why.FAILED)


def test_rules_by_which_nobody_could_be_enrolled_are_refused() -> None:
    for rules in (WizardRules(poses=()), WizardRules(test_tries=0), WizardRules(front_yaw=0.2, side_yaw=0.2)):
        with pytest.raises(ValueError, match="takes a pose or more"):
            wizard.start(rules, moment(), administrator="9", roster=ROSTER)
