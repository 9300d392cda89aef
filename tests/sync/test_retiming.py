"""The time a punch counts with, where its kiosk did not know it: acceptance E1 and E2 as the register sees them."""

import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from sync import chain
from sync.messages import AttendanceEvent, ClockNote, ClockQuality
from sync.register import Register
from sync.register.arrivals import arrival
from sync.register.events import RegisteredEvent, TimedBy, events_of_day
from sync.register.intake import take
from sync.register.schema import boots, events
from tests.sync.samples import SEVEN, event, payload_of

SYNCED, HOLDOVER = ClockQuality.SYNCED, ClockQuality.HOLDOVER
UNSYNCED, ESTIMATED = ClockQuality.UNSYNCED, ClockQuality.ESTIMATED
LATER = SEVEN + timedelta(days=2)
"""When the centre has received everything, where a test does not say."""
NINETEEN_SEVENTY = datetime(1970, 1, 1, tzinfo=UTC)


def seconds(amount: float) -> timedelta:
    return timedelta(seconds=amount)


@dataclass
class Kiosk:
    """A kiosk whose chain is made along a line of true time; its wall clock is off by `wrong`."""

    terminal: str = "lobby-1"
    payloads: list[bytes] = field(default_factory=list)
    truth: dict[int, datetime] = field(default_factory=dict)
    wrong: timedelta = timedelta(0)
    boot_at: datetime = SEVEN - timedelta(hours=1)
    boots: int = 0

    def boot(self, at: datetime, *, shows: datetime | None = None) -> None:
        """It has started at `at`, its clock at what it `shows`."""
        self.boot_at, self.boots = at, self.boots + 1
        self.wrong = (shows or at) - at

    def punch(self, at: datetime, clock: ClockQuality, *, lag_s: float = 2, **more: object) -> None:
        """Somebody arrives at `at`; it is recorded `lag_s` later."""
        shown = at + self.wrong
        clocks = self._clocks(at + seconds(lag_s), clock)
        made = event(self._next(), terminal=self.terminal, office=self.terminal, at=shown, **clocks, **more)
        self._add(made)
        self.truth[made.seq] = at

    def note(self, at: datetime, clock: ClockQuality = SYNCED) -> None:
        made = event(self._next(), terminal=self.terminal, office=self.terminal, **self._clocks(at, clock))
        fields = {name: getattr(made, name) for name in ClockNote.__struct_fields__}
        self._add(ClockNote(**fields))

    def _next(self) -> int:
        return len(self.payloads) + 1

    def _clocks(self, at: datetime, clock: ClockQuality) -> dict[str, object]:
        return {
            "clock": clock,
            "recorded_at": at + self.wrong,
            "boot_id": f"{self.boots:032x}",
            "boottime_ns": (at - self.boot_at) // timedelta(microseconds=1) * 1000,
        }

    def _add(self, made: AttendanceEvent | ClockNote) -> None:
        self.payloads.append(payload_of(made))


def deliver(register: Register, payloads: Iterable[bytes], at: datetime = LATER) -> None:
    taken = take(register, events=[arrival(payload, at) for payload in payloads])
    assert set(taken.outcomes) == {"stored"}


def found(register: Register, terminal: str = "lobby-1") -> dict[int, RegisteredEvent]:
    ever = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    return {row.seq: row for row in events_of_day(register, start=ever[0], end=ever[1], office=terminal)}


def times(register: Register, terminal: str = "lobby-1") -> list[tuple[object, ...]]:
    rows = sorted(found(register, terminal).items())
    return [(seq, row.counted_at, row.timed_by, row.earliest_at, row.latest_at) for seq, row in rows]


def assert_true(register: Register, kiosk: Kiosk, *, error_s: float = 0.001) -> None:
    """What is counted by a clock or a boot is right; what has bounds lies between them, and so does the truth."""
    rows = found(register, kiosk.terminal)
    assert rows.keys() == kiosk.truth.keys()
    for seq, row in rows.items():
        if row.timed_by is TimedBy.BOUNDS:
            assert row.latest_at is not None
            assert (row.earliest_at or NINETEEN_SEVENTY) <= kiosk.truth[seq] <= row.latest_at, seq
            assert (row.earliest_at or row.counted_at) <= row.counted_at <= row.latest_at, seq
        else:
            assert abs(row.counted_at - kiosk.truth[seq]) <= seconds(error_s), (seq, row)


def cold_boot(shows: datetime, clock: ClockQuality, terminal: str = "lobby-1") -> Kiosk:
    """Synced; a power cut; up again without the time, punches; the time comes back; one more punch."""
    kiosk = Kiosk(terminal)
    kiosk.punch(SEVEN, SYNCED)
    kiosk.boot(SEVEN + seconds(600), shows=shows)
    for minute in (11, 12, 25):
        kiosk.punch(SEVEN + seconds(60 * minute), clock)
    kiosk.wrong = seconds(0.4)
    kiosk.note(SEVEN + seconds(60 * 30))
    kiosk.punch(SEVEN + seconds(60 * 31), SYNCED)
    return kiosk


@pytest.mark.parametrize(
    ("shows", "clock"),
    [(NINETEEN_SEVENTY, UNSYNCED), (SEVEN + seconds(300), ESTIMATED), (SEVEN + timedelta(days=400), ESTIMATED)],
    ids=["1970", "saved time", "far ahead"],
)
@pytest.mark.parametrize("order", ["as recorded", "backwards", "note first"])
def test_e1_the_time_that_comes_back_tells_when_every_punch_of_the_boot_was(
    register: Register, shows: datetime, clock: ClockQuality, order: str
) -> None:
    kiosk = cold_boot(shows, clock)
    parcels = [[payload] for payload in kiosk.payloads]
    match order:
        case "backwards":
            parcels.reverse()
        case "note first":
            parcels = [parcels[4], parcels[0], [*parcels[1], *parcels[2]], parcels[3], parcels[5]]
    for parcel in parcels:
        deliver(register, parcel)
    assert_true(register, kiosk, error_s=2)
    rows = found(register)
    assert [row.timed_by for row in rows.values()].count(TimedBy.BOOT) == 3
    for seq in (2, 3, 4):
        entry, _ = chain.read_entry(kiosk.payloads[seq - 1])
        assert isinstance(entry, AttendanceEvent)
        assert rows[seq].first_seen_at == entry.punch.first_seen_at, "what the kiosk's clock said stays as it was"
        assert (rows[seq].earliest_at, rows[seq].latest_at) == (None, None)


def test_e1_control_without_the_time_nobody_can_tell(register: Register) -> None:
    kiosk = cold_boot(NINETEEN_SEVENTY, UNSYNCED)
    deliver(register, kiosk.payloads[:4])
    rows = found(register)
    assert [rows[seq].timed_by for seq in (2, 3, 4)] == [TimedBy.BOUNDS] * 3
    with pytest.raises(AssertionError):
        assert all(abs(rows[seq].counted_at - kiosk.truth[seq]) <= seconds(2) for seq in (2, 3, 4))


def unsynced_boot(terminal: str = "lobby-1", *, shows: datetime = NINETEEN_SEVENTY) -> Kiosk:
    """Synced; two boots without the time, which ends them; synced again in a boot of its own."""
    kiosk = Kiosk(terminal)
    kiosk.punch(SEVEN, SYNCED)
    kiosk.boot(SEVEN + seconds(600), shows=shows)
    for minute in (11, 12, 25):
        kiosk.punch(SEVEN + seconds(60 * minute), ESTIMATED if shows > SEVEN else UNSYNCED)
    kiosk.boot(SEVEN + seconds(60 * 40), shows=shows)
    kiosk.punch(SEVEN + seconds(60 * 45), ESTIMATED if shows > SEVEN else UNSYNCED)
    kiosk.boot(SEVEN + seconds(60 * 60))
    kiosk.punch(SEVEN + seconds(60 * 62), SYNCED)
    return kiosk


def test_e1_an_unsynced_boot_lies_between_what_came_before_and_after_it(register: Register) -> None:
    kiosk = unsynced_boot()
    deliver(register, kiosk.payloads)
    assert_true(register, kiosk)
    rows = found(register)
    assert [row.timed_by for _, row in sorted(rows.items())] == ["clock", *["bounds"] * 4, "clock"]
    recorded = SEVEN + seconds(2)  # the last entry that is known to have come before
    assert rows[2].earliest_at == recorded + seconds(60)  # a minute after that boot began
    assert rows[2].counted_at == rows[2].earliest_at, "a clock that shows 1970 says nothing"
    assert rows[4].counted_at - rows[2].counted_at == seconds(14 * 60), "durations are the boot clock's"
    # The boot after it began 15 minutes before a punch that was not made after the third boot began.
    assert rows[4].latest_at == SEVEN + seconds(60 * 60 - 2 - 5 * 60 - 2)
    assert rows[5].earliest_at == rows[4].earliest_at + seconds(2 + 5 * 60)  # type: ignore[operator]


def test_e1_a_saved_time_counts_as_far_as_it_can_be(register: Register) -> None:
    kiosk = unsynced_boot(shows=SEVEN + seconds(900))
    deliver(register, kiosk.payloads)
    assert_true(register, kiosk)
    rows = found(register)
    assert rows[2].counted_at == rows[2].first_seen_at, "it fits between its neighbours"
    assert rows[5].counted_at == rows[5].earliest_at > rows[5].first_seen_at, "it is before what came before it"


@pytest.mark.parametrize("shows", [NINETEEN_SEVENTY, SEVEN + seconds(900)], ids=["1970", "saved time"])
def test_e1_the_bounds_are_the_same_whatever_came_first(register: Register, shows: datetime) -> None:
    straight = unsynced_boot("straight", shows=shows)
    deliver(register, straight.payloads)
    expected = times(register, "straight")
    parts = ((0,), (1, 2), (3,), (4,), (5,))
    for number, order in enumerate(random.Random(5).sample([*itertools.permutations(parts)], 20)):
        kiosk = unsynced_boot(f"kiosk-{number}", shows=shows)
        for part in order:
            deliver(register, [kiosk.payloads[place] for place in part])
            partly = found(register, kiosk.terminal)
            for seq, row in partly.items():
                assert row.timed_by is TimedBy.CLOCK or (row.earliest_at or NINETEEN_SEVENTY) <= kiosk.truth[seq]
        assert times(register, kiosk.terminal) == expected, order


@pytest.mark.parametrize(
    "jump",
    [*(sign * seconds(amount) for amount in (3, 3 * 3600, 3 * 86400) for sign in (1, -1)), seconds(-7.5 * 3600)],
    ids=str,
)
def test_e2_after_a_jump_the_boots_own_clock_counts(register: Register, jump: timedelta) -> None:
    kiosk = Kiosk()
    kiosk.boot(SEVEN)
    kiosk.punch(SEVEN + seconds(60), SYNCED)
    kiosk.wrong = jump
    kiosk.punch(SEVEN + seconds(120), ESTIMATED if jump > seconds(0) else UNSYNCED)
    kiosk.punch(SEVEN + seconds(180), ESTIMATED if jump > seconds(0) else UNSYNCED)
    kiosk.wrong = seconds(0)
    kiosk.punch(SEVEN + seconds(240), SYNCED)
    deliver(register, kiosk.payloads)
    assert_true(register, kiosk)
    rows = found(register)
    assert [row.timed_by for _, row in sorted(rows.items())] == ["clock", "boot", "boot", "clock"]
    assert [row.seq for row in sorted(rows.values(), key=lambda row: row.counted_at)] == [1, 2, 3, 4]
    assert rows[2].first_seen_at == kiosk.truth[2] + jump, "both times stay"


@pytest.mark.parametrize("back", [seconds(3), timedelta(hours=3), timedelta(days=3), timedelta(days=20_000)], ids=str)
@pytest.mark.parametrize("sign", [1, -1])
def test_e2_a_clock_set_between_first_look_and_recording_misleads_nobody(
    register: Register, back: timedelta, sign: int
) -> None:
    kiosk = Kiosk()
    kiosk.boot(SEVEN)
    kiosk.punch(SEVEN + seconds(60), SYNCED)
    entry, _ = chain.read_entry(kiosk.payloads[0])
    assert isinstance(entry, AttendanceEvent)
    seen = entry.punch.first_seen_at + sign * back
    punch = msgspec.structs.replace(entry.punch, first_seen_at=seen)
    deliver(register, [payload_of(msgspec.structs.replace(entry, punch=punch))])
    row = found(register)[1]
    assert abs(row.counted_at - kiosk.truth[1]) <= seconds(3)
    assert row.first_seen_at == seen


def test_the_centres_clock_is_believed_before_a_kiosks(register: Register) -> None:
    kiosk = Kiosk()
    kiosk.wrong = timedelta(days=1)  # a rogue time server
    kiosk.punch(SEVEN, SYNCED)
    kiosk.boot(SEVEN + seconds(600), shows=SEVEN + timedelta(days=2))
    kiosk.punch(SEVEN + seconds(660), ESTIMATED)
    kiosk.punch(SEVEN + seconds(700), ESTIMATED)
    deliver(register, kiosk.payloads, at=SEVEN + seconds(900))
    rows = found(register)
    assert rows[1].timed_by is TimedBy.CLOCK, "what was vouched for stays as it is"
    assert rows[3].counted_at == rows[3].latest_at == SEVEN + seconds(900 - 2)
    assert rows[3].counted_at - rows[2].counted_at == seconds(40)
    for seq in (2, 3):
        assert (rows[seq].earliest_at or LATER) <= rows[seq].counted_at <= (rows[seq].latest_at or NINETEEN_SEVENTY)


@pytest.mark.parametrize("backwards", [False, True])
def test_of_two_vouched_clocks_in_a_boot_the_earlier_tells_the_time(register: Register, backwards: bool) -> None:
    kiosk = Kiosk()
    kiosk.boot(SEVEN)
    kiosk.note(SEVEN + seconds(10))
    kiosk.wrong = seconds(-3600)
    kiosk.punch(SEVEN + seconds(60), UNSYNCED)
    kiosk.wrong = seconds(1.5)  # a service that was wrong, or set the clock once more
    kiosk.note(SEVEN + seconds(120))
    for payload in sorted(kiosk.payloads, key=kiosk.payloads.index, reverse=backwards):
        deliver(register, [payload])
    assert_true(register, kiosk)


@pytest.mark.parametrize("note_last", [False, True])
def test_e1_a_boot_whose_time_comes_late_bounds_the_one_before_it(register: Register, note_last: bool) -> None:
    kiosk = Kiosk()
    kiosk.punch(SEVEN, SYNCED)
    kiosk.boot(SEVEN + seconds(600), shows=NINETEEN_SEVENTY)
    kiosk.punch(SEVEN + seconds(660), UNSYNCED)
    kiosk.boot(SEVEN + seconds(900), shows=NINETEEN_SEVENTY)
    kiosk.punch(SEVEN + seconds(960), UNSYNCED)
    kiosk.punch(SEVEN + seconds(970), UNSYNCED)
    kiosk.wrong = seconds(0)
    kiosk.note(SEVEN + seconds(1000))
    *punches, note = kiosk.payloads
    for part in [punches, [note]] if note_last else [[note], punches]:
        deliver(register, part)
    assert_true(register, kiosk)
    # It ended before the next boot began; its last punch was recorded two seconds after the arrival.
    assert found(register)[2].latest_at == SEVEN + seconds(900 - 2)


@pytest.mark.parametrize(("off", "clock", "told"), [
    (timedelta(days=1), SYNCED, True), (timedelta(minutes=6), HOLDOVER, True), (timedelta(minutes=4), SYNCED, False),
    (timedelta(days=1), ESTIMATED, False), (timedelta(days=-1), SYNCED, False),
])  # fmt: skip
def test_e3_a_clock_that_is_called_right_and_runs_ahead_is_alarmed(
    register: Register, caplog: pytest.LogCaptureFixture, off: timedelta, clock: ClockQuality, told: bool
) -> None:
    kiosk = Kiosk()
    kiosk.wrong = off
    kiosk.punch(SEVEN, clock)
    deliver(register, kiosk.payloads, at=SEVEN + seconds(3))
    assert ("clock_suspect: terminal lobby-1" in caplog.text) is told
    assert len(found(register)) == 1, "flagged, never refused"


def test_a_punch_moved_from_another_life_of_the_card_is_not_bounded_by_its_new_neighbours(register: Register) -> None:
    kiosk = Kiosk()
    kiosk.boot(SEVEN)
    kiosk.punch(SEVEN + seconds(60), SYNCED)
    kiosk.boot(SEVEN - timedelta(days=1), shows=NINETEEN_SEVENTY)
    kiosk.punch(SEVEN - timedelta(hours=20), UNSYNCED, moved_from=("a" * 32, 7))
    kiosk.boot(SEVEN + seconds(100), shows=NINETEEN_SEVENTY)
    kiosk.punch(SEVEN + seconds(160), UNSYNCED)
    for payload in (kiosk.payloads[0], kiosk.payloads[2], kiosk.payloads[1]):
        deliver(register, [payload])
    assert_true(register, kiosk)
    assert found(register)[2].earliest_at is None


def history(rng: random.Random, terminal: str) -> Kiosk:
    """A made life: boots with and without the time, jumps, punches, notes."""
    kiosk = Kiosk(terminal)
    at = SEVEN
    for _ in range(rng.randint(1, 6)):
        at += seconds(rng.uniform(1, 5000))
        shows = rng.choice([at, NINETEEN_SEVENTY, at - seconds(rng.uniform(0, 5000)), at + timedelta(days=3)])
        kiosk.boot(at, shows=shows)
        for _ in range(rng.randint(0, 5)):
            at += seconds(rng.uniform(3, 3000))
            if rng.random() < 0.2:
                kiosk.wrong += rng.choice([1, -1]) * seconds(rng.uniform(3, 300_000))
            right = abs(kiosk.wrong) < seconds(1)
            if not right and rng.random() < 0.2:
                kiosk.wrong, right = seconds(0), True
                kiosk.note(at)
            else:
                kiosk.punch(at, SYNCED if right else rng.choice([UNSYNCED, ESTIMATED]))
    return kiosk


def test_e2_made_lives_are_told_right_in_whatever_order_they_arrive(register: Register) -> None:
    for seed in range(40):
        lives = [history(random.Random(seed), f"life-{seed}-{copy}") for copy in range(2)]
        if not lives[0].truth:
            continue
        deliver(register, lives[0].payloads)
        rng = random.Random(seed)
        shuffled = rng.sample(lives[1].payloads, len(lives[1].payloads))
        while shuffled:
            size = rng.randint(1, 4)
            deliver(register, shuffled[:size])
            shuffled = shuffled[size:]
        for life in lives:
            assert_true(register, life)
        assert times(register, lives[0].terminal) == times(register, lives[1].terminal), f"seed {seed}"


def test_where_every_clock_is_vouched_for_it_costs_one_query_a_batch(register: Register) -> None:
    kiosk = Kiosk()
    for number in range(101):
        kiosk.punch(SEVEN + seconds(number), SYNCED if number % 3 else HOLDOVER)
    deliver(register, kiosk.payloads[:1])
    said: list[str] = []
    sa.event.listen(register._engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    deliver(register, kiosk.payloads[1:])
    assert len([words for words in said if "boots" in words or words.startswith("UPDATE")]) == 1, said
    with register.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(boots)) == 1
        assert set(connection.scalars(sa.select(events.c.timed_by))) == {"clock"}


def test_an_unvouched_backlog_of_one_boot_does_not_grow_dearer(sqlite_url: str) -> None:
    """Rows looked at, not seconds: the last batch of many reads no more than an early one."""
    read: list[int] = []
    with Register.open(sqlite_url) as register:
        kiosk = Kiosk()
        kiosk.boot(SEVEN, shows=NINETEEN_SEVENTY)
        kiosk.note(SEVEN)
        for number in range(400):
            kiosk.punch(SEVEN + seconds(number), UNSYNCED)
        for start in range(0, 401, 50):
            said: list[str] = []
            listener = lambda *given: said.append(given[2])  # noqa: B023, E731
            sa.event.listen(register._engine, "before_cursor_execute", listener)
            deliver(register, kiosk.payloads[start : start + 50])
            sa.event.remove(register._engine, "before_cursor_execute", listener)
            read.append(len(said))
        assert {row.timed_by for row in found(register).values()} == {TimedBy.BOOT}
    assert max(read[1:]) == min(read[1:]), read
