"""How far the clock is trusted at a punch, whoever vouches for it, and what is made of it on the card."""

import os
import re
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import config
from sync.messages import AttendanceEvent, ClockNote, ClockQuality
from sync.outbox import Outbox
from sync.outbox.newest import newest_entries
from sync.register import Register
from sync.register.arrivals import arrival
from sync.register.events import TimedBy, events_of_day
from sync.register.intake import take
from terminal import chrony, clock, store
from terminal.chrony import Heard
from terminal.clock import EARLIEST, Clock, KernelClock, Reading, Remembered, judged, remembered
from terminal.ledger import Ledger
from terminal.visit.signals import Committed, Record
from tests.sync.samples import SIGNER
from tests.terminal.made import SEVEN, event, punch

SYNCED, HOLDOVER = ClockQuality.SYNCED, ClockQuality.HOLDOVER
ESTIMATED, UNSYNCED = ClockQuality.ESTIMATED, ClockQuality.UNSYNCED
GOOD = KernelClock(unsynced=False, max_error_us=20_000)
DRIFTED = KernelClock(unsynced=False, max_error_us=3_000_000)
LOST = KernelClock(unsynced=True, max_error_us=16_000_000)
DAY_S = 86_400.0
NINETEEN_SEVENTY = datetime(1970, 1, 1, tzinfo=UTC)


def reading(boottime_s: float = 3600, *, at: datetime = SEVEN) -> Reading:
    return Reading(at=at, boottime_ns=int(boottime_s * 1e9))


def heard(ago_s: float, error_s: float | None = None) -> Heard:
    return Heard(at_s=SEVEN.timestamp() - ago_s, error_s=error_s)


@pytest.mark.parametrize(
    ("kernel", "words", "expected"),
    [
        (GOOD, [], SYNCED),
        (GOOD, [heard(90_000)], SYNCED),
        (DRIFTED, [], HOLDOVER),
        (DRIFTED, [heard(1, 0.01)], HOLDOVER),
        (LOST, [], ESTIMATED),
        (LOST, [heard(60)], HOLDOVER),
        (LOST, [heard(60, 0.01)], HOLDOVER),
        (LOST, [heard(90_000)], ESTIMATED),
        (None, [], ESTIMATED),
        (None, [heard(600)], SYNCED),
        (None, [heard(7200)], HOLDOVER),
        (None, [heard(90_000)], ESTIMATED),
        (None, [heard(-3600)], ESTIMATED),
        (None, [heard(600, 0.02)], SYNCED),
        (None, [heard(7200, 0.2)], SYNCED),
        (None, [heard(7200, 1.5)], HOLDOVER),
        (None, [heard(90_000, 0.2)], ESTIMATED),
        (None, [heard(7200, 1.5), heard(60)], SYNCED),
    ],
)
def test_a_clock_is_as_good_as_what_is_known_of_it(
    kernel: KernelClock | None, words: list[Heard], expected: ClockQuality
) -> None:
    assert judged(reading(), kernel=kernel, heard=words, known=Remembered()) is expected


@pytest.mark.parametrize(
    ("at", "known_at", "expected"),
    [
        (NINETEEN_SEVENTY, EARLIEST, UNSYNCED),
        (SEVEN, SEVEN, ESTIMATED),
        (SEVEN, SEVEN + timedelta(seconds=1), UNSYNCED),
        (SEVEN + timedelta(days=900), SEVEN, ESTIMATED),
    ],
)
def test_a_clock_nobody_vouches_for_is_estimated_unless_it_is_surely_wrong(
    at: datetime, known_at: datetime, expected: ClockQuality
) -> None:
    assert judged(reading(at=at), kernel=LOST, heard=[], known=Remembered(known_at=known_at)) is expected


@pytest.mark.parametrize(
    ("later_s", "set_by_s", "expected"),
    [(60, 0, HOLDOVER), (DAY_S - 1, 1, HOLDOVER), (DAY_S + 1, 0, ESTIMATED), (60, 3, ESTIMATED), (60, -3600, UNSYNCED)],
)
def test_a_clock_holds_a_day_after_it_was_synced_unless_somebody_sets_it(
    later_s: float, set_by_s: float, expected: ClockQuality
) -> None:
    known = Remembered(known_at=SEVEN, synced=reading())
    now = reading(3600 + later_s, at=SEVEN + timedelta(seconds=later_s + set_by_s))
    assert judged(now, kernel=LOST, heard=[], known=known) is expected


def test_the_card_remembers_when_the_clock_was_right_last() -> None:
    def entry(seq: int, quality: ClockQuality, boot: str, at: datetime) -> AttendanceEvent:
        made = event(punch(at=at), seq)
        fields = {name: getattr(made, name) for name in made.__struct_fields__}
        return AttendanceEvent(**{**fields, "clock": quality, "boot_id": boot * 32, "recorded_at": at})

    first = entry(1, SYNCED, "a", SEVEN)
    second = entry(2, ESTIMATED, "a", SEVEN + timedelta(hours=1))
    third = entry(3, UNSYNCED, "b", NINETEEN_SEVENTY)
    assert remembered([], "a" * 32) == Remembered()
    assert remembered([third], "b" * 32) == Remembered()
    known = remembered([third, second, first], "a" * 32)
    assert known.known_at == second.recorded_at, "what was surely wrong is no measure for what comes after"
    assert known.synced == Reading(at=SEVEN, boottime_ns=first.boottime_ns)
    assert remembered([third, second, first], "b" * 32).synced is None, "another boot's clock says nothing"


@dataclass
class Bench:
    """A machine's clocks in a test's hands."""

    boottime_s: float = 10.0
    wall: datetime = NINETEEN_SEVENTY
    kernel: KernelClock | None = LOST
    chrony: Heard | None = None
    timesync: Heard | None = None

    def clock(self, known: Remembered | None = None) -> Clock:
        return Clock(
            known=known or Remembered(),
            chrony=lambda: self.chrony,
            kernel=lambda: self.kernel,
            timesync=lambda: self.timesync,
            read=lambda: reading(self.boottime_s, at=self.wall),
        )

    def passes(self, seconds: float) -> None:
        self.boottime_s += seconds
        self.wall += timedelta(seconds=seconds)


def test_a_word_from_before_the_clock_was_set_counts_no_longer() -> None:
    bench = Bench(wall=SEVEN, kernel=None, chrony=Heard(at_s=SEVEN.timestamp() - 5, error_s=0.01))
    machine = bench.clock()
    assert machine.look()[0] is SYNCED
    bench.passes(30)
    assert machine.look()[0] is SYNCED
    bench.wall += timedelta(hours=3)
    assert machine.look()[0] is ESTIMATED, "chronyd said so of another time"
    bench.chrony = Heard(at_s=bench.wall.timestamp(), error_s=0.01)
    assert machine.look()[0] is SYNCED, "it has heard the time since"
    bench.wall -= timedelta(hours=3)
    bench.timesync = Heard(at_s=bench.wall.timestamp())
    assert machine.look()[0] is SYNCED


def test_the_clock_is_held_when_its_service_falls_silent() -> None:
    bench = Bench(wall=SEVEN, kernel=GOOD)
    machine = bench.clock()
    assert machine.look()[0] is SYNCED
    bench.kernel = LOST
    for hours, expected in ((0, HOLDOVER), (23.9, HOLDOVER), (0.2, ESTIMATED)):
        bench.passes(hours * 3600)
        assert machine.look()[0] is expected


def test_timesyncds_file_says_when_it_heard_the_time(tmp_path: Path) -> None:
    synced, saved = tmp_path / "synchronized", tmp_path / "clock"
    assert clock.timesync_heard((synced, saved)) is None
    saved.touch()
    assert clock.timesync_heard((synced, saved)) is None, "it exists before the first answer, too"
    synced.touch()
    os.utime(saved, (900, 900))
    os.utime(synced, (800, 800))
    assert clock.timesync_heard((synced, saved)) == Heard(at_s=900)
    # stat fails, but not with "not found"
    assert clock.timesync_heard((tmp_path / ("x" * 300), saved)) is None
    assert clock.timesync_heard((synced, tmp_path / ("x" * 300))) == Heard(at_s=800)


def test_the_kernel_may_be_asked_or_not_but_never_raises() -> None:
    quality, now = Clock().look()
    assert quality in ClockQuality
    assert abs(now.at - datetime.now(UTC)) < timedelta(seconds=5)


def test_boot_and_its_clock_are_as_messages_want_them() -> None:
    assert re.fullmatch("[0-9a-f]{32}", clock.boot_id())
    first = clock.boottime_ns()
    assert 0 < first <= clock.boottime_ns()


# --- chronyd --------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running_chronyd(chronyd: str, folder: Path, *lines: str) -> Iterator[int]:
    """A chronyd that never touches this machine's clock; yields its command port."""
    folder.mkdir(mode=0o700)
    port = free_port()
    (folder / "chrony.conf").write_text(
        "\n".join(
            (f"cmdport {port}", "bindcmdaddress 127.0.0.1", "bindcmdaddress /", f"pidfile {folder}/pid", *lines, "")
        )
    )
    user = ["-u", "root"] if os.geteuid() == 0 else ["-U"]
    words = [chronyd, "-x", "-d", *user, "-f", str(folder / "chrony.conf")]
    child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        child.terminate()
        child.wait(10)


def until(what: Callable[[], object], why: str, timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end, why
        time.sleep(0.05)


@pytest.mark.slow
def test_a_real_chronyd_says_whether_it_knows_the_time(program: Callable[[str], str], tmp_path: Path) -> None:
    chronyd = program("chronyd")
    ntp = free_port()
    serves = (f"port {ntp}", "bindaddress 127.0.0.1", "allow 127.0.0.1", "local stratum 3")
    follows = ("port 0", f"server 127.0.0.1 port {ntp} iburst minpoll 0 maxpoll 2")
    with running_chronyd(chronyd, tmp_path / "own", *serves) as alone:
        answers = []
        until(lambda: answers.append(raw_answer(alone)) or answers[-1], "no answer from chronyd")
        assert chrony.ask(alone) is None, "its own clock vouches for nothing"
        with running_chronyd(chronyd, tmp_path / "follower", *follows) as port:
            watch = chrony.Watch(port=port, every_s=0.05)
            stop = threading.Event()
            thread = threading.Thread(target=watch.run, args=(stop,))
            thread.start()
            try:
                until(lambda: watch.heard, "it never heard the time")
                found = watch.heard
                assert found is not None
                assert -1 < time.time() - found.at_s < 30
                assert found.error_s is not None
                assert 0 <= found.error_s < 1
                machine = Clock(chrony=lambda: watch.heard, kernel=lambda: None, timesync=lambda: None)
                assert machine.look()[0] is SYNCED
            finally:
                stop.set()
                thread.join(5)
        assert chrony.ask(port) is None, "it is gone"


def raw_answer(port: int) -> bytes | None:
    """Return what chronyd answers to the smallest question, whatever it is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.connect(("127.0.0.1", port))
        try:
            asking.send(struct.pack("!BBxxHHI8x", 6, 1, 33, 0, 7).ljust(104, b"\0"))
            return asking.recv(1024)
        except OSError:
            return None


@pytest.mark.parametrize(
    "answer", [b"", b"\0", b"\6\2" + b"\0" * 26, b"\xff" * 200, b"\6\2\0\0\0\x21\0\5" + b"\0" * 96]
)
def test_what_is_no_answer_of_chronyds_says_nothing(answer: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))

        def reply() -> None:
            _, who = stranger.recvfrom(1024)
            stranger.sendto(answer, who)

        thread = threading.Thread(target=reply)
        thread.start()
        assert chrony.ask(stranger.getsockname()[1]) is None
        thread.join(5)


# --- from the kiosk's clock to the time that counts -------------------------------------------------------------------


class Kiosk:
    """The ledger and the card of a kiosk whose machine is the test's."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch
        self.bench = Bench()
        self.woken: list[bool] = []
        self._boots = 0
        store._checked.clear()

    def boot(self, shows: datetime) -> None:
        """The machine and the kiosk on it have started anew, the clock at `shows`."""
        self._boots += 1
        self.bench = Bench(wall=shows)
        self.start()

    def start(self) -> None:
        """The kiosk has started anew, the machine has not."""
        boot = f"{self._boots:032x}"
        self._monkeypatch.setattr("terminal.ledger.boot_id", lambda: boot)
        self.connection = store.open_card(self._folder)
        settings = config.Config()
        outbox = Outbox(self.connection, office="demo", terminal="lobby-1", signer=SIGNER)
        self.clock = self.bench.clock(remembered(newest_entries(self.connection), boot))
        self.ledger = Ledger(
            settings,
            outbox=outbox,
            clock=self.clock,
            wake_uplink=lambda: self.woken.append(True),
            refused=lambda: None,
        )

    def punch(self, *, lag_s: float = 1) -> AttendanceEvent:
        asked = punch(at=self.bench.wall)
        self.bench.passes(lag_s)
        done = self.ledger.record(Record(punch=asked, first=None))
        assert isinstance(done, Committed), "a clock never refuses a punch"
        return done.event

    def payloads(self) -> list[bytes]:
        return [row for (row,) in self.connection.execute("SELECT payload FROM outbox ORDER BY epoch, seq")]

    def notes(self) -> list[ClockNote]:
        return [entry for entry in newest_entries(self.connection) if isinstance(entry, ClockNote)]


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kiosk:
    return Kiosk(tmp_path / "card", monkeypatch)


def counted(payloads: list[bytes], folder: Path, received_at: datetime) -> list[tuple[datetime, TimedBy]]:
    """Return the time each punch counts with at a centre that gets them all, in order of seq."""
    with Register.open(f"sqlite:///{folder / 'register.sqlite'}") as register:
        take(register, events=[arrival(payload, received_at) for payload in payloads])
        ever = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
        rows = events_of_day(register, start=ever[0], end=ever[1])
    return [(row.counted_at, row.timed_by) for row in sorted(rows, key=lambda row: row.seq)]


@pytest.mark.parametrize(
    ("shows", "quality"),
    [(NINETEEN_SEVENTY, UNSYNCED), (SEVEN + timedelta(minutes=4), ESTIMATED), (SEVEN - timedelta(hours=1), UNSYNCED)],
    ids=["1970", "saved time", "long saved"],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_e1_a_cold_boot_offline_is_told_right_once_the_time_is_back(
    kiosk: Kiosk, tmp_path: Path, shows: datetime, quality: ClockQuality, restarted: bool
) -> None:
    kiosk.boot(SEVEN)
    kiosk.bench.kernel = GOOD
    assert kiosk.punch().clock is SYNCED
    up_at = SEVEN + timedelta(minutes=10)  # the power was away for ten minutes
    kiosk.boot(shows)
    truth = []
    for _ in range(3):
        kiosk.bench.passes(60)
        kiosk.ledger.note_clock()
        truth.append(up_at + timedelta(seconds=kiosk.bench.boottime_s - 10))
        assert kiosk.punch().clock is quality
    if restarted:
        kiosk.start()
    assert kiosk.notes() == []
    right = up_at + timedelta(seconds=kiosk.bench.boottime_s - 10)
    kiosk.bench.wall, kiosk.bench.kernel = right + timedelta(seconds=0.5), GOOD
    for _ in range(3):
        kiosk.ledger.note_clock()
    assert [note.clock for note in kiosk.notes()] == [SYNCED], "once is enough"
    times = counted(kiosk.payloads(), tmp_path, SEVEN + timedelta(days=1))
    assert [timed_by for _, timed_by in times] == [TimedBy.CLOCK, *[TimedBy.BOOT] * 3]
    for (at, _), true in zip(times[1:], truth, strict=True):
        assert abs(at - true) <= timedelta(seconds=2)
    events = [entry for entry in newest_entries(kiosk.connection) if isinstance(entry, AttendanceEvent)]
    assert events[0].punch.first_seen_at < right - timedelta(minutes=5), "what its clock said stays on record"


def test_e1_across_an_unsynced_reboot_only_bounds_are_known(kiosk: Kiosk, tmp_path: Path) -> None:
    kiosk.boot(SEVEN)
    kiosk.bench.kernel = GOOD
    last = kiosk.punch()
    kiosk.boot(NINETEEN_SEVENTY)
    kiosk.bench.passes(120)
    kiosk.punch()
    kiosk.boot(SEVEN + timedelta(hours=2))
    kiosk.bench.kernel = GOOD
    kiosk.ledger.note_clock()
    assert kiosk.notes() == [], "this boot has nothing that waits for the time"
    after = kiosk.punch()
    times = counted(kiosk.payloads(), tmp_path, SEVEN + timedelta(days=1))
    assert [timed_by for _, timed_by in times] == [TimedBy.CLOCK, TimedBy.BOUNDS, TimedBy.CLOCK]
    assert last.recorded_at < times[1][0] < after.recorded_at


JUMPS = [sign * timedelta(seconds=amount) for amount in (3, 3 * 3600, 3 * 86_400) for sign in (1, -1)]


@pytest.mark.parametrize("jump", [*JUMPS, timedelta(hours=-7.5)], ids=str)
def test_e2_a_jump_is_flagged_and_leaves_order_and_durations(kiosk: Kiosk, tmp_path: Path, jump: timedelta) -> None:
    kiosk.boot(SEVEN)
    kiosk.bench.kernel = GOOD
    events = [kiosk.punch()]
    truth = [SEVEN]
    kiosk.bench.passes(300)
    kiosk.bench.wall += jump
    kiosk.bench.kernel = LOST  # as the kernel does when somebody sets its clock
    for _ in range(2):
        truth.append(kiosk.bench.wall - jump)
        events.append(kiosk.punch())
        kiosk.bench.passes(60)
    kiosk.bench.wall -= jump
    kiosk.bench.kernel = GOOD
    kiosk.ledger.note_clock()
    truth.append(kiosk.bench.wall)
    events.append(kiosk.punch())
    jump_ms = jump // timedelta(milliseconds=1)
    assert [each.seq for each in events] == [1, 2, 3, 5]
    assert [each.clock_jump_ms for each in events] == [None, jump_ms, None, None]
    assert [note.clock_jump_ms for note in kiosk.notes()] == [-jump_ms]
    for each in events[1:3]:
        assert each.clock is (ESTIMATED if each.recorded_at >= events[0].recorded_at else UNSYNCED)
    times = counted(kiosk.payloads(), tmp_path, SEVEN + timedelta(days=9))
    assert [at for at, _ in times] == pytest.approx(truth, abs=timedelta(seconds=0.001))
    assert [timed_by for _, timed_by in times] == [TimedBy.CLOCK, TimedBy.BOOT, TimedBy.BOOT, TimedBy.CLOCK]
    assert events[1].punch.first_seen_at == truth[1] + jump, "both times are kept"


def test_e2_control_the_kiosks_own_times_would_be_wrong(kiosk: Kiosk, tmp_path: Path) -> None:
    kiosk.boot(SEVEN)
    kiosk.bench.kernel = GOOD
    kiosk.punch()
    kiosk.bench.wall -= timedelta(hours=3)
    kiosk.bench.kernel = LOST
    kiosk.punch()
    own = [
        entry.punch.first_seen_at for entry in newest_entries(kiosk.connection) if isinstance(entry, AttendanceEvent)
    ]
    assert own != sorted(own, reverse=True), "by the kiosk's clock the second came first"
    times = [at for at, _ in counted(kiosk.payloads(), tmp_path, SEVEN + timedelta(days=1))]
    assert times == sorted(times)


@pytest.mark.slow
@pytest.mark.parametrize(("shows", "quality"), [("1970-01-02 00:00:00", UNSYNCED), ("+300d", ESTIMATED)])
def test_e1_a_real_process_under_another_time_is_honest(
    program: Callable[[str], str], project: Path, tmp_path: Path, shows: str, quality: ClockQuality
) -> None:
    """A process whose wall clock is not this machine's: real clocks, real card; nothing vouches for its time."""
    with closing(store.open_card(tmp_path)):
        pass
    script = (
        "import sys; from pathlib import Path\n"
        "import config\n"
        "from sync.messages import ClockQuality; from sync.outbox import Outbox\n"
        "from terminal import store; from terminal.clock import Clock; from terminal.ledger import Ledger\n"
        "from terminal.visit.signals import Record\n"
        "from tests.sync.samples import SIGNER; from tests.terminal.made import punch\n"
        "clock = Clock(kernel=lambda: None, timesync=lambda: None)\n"
        "outbox = Outbox(store.open_card(Path(sys.argv[1])), office='demo', terminal='lobby-1', signer=SIGNER)\n"
        "ledger = Ledger(config.Config(), outbox=outbox, clock=clock, wake_uplink=lambda: None, refused=lambda: None)\n"
        "print(ledger.record(Record(punch=punch(), first=None)).event.clock)\n"
    )
    run = [program("faketime"), "-f", shows if shows.startswith("+") else f"@{shows}"]
    python = str(project / ".venv" / "bin" / "python")
    before = clock.boottime_ns()
    said = subprocess.run(
        [*run, python, "-c", script, str(tmp_path)],
        cwd=project,
        env={**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.stdout.split() == [quality.value], said.stderr
    with closing(store.open_card(tmp_path)) as connection:
        (entry,) = newest_entries(connection)
    assert entry.boot_id == clock.boot_id()
    assert before < entry.boottime_ns < clock.boottime_ns(), "the boot clock is true whatever the wall clock shows"
