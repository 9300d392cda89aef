"""What is corrected at the kiosk, and done at its desk: committed like a punch, and known to whoever asks the card."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sync import chain
from sync.messages import (
    AttendanceEvent,
    Change,
    ClockQuality,
    Correction,
    DeskNote,
    Direction,
    DirectionBy,
    Entry,
    MessageRefused,
    decode_entry,
    encode,
)
from sync.outbox import MIGRATIONS, DayPunch, Outbox, OutboxFailed
from tests.sync.samples import BOOT, SEVEN, SIGNER, ack, open_card, punch
from tests.sync.world import World


@pytest.fixture
def card(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_card(tmp_path)) as connection:
        yield connection


@pytest.fixture
def outbox(card: sqlite3.Connection) -> Outbox:
    return Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)


def record(outbox: Outbox, employee: str, *, minute: int = 0, repeat_of: int | None = None) -> AttendanceEvent:
    at = SEVEN + timedelta(minutes=minute)
    return outbox.record(
        punch(employee, at=at), clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=5, recorded_at=at,
        repeat_of=repeat_of,
    )  # fmt: skip


def correct(
    outbox: Outbox, event: AttendanceEvent, direction: Direction | None = None, change: Change | None = None
) -> Correction:
    """Have the direction corrected where one is given, else the punch voided."""
    return outbox.correct(
        event,
        change=change or (Change.DIRECTION if direction else Change.NOT_ME),
        direction=direction,
        made_at=event.punch.occurred_at + timedelta(seconds=4),
        clock=ClockQuality.SYNCED,
        boot_id=BOOT,
        boottime_ns=6,
        recorded_at=event.punch.occurred_at + timedelta(seconds=4),
    )


def note(outbox: Outbox, action: str = "opened", employee: str = "1001") -> DeskNote:
    return outbox.note_desk(
        employee=employee, action=action, made_at=SEVEN, clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=7,
        recorded_at=SEVEN,
    )  # fmt: skip


def entries(outbox: Outbox) -> list[Entry]:
    return [chain.read_entry(row.payload)[0] for row in outbox.pending()]


def refused(outbox: Outbox, *seqs: int) -> None:
    """Have the centre say that it has other bytes there."""
    outbox.acknowledge(ack(outbox, 0, refused=ack(outbox, 0, seqs).extra))


def test_corrections_and_notes_of_the_desk_wait_in_the_same_chain_as_the_punches(outbox: Outbox) -> None:
    first = record(outbox, "1987")
    changed = correct(outbox, first, Direction.OUT)
    voided = correct(outbox, first)
    opened = note(outbox)

    assert entries(outbox) == [first, changed, voided, opened]
    assert [entry.seq for entry in entries(outbox)] == [1, 2, 3, 4]
    assert (changed.of, changed.of_epoch, changed.receipt, changed.employee) == (1, None, first.receipt, "1987")
    assert (changed.change, changed.direction, voided.change, voided.direction) == (
        Change.DIRECTION, Direction.OUT, Change.NOT_ME, None,
    )  # fmt: skip
    kept = [
        chain.Kept(terminal="lobby-1", epoch=outbox.epoch, seq=seq, payload=row.payload)
        for seq, row in enumerate(outbox.pending(), 1)
    ]
    assert not any(isinstance(link, chain.Bad) for link in chain.links(kept))
    outbox.acknowledge(ack(outbox, 4))
    assert outbox.depth() == 0
    assert outbox.forget_acknowledged(datetime.max.replace(tzinfo=SEVEN.tzinfo)) == 4


def test_the_last_punch_is_none_that_was_voided_and_has_the_corrected_direction(outbox: Outbox) -> None:
    morning, noon = record(outbox, "1987"), record(outbox, "1987", minute=300)
    correct(outbox, noon)
    assert outbox.last_punch("1987", since=SEVEN) == morning

    correct(outbox, morning, Direction.OUT)
    corrected = outbox.last_punch("1987", since=SEVEN)
    assert corrected is not None
    assert (corrected.seq, corrected.receipt) == (morning.seq, morning.receipt)
    assert (corrected.punch.direction, corrected.punch.direction_by) == (Direction.OUT, DirectionBy.EMPLOYEE)
    assert outbox.punches("1987", since=SEVEN) == [morning, noon], "what was recorded is as it was"

    correct(outbox, morning, Direction.IN)
    assert (again := outbox.last_punch("1987", since=SEVEN)) is not None
    assert again.punch.direction is Direction.IN, "the last correction counts"
    correct(outbox, morning)
    assert outbox.last_punch("1987", since=SEVEN) is None


def test_a_repeat_of_a_voided_punch_is_a_punch(outbox: Outbox) -> None:
    """A colleague was taken for 1987 first, and then 1987 came."""
    wrong = record(outbox, "1987")
    mine = record(outbox, "1987", minute=1, repeat_of=wrong.seq)
    assert outbox.last_punch("1987", since=SEVEN) == wrong
    correct(outbox, wrong)
    assert outbox.last_punch("1987", since=SEVEN) == mine


def test_the_day_is_read_with_what_became_of_each_punch(outbox: Outbox) -> None:
    early = record(outbox, "1987", minute=-60)
    first, second, third = (record(outbox, employee, minute=minute) for minute, employee in enumerate("123"))
    correct(outbox, first)
    correct(outbox, second, Direction.OUT)
    note(outbox)

    assert outbox.punches_since(SEVEN) == (
        DayPunch(event=first, direction=Direction.IN, voided=True),
        DayPunch(event=second, direction=Direction.OUT, voided=False),
        DayPunch(event=third, direction=Direction.IN, voided=False),
    )
    assert [each.event for each in outbox.punches_since(SEVEN - timedelta(hours=2))] == [early, first, second, third]
    outbox.acknowledge(ack(outbox, 900))  # of another card: a new epoch begins
    assert outbox.punches_since(SEVEN) == ()


def test_the_same_correction_twice_is_two_entries_that_say_one_thing(outbox: Outbox) -> None:
    first = record(outbox, "1987")
    assert (correct(outbox, first).seq, correct(outbox, first).seq) == (2, 3)
    assert outbox.punches_since(SEVEN) == (DayPunch(event=first, direction=Direction.IN, voided=True),)


def test_a_punch_of_an_earlier_epoch_is_named_by_that_epoch(outbox: Outbox) -> None:
    first, old = record(outbox, "1987"), outbox.epoch
    outbox.acknowledge(ack(outbox, 900))
    made = correct(outbox, first)
    assert (made.epoch, made.seq) == (outbox.epoch, 1)
    assert (made.of, made.of_epoch, made.receipt) == (1, old, first.receipt)


def test_a_punch_that_was_recorded_again_is_named_where_it_lies_now(outbox: Outbox) -> None:
    record(outbox, "1")
    first = record(outbox, "1987")
    refused(outbox, 2)
    made = correct(outbox, first)
    (again,) = (entry for entry in entries(outbox) if isinstance(entry, AttendanceEvent) and entry.moved_from)
    assert made.epoch == again.epoch == outbox.epoch
    assert (made.of, made.of_epoch) == (again.seq, None)
    assert outbox.last_punch("1987", since=SEVEN) is None


def test_what_the_centre_refused_is_recorded_again_with_its_corrections_and_the_desks_notes(outbox: Outbox) -> None:
    first = record(outbox, "1987")
    second = record(outbox, "2")
    correct(outbox, first)
    correct(outbox, second, Direction.OUT)
    note(outbox)
    old = outbox.epoch
    refused(outbox, 2, 3, 4, 5)

    moved = [entry for entry in entries(outbox) if entry.epoch == outbox.epoch]
    assert [type(entry).__name__ for entry in moved] == ["AttendanceEvent", "Correction", "Correction", "DeskNote"]
    punch_again, void_again, out_again, note_again = moved
    assert isinstance(punch_again, AttendanceEvent)
    assert punch_again.moved_from == (old, 2)
    assert isinstance(void_again, Correction)
    assert (void_again.of, void_again.of_epoch, void_again.moved_from) == (1, old, (old, 3)), "its punch was not moved"
    assert isinstance(out_again, Correction)
    assert (out_again.of, out_again.of_epoch, out_again.moved_from) == (1, None, (old, 4))
    assert isinstance(note_again, DeskNote)
    assert (note_again.action, note_again.moved_from) == ("opened", (old, 5))
    assert outbox.last_punch("1987", since=SEVEN) is None
    (still,) = outbox.punches_since(SEVEN)
    assert (still.event.punch, still.direction) == (second.punch, Direction.OUT)


def test_a_punch_that_is_not_on_the_card_cannot_be_corrected_and_nothing_is_stored(
    outbox: Outbox, card: sqlite3.Connection
) -> None:
    first = record(outbox, "1987")
    outbox.acknowledge(ack(outbox, 1))
    outbox.forget_acknowledged(datetime.max.replace(tzinfo=SEVEN.tzinfo))
    with pytest.raises(OutboxFailed, match="not on this card"):
        correct(outbox, first)
    assert (outbox.depth(), outbox.last_seq(), card.in_transaction) == (0, 1, False)


@pytest.mark.parametrize(
    ("change", "direction"), [(Change.DIRECTION, None), (Change.NOT_ME, Direction.OUT)], ids=["nowhere", "both"]
)
def test_a_correction_that_contradicts_itself_is_taken_by_nobody(
    outbox: Outbox, change: Change, direction: Direction | None
) -> None:
    first = record(outbox, "1987")
    with pytest.raises(OutboxFailed, match="a direction is given where the direction is corrected"):
        correct(outbox, first, direction, change)
    assert outbox.last_seq() == 1

    sound = encode(correct(outbox, first, Direction.OUT if change is Change.DIRECTION else None))
    said = b',"direction":"out"'
    forged = (
        sound.replace(said, b"") if change is Change.DIRECTION else sound.replace(b',"made_at"', said + b',"made_at"')
    )
    assert forged != sound
    with pytest.raises(MessageRefused, match="a direction is given"):
        decode_entry(forged)


@pytest.mark.parametrize("action", ["", "x", "Opened", "rm -rf", "x" * 41, "opened\n"])
def test_a_note_of_the_desk_is_one_word(outbox: Outbox, action: str) -> None:
    with pytest.raises(OutboxFailed, match="cannot be recorded"):
        note(outbox, action)
    assert outbox.depth() == 0


def test_a_card_that_does_not_take_a_correction_leaves_the_punch_as_it_was(
    tmp_path: Path, card: sqlite3.Connection, outbox: Outbox
) -> None:
    first = record(outbox, "1987")
    card.execute("PRAGMA busy_timeout = 20")
    with closing(open_card(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutboxFailed, match="locked"):
            correct(outbox, first)
        with pytest.raises(OutboxFailed, match="locked"):
            note(outbox)
        other.execute("ROLLBACK")
    assert outbox.last_punch("1987", since=SEVEN) == first
    assert correct(outbox, first).seq == 2


def test_a_card_of_before_there_were_corrections_takes_them(tmp_path: Path) -> None:
    older = sqlite3.connect(tmp_path / "card.sqlite", isolation_level=None)
    with closing(older):
        for name, script in MIGRATIONS:
            if name != "outbox_3_corrections":
                older.executescript(script)
        older.execute("PRAGMA journal_mode = WAL")
        older.execute("PRAGMA synchronous = FULL")
        outbox = Outbox(older, office="demo", terminal="lobby-1", signer=SIGNER)
        first = record(outbox, "1987")
        older.executescript(dict(MIGRATIONS)["outbox_3_corrections"])
        assert outbox.last_punch("1987", since=SEVEN) == first
        correct(outbox, first)
        assert outbox.last_punch("1987", since=SEVEN) is None


def test_what_is_corrected_on_a_card_that_was_put_back_reaches_the_centre(tmp_path: Path) -> None:
    """The centre has another entry in its place, so it is recorded again in a new epoch; its punch is not."""
    world = World(tmp_path, seed=3)
    kiosk = world.kiosks["lobby-1"]
    first = kiosk.punch()
    world.settle()
    copy = kiosk.files()
    kiosk.punch()
    world.settle()
    kiosk.die()
    kiosk.start(copy)
    kiosk.not_me(back=1)
    kiosk.note_desk()
    assert kiosk.voided == {first.receipt}
    world.settle()
    world.check()
    rows = world.registered("lobby-1")
    assert [(row.receipt == first.receipt, row.voided) for row in rows if row.receipt] == [(True, True), (False, False)]
    moved = {row.epoch for row in rows} - {first.epoch}
    assert [row.seq for row in rows if row.epoch in moved] == [1, 2], "the correction and the note of the desk"
    world.close()
