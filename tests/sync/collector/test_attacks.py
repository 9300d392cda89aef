"""Attacks at the collector: with their pictures into the register, acknowledged like anything else, deleted on time."""

from datetime import timedelta

from sync import chain
from sync.messages import AttackNote
from sync.register import Register
from sync.register.attacks import list_attacks, picture_of
from tests.sync.collector.desk import Desk
from tests.sync.notes import BOX, Kiosk
from tests.sync.samples import SEVEN

EVENTS = "hadir/v1/demo/lobby-1/event"
ALWAYS = SEVEN - timedelta(days=1)


def sent(desk: Desk, box: bytes) -> str:
    """Have an attack sent with that picture, and return what its note calls the one it was taken with."""
    note = Kiosk().attack("1987", box=BOX)
    assert isinstance(note.entry, AttackNote)
    assert note.entry.evidence_ref is not None
    desk.link.deliver(EVENTS, chain.pack([note.payload, chain.enclose(note.entry.evidence_ref, box)]))
    desk.turn()
    desk.turn(after_ms=51)
    return note.entry.evidence_ref


def test_f3_what_a_kiosk_sends_of_an_attack_is_in_the_register_picture_and_all(register: Register) -> None:
    desk = Desk(register)
    desk.link.connect()
    desk.turn()
    sent(desk, BOX)
    (found,) = list_attacks(register, ALWAYS)
    assert picture_of(register, found.id) == BOX
    assert desk.acks() == [(1, ())], "the note's acknowledgement is the picture's as well"
    desk.turn(after_ms=29 * 86_400_000)
    assert picture_of(register, found.id) == BOX
    desk.turn(after_ms=1.1 * 86_400_000)
    assert picture_of(register, found.id) is None
    assert [each.id for each in list_attacks(register, ALWAYS)] == [found.id]


def test_an_exchanged_picture_is_none_and_the_note_counts(register: Register) -> None:
    desk = Desk(register)
    desk.link.connect()
    desk.turn()
    ref = sent(desk, b"another")
    (found,) = list_attacks(register, ALWAYS)
    assert (found.evidence_ref, found.has_picture) == (ref, False)
    assert desk.acks() == [(1, ())]
