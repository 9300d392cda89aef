"""Attacks in the register: each once, with its picture for a while, and what was decided of it."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec import structs

import config
from sync import chain, pictures
from sync.messages import AttackNote, ClockQuality, MessageRefused, PadVerdict, decode_entry, encode
from sync.register import Register, attacks, enrolment
from sync.register.attacks import (
    MOST_PICTURES,
    AttackUnknown,
    Decision,
    count_attacks,
    decide,
    drop_old,
    list_attacks,
    picture_of,
)
from sync.register.events import count_events, events_since
from sync.register.intake import take
from sync.sealing import ref_of
from tests.sync.notes import BOX, Kiosk
from tests.sync.samples import SEVEN

ALWAYS = SEVEN - timedelta(days=3)
NOON = SEVEN + timedelta(hours=5)


def test_an_attack_is_there_with_what_its_note_says_and_its_picture(register: Register) -> None:
    kiosk = Kiosk()
    nobodys = kiosk.attack(score=0.25, held=True)
    take(register, events=[nobodys, kiosk.attack("1987", at=SEVEN + timedelta(minutes=1), box=BOX)])
    first, second = list_attacks(register, ALWAYS)
    assert (first.employee, first.score, first.held, first.at, first.cues) == (
        None, 0.25, True, SEVEN, ("edge", "relief"),
    )  # fmt: skip
    assert (first.evidence_ref, first.has_picture, picture_of(register, first.id)) == ("none:policy", False, None)
    assert (second.employee, second.verdict, second.evidence_ref) == ("1987", PadVerdict.ATTACK, ref_of(BOX))
    assert (second.has_picture, picture_of(register, second.id)) == (True, BOX)
    assert list_attacks(register, SEVEN + timedelta(minutes=1)) == [second]
    assert list_attacks(register, ALWAYS, terminal="lobby-9") == list_attacks(register, ALWAYS, office="other") == []
    assert list_attacks(register, ALWAYS, employee="1987") == [second]
    assert count_events(register) == 0, "neither is a punch of anybody"
    assert events_since(register, 0) == []


def test_no_picture_is_in_the_chain(register: Register) -> None:
    take(register, events=[Kiosk().attack("1987", box=BOX)])
    with register.read() as connection:
        (payload,) = connection.execute(sa.text("SELECT payload FROM events")).scalars()
    assert BOX not in bytes(payload)
    assert ref_of(BOX).encode() in bytes(payload)


def test_a7_a_note_that_comes_again_or_was_recorded_again_elsewhere_counts_once(register: Register) -> None:
    note = Kiosk().attack("1987", box=BOX)
    again = Kiosk(epoch="f" * 32).attack("1987", moved_from=("e" * 32, 1))
    assert again.entry.id == note.entry.id  # type: ignore[union-attr]
    for _ in range(3):
        take(register, events=[note, again])
    (found,) = list_attacks(register, ALWAYS)
    assert found.has_picture
    assert count_attacks(register, ALWAYS) == {("demo", "lobby-1"): 1}


def test_what_happened_is_told_by_the_corrected_time(register: Register) -> None:
    """The kiosk said 1970, and knew the time an hour later in the same boot."""
    kiosk = Kiosk()
    wrong = SEVEN - timedelta(days=20_000)
    note = kiosk.attack(at=wrong, clock=ClockQuality.UNSYNCED, boottime_ns=0, box=BOX)
    note = structs.replace(note, received_at=NOON)
    known = kiosk.punch("1987", at=SEVEN + timedelta(hours=1))
    known = structs.replace(known, received_at=NOON)
    take(register, events=[note, known])
    (found,) = list_attacks(register, ALWAYS)
    assert found.timed_by != "clock"
    assert SEVEN - timedelta(hours=1) < found.at < SEVEN + timedelta(hours=2)
    assert found.has_picture, "nobody can say that it is too old"


def test_a_decision_is_kept_with_who_and_when_and_the_newest_counts(register: Register) -> None:
    kiosk = Kiosk()
    take(register, events=[kiosk.attack("1987", box=BOX), kiosk.attack(), kiosk.punch("1987")])
    before = events_since(register, 0)
    one, other = list_attacks(register, ALWAYS, only_open=True)
    decided = decide(register, one.id[:8], Decision.ATTACK, at=NOON, by="1001", note="a phone in his hand")
    assert (decided.decision, decided.decided_at, decided.decided_by, decided.note) == (
        Decision.ATTACK, NOON, "1001", "a phone in his hand",
    )  # fmt: skip
    assert list_attacks(register, ALWAYS, only_open=True) == [other]
    assert picture_of(register, one.id) == BOX, "the picture of an attack stays for its days"
    decide(register, one.id, Decision.PERSON, at=NOON + timedelta(hours=1), by="1002", note="it is she")
    assert [each.decision for each in list_attacks(register, ALWAYS)] == [Decision.PERSON, None]
    assert picture_of(register, one.id) is None, "that of a living person is not kept"
    assert count_attacks(register, ALWAYS) == {("demo", "lobby-1"): 1}
    with register.read() as connection:
        kept = connection.execute(sa.select(attacks.decisions.c.decision, attacks.decisions.c.decided_by)).all()
    assert [tuple(row) for row in kept] == [("attack", "1001"), ("person", "1002")]
    assert events_since(register, 0) == before, "no decision changes a punch"


def test_c2_an_id_that_is_none_is_refused(register: Register) -> None:
    take(register, events=[Kiosk().attack("1987")])
    for id_ in ("", "abc", "0" * 32, "%", "______", "' OR 1=1 --", "A" * 32):
        with pytest.raises(AttackUnknown):
            decide(register, id_, Decision.PERSON, at=NOON, by="1001", note="")
    assert [each.decision for each in list_attacks(register, ALWAYS)] == [None]


def test_an_id_that_two_begin_with_is_refused(register: Register) -> None:
    kiosk = Kiosk()
    take(register, events=[kiosk.attack(id="ab" * 16), kiosk.attack(id="ab" * 15 + "cd")])
    with pytest.raises(AttackUnknown, match="more than one"):
        decide(register, "abababab", Decision.PERSON, at=NOON, by="1001", note="")


def test_pictures_go_on_time_and_notes_stay(register: Register) -> None:
    kiosk = Kiosk()
    late = SEVEN + timedelta(days=20)
    take(register, events=[kiosk.attack("1987", box=BOX), kiosk.attack("1988", at=late, box=b"another")])
    drop_if_due = pictures.hourly(config.Config(), register)
    drop_if_due(SEVEN + timedelta(days=29))
    assert [each.has_picture for each in list_attacks(register, ALWAYS)] == [True, True]
    drop_if_due(SEVEN + timedelta(days=30, minutes=59))
    assert [each.has_picture for each in list_attacks(register, ALWAYS)] == [False, True]
    assert [each.employee for each in list_attacks(register, ALWAYS)] == ["1987", "1988"]
    assert drop_old(register, late) == 0
    assert drop_old(register, late + timedelta(days=1)) == 1
    with register.read() as connection:
        assert connection.execute(sa.select(attacks.attacks.c.picture)).scalars().all() == [None, None]


def test_a_picture_that_comes_too_late_is_not_kept(register: Register) -> None:
    kiosk = Kiosk()
    kiosk.late = timedelta(days=31)
    take(register, events=[kiosk.attack("1987", box=BOX)])
    kiosk.late = timedelta(days=29)
    take(register, events=[kiosk.attack("1988", box=b"another")])
    assert [each.has_picture for each in list_attacks(register, ALWAYS - timedelta(days=40))] == [False, True]


def test_a_hostile_kiosk_cannot_fill_the_register_with_pictures(register: Register) -> None:
    kiosk, other = Kiosk(), Kiosk("lobby-2")
    for _ in range(4):
        take(register, events=[kiosk.attack(box=b"%d" % each) for each in range(MOST_PICTURES // 2)])
    take(register, events=[other.attack(box=BOX)])
    found = list_attacks(register, ALWAYS)
    assert len(found) == 2 * MOST_PICTURES + 1, "every note stays"
    assert sum(each.has_picture for each in found if each.terminal == "lobby-1") == MOST_PICTURES
    assert [each.has_picture for each in found if each.terminal == "lobby-2"] == [True], "another kiosk has its own"
    take(register, events=[kiosk.attack(at=SEVEN + timedelta(days=1, minutes=1), box=b"tomorrow")])
    assert list_attacks(register, SEVEN + timedelta(days=1))[0].has_picture


def test_who_withdraws_leaves_no_picture_of_a_near_miss(register: Register) -> None:
    enrolment.upsert_employee(register, number="1987", name="Siti", office="demo", at=SEVEN)
    kiosk = Kiosk()
    near: dict[str, Any] = {"verdict": PadVerdict.UNDECIDED}
    take(
        register,
        events=[
            kiosk.attack("1987", box=b"1", **near),
            kiosk.attack("1987", box=b"2"),
            kiosk.attack("1988", box=b"3", **near),
        ],
    )
    enrolment.withdraw(register, "1987", at=NOON)
    assert [each.has_picture for each in list_attacks(register, ALWAYS)] == [False, True, True]


@pytest.mark.parametrize("changes", [{"evidence_ref": "none:\x00"}, {"cues": ("a\x00",)}, {"cues": ("x",) * 9}])
def test_c2_what_no_database_keeps_is_no_note(changes: dict[str, Any]) -> None:
    note = Kiosk().attack().entry
    assert isinstance(note, AttackNote)
    with pytest.raises(MessageRefused):
        decode_entry(encode(structs.replace(note, **changes)))


def test_c2_any_words_of_a_kiosk_are_kept_as_they_came(register: Register) -> None:
    words = ("'", '"--', "%", "\u202e", "🙂" * 50, "../../etc/x", "\x1b[2J", "\n")
    kiosk = Kiosk()
    take(register, events=[kiosk.attack(cues=(text,), evidence_ref=text) for text in words])
    assert [(each.cues, each.evidence_ref) for each in list_attacks(register, ALWAYS)] == [
        ((text,), text) for text in words
    ]


def test_what_the_columns_say_is_what_was_signed(register: Register) -> None:
    """`verify-chain` holds the register's columns against the bytes; an attack of nobody must not be a fault there."""
    from sync.register.evidence import NAMES, columns_of

    for entry in (Kiosk().attack(), Kiosk().attack("1987")):
        said = dict(zip(NAMES, columns_of(entry.entry, chain.digest(entry.payload)), strict=True))
        assert said["method"] is None
        assert said["counted_at"] == SEVEN
