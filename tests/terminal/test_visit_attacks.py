"""What a visit makes of who is no living person, or was not shown to be one: told, counted, held off, and the PIN."""

import pytest

from sync.messages import Method, PadVerdict
from terminal import visit
from terminal.sighting import Challenge
from terminal.visit.doubting import recalled
from terminal.visit.signals import CANCEL, PIN_BUTTON, NoteAttack, PinVerdict, Sound, Tapped, Typed
from terminal.visit.states import CameraDown, Challenged, Held, Idle, Looking, PinNumber, Recorded, Refused
from tests.terminal.made import SEVEN, now, rules
from tests.terminal.visit_life import Life, attacks, camera, typed_in

ATTACK, UNDECIDED = PadVerdict.ATTACK, PadVerdict.UNDECIDED


def pin_punch(life: Life, employee: str = "1001") -> tuple[PadVerdict, tuple[str, ...], tuple[str, ...]]:
    """Have a PIN typed and found right; return what the punch says of the face."""
    typed_in(life, employee)
    life.answer(PinVerdict.OK, employee, method=Method.PIN)
    punch = life.records[-1].punch
    assert punch.method is Method.PIN
    return punch.pad, punch.cues, punch.review


def challenged(life: Life, track_id: int = 1, *, cues: tuple[str, ...] = (), employee: str = "1001") -> None:
    life.see(track_id, employee, pad=UNDECIDED, challenge=Challenge.TURN_LEFT, cues=cues)
    assert isinstance(life.state, Challenged)


# --- told once ------------------------------------------------------------------------------------------------------


def test_f3_a_refused_photo_is_noted_once_however_long_it_is_held_up() -> None:
    life = Life()
    for _ in range(100):
        life.see(1, "1001", pad=ATTACK, cues=("edge", "relief"))
        life.wait(0.1)
    (note,) = life.notes
    assert note.at >= SEVEN
    assert (note.track_id, note.employee, note.verdict) == (1, "1001", ATTACK)
    assert (note.cues, note.held) == (("edge", "relief"), False)
    assert life.records == []
    assert life.chimes.count(Sound.REFUSED) == 1


def test_a_photo_of_nobody_known_is_noted_as_nobodys() -> None:
    life = Life()
    assert isinstance(life.see(1, pad=ATTACK), Refused)
    assert [note.employee for note in life.notes] == [None]


def test_more_cues_than_a_note_holds_do_not_make_it_fail() -> None:
    life = Life()
    life.see(1, "1001", pad=ATTACK, cues=tuple(f"cue{number}" for number in range(12)))
    assert len(life.notes[0].cues) == 8


def test_what_was_asked_and_not_done_is_a_near_miss_and_leads_to_the_pin() -> None:
    life = Life()
    challenged(life, cues=("passive",))
    assert isinstance(life.see(1, "1001", pad=UNDECIDED, pin_left=True, cues=("passive",)), PinNumber)
    assert [(note.verdict, note.employee, note.cues) for note in life.notes] == [(UNDECIDED, "1001", ("passive",))]


def test_nobody_is_told_of_who_was_never_asked_anything() -> None:
    life = Life()
    assert isinstance(life.see(1, "1001", pad=UNDECIDED, pin_left=True), PinNumber)
    assert life.notes == []


@pytest.mark.parametrize(("cues", "told"), [(("passive",), 1), ((), 0)])
@pytest.mark.parametrize("way", ["gone", "another face"])
def test_who_leaves_instead_of_turning_is_noted_only_where_a_cue_told(
    way: str, cues: tuple[str, ...], told: int
) -> None:
    life = Life()
    challenged(life, cues=cues)
    if way == "gone":
        assert isinstance(life.wait(1.5), Idle)
    else:
        assert isinstance(life.see(2), Looking)
    assert [note.verdict for note in life.notes] == [UNDECIDED] * told
    life.see(1, "1001", pad=UNDECIDED, challenge=Challenge.BLINK, cues=cues)
    life.wait(1.5)
    assert len(life.notes) == told, "once a track"


def test_whoever_turned_when_asked_is_punched_and_the_punch_has_the_cues() -> None:
    life = Life()
    challenged(life, cues=("passive",))
    life.see(1, "1001", pad=PadVerdict.BONA_FIDE, cues=("passive",))
    assert isinstance(life.state, Recorded)
    punch = life.records[0].punch
    assert (punch.pad, punch.cues, punch.review, life.notes) == (PadVerdict.BONA_FIDE, ("passive",), (), [])


# --- the PIN after it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.0, 10.0])
def test_a_pin_after_a_refused_photo_of_the_same_person_says_so(after_s: float) -> None:
    life = Life()
    life.see(1, "1001", pad=ATTACK, cues=("edge",))
    life.wait(after_s)
    assert pin_punch(life) == (ATTACK, ("edge",), ("not_shown_live",))


def test_a_pin_after_a_photo_of_nobody_known_says_so_whoever_types_it() -> None:
    life = Life()
    life.see(1, pad=ATTACK, cues=("edge",))
    assert pin_punch(life, "1002") == (ATTACK, ("edge",), ("not_shown_live",))


def test_a_pin_after_what_was_asked_was_not_done_says_so() -> None:
    life = Life()
    challenged(life)
    life.see(1, "1001", pad=UNDECIDED, pin_left=True)
    life.type(*"1001")
    assert pin_punch(life) == (UNDECIDED, (), ("not_shown_live",))


@pytest.mark.parametrize(("cues", "review"), [((), ()), (("passive",), ("not_shown_live",))])
def test_who_would_rather_type_than_turn_is_listed_only_where_a_cue_told(
    cues: tuple[str, ...], review: tuple[str, ...]
) -> None:
    life = Life()
    challenged(life, cues=cues)
    assert isinstance(life.give(Tapped(button=PIN_BUTTON)), PinNumber)
    assert life.notes == []
    assert pin_punch(life) == (UNDECIDED, cues, review)


def test_a_photo_held_up_beside_a_pin_is_noted_once_and_the_punch_says_so() -> None:
    life = Life()
    life.type(*"1001")
    for _ in range(5):
        assert isinstance(life.see(1, "1001", pad=ATTACK, cues=("relief",)), PinNumber), "who types is left alone"
    assert [(note.track_id, note.verdict) for note in life.notes] == [(1, ATTACK)]
    life.give(Typed(key=CANCEL))
    assert pin_punch(life) == (ATTACK, ("relief",), ("not_shown_live",))


def test_what_is_known_of_the_face_beside_a_pin_goes_into_the_punch() -> None:
    life = Life()
    typed_in(life)
    life.answer(PinVerdict.OK, "1001", method=Method.FACE_AND_PIN, score=0.8, pad=PadVerdict.BONA_FIDE)
    punch = life.records[-1].punch
    assert (punch.method, punch.pad, punch.review) == (Method.FACE_AND_PIN, PadVerdict.BONA_FIDE, ())


def test_the_colleague_behind_a_refused_photo_is_not_suspected() -> None:
    life = Life()
    life.see(1, "1001", pad=ATTACK)
    assert pin_punch(life, "1002") == (PadVerdict.NOT_CHECKED, (), ())


def test_who_types_a_minute_later_is_not_suspected() -> None:
    life = Life()
    life.see(1, pad=ATTACK)
    life.wait(60)
    assert pin_punch(life) == (PadVerdict.NOT_CHECKED, (), ())


def test_a_face_that_was_let_in_ends_the_doubt() -> None:
    life = Life()
    life.see(1, pad=ATTACK)
    life.see(2, "1002")
    assert life.records[-1].punch.employee == "1002"
    assert pin_punch(life) == (PadVerdict.NOT_CHECKED, (), ())


# --- five attacks ---------------------------------------------------------------------------------------------------


def test_f3_after_five_attacks_no_face_is_taken_for_thirty_seconds_and_a_pin_is() -> None:
    life = Life()
    attacks(life, 4)
    assert [note.held for note in life.notes] == [False] * 4
    assert isinstance(life.see(50, "1002"), Recorded), "four of them keep nobody out"
    attacks(life, 1, first=200)
    held_s = life.at_s
    assert life.notes[-1].held
    life.wait(2.6)
    assert isinstance(life.state, Held)
    assert isinstance(life.see(51, "1003", since_s=life.at_s), Held), "nobody's face"
    arrived_at = life.state.arrived_at
    assert arrived_at == now(life.at_s - 0.1).at
    assert pin_punch(life, "1003")[0] is PadVerdict.NOT_CHECKED
    assert life.records[-1].punch.first_seen_at == arrived_at, "and the time of their arrival is theirs"
    life.wait(2.6)
    assert isinstance(life.wait(0.05), Held), "the PIN of one ends it for nobody else"
    life.wait(held_s + 29.9 - life.at_s)
    assert isinstance(life.see(52, "1004", after_s=0.0), Held)
    assert isinstance(life.wait(0.2), Idle)
    assert isinstance(life.see(52, "1004", since_s=held_s + 1), Recorded)
    assert life.records[-1].punch.first_seen_at == now(held_s + 1).at, "who waited has lost no minute"


def test_a_near_miss_is_no_attack_and_holds_nobody_up() -> None:
    life = Life()
    for track_id in range(1, 12):
        challenged(life, track_id, cues=("passive",))
        life.wait(1.5)
    assert len(life.notes) == 11
    assert isinstance(life.see(50, "1002"), Recorded)


def test_five_attacks_in_more_than_ten_minutes_hold_nobody_up() -> None:
    life = Life()
    attacks(life, 40, every_s=151.0)
    assert not any(note.held for note in life.notes)
    assert isinstance(life.see(50, "1002"), Recorded)


def test_attacks_while_it_is_held_are_noted_and_make_it_no_longer() -> None:
    life = Life()
    attacks(life, 5, every_s=1.0)
    held_s = life.at_s
    attacks(life, 12, first=300, every_s=2.0)
    assert [note.held for note in life.notes] == [False] * 4 + [True] + [False] * 12
    life.wait(held_s + 30.1 - life.at_s)
    assert isinstance(life.see(50, "1002"), Recorded)
    attacks(life, 4, first=400, every_s=1.0)
    assert not any(note.held for note in life.notes[5:]), "the count begins anew"


def test_the_office_may_choose_how_many_and_how_long() -> None:
    life = Life(rules(attacks_before_delay=2, delay_s=5))
    attacks(life, 2)
    life.wait(2.6)
    assert isinstance(life.state, Held)
    assert isinstance(life.wait(2.5), Idle)


def test_a_camera_lost_meanwhile_says_so_and_nothing_is_held_longer() -> None:
    life = Life()
    attacks(life, 5)
    life.wait(2.6)
    assert isinstance(life.give(camera("lost")), CameraDown)
    assert isinstance(life.wait(5), CameraDown)
    life.give(camera("ok"))
    assert isinstance(life.wait(0.05), Held)
    assert isinstance(life.wait(30), Idle)


def test_a_keypad_left_open_does_not_let_a_face_in_while_it_is_held() -> None:
    life = Life()
    attacks(life, 5, every_s=1.0)
    life.give(Tapped(button=PIN_BUTTON))
    assert isinstance(life.see(50, "1002", after_s=6), PinNumber), "it would give way at another time"
    assert isinstance(life.see(50, "1002", after_s=25), Recorded)


@pytest.mark.parametrize(
    ("ago_s", "held_for_s"),
    [
        ((), 0.0),
        ((50, 40, 30, 20), 0.0),
        ((50, 40, 30, 20, 10), 20.0),
        ((90, 80, 70, 60, 50), 0.0),
        ((700, 690, 30, 20, 10), 0.0),
        ((50, 40, 30, 20, 10, 5, 4, 3, 2, 1), 20.0),
        ((0, 0, 0, 0, 0), 30.0),
    ],
)
def test_a_restart_ends_no_delay(ago_s: tuple[float, ...], held_for_s: float) -> None:
    memory = recalled(rules(), ago_s, now())
    life = Life()
    life.visit = visit.start(rules(), now(), memory=memory)
    assert isinstance(life.wait(0.0), Held if held_for_s else Idle)
    if held_for_s:
        assert isinstance(life.see(1, "1002", after_s=held_for_s - 0.1), Held)
    life.wait(0.2)
    assert isinstance(life.see(1, "1002"), Recorded)


def test_a_restart_forgets_no_attack() -> None:
    life = Life()
    life.visit = visit.start(rules(), now(), memory=recalled(rules(), (50, 40, 30, 20), now()))
    attacks(life, 1)
    assert [note.held for note in life.notes] == [True]


def test_the_notes_of_a_visit_are_values() -> None:
    life = Life()
    life.see(1, "1001", pad=ATTACK)
    assert life.notes == [NoteAttack(track_id=1, employee="1001", verdict=ATTACK, cues=(), held=False, at=now(0.1).at)]
