"""The outbox: committed or not there at all, no gap, and a row leaves only on the collector's word."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from sync import chain, keys
from sync.messages import Ack, AttendanceEvent, ClockNote, ClockQuality, Punch, encode
from sync.outbox import AckRefused, Outbox, OutboxFailed, PendingEvent, Place
from tests.sync.samples import BOOT, SEVEN, SIGNER, ack, event, open_card, punch


def record(outbox: Outbox, employee: str = "1987", **more: object) -> AttendanceEvent:
    repeat_of = more.pop("repeat_of", None)
    clock = more.pop("clock", ClockQuality.SYNCED)
    return outbox.record(
        punch(employee, **more),  # type: ignore[arg-type]
        clock=clock,  # type: ignore[arg-type]
        boot_id=BOOT,
        boottime_ns=5,
        recorded_at=SEVEN,
        repeat_of=repeat_of,  # type: ignore[arg-type]
    )


@pytest.fixture
def card(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_card(tmp_path)) as connection:
        yield connection


@pytest.fixture
def outbox(card: sqlite3.Connection) -> Outbox:
    return Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)


def ack_for(outbox: Outbox, upto: int, *extra: int, **more: object) -> Ack:
    return ack(outbox, upto, extra, **more)  # type: ignore[arg-type]


def seqs(rows: list[PendingEvent]) -> list[int]:
    return [row.place.seq for row in rows]


def decoded(payload: bytes) -> AttendanceEvent:
    entry, _ = chain.read_entry(payload)
    assert isinstance(entry, AttendanceEvent)
    return entry


def test_a_punch_gets_the_next_place_and_its_exact_bytes_wait(outbox: Outbox) -> None:
    events = [record(outbox, employee) for employee in ("1", "2", "3")]

    assert [event.seq for event in events] == [1, 2, 3]
    assert [chain.unseal(pending.payload).body for pending in outbox.pending()] == [encode(event) for event in events]
    assert decoded(outbox.pending()[1].payload) == events[1]
    assert (outbox.depth(), outbox.last_seq()) == (3, 3)


def test_the_epoch_is_one_life_of_the_database(tmp_path: Path, outbox: Outbox) -> None:
    with closing(open_card(tmp_path)) as again:
        assert Outbox(again, office="demo", terminal="lobby-1", signer=SIGNER).epoch == outbox.epoch
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    with closing(open_card(elsewhere)) as fresh:
        other = Outbox(fresh, office="demo", terminal="lobby-1", signer=SIGNER).epoch
    assert len(other) == 32
    assert other != outbox.epoch


def test_another_connection_sees_a_punch_as_soon_as_record_returns(tmp_path: Path, outbox: Outbox) -> None:
    with closing(open_card(tmp_path)) as reader:
        uplink_side = Outbox(reader, office="demo", terminal="lobby-1", signer=SIGNER)
        record(outbox)
        assert uplink_side.depth() == 1


@pytest.mark.parametrize("pragma", ["synchronous = NORMAL", "synchronous = OFF", "journal_mode = DELETE"])
def test_a_connection_that_would_lose_rows_in_a_power_cut_is_refused(card: sqlite3.Connection, pragma: str) -> None:
    card.execute(f"PRAGMA {pragma}")
    with pytest.raises(OutboxFailed, match="WAL and FULL"):
        Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)


def test_an_ack_marks_everything_up_to_and_the_extras(outbox: Outbox) -> None:
    for _ in range(6):
        record(outbox)
    assert outbox.acknowledge(ack_for(outbox, 2, 4, 6)).changed == 4
    assert seqs(outbox.pending()) == [3, 5]
    assert outbox.acknowledge(ack_for(outbox, 2, 4, 6)).changed == 0, "the same word again changes nothing"
    assert outbox.acknowledge(ack_for(outbox, 6)).changed == 2
    assert outbox.depth() == 0


def test_pending_pages_in_order(outbox: Outbox) -> None:
    for _ in range(5):
        record(outbox)
    assert seqs(outbox.pending(limit=2)) == [1, 2]
    assert seqs(outbox.pending(after=Place(1, 2), limit=2)) == [3, 4]
    assert seqs(outbox.pending(after=Place(1, 4))) == [5]


def test_an_ack_for_somebody_else_marks_nothing(outbox: Outbox) -> None:
    record(outbox)
    for forged in (
        ack_for(outbox, 1, terminal="lobby-2"),
        ack_for(outbox, 1, office="other"),
        ack_for(outbox, 1, epoch="0" * 32),
    ):
        with pytest.raises(AckRefused):
            outbox.acknowledge(forged)
    assert outbox.depth() == 1


def test_a_word_for_bytes_this_card_has_not_marks_nothing_and_begins_a_new_epoch(outbox: Outbox) -> None:
    """The centre has punches of another card under these numbers: this one is a copy, or was put back."""
    before = outbox.epoch
    recorded = record(outbox)
    for said, news in ((ack_for(outbox, 1, upto_hash="5" * 64), True), (ack_for(outbox, 2, epoch=before), False)):
        marked = outbox.acknowledge(said)
        assert (marked.upto, marked.changed, marked.forked) == (0, 0, news), "of an epoch that is closed it is no news"
        assert outbox.depth() == 1
    after = outbox.epoch
    assert after != before, "once"
    assert record(outbox).seq == 1
    assert seqs(outbox.pending()) == [1, 1], "the old row still waits, under its own epoch"
    outbox.acknowledge(ack_for(outbox, 0, 1, epoch=before))
    assert [decoded(row.payload).epoch for row in outbox.pending()] == [after]
    assert decoded(outbox.pending()[0].payload).prev_hash == chain.GENESIS
    assert recorded.epoch == before


def test_a_row_the_centre_refused_is_recorded_again_in_the_new_epoch_under_the_same_receipt(outbox: Outbox) -> None:
    first = record(outbox, "1")
    again = record(outbox, "1", repeat_of=1)
    old = outbox.epoch
    digits = [chain.digest(row.payload).hex()[:16] for row in outbox.pending()]
    said = ack_for(outbox, 0, refused=((1, digits[0]), (2, digits[1])))
    marked = outbox.acknowledge(said)

    assert (marked.refused, marked.forked) == ((1, 2), True)
    moved = [decoded(row.payload) for row in outbox.pending()]
    assert [(each.seq, each.moved_from, each.receipt, each.punch) for each in moved] == [
        (1, (old, 1), first.receipt, first.punch),
        (2, (old, 2), again.receipt, again.punch),
    ]
    assert moved[1].repeat_of == 1
    assert [each.epoch for each in outbox.punches("1", since=SEVEN)] == [outbox.epoch] * 2
    assert outbox.acknowledge(said).refused == (), "the same word again moves nothing"
    assert outbox.depth() == 2


def test_a_word_with_the_wrong_digits_frees_no_extra(outbox: Outbox) -> None:
    for _ in range(3):
        record(outbox)
    assert (
        outbox.acknowledge(
            Ack(office="demo", terminal="lobby-1", epoch=outbox.epoch, upto=0, extra=((2, "0" * 16),))
        ).changed
        == 0
    )
    assert outbox.acknowledge(ack_for(outbox, 0, 2)).changed == 1
    assert seqs(outbox.pending()) == [1, 3]
    assert outbox.acknowledged_to() == 0, "2 is beyond one that waits"
    outbox.acknowledge(ack_for(outbox, 2))
    assert outbox.acknowledged_to() == 2
    outbox.acknowledge(ack_for(outbox, 3))
    assert (outbox.acknowledged_to(), outbox.oldest_seq()) == (3, 1)


def test_what_the_centre_lost_waits_again_and_what_it_never_had_is_left(outbox: Outbox) -> None:
    for _ in range(6):
        record(outbox)
    outbox.acknowledge(ack_for(outbox, 5))
    marked = outbox.acknowledge(ack_for(outbox, 1, missing=((2, 3), (5, 900))))
    assert marked.reopened == 3
    assert seqs(outbox.pending()) == [2, 3, 5, 6]


def test_earlier_epochs_are_told_of_while_acknowledged_rows_of_them_lie_on_the_card(outbox: Outbox) -> None:
    first = outbox.epoch
    for _ in range(4):
        record(outbox)
    outbox.acknowledge(ack_for(outbox, 2))
    assert outbox.earlier() == ()
    outbox.acknowledge(ack_for(outbox, 9))  # of another card: a new epoch begins
    assert outbox.earlier() == ((first, 1, 2),)
    second = outbox.epoch
    outbox.acknowledge(ack_for(outbox, 9))
    assert outbox.epoch != second
    assert outbox.earlier() == ((first, 1, 2),), "one without rows has nothing to tell"
    record(outbox)
    refused = ack_for(outbox, 0, 3, 4, epoch=first).extra
    outbox.acknowledge(ack_for(outbox, 0, epoch=first, refused=refused))
    assert outbox.earlier() == ((first, 1, 2),), "what was moved is not there to be asked for"


def test_the_rows_form_one_chain_and_every_change_of_one_is_seen(outbox: Outbox) -> None:
    for employee in "123":
        record(outbox, employee)
    rows = [row.payload for row in outbox.pending()]
    kept = [chain.Kept(terminal="lobby-1", epoch=outbox.epoch, seq=n, payload=row) for n, row in enumerate(rows, 1)]
    verified = keys.verifier([SIGNER.public])
    for found in chain.links(kept):
        assert not isinstance(found, chain.Bad)
        assert verified(found[2].signature, found[2].body)
    del kept[1]
    *_, last = chain.links(kept)
    assert isinstance(last, chain.Bad)
    assert (last.seq, last.why) == (2, "is not there")


def test_a_clock_that_jumped_is_told_and_one_that_drifts_is_not(outbox: Outbox) -> None:
    def at(wall_s: float, boot_s: float, boot_id: str = BOOT) -> int | None:
        return outbox.record(
            punch(),
            clock=ClockQuality.SYNCED,
            boot_id=boot_id,
            boottime_ns=int(boot_s * 1e9),
            recorded_at=SEVEN + timedelta(seconds=wall_s),
        ).clock_jump_ms

    assert at(0, 100) is None
    assert at(51.9, 150) is None
    assert at(-3 * 86_400, 160) == -259_261_900
    assert at(0, 1, "cd" * 16) is None, "another boot's clock says nothing"


def test_a_boot_whose_time_came_back_gets_one_note_and_only_if_it_needs_one(outbox: Outbox) -> None:
    def note(clock: ClockQuality, boot_id: str = BOOT) -> ClockNote | None:
        return outbox.note_clock(clock=clock, boot_id=boot_id, boottime_ns=9, recorded_at=SEVEN)

    record(outbox)
    assert note(ClockQuality.SYNCED) is None
    record(outbox, clock=ClockQuality.UNSYNCED)
    assert note(ClockQuality.UNSYNCED) is None
    assert note(ClockQuality.SYNCED, "cd" * 16) is None, "not of this boot"
    written = note(ClockQuality.SYNCED)
    assert written is not None
    assert (written.seq, outbox.depth()) == (3, 3)
    assert note(ClockQuality.SYNCED) is None
    assert record(outbox).prev_hash == chain.digest(outbox.pending()[2].payload).hex()


def test_a_full_disk_refuses_the_punch_and_works_again_when_there_is_space(
    card: sqlite3.Connection, outbox: Outbox
) -> None:
    record(outbox)
    pages = card.execute("PRAGMA page_count").fetchone()[0]
    card.execute(f"PRAGMA max_page_count = {pages}")
    with contextlib.suppress(OutboxFailed):
        for _ in range(10_000):
            record(outbox)
    assert not card.in_transaction
    recorded = outbox.last_seq()
    assert recorded == outbox.depth() < 10_000
    with pytest.raises(OutboxFailed, match="nothing was recorded"):
        record(outbox)

    card.execute("PRAGMA max_page_count = 1000000")
    assert record(outbox).seq == recorded + 1, "the refused punches left no gap"
    assert card.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_locked_card_refuses_the_punch_and_keeps_nothing(tmp_path: Path, card: sqlite3.Connection) -> None:
    card.execute("PRAGMA busy_timeout = 20")
    outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
    with closing(open_card(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutboxFailed, match="locked"):
            record(outbox)
        other.execute("ROLLBACK")
    assert record(outbox).seq == 1


def test_a_punch_inside_somebody_elses_transaction_is_refused_and_leaves_it_alone(
    card: sqlite3.Connection, outbox: Outbox
) -> None:
    card.execute("BEGIN")
    with pytest.raises(OutboxFailed):
        record(outbox)
    assert card.in_transaction
    card.execute("ROLLBACK")
    assert record(outbox).seq == 1


@pytest.mark.parametrize(
    ("employee", "at", "score"),
    [
        ("1987", SEVEN, float("nan")),
        ("1987", SEVEN, float("inf")),
        ("", SEVEN, 0.5),
        ("x" * 33, SEVEN, 0.5),
        ("1987'; --", SEVEN, 0.5),
        ("1987", SEVEN.replace(tzinfo=None), 0.5),
        ("1987", "yesterday", 0.5),
        ("1987", SEVEN, {1, 2}),
    ],
)
def test_what_the_collector_would_refuse_is_not_recorded(
    outbox: Outbox, employee: str, at: datetime, score: float
) -> None:
    value = punch("1")
    broken = Punch(
        employee=employee,
        method=value.method,
        direction=value.direction,
        direction_by=value.direction_by,
        occurred_at=at,
        first_seen_at=value.first_seen_at,
        gallery_version=1,
        score=score,
    )
    with pytest.raises(OutboxFailed, match="cannot be recorded"):
        outbox.record(broken, clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=5, recorded_at=SEVEN)
    assert (outbox.depth(), outbox.last_seq()) == (0, 0)


def test_the_newest_punch_is_found_and_repeats_are_passed_over(outbox: Outbox) -> None:
    first = record(outbox, "1", at=SEVEN)
    record(outbox, "2", at=SEVEN + timedelta(seconds=5))
    record(outbox, "1", at=SEVEN + timedelta(seconds=10), repeat_of=first.seq)

    assert outbox.last_punch("1", since=SEVEN) == first
    assert outbox.last_punch("1", since=SEVEN + timedelta(seconds=1)) is None
    assert outbox.last_punch("3", since=SEVEN) is None
    assert [event.repeat_of for event in outbox.punches("1", since=SEVEN)] == [None, first.seq]


def test_acknowledged_punches_are_kept_until_their_time_and_the_sequence_goes_on(card: sqlite3.Connection) -> None:
    clock = [SEVEN]
    outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER, now=lambda: clock[0])
    for _ in range(1200):
        record(outbox)
    outbox.acknowledge(ack_for(outbox, 1100))
    clock[0] += timedelta(days=31)
    outbox.acknowledge(ack_for(outbox, 1150))

    assert outbox.forget_acknowledged(clock[0] - timedelta(days=30)) == 1100
    assert outbox.forget_acknowledged(clock[0] - timedelta(days=30)) == 0
    assert [outbox.pending(limit=1)[0].place.seq, outbox.depth()] == [1151, 50]

    outbox.acknowledge(ack_for(outbox, 1200))
    assert outbox.forget_acknowledged(clock[0] + timedelta(days=1)) == 100
    assert record(outbox).seq == 1201, "an empty table does not start the sequence again"


def test_forgetting_never_takes_a_row_that_comes_meanwhile(tmp_path: Path, outbox: Outbox) -> None:
    """A punch may be recorded between any two looks at the card: only what is acknowledged and old may go."""
    with closing(open_card(tmp_path)) as connection:
        side = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        asked = side._rows

        def meanwhile(sql: str, values: tuple[object, ...]) -> list[object]:
            found = asked(sql, values)
            record(outbox)
            return found

        side._rows = meanwhile  # type: ignore[method-assign]
        assert side.forget_acknowledged(SEVEN + timedelta(days=900)) == 0
    assert outbox.depth() == outbox.last_seq() >= 1


def test_a_card_moved_to_another_kiosk_speaks_for_it_only_when_nothing_is_left(
    card: sqlite3.Connection, outbox: Outbox
) -> None:
    record(outbox)
    with pytest.raises(OutboxFailed, match="holds 1 punches of terminal lobby-1"):
        Outbox(card, office="demo", terminal="lobby-2", signer=SIGNER)
    outbox.acknowledge(ack_for(outbox, 1))
    before = outbox.epoch
    moved = Outbox(card, office="demo", terminal="lobby-2", signer=SIGNER)
    assert moved.epoch != before
    assert record(moved).seq == 1
    assert moved.pending()[0].place.seq == 1


def test_two_threads_record_and_acknowledge_without_a_gap(tmp_path: Path, outbox: Outbox) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def acknowledging() -> None:
        try:
            with closing(open_card(tmp_path)) as connection:
                side = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
                while not (done.is_set() and side.depth() == 0):
                    rows = side.pending(limit=7)
                    if rows:
                        side.acknowledge(ack_for(side, rows[-1].place.seq))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    thread = threading.Thread(target=acknowledging)
    thread.start()
    recorded = [record(outbox).seq for _ in range(150)]
    done.set()
    thread.join(20)
    assert not failures
    assert recorded == list(range(1, 151))


@pytest.mark.slow
def test_a_punch_printed_after_record_survives_kill_9(tmp_path: Path) -> None:
    """Kill the process at any moment: every seq it announced is in the file, and none is missing below it."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from tests.sync.samples import open_card
from tests.sync.samples import SIGNER
from tests.sync.test_outbox import record
from sync.outbox import Outbox
outbox = Outbox(open_card(Path({str(tmp_path)!r})), office="demo", terminal="lobby-1", signer=SIGNER)
while True:
    print(record(outbox).seq, flush=True)
"""
    thanked = 0
    for round_ in range(4):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(20 + 13 * round_):
                thanked = int(process.stdout.readline())
            process.kill()
            for line in process.stdout:
                if line.endswith("\n"):
                    thanked = int(line)
        with closing(open_card(tmp_path)) as card:
            outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
            assert seqs(outbox.pending(limit=1_000_000)) == list(range(1, outbox.last_seq() + 1))
            assert thanked <= outbox.last_seq() <= thanked + 1


def test_punches_a_card_kept_before_they_were_signed_are_recorded_again_signed(card: sqlite3.Connection) -> None:
    """As the first layout wrote them: no signature, no chain, no receipt."""
    card.execute(
        "INSERT INTO outbox_epochs (epoch, office, terminal, last_seq, born_us) VALUES (?, 'demo', 'lobby-1', 3, 0)",
        ("c" * 32,),
    )
    for seq, acknowledged in ((1, 5), (2, None), (3, None)):
        raw = msgspec.json.decode(encode(event(seq, repeat_of=2 if seq == 3 else None)))
        old = {key: raw[key] for key in raw if key not in ("prev_hash", "recorded_at", "receipt")} | {"epoch": "c" * 32}
        card.execute(
            "INSERT INTO outbox (epoch, seq, payload, employee, occurred_us, acknowledged_us) "
            "VALUES (1, ?, ?, ?, 0, ?)",
            (seq, msgspec.json.encode(old), "1987", acknowledged),
        )
    outbox = Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER)
    waiting = [decoded(row.payload) for row in outbox.pending()]
    assert [(each.seq, each.moved_from, each.repeat_of) for each in waiting] == [
        (1, ("c" * 32, 2), None),
        (2, ("c" * 32, 3), 1),
    ]
    assert Outbox(card, office="demo", terminal="lobby-1", signer=SIGNER).depth() == 2, "once"
