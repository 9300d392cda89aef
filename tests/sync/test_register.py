"""The central register: every punch exactly once, heads without a gap, readers that miss nothing."""

import random
import sqlite3
import stat
import threading
import traceback
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.messages import ClockQuality, Direction, Method, Presence, TerminalStatus, encode
from sync.register import Register, RegisterError, RegisterNewer, RegisterReplaced, RegisterUnavailable, refusals
from sync.register.arrivals import Added, Key, Outcome, add_events
from sync.register.events import all_heads, count_events, events_of_day, events_since, last_id, payload_of
from sync.register.intake import take
from sync.register.refusals import Rejected, latest_quarantined, latest_rejected, refusal_counts
from sync.register.schema import Instant, events, metadata
from sync.register.statuses import HeardStatus, all_statuses
from tests.sync.samples import EPOCH, SEVEN, arrival, status


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the SQLite register."""
    return tmp_path / "centre/register.sqlite"


@pytest.fixture
def sqlite_register(sqlite_url: str) -> Iterator[Register]:
    """An empty register in `file`."""
    with Register.open(sqlite_url) as opened:
        yield opened


def upto(added: Added) -> dict[Key, int]:
    return {key: reached.upto for key, reached in added.reached.items()}


def head(register: Register) -> tuple[int, int]:
    (only,) = all_heads(register)
    return only.upto, only.highest


def test_a_batch_is_stored_with_the_exact_bytes_and_the_times_have_zones(register: Register) -> None:
    jakarta = datetime(2026, 3, 2, 7, 0, tzinfo=timezone(timedelta(hours=7)))
    first = arrival(1, at=jakarta)
    added = add_events(register, [first, arrival(2)])

    assert added.outcomes == (Outcome.STORED, Outcome.STORED)
    assert upto(added) == {("lobby-1", EPOCH): 2}
    seen = events_since(register, 0)
    assert [each.seq for each in seen] == [1, 2]
    assert seen[0].first_seen_at == jakarta
    assert seen[0].first_seen_at.utcoffset() == timedelta(0)
    assert seen[0].occurred_at == jakarta + timedelta(seconds=2)
    assert seen[0].received_at == SEVEN + timedelta(seconds=9)
    assert (seen[0].method, seen[0].direction, seen[0].clock) == (Method.FACE, Direction.IN, ClockQuality.SYNCED)
    assert payload_of(register, seen[0].id) == first.payload
    assert payload_of(register, 999) is None


def test_the_same_event_again_is_known_in_the_same_batch_and_later(register: Register) -> None:
    added = add_events(register, [arrival(1), arrival(1), arrival(2)])
    assert added.outcomes == (Outcome.STORED, Outcome.KNOWN, Outcome.STORED)
    again = add_events(register, [arrival(2), arrival(1)])
    assert again.outcomes == (Outcome.KNOWN, Outcome.KNOWN)
    assert upto(again) == {("lobby-1", EPOCH): 2}
    assert count_events(register) == 2


def test_other_bytes_under_a_taken_key_go_to_quarantine_once(register: Register) -> None:
    original, second = arrival(1, employee="1"), arrival(2)
    add_events(register, [original])
    added = add_events(register, [arrival(1, employee="2"), arrival(1, employee="2"), second])

    assert added.outcomes == (Outcome.CONFLICT, Outcome.CONFLICT, Outcome.STORED)
    assert upto(added) == {("lobby-1", EPOCH): 2}
    assert payload_of(register, 1) == original.payload
    assert [each.employee for each in events_since(register, 0)] == ["1", "1987"]
    assert refusal_counts(register).quarantined == 1
    (isolated,) = latest_quarantined(register)
    assert isolated.payload == arrival(1, employee="2").payload
    assert isolated.seq == 1


def test_two_versions_of_one_key_in_one_batch_keep_the_first(register: Register) -> None:
    added = add_events(register, [arrival(1, employee="1"), arrival(1, employee="2")])
    assert added.outcomes == (Outcome.STORED, Outcome.CONFLICT)
    assert events_since(register, 0)[0].employee == "1"


def test_the_head_stops_at_a_gap_and_jumps_when_it_closes(register: Register) -> None:
    add_events(register, [arrival(seq) for seq in (1, 2, 5, 6, 9)])
    assert head(register) == (2, 9)
    add_events(register, [arrival(4)])
    assert head(register) == (2, 9)
    assert upto(add_events(register, [arrival(3)])) == {("lobby-1", EPOCH): 6}
    assert head(register) == (6, 9)
    add_events(register, [arrival(7), arrival(8)])
    assert head(register) == (9, 9)
    assert upto(add_events(register, [arrival(4)])) == {("lobby-1", EPOCH): 9}


def test_heads_are_right_whatever_the_order_and_the_batches(register: Register) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    wanted = [(terminal, seq) for terminal in ("a-1", "b-1", "c-1") for seq in range(1, 61)]
    wanted += rng.sample(wanted, 60)
    rng.shuffle(wanted)
    stored: set[tuple[str, int]] = set()
    while wanted:
        batch = [wanted.pop() for _ in range(min(len(wanted), rng.randint(1, 9)))]
        added = add_events(register, [arrival(seq, terminal=terminal) for terminal, seq in batch])
        for pair, outcome in zip(batch, added.outcomes, strict=True):
            assert outcome is (Outcome.KNOWN if pair in stored else Outcome.STORED)
            stored.add(pair)
        for (terminal, _), reached in upto(added).items():
            assert all((terminal, seq) in stored for seq in range(1, reached + 1))
            assert (terminal, reached + 1) not in stored
    assert [(each.terminal, each.upto) for each in all_heads(register)] == [("a-1", 60), ("b-1", 60), ("c-1", 60)]


def test_terminals_and_epochs_do_not_mix(register: Register) -> None:
    batch = [arrival(1), arrival(1, terminal="lobby-2"), arrival(1, epoch="f" * 32)]
    added = add_events(register, batch)
    assert added.outcomes == (Outcome.STORED,) * 3
    assert len(all_heads(register)) == 3


def test_a_reader_of_news_pages_by_id(register: Register) -> None:
    assert (last_id(register), events_since(register, 0)) == (0, [])
    add_events(register, [arrival(seq) for seq in range(1, 8)])
    assert [each.id for each in events_since(register, 0, limit=3)] == [1, 2, 3]
    assert [each.id for each in events_since(register, 3)] == [4, 5, 6, 7]
    assert events_since(register, last_id(register)) == []


def test_a_day_is_what_was_first_seen_in_it(register: Register) -> None:
    day, before, after = SEVEN, SEVEN - timedelta(seconds=1), SEVEN + timedelta(days=1)
    add_events(
        register,
        [
            arrival(1, at=day + timedelta(hours=3)),
            arrival(2, at=before),
            arrival(3, at=day),
            arrival(4, at=after),
            arrival(5, at=day, office="other", terminal="lobby-9"),
        ],
    )
    of_office = events_of_day(register, office="demo", start=day, end=after)
    assert [each.seq for each in of_office] == [3, 1]
    assert [each.seq for each in events_of_day(register, start=day, end=after)] == [3, 5, 1]


def test_extreme_but_real_values_are_kept(register: Register) -> None:
    far = arrival(2**53 - 2, at=datetime(9998, 12, 31, tzinfo=UTC))
    farther = arrival(2**53 - 1, at=datetime(1970, 1, 1, tzinfo=UTC))
    assert add_events(register, [farther, far]).outcomes == (Outcome.STORED,) * 2
    assert head(register) == (0, 2**53 - 1)
    assert {each.first_seen_at.year for each in events_since(register, 0)} == {1970, 9998}


def test_a_batch_is_whole_or_not_there(register: Register) -> None:
    bad = Rejected(topic="t", reason="r", payload=b"x", received_at=datetime(2026, 1, 1))  # noqa: DTZ001 - no zone: refused
    with pytest.raises(RegisterError):
        take(register, events=[arrival(1)], rejected=[bad])
    assert (count_events(register), all_heads(register)) == (0, [])


def heard(value: TerminalStatus, *, at: datetime, retained: bool = False) -> HeardStatus:
    return HeardStatus(status=value, payload=encode(value), retained=retained, received_at=at)


def test_the_last_word_of_a_terminal_counts(register: Register) -> None:
    later = SEVEN + timedelta(minutes=5)
    take(register, statuses=[heard(status(outbox_depth=3), at=SEVEN)])
    take(register, statuses=[heard(status(outbox_depth=2), at=later), heard(status(outbox_depth=1), at=later)])
    (state,) = all_statuses(register)
    assert (state.online, state.status.outbox_depth, state.heard_at) == (True, 1, later)

    # A last will was written when the connection began: its own time is old, its word is new.
    take(register, statuses=[heard(status(Presence.OFFLINE), at=later)])
    assert not all_statuses(register)[0].online


def test_a_word_found_lying_at_the_broker_is_as_old_as_it_says(register: Register) -> None:
    now = SEVEN + timedelta(days=2)
    take(register, statuses=[heard(status(), at=now, retained=True)])
    assert all_statuses(register)[0].heard_at == SEVEN

    take(register, statuses=[heard(status(), at=now)])
    take(register, statuses=[heard(status(), at=now + timedelta(days=1), retained=True)])
    assert all_statuses(register)[0].heard_at == now, "found again after a reconnect: nothing was said since"

    from_the_future = status(at=now + timedelta(days=900))
    take(register, statuses=[heard(from_the_future, at=now, retained=True)])
    assert all_statuses(register)[0].heard_at == now


def test_a_last_will_written_at_the_kiosks_start_does_not_make_its_last_word_older(register: Register) -> None:
    spoke = SEVEN + timedelta(hours=5)
    take(register, statuses=[heard(status(at=spoke), at=spoke)])
    will = status(Presence.OFFLINE, at=SEVEN)
    take(register, statuses=[heard(will, at=spoke + timedelta(hours=1), retained=True)])
    (state,) = all_statuses(register)
    assert (state.online, state.heard_at) == (False, spoke)


def test_refused_messages_are_counted_cut_and_printable(register: Register) -> None:
    big = b"\x00" * 100_000
    refused = Rejected(
        topic="hadir/v1/\x07/\u202e/event", reason="not a message\n" * 90, payload=big, received_at=SEVEN
    )
    take(register, rejected=[refused, refused])
    take(register, rejected=[refused, Rejected(topic="other", reason="r", payload=big, received_at=SEVEN)])
    assert refusal_counts(register).rejected == 2
    row = next(each for each in latest_rejected(register) if each.topic != "other")
    assert (row.times, row.payload_bytes, len(row.payload)) == (3, 100_000, 4096)
    assert row.topic.isprintable()
    assert row.reason.isprintable()
    assert len(row.reason) == 300


def test_a_stranger_cannot_fill_the_disk_with_refused_messages(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "KEPT_ROWS", 50)
    for start in range(0, 200, 40):
        take(
            register,
            rejected=[
                Rejected(topic="t", reason="r", payload=b"%d" % number, received_at=SEVEN)
                for number in range(start, start + 40)
            ],
        )
    assert refusal_counts(register).rejected == 50
    assert latest_rejected(register, 1)[0].payload == b"199"


def test_many_openings_at_once_make_one_register(register_url: str) -> None:
    failures: list[BaseException] = []

    def opening() -> None:
        try:
            Register.open(register_url).close()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=opening) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with Register.open(register_url) as register:
        assert count_events(register) == 0


def test_the_migrations_make_the_tables_the_code_knows(register: Register) -> None:
    with register.read() as connection:
        inspector = sa.inspect(connection)
        for table in metadata.sorted_tables:
            made = {column["name"]: column for column in inspector.get_columns(table.name)}
            assert set(made) == {column.name for column in table.columns}, table.name
            for column in table.columns:
                assert made[column.name]["nullable"] == column.nullable, (table.name, column.name)
            assert set(inspector.get_pk_constraint(table.name)["constrained_columns"]) == {
                column.name for column in table.primary_key
            }
            made_indexes = {
                index["name"]
                for index in inspector.get_indexes(table.name)
                if "duplicates_constraint" not in index  # PostgreSQL names those of its constraints as well
            }
            assert made_indexes == {index.name for index in table.indexes}


def test_a_register_of_a_newer_hadir_is_left_untouched(register_url: str) -> None:
    with Register.open(register_url) as register:
        add_events(register, [arrival(1)])
        with register.write() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(RegisterNewer, match="schema 9999, made by a newer Hadir; update"):
        Register.open(register_url)
    raw = sa.create_engine(register_url)
    with raw.begin() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM events")) == 1
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == "9999"
    raw.dispose()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("mysql://root@localhost/x", "must start with sqlite"),
        ("sqlite:///:memory:", "must name a file"),
        ("nonsense", "not a database URL"),
        ("postgresql+psycopg://hadir:sw0rd@db:54x2/hadir", "not a database URL"),
        ("postgresql+psycopg://hadir:sw0@rd@db/hadir", "write @ as %40"),
        ("postgresql+nothing://hadir:sw0rd@db/hadir", "not a database URL"),
        ("postgresql+psycopg2://hadir:sw0rd@db/hadir", "driver psycopg2 is not installed"),
        ("postgresql+psycopg://hadir:sw0rd@127.0.0.1:1/hadir?nothing=sw0rd", "invalid connection option"),
        ("sqlite:////proc/nowhere/register.sqlite", "cannot be written"),
    ],
)
def test_a_place_that_cannot_be_is_refused_with_words(wrong: str, words: str) -> None:
    with pytest.raises(RegisterError, match=words) as refused:
        Register.open(wrong)
    told = "".join(traceback.format_exception(refused.value))
    assert not any(piece in told.replace(wrong, "") for piece in ("sw0rd", "rd@db"))


def test_a_file_that_is_no_database_is_left_untouched(tmp_path: Path) -> None:
    file = tmp_path / "register.sqlite"
    file.write_bytes(b"this is a letter, not a database, and longer than a header" * 40)
    before = file.read_bytes()
    with pytest.raises(RegisterError, match="not a database"):
        Register.open(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_only_the_owner_can_read_the_register(sqlite_register: Register, file: Path) -> None:
    add_events(sqlite_register, [arrival(1)])
    for each in file.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600, each.name


def test_a_locked_register_says_try_again_and_works_afterwards(
    sqlite_register: Register, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_register.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegisterUnavailable, match="cannot be used now"):
            add_events(sqlite_register, [arrival(1)])
        assert events_since(sqlite_register, 0) == [], "readers go on meanwhile"
        other.execute("ROLLBACK")
    assert add_events(sqlite_register, [arrival(1)]).outcomes == (Outcome.STORED,)


def test_a_full_disk_stores_nothing_of_the_batch(sqlite_register: Register) -> None:
    add_events(sqlite_register, [arrival(1)])
    with sqlite_register.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RegisterUnavailable, match="space"):
        add_events(sqlite_register, [arrival(seq) for seq in range(2, 2000)])
    assert count_events(sqlite_register) == 1
    with sqlite_register.read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert upto(add_events(sqlite_register, [arrival(2)])) == {("lobby-1", EPOCH): 2}


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_nothing_is_written_to_a_file_that_is_not_there_any_more(
    sqlite_register: Register, file: Path, how: str
) -> None:
    add_events(sqlite_register, [arrival(1)])
    moved = file.rename(file.with_name("moved.sqlite"))
    if how == "replaced":
        file.write_bytes(moved.read_bytes())
    with pytest.raises(RegisterReplaced, match="start this program again"):
        add_events(sqlite_register, [arrival(2)])


def test_a_moment_without_zone_never_enters(register: Register) -> None:
    with pytest.raises(RegisterError), register.write() as connection:
        connection.execute(sa.insert(events).values(received_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point
    assert isinstance(events.c.received_at.type, Instant)


@pytest.mark.slow
def test_a_reader_that_polls_while_others_write_misses_nothing(register_url: str) -> None:
    seen: list[int] = []
    with Register.open(register_url) as reader, Register.open(register_url) as one, Register.open(register_url) as two:

        def writing(register: Register, terminal: str) -> None:
            for start in range(1, 301, 10):
                add_events(register, [arrival(seq, terminal=terminal) for seq in range(start, start + 10)])

        threads = [
            threading.Thread(target=writing, args=(one, "lobby-1")),
            threading.Thread(target=writing, args=(two, "lobby-2")),
        ]
        for thread in threads:
            thread.start()
        while len(seen) < 600:
            writing_on = any(thread.is_alive() for thread in threads)
            fresh = events_since(reader, seen[-1] if seen else 0)
            seen += [each.id for each in fresh]
            if not fresh and not writing_on:
                break
        for thread in threads:
            thread.join()
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 600
