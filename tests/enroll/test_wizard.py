"""The enrolment machine: scenarios by name. Its table and random lives are in test_wizard_lives.py."""

import pytest

from enroll import wizard
from enroll.purpose import VERSION
from enroll.wizard.signals import (
    AGAIN_BUTTON,
    AGREE_BUTTON,
    EMPLOYEE_BUTTON,
    GO_ON_BUTTON,
    LOOK_BUTTON,
    OTHER_BASIS_BUTTON,
    PHOTO_BUTTON,
    REFUSE_BUTTON,
    SKIP_BUTTON,
    EnrolFailed,
    Enrolled,
    Typed,
)
from enroll.wizard.states import (
    Cancelled,
    Capture,
    Checking,
    ChoosePin,
    Done,
    FindEmployee,
    NotEnrolled,
    NumberProblem,
    OfferLooks,
    PinStep,
    Purpose,
    Saving,
    SelfTest,
    Why,
)
from enroll.wizard.values import Ground, Pose, WizardRules
from sync.register.consents import Basis
from terminal.pin.policy import PinFlaw
from terminal.visit.signals import BACK_BUTTON, BACKSPACE, CANCEL, ENTER
from tests.enroll.wizard_life import NINE, PIN, ROSTER, Life, before_test, moment

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
