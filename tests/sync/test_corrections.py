"""Corrections and notes of the desk at the centre: taken like punches, and what they make of the punches."""

import random
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import hadir
from sync import chain
from sync.export import export
from sync.messages import (
    AttendanceEvent,
    Chained,
    Change,
    ClockNote,
    ClockQuality,
    Correction,
    DeskNote,
    Direction,
    Entry,
    encode,
)
from sync.outbox import Outbox
from sync.outbox.salvage import salvage
from sync.register import Register, devices
from sync.register.arrivals import Arrival, Outcome, arrival
from sync.register.backup import back_up
from sync.register.corrections import corrections_since, desk_notes_since
from sync.register.events import (
    RegisteredEvent,
    TimedBy,
    all_heads,
    count_events,
    events_corrected,
    events_of_day,
    events_retimed,
    events_since,
    find_receipt,
)
from sync.register.intake import take
from sync.verify import verify
from sync.verify_sources import open_source
from tests.sync.samples import BOOT, EPOCH, SEVEN, SIGNER, ack, event, open_card, payload_of, punch
from tests.sync.tampering import opened

IN, OUT = Direction.IN, Direction.OUT
ALWAYS = SEVEN - timedelta(days=3650)


class Chain:
    """One terminal's chain, made entry by entry."""

    def __init__(self, terminal: str = "lobby-1", epoch: str = EPOCH) -> None:
        self.terminal, self.epoch = terminal, epoch
        self.made: list[Entry] = []
        self.payloads: list[bytes] = []

    def punch(self, employee: str = "1987", *, minute: int = 0, **more: Any) -> AttendanceEvent:
        made = event(
            self._next, employee=employee, terminal=self.terminal, epoch=self.epoch,
            at=SEVEN + timedelta(minutes=minute), **more,
        )  # fmt: skip
        self._add(made)
        return made

    def correct(self, of: AttendanceEvent, direction: Direction | None = None, **more: Any) -> Correction:
        values = {
            "of": of.seq,
            "employee": of.punch.employee,
            "receipt": of.receipt,
            "change": Change.DIRECTION if direction else Change.NOT_ME,
            "direction": direction,
            "made_at": of.recorded_at,
        }
        made = Correction(**(self._common() | values | more))
        self._add(made)
        return made

    def desk(self, action: str = "opened", **more: Any) -> DeskNote:
        values = {"employee": "1001", "action": action, "made_at": SEVEN}
        made = DeskNote(**(self._common() | values | more))
        self._add(made)
        return made

    def clock(self, **more: Any) -> None:
        self._add(ClockNote(**(self._common() | more)))

    def arrivals(self, *seqs: int) -> list[Arrival]:
        return [arrival(self.payloads[seq - 1], SEVEN + timedelta(hours=1)) for seq in seqs or range(1, self._next)]

    @property
    def _next(self) -> int:
        return len(self.made) + 1

    def _common(self) -> dict[str, Any]:
        like = event(self._next, terminal=self.terminal, epoch=self.epoch)
        return {name: getattr(like, name) for name in Chained.__struct_fields__}

    def _add(self, made: Entry) -> None:
        self.made.append(made)
        self.payloads.append(chain.seal(encode(made), SIGNER.sign))
        payload_of(made)  # what the next is made to follow


def give(register: Register, *arrivals: Arrival) -> set[Outcome]:
    return set(take(register, events=arrivals).outcomes)


def shown(register: Register) -> dict[int, RegisteredEvent]:
    return {each.seq: each for each in events_since(register, 0)}


def state(register: Register) -> list[tuple[int, Direction, Direction | None, bool]]:
    return [
        (seq, each.direction, each.recorded_direction, each.voided) for seq, each in sorted(shown(register).items())
    ]


def test_all_four_kinds_are_taken_once_and_acknowledged_as_one_chain(register: Register) -> None:
    kiosk = Chain()
    first = kiosk.punch()
    kiosk.correct(first)
    kiosk.desk()
    kiosk.clock()

    assert give(register, *kiosk.arrivals()) == {Outcome.STORED}
    assert give(register, *kiosk.arrivals()) == {Outcome.KNOWN}
    (head,) = all_heads(register)
    assert (head.upto, head.highest, head.forked) == (4, 4, False)
    assert count_events(register) == 1, "only one of them is a punch"
    assert [each.seq for each in events_of_day(register, start=ALWAYS, end=SEVEN + timedelta(days=1))] == [1]
    assert [each.seq for each in find_receipt(register, first.receipt)] == [1]


def test_a_corrected_direction_is_the_one_that_counts_and_the_first_is_kept(register: Register) -> None:
    kiosk = Chain()
    first = kiosk.punch()
    kiosk.correct(first, OUT)
    give(register, *kiosk.arrivals())
    assert state(register) == [(1, OUT, IN, False)]

    kiosk.correct(first, IN)
    give(register, *kiosk.arrivals(3))
    assert state(register) == [(1, IN, None, False)], "taken back"
    assert [each.seq for each in events_corrected(register, start=ALWAYS)] == [1]


def test_a_voided_punch_stays_voided_whatever_follows(register: Register) -> None:
    kiosk = Chain()
    first = kiosk.punch()
    kiosk.correct(first)
    kiosk.correct(first, OUT)
    give(register, *kiosk.arrivals())
    assert state(register) == [(1, OUT, IN, True)]


def test_a_correction_that_arrives_before_its_punch_waits_for_it(register: Register) -> None:
    kiosk = Chain()
    kiosk.punch("1")
    second = kiosk.punch("1987", minute=1)
    kiosk.correct(second)
    assert give(register, *kiosk.arrivals(3)) == {Outcome.STORED}
    assert state(register) == []
    (waiting,) = corrections_since(register, ALWAYS)
    assert (waiting.not_me, waiting.recorded, waiting.method) == (True, None, None)

    give(register, *kiosk.arrivals(1))
    assert state(register) == [(1, IN, None, False)]
    give(register, *kiosk.arrivals(2))
    assert state(register) == [(1, IN, None, False), (2, IN, None, True)]
    assert corrections_since(register, ALWAYS)[0].recorded is IN


def test_the_same_correction_twice_changes_nothing_more(register: Register) -> None:
    kiosk = Chain()
    first = kiosk.punch()
    for _ in range(2):
        kiosk.correct(first, OUT)
    give(register, *kiosk.arrivals(1, 2))
    once = shown(register)
    assert give(register, *kiosk.arrivals(2, 2)) == {Outcome.KNOWN}
    assert give(register, *kiosk.arrivals(3)) == {Outcome.STORED}
    assert shown(register) == once


@pytest.mark.parametrize("seed", range(3))
def test_in_whatever_order_they_arrive_the_end_is_the_same(sqlite_url: str, tmp_path: Path, seed: int) -> None:
    print("seed", seed)
    rng = random.Random(seed)
    kiosk = Chain()
    punches = [kiosk.punch(str(who), minute=who) for who in range(3)]
    for _ in range(8):
        kiosk.correct(rng.choice(punches), rng.choice([None, IN, OUT, OUT, IN]))
    ends = set()
    for turn in range(8):
        seqs = list(range(1, len(kiosk.made) + 1))
        rng.shuffle(seqs)
        with Register.open(f"sqlite:///{tmp_path}/{turn}.sqlite") as register:
            while seqs:
                batch = [seqs.pop() for _ in range(min(len(seqs), rng.randint(1, 4)))]
                give(register, *kiosk.arrivals(*batch))
            ends.add(tuple(state(register)))
    assert len(ends) == 1
    (end,) = ends
    for number, made in enumerate(punches):
        of = [each for each in kiosk.made if isinstance(each, Correction) and each.receipt == made.receipt]
        last = next((each.direction for each in reversed(of) if each.direction), None)
        assert end[number] == (
            number + 1, last or IN, IN if last is OUT else None, any(each.direction is None for each in of),
        )  # fmt: skip


@pytest.mark.parametrize("wrong", ["employee", "receipt", "terminal"])
def test_a_correction_that_names_no_punch_of_its_terminal_and_employee_changes_nothing(
    register: Register, wrong: str
) -> None:
    kiosk = Chain()
    first = kiosk.punch()
    other = Chain("lobby-2") if wrong == "terminal" else kiosk
    other.correct(first, **{"employee": {"employee": "1988"}, "receipt": {"receipt": "0" * 10}}.get(wrong, {}))
    assert give(register, *kiosk.arrivals(), *(other.arrivals() if other is not kiosk else ())) == {Outcome.STORED}
    assert state(register) == [(1, IN, None, False)]
    assert [each.recorded for each in corrections_since(register, ALWAYS)] == [None]


def test_a_punch_that_was_recorded_again_elsewhere_is_found_by_its_receipt(register: Register) -> None:
    """The kiosk's card was a copy: its punch came into a new epoch after it was voided in the old one."""
    old, new = Chain(), Chain(epoch="f" * 32)
    first = old.punch()
    old.correct(first)
    again = new.punch(receipt=first.receipt, moved_from=(EPOCH, 1))
    give(register, *new.arrivals(), *old.arrivals(2))
    assert state(register) == [(1, IN, None, True)]
    assert again.epoch != first.epoch

    late = Chain("lobby-2", epoch="d" * 32)
    kept = late.punch()
    moved = Chain("lobby-2", epoch="c" * 32)
    moved.correct(kept, OUT, of_epoch=late.epoch)
    give(register, *late.arrivals(), *moved.arrivals())
    (of_lobby_2,) = (each for each in events_since(register, 0) if each.terminal == "lobby-2")
    assert of_lobby_2.direction is OUT


def test_corrections_and_notes_of_a_kiosk_without_the_time_get_theirs(register: Register) -> None:
    """Its clock said 1970; a note of the desk whose clock was vouched for tells the time of that boot."""
    kiosk = Chain()
    off = timedelta(days=20_000)

    def at(second: int, clock: ClockQuality = ClockQuality.UNSYNCED) -> dict[str, Any]:
        wrong = off if clock is ClockQuality.UNSYNCED else timedelta(0)
        return {
            "clock": clock, "recorded_at": SEVEN + timedelta(seconds=second) - wrong, "boottime_ns": second * 10**9,
        }  # fmt: skip

    first = kiosk.punch(minute=-off // timedelta(minutes=1), **at(10))
    kiosk.correct(first, OUT, **at(20), made_at=at(19)["recorded_at"])
    kiosk.desk("opened", **at(30), made_at=at(30)["recorded_at"])
    give(register, *kiosk.arrivals())
    (correction,) = corrections_since(register, ALWAYS - timedelta(days=30_000))
    assert correction.made_at < SEVEN - timedelta(days=10_000), "as its clock said"

    kiosk.desk("closed", **at(60, ClockQuality.SYNCED), made_at=at(60, ClockQuality.SYNCED)["recorded_at"])
    give(register, *kiosk.arrivals(4))
    (correction,) = corrections_since(register, ALWAYS)
    assert correction.made_at == SEVEN + timedelta(seconds=19)
    assert [(note.action, note.made_at) for note in desk_notes_since(register, ALWAYS)] == [
        ("opened", SEVEN + timedelta(seconds=30)),
        ("closed", SEVEN + timedelta(seconds=60)),
    ]
    assert {each.timed_by for each in events_since(register, 0)} == {TimedBy.BOOT}


def test_a_time_that_no_calendar_has_is_refused_in_a_correction_too() -> None:
    from sync.inspection import inspect
    from sync.register.refusals import Rejected

    kiosk = Chain()
    kiosk.desk(made_at=SEVEN.replace(year=1))
    kiosk.correct(event(1), made_at=SEVEN.replace(year=9999))
    for payload in kiosk.payloads:
        (found,) = inspect(event(1).topic, payload, retained=False, at=SEVEN)
        assert isinstance(found, Rejected)
        assert "a time in the year" in found.reason


def four_kinds(register: Register) -> Chain:
    devices.admit(register, terminal="lobby-1", office="demo", public_key=SIGNER.public, at=SEVEN)
    kiosk = Chain()
    first = kiosk.punch()
    kiosk.correct(first)
    kiosk.desk()
    kiosk.clock()
    kiosk.punch("1988", minute=5)
    give(register, *kiosk.arrivals())
    return kiosk


def named(where: object) -> list[tuple[int, str]]:
    with open_source(str(where)) as source:
        return [(bad.seq, bad.why) for bad in verify(source).bad]


def test_the_chain_of_all_four_kinds_is_whole_in_register_export_and_backup(register: Register, tmp_path: Path) -> None:
    kiosk = four_kinds(register)
    where = register.file or register._engine.url.render_as_string(hide_password=False)
    assert named(where) == []
    assert export(register, tmp_path / "all.export", at=SEVEN) == (5, 1)
    assert named(tmp_path / "all.export") == []
    exported = (tmp_path / "all.export").read_bytes()
    assert all(payload in exported for payload in kiosk.payloads)
    if register.file is not None:
        back_up(register, tmp_path / "copy.sqlite")
        assert named(tmp_path / "copy.sqlite") == []
        with Register.open(f"sqlite:///{tmp_path}/copy.sqlite") as copy:
            assert (state(copy), len(desk_notes_since(copy, ALWAYS))) == (state(register), 1)


@pytest.mark.parametrize(
    ("seq", "column", "value"),
    [
        (2, "direction", "out"), (2, "employee", "1"), (2, "receipt", "0000000000"), (2, "method", "face"),
        (3, "employee", "1988"), (3, "occurred_at", "2026-03-02 09:00:00.000000"),
    ],
)  # fmt: skip
def test_a_tampered_correction_or_note_of_the_desk_is_named(sqlite_url: str, seq: int, column: str, value: str) -> None:
    with Register.open(sqlite_url) as register:
        four_kinds(register)
        with register.write() as connection:
            edit = f"UPDATE events SET {column} = :value WHERE seq = {seq}"  # noqa: S608 - of the lines above
            connection.execute(sa.text(edit), {"value": value})
        assert register.file is not None
        assert named(register.file) == [(seq, f"has another {column} in its column than in its signed bytes")]


@pytest.mark.parametrize(
    ("seq", "edit"),
    [
        (1, "voided = false"), (5, "voided = true"), (5, "direction_now = 'out', corrected_at = recorded_at"),
        (1, "voided = false, corrected_at = NULL"),
    ],
    ids=["taken back", "voided by hand", "turned by hand", "forgotten"],
)  # fmt: skip
def test_a_punch_that_counts_otherwise_than_its_corrections_say_is_named(
    register: Register, seq: int, edit: str
) -> None:
    four_kinds(register)
    with register.write() as connection:
        connection.execute(sa.text(f"UPDATE events SET {edit} WHERE seq = {seq}"))  # noqa: S608 - of the lines above
    where = register.file or register._engine.url.render_as_string(hide_password=False)
    assert named(where) == [(seq, "counts otherwise than its corrections say")]


def test_a_register_of_before_there_were_corrections_is_verified_as_it_is(sqlite_url: str) -> None:
    with Register.open(sqlite_url) as register:
        devices.admit(register, terminal="lobby-1", office="demo", public_key=SIGNER.public, at=SEVEN)
        kiosk = Chain()
        kiosk.punch()
        give(register, *kiosk.arrivals())
        with register.write() as connection:
            for index in ("events_corrected", "events_beside"):
                connection.execute(sa.text(f"DROP INDEX {index}"))
            for column in ("voided", "direction_now", "corrected_at"):
                connection.execute(sa.text(f"ALTER TABLE events DROP COLUMN {column}"))
        assert named(register.file) == []


def test_a_correction_with_other_bytes_is_named(sqlite_url: str) -> None:
    with Register.open(sqlite_url) as register:
        kiosk = four_kinds(register)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with opened(path) as store:
        (place,) = (each for each in store.places() if each.seq == 2)
        made = kiosk.made[1]
        assert isinstance(made, Correction)
        taken_back = msgspec.structs.replace(made, change=Change.DIRECTION, direction=IN)
        store.put(place, chain.seal(encode(taken_back), lambda _: chain.unseal(kiosk.payloads[1]).signature))
    assert named(path) == [(2, "is not signed by a known key of its terminal")]


def test_a_damaged_card_gives_its_corrections_to_the_fresh_one(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    with closing(open_card(tmp_path / "old")) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        now: dict[str, Any] = {
            "clock": ClockQuality.SYNCED, "boot_id": BOOT, "boottime_ns": 5, "recorded_at": SEVEN,
        }  # fmt: skip
        first, second = (outbox.record(punch(who), **now) for who in ("1", "2"))
        outbox.correct(first, change=Change.NOT_ME, direction=None, made_at=SEVEN, **now)
        outbox.correct(second, change=Change.DIRECTION, direction=OUT, made_at=SEVEN, **now)
        outbox.note_desk(employee="1001", action="opened", made_at=SEVEN, **now)
        outbox.acknowledge(ack(outbox, 1))
        wanted = [row.payload for row in outbox.pending()]
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'outbox_epochs'").fetchone()
    with (tmp_path / "old/card.sqlite").open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(bytes(4096))
    with closing(open_card(tmp_path / "new")) as connection:
        salvage(connection, tmp_path / "old/card.sqlite")
        fresh = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        saved = [row.payload for row in fresh.pending()]
        assert set(wanted) <= set(saved)
        assert (out := fresh.last_punch("2", since=SEVEN - timedelta(hours=1))) is not None
        assert out.punch.direction is OUT


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """A folder with config.yaml and a register with corrections and notes of two kiosks."""
    (tmp_path / "config.yaml").write_text(
        f"office: {{timezone: Asia/Jakarta}}\ncentre: {{register: 'sqlite:///{tmp_path}/register.sqlite'}}\n"
    )
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        one, two = Chain(), Chain("lobby-2")
        first = one.punch()
        one.correct(first, OUT)
        one.desk("language_changed")
        for made in [two.punch(str(who)) for who in range(2)]:
            two.correct(made)
        give(register, *one.arrivals(), *two.arrivals(1, 3, 4))
    return tmp_path


def said(centre: Path, *words: str) -> list[str]:
    ran = CliRunner().invoke(hadir.main, ["--config", str(centre / "config.yaml"), "events", *words])
    assert ran.exit_code == 0, ran.output
    return ran.output.splitlines()


def test_the_commands_list_false_matches_and_the_desk(centre: Path) -> None:
    since = ("--since", "2026-03-01")
    first, *false_matches, count = said(centre, "corrections", *since)
    assert first.startswith("2026-03-02 07:00:02 WIB  lobby-1              1987         direction out  ")
    assert first.endswith("recorded in by face")
    assert [line.split("  ")[-1] for line in false_matches] == ["recorded in by face", "its punch has not come yet"]
    assert count == "lobby-2: 2 false matches reported."
    assert said(centre, "corrections", "--not-me", *since) == [*false_matches, count]
    assert said(centre, "corrections", "--not-me", "--terminal", "lobby-1", *since) == ["Nothing was corrected."]
    (note,) = said(centre, "desk", *since)
    assert note == "2026-03-02 07:00:00 WIB  lobby-1              1001         language_changed"
    assert said(centre, "desk", "--since", "2026-04-01") == ["No administrator was at a kiosk."]
    assert said(centre, "desk", *since, "--terminal", "lobby-2") == ["No administrator was at a kiosk."]


def test_a_receipt_tells_that_its_punch_was_corrected(centre: Path) -> None:
    with Register.open(f"sqlite:///{centre}/register.sqlite") as register:
        codes = {each.terminal: each.receipt for each in events_since(register, 0)}
    told = [
        CliRunner().invoke(hadir.main, ["--config", str(centre / "config.yaml"), "receipt", codes[terminal]]).output
        for terminal in ("lobby-1", "lobby-2")
    ]
    assert "corrected   at the kiosk; recorded was in\n" in told[0]
    assert "direction   out\n" in told[0]
    assert "voided      by the person before the kiosk: it was somebody else" in told[1]


def test_readers_of_corrected_punches_and_notes_use_their_small_indexes(sqlite_url: str) -> None:
    """A year has millions of punches, and few of these."""
    readers: tuple[tuple[Callable[[Register], object], str], ...] = (
        (lambda register: events_corrected(register, start=SEVEN), "events_corrected"),
        (lambda register: events_retimed(register, start=SEVEN), "events_untimed"),
        (lambda register: corrections_since(register, SEVEN), "events_beside"),
        (lambda register: desk_notes_since(register, SEVEN), "events_beside"),
    )
    with Register.open(sqlite_url) as register:
        asked: list[str] = []
        sa.event.listen(register._engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
        for read, index in readers:
            asked.clear()
            read(register)
            (statement,) = (each for each in asked if each.startswith("SELECT"))
            with register.read() as connection:
                marks = ("2026-03-02",) * statement.count("?")
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", marks).all()
            assert f"INDEX {index}" in str(plan), plan
