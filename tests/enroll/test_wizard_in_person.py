"""F3 in the enrolment: nobody is enrolled from a picture, and what cannot be told is told to whoever approves."""

import pytest

from enroll import wizard
from enroll.wizard.signals import AGAIN_BUTTON, LOOK_BUTTON, REFUSE_BUTTON
from enroll.wizard.states import Cancelled, Capture, Checking, ChoosePin, OfferLooks, Saving, SelfTest, Stalled, Why
from enroll.wizard.steps import poses_of
from enroll.wizard.values import Pose
from sync.messages import PadVerdict
from terminal.screens.catalogue import LOCALES, language
from terminal.visit.signals import CANCEL
from tests.enroll.wizard_life import YAWS, Life, before_test, saw

ATTACK, THERE, UNSURE = PadVerdict.ATTACK, PadVerdict.BONA_FIDE, PadVerdict.UNDECIDED


def posed(life: Life, pad: PadVerdict, *, track: int = 1) -> None:
    """Hold every pose that is asked for, as somebody of whom that is known."""
    while isinstance(life.state, Capture):
        life.give(saw(YAWS[life.state.pose], pad=pad, track=track), after_s=1.0)


def stored(life: Life) -> PadVerdict:
    """Go on to the end of the enrolment, and return what is stored of whether somebody was there."""
    life.search()
    life.choose_pin()
    assert isinstance(life.walk_up(), Saving)
    return life.wishes[-1].pad


def test_f3_what_is_no_person_gives_nothing_and_it_may_be_begun_again() -> None:
    life = Life()
    life.agree()
    life.give(saw(pad=UNSURE, track=1), after_s=1.0)
    state = life.give(saw(0.2, pad=ATTACK, track=1), after_s=0.1)
    assert isinstance(state, Stalled)
    assert (state.refused, state.capture.draft.samples, state.capture.poses) == (True, (), tuple(Pose))
    assert wizard.choices(life.wizard) == (AGAIN_BUTTON, REFUSE_BUTTON, CANCEL), "nobody is unable to report for work"
    assert isinstance(life.tap(AGAIN_BUTTON), Capture)
    posed(life, THERE, track=2)
    assert stored(life) is THERE


def test_f3_what_is_no_person_three_times_ends_it_and_the_centre_is_to_be_called() -> None:
    life = Life()
    life.agree()
    for _ in range(2):
        assert isinstance(life.give(saw(pad=ATTACK), after_s=1.0), Stalled)
        life.tap(AGAIN_BUTTON)
    state = life.give(saw(pad=ATTACK), after_s=1.0)
    assert state == Cancelled(why=Why.NOT_LIVE)
    assert (life.wishes, life.searches) == ([], [])


def test_f3_going_back_to_the_purpose_does_not_start_the_counting_anew() -> None:
    life = Life()
    for _ in range(2):
        life.agree()
        life.give(saw(pad=ATTACK), after_s=1.0)
        assert isinstance(life.tap(REFUSE_BUTTON), ChoosePin)
        life.tap("back")
    life.tap("agree")
    assert isinstance(life.give(saw(pad=ATTACK), after_s=1.0), Cancelled)


def test_f3_a_picture_shown_in_the_self_test_undoes_what_was_taken_before() -> None:
    life = before_test()
    state = life.give(saw(pad=ATTACK), after_s=1.0)
    assert isinstance(state, Stalled)
    assert (state.capture.draft.samples, state.capture.draft.searched) == ((), 0), "it is searched for anew, too"
    life.tap(AGAIN_BUTTON)
    posed(life, THERE)
    assert isinstance(life.state, Checking)


def test_f3_what_is_known_in_the_end_of_a_track_holds_for_all_pictures_of_it() -> None:
    life = Life()
    life.agree()
    life.give(saw(pad=UNSURE, track=1), after_s=1.0)
    life.give(saw(0.2, pad=THERE, track=1), after_s=1.0)
    life.give(saw(-0.2, pad=THERE, track=1), after_s=1.0)
    assert stored(life) is THERE


@pytest.mark.parametrize("first", [UNSURE, PadVerdict.NOT_CHECKED])
def test_f3_another_track_vouches_for_no_picture_of_the_one_before(first: PadVerdict) -> None:
    life = Life()
    life.agree()
    life.give(saw(pad=first, track=1), after_s=1.0)
    posed(life, THERE, track=2)
    assert stored(life) is first


def test_f3_what_cannot_be_told_is_stored_for_whoever_approves_and_refused_where_nobody_does() -> None:
    life = Life()
    life.agree()
    posed(life, UNSURE)
    assert stored(life) is UNSURE
    alone = Life(unsure=False)
    alone.agree()
    posed(alone, UNSURE)
    assert isinstance(alone.state, Stalled)
    assert alone.state.refused
    alone.tap(AGAIN_BUTTON)
    posed(alone, THERE)
    assert stored(alone) is THERE, "a control: who is there is enrolled at the desk as well"


def test_f3_a_further_look_is_of_the_same_face_and_lowers_nothing_but_a_picture_in_its_place_is_refused() -> None:
    life = Life(looks=("glasses",))
    life.agree()
    posed(life, THERE)
    assert isinstance(life.state, OfferLooks)
    life.tap(f"{LOOK_BUTTON}glasses")
    attacked = life.wizard
    life.give(saw(pad=UNSURE, track=2), after_s=1.0)
    assert stored(life) is THERE
    life.wizard = attacked
    state = life.give(saw(pad=ATTACK, track=2), after_s=1.0)
    assert isinstance(state, Stalled)
    assert state.capture.draft.samples == ()


def test_f3_no_face_is_kept_and_nothing_is_said_of_one() -> None:
    life = Life()
    life.agree()
    life.give(saw(pad=UNSURE, track=1), after_s=1.0)
    life.tap(REFUSE_BUTTON)
    life.choose_pin()
    assert (life.wishes[-1].pad, life.wishes[-1].samples) == (PadVerdict.NOT_CHECKED, ())


def test_f3_a_turn_is_waited_for_only_as_long_as_for_anybody_who_does_not_turn() -> None:
    life = Life()
    life.agree()
    life.give(saw(pad=UNSURE, track=1), after_s=1.0)
    state = life.give(saw(0.2, pad=UNSURE, track=1, waits=True), after_s=1.0)
    assert isinstance(state, Capture)
    assert state.pose is Pose.LEFT, "a little more is asked of them"
    life.wait(life.wizard.rules.patience_s)
    state = life.give(saw(0.2, pad=UNSURE, track=1, waits=True), after_s=0.1)
    assert isinstance(state, Capture)
    assert state.pose is Pose.RIGHT


def test_f3_after_a_pause_pictures_of_which_nothing_was_known_are_taken_anew() -> None:
    life = Life()
    life.agree()
    life.give(saw(pad=UNSURE, track=1), after_s=1.0)
    life.wait(21)
    state = life.tap(AGAIN_BUTTON)
    assert isinstance(state, Capture)
    assert (state.draft.samples, state.poses) == ((), tuple(Pose))
    assert not state.as_they_stand


def test_f3_to_which_side_first_is_chance_and_drawn_anew_after_a_refusal() -> None:
    life = Life(draw=0b10)
    life.agree()
    assert poses_of(life.wizard) == (Pose.FRONT, Pose.LEFT, Pose.RIGHT)
    life.give(saw(pad=ATTACK), after_s=1.0)
    state = life.tap(AGAIN_BUTTON)
    assert isinstance(state, Capture)
    assert state.poses == (Pose.FRONT, Pose.RIGHT, Pose.LEFT) == poses_of(life.wizard)
    posed(life, THERE)
    assert isinstance(life.state, Checking)


def test_f3_nobody_is_told_what_gave_it_away() -> None:
    for tongue in LOCALES:
        say = language(tongue).wizard
        said = " ".join(say[name] for name in ("not_live", "not_live_how", "why_not_live")).casefold()
        told = ("photo", "picture", "foto", "gambar", "attack", "serangan", "screen", "layar", "paper", "kertas")
        assert not [word for word in told if word in said], tongue


def test_f3_an_unsure_self_test_is_no_reason_to_stop() -> None:
    life = before_test()
    assert isinstance(life.state, SelfTest)
    life.give(saw(reason=None, pad=UNSURE), after_s=0.1)
    assert isinstance(life.walk_up(), Saving)
