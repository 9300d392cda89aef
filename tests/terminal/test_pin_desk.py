"""The PIN desk: guessing (G1), one answer for every failure (G2), the work a check takes (G3), peppers and restarts."""

import logging
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher

import config
from sync import peppers
from sync.peppers import Pepper, pepper_of
from sync.releases import Person
from terminal import store
from terminal.pin import PinAnswer, PinCounts, PinDesk, Tally, check_pin, hash_pin, hashes
from terminal.pin import desk as desk_room
from terminal.pin.pepper_file import PepperFile
from terminal.pin.throttle import Throttle
from terminal.visit.signals import PinVerdict
from tests.terminal.made import PEPPER, PIN
from tests.terminal.test_pin import awaited

RULES = config.Pin()
SEVEN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Jakarta")
PEPPERS = {PEPPER.key_id: PEPPER}
PLAIN_PIN = "480173"


class Clocks:
    """Both clocks of a kiosk, moved by the test."""

    def __init__(self) -> None:
        self.steady_s = 5000.0
        self.at = SEVEN
        self.dated = True

    def pass_s(self, seconds: float) -> None:
        self.steady_s += seconds
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture(scope="module")
def plain_hash() -> str:
    """A PIN's hash from before there were peppers."""
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(f"1003\n{PLAIN_PIN}")


@pytest.fixture
def people(pin_hash: str, plain_hash: str) -> dict[str, Person]:
    return {
        "1001": Person(employee="1001", name="Suharto", pin=pin_hash),
        "1002": Person(employee="1002", name="Siti"),
        "1003": Person(employee="1003", name="Tuti", pin=plain_hash),
        "1004": Person(employee="1004", name="Budi", pin="spoilt"),
    }


Opened = Callable[..., PinDesk]


@pytest.fixture
def opened(people: dict[str, Person], clocks: Clocks) -> Iterator[Opened]:
    desks: list[PinDesk] = []

    def open_desk(
        rules: config.Pin = RULES,
        *,
        known: Callable[[], Mapping[str, Pepper]] = lambda: PEPPERS,
        card: Path | None = None,
    ) -> PinDesk:
        desk = PinDesk(
            rules,
            people=lambda: (7, people),
            now_s=lambda: clocks.steady_s,
            peppers=known,
            tally=Tally(lambda: store.open_card(card)) if card else None,
            now=lambda: clocks.at,
            is_dated=lambda: clocks.dated,
            zone=ZONE,
        )
        desks.append(desk)
        return desk

    yield open_desk
    for desk in desks:
        desk.close()


def asked(desk: PinDesk, number: str, pin: str) -> PinAnswer:
    desk.ask(1, number, pin)
    return awaited(desk.answer)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """PINs are compared without their work, for tests of what goes round it."""
    monkeypatch.setattr(desk_room, "check_pin", lambda stored, number, pin, peppers: pin == PIN)


# --- G1: guessing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("every_s", "guessed"), [(0.7, 1), (10, 1), (86.4, 1), (290, 1), (0.7, 50), (40, 7)])
def test_g1_a_thousand_guesses_are_few_checks_and_harm_nobody_else(every_s: float, guessed: int) -> None:
    """`guessed` numbers in turn, for at most a day; the owner of the first comes when it is over."""
    throttle = Throttle(RULES)
    throttle.turn_to(SEVEN.date())
    numbers = [f"{1001 + number}" for number in range(guessed)]
    checks: list[tuple[float, str]] = []
    waits: list[float] = []
    now_s = 0.0
    for guess in range(min(1000, int(86_400 / every_s))):
        now_s = guess * every_s
        number = numbers[guess % guessed]
        if throttle.wait_s(number, now_s) > 0:
            throttle.put_off(number, now_s)
        else:
            throttle.begin(now_s)
            throttle.failed(number, now_s)
            checks.append((now_s, number))
        waits.append(throttle.wait_s("colleague", now_s))
    for begin_s, _ in checks:
        assert sum(begin_s <= at_s < begin_s + 60 for at_s, _ in checks) <= 10
    assert max(sum(number == each for _, number in checks) for each in numbers) <= 30
    assert max(waits) <= 10
    assert throttle.wait_s(numbers[0], now_s + 300) == 0, "five minutes after the attack the owner may try"


def test_g1_whoever_waits_out_every_delay_gets_no_lock_but_no_speed_either() -> None:
    throttle = Throttle(RULES)
    now_s, checks = 0.0, 0
    while now_s < 86_400:
        now_s += throttle.wait_s("1001", now_s)
        throttle.begin(now_s)
        throttle.failed("1001", now_s)
        checks += 1
    assert checks <= 86_400 / 300 + RULES.tries_per_day
    print(f"{checks} checks of one number in a day, by somebody who waits exactly as long as told")


def test_the_days_failures_outlive_a_right_pin_and_end_with_the_day() -> None:
    throttle = Throttle(RULES)
    throttle.turn_to(SEVEN.date())
    now_s = 0.0
    for _ in range(30):
        now_s += 400
        throttle.begin(now_s)
        throttle.failed("1001", now_s)
    now_s += 300
    throttle.succeeded("1001")
    throttle.put_off("1001", now_s)
    assert throttle.wait_s("1001", now_s + 1) == 299
    throttle.turn_to((SEVEN + timedelta(days=1)).date())
    assert throttle.wait_s("1001", now_s + 1) == 0


@pytest.mark.usefixtures("quick")
def test_a_restart_forgets_neither_delay_nor_day(opened: Opened, clocks: Clocks, tmp_path: Path) -> None:
    desk = opened(card=tmp_path)
    for _ in range(3):
        clocks.pass_s(20)
        last = asked(desk, "1001", "000001")
    assert last.wait_s == 30
    desk.close()
    clocks.steady_s = 12.0  # another boot
    clocks.at += timedelta(seconds=10)
    again = opened(card=tmp_path)
    answer = asked(again, "1001", PIN)
    assert (answer.verdict, round(answer.wait_s)) == (PinVerdict.WAIT, 20)
    assert again.today() == PinCounts(right=0, wrong=3)
    clocks.pass_s(20)
    assert asked(again, "1001", PIN).verdict is PinVerdict.OK


@pytest.mark.usefixtures("quick")
def test_a_clock_that_went_back_while_the_kiosk_was_off_makes_no_delay_shorter(
    opened: Opened, clocks: Clocks, tmp_path: Path
) -> None:
    desk = opened(card=tmp_path)
    for _ in range(5):
        clocks.pass_s(130)
        last = asked(desk, "1001", "000001")
    desk.close()
    clocks.steady_s, clocks.at, clocks.dated = 12.0, datetime(1970, 1, 1, tzinfo=UTC), False
    again = opened(card=tmp_path)
    assert asked(again, "1001", PIN).wait_s == last.wait_s
    assert again.today().wrong == 5, "the day is not over because nobody knows the date"


@pytest.mark.usefixtures("quick")
def test_when_the_days_tries_are_used_up_a_restart_gives_no_more(
    opened: Opened, clocks: Clocks, tmp_path: Path
) -> None:
    desk = opened(card=tmp_path)
    for _ in range(30):
        clocks.pass_s(400)
        assert asked(desk, "1001", "000001").verdict is PinVerdict.REFUSED
    for _ in range(3):  # each try begins the five minutes anew
        clocks.pass_s(290)
        assert asked(desk, "1001", "000001").verdict is PinVerdict.WAIT
    desk.close()
    again = opened(card=tmp_path)
    assert asked(again, "1001", "000001").wait_s == 300
    clocks.pass_s(300)
    assert asked(again, "1001", PIN).verdict is PinVerdict.OK, "never locked out"


@pytest.mark.usefixtures("quick")
def test_a_new_day_in_the_office_begins_to_count_anew(opened: Opened, clocks: Clocks, tmp_path: Path) -> None:
    desk = opened(card=tmp_path)
    asked(desk, "1001", "000001")
    asked(desk, "1002", PIN)
    asked(desk, "1001", PIN)
    assert desk.today() == PinCounts(right=1, wrong=2)
    clocks.pass_s(16.9 * 3600)  # seven in the morning to before midnight in Jakarta
    asked(desk, "1001", PIN)
    assert desk.today() == PinCounts(right=2, wrong=2)
    clocks.pass_s(0.2 * 3600)
    asked(desk, "1001", PIN)
    assert desk.today() == PinCounts(right=1, wrong=0)
    desk.close()
    with closing(store.open_card(tmp_path)) as card:
        assert card.execute("SELECT day, right, wrong FROM pin_day").fetchall() == [("2026-03-03", 1, 0)]
        assert card.execute("SELECT count(*) FROM pin_failures").fetchone() == (0,)


@pytest.mark.usefixtures("quick")
def test_a_card_that_fails_stops_no_check_and_nothing_typed_is_logged(
    opened: Opened, clocks: Clocks, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "file").write_text("no folder")
    desk = opened(card=tmp_path / "file")
    assert asked(desk, "1009", "481516").verdict is PinVerdict.REFUSED
    assert asked(desk, "1001", PIN).verdict is PinVerdict.OK
    assert len([each for each in caplog.records if each.levelno >= logging.ERROR]) == 1
    assert "1009" not in caplog.text
    assert "481516" not in caplog.text


# --- G2: one answer for every failure ---------------------------------------------------------------------------------

FAILURES = {"wrong": "1001", "no PIN": "1002", "plain and wrong": "1003", "spoilt": "1004", "unknown": "9999"}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """The parameters of every argon2 computation that a check made."""
    done: list[tuple[int, int, int]] = []
    real = hashes._hasher

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
            asked_for = hashes.extract_parameters(hash if isinstance(hash, str) else hash.decode())
            done.append((asked_for.time_cost, asked_for.memory_cost, asked_for.parallelism))
            return bool(real.verify(hash, password))

    monkeypatch.setattr(hashes, "_hasher", Counting(time_cost=2, memory_cost=19_456, parallelism=1))
    return done


def test_g2_every_failure_is_the_same_answer_after_the_same_work(
    opened: Opened, clocks: Clocks, work: list[tuple[int, int, int]]
) -> None:
    desk = opened()
    answers = []
    for number in FAILURES.values():
        clocks.pass_s(60)
        answers.append(asked(desk, number, "274913"))
    assert answers == [PinAnswer(check=1, verdict=PinVerdict.REFUSED, gallery_version=7)] * len(FAILURES)
    assert work == [(2, 19_456, 1)] * len(FAILURES)


def test_g2_so_it_is_while_the_pepper_is_missing(
    opened: Opened, clocks: Clocks, work: list[tuple[int, int, int]]
) -> None:
    desk = opened(known=dict)
    answers = set()
    for number in FAILURES.values():
        clocks.pass_s(60)
        answers.add(asked(desk, number, "274913").verdict)
    assert answers == {PinVerdict.NO_ANSWER}
    assert work == [(2, 19_456, 1)] * len(FAILURES)


@pytest.mark.slow
def test_g2_their_medians_are_within_five_percent(people: dict[str, Person], clocks: Clocks) -> None:
    """CPU time of the checks alone, interleaved in an order of chance; 200 tries in all."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    nobody = hashes.nobodys_hash(PEPPER)
    kinds = {"wrong": people["1001"].pin or "", "unknown": nobody}
    took: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(100):
        for kind in chance.sample(sorted(kinds), len(kinds)):
            began_s = time.thread_time()
            assert not check_pin(kinds[kind], "1001", "274913", peppers=PEPPERS)
            took[kind].append(time.thread_time() - began_s)
    wrong, unknown = (statistics.median(took[kind]) for kind in kinds)
    # Pair by pair, so that other work on the machine weighs on both alike.
    ratio = statistics.median(a / b for a, b in zip(took["wrong"], took["unknown"], strict=True))
    print(f"wrong {1000 * wrong:.2f} ms, unknown {1000 * unknown:.2f} ms, ratio {ratio:.4f}")
    assert ratio == pytest.approx(1, abs=0.05)


# --- G3: the work of a check ------------------------------------------------------------------------------------------


def test_g3_a_check_takes_25_mib_at_most() -> None:
    """The most a fresh process had in memory, before its first check and after ten."""
    script = (
        "from sync.peppers import pepper_of\n"
        "from terminal.pin.hashes import check_pin\n"
        "stored = sys.argv[1]\n"
        "peppers = {each.key_id: each for each in [pepper_of(bytes(range(32)))]}\n"
        "def peak():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"  # proc(5): the peak is what it has now
        "before = peak()\n"
        "for _ in range(10):\n"
        "    check_pin(stored, '1001', '274913', peppers=peppers)\n"
        "print(peak() - before)\n"
    )
    stored = hash_pin("1001", PIN, pepper=PEPPER)
    words = [sys.executable, "-c", "import sys\n" + script, stored]
    said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[2])
    taken_kib = int(said.stdout)
    print(f"{taken_kib} KiB more than before the first check")
    assert 15_000 < taken_kib <= 25 * 1024


@pytest.mark.parametrize("memory_kib", [25_601, 65_536, 4_194_304])
def test_g3_a_hash_that_asks_for_more_is_none(memory_kib: int) -> None:
    assert not hashes.is_sound(f"$argon2id$v=19$m={memory_kib},t=2,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA")


def test_g3_twenty_at_once_are_checked_one_by_one_and_stop_no_other_thread(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most = 0, 0
    real = check_pin

    def counting(*given: str, **named: Mapping[str, Pepper]) -> bool:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return real(*given, **named)
        finally:
            at_once -= 1

    monkeypatch.setattr(desk_room, "check_pin", counting)
    desk = opened(config.Pin(tries_per_minute=1000))
    stop, gaps = threading.Event(), []

    def look() -> None:
        last_s = time.monotonic()
        while not stop.wait(0.005):
            gaps.append(time.monotonic() - last_s)
            last_s = time.monotonic()

    camera = threading.Thread(target=look)
    camera.start()
    askers = [threading.Thread(target=desk.ask, args=(check, "1001", PIN)) for check in range(20)]
    for asker in askers:
        asker.start()
    answers = [awaited(desk.answer) for _ in askers]
    stop.set()
    camera.join()
    assert sorted(answer.check for answer in answers) == list(range(20))
    assert {answer.verdict for answer in answers} == {PinVerdict.OK}
    assert most == 1
    assert max(gaps) < 1, "acceptance: the camera's loop is never held up for a second"


# --- peppers ----------------------------------------------------------------------------------------------------------


def test_a_pin_from_before_the_peppers_is_still_right(opened: Opened) -> None:
    assert asked(opened(), "1003", PLAIN_PIN).verdict is PinVerdict.OK


def test_a_hash_is_right_with_its_own_pepper_only(pin_hash: str) -> None:
    other = pepper_of(b"o" * 32)
    assert not check_pin(pin_hash, "1001", PIN, peppers={other.key_id: other})
    renamed = Pepper(key_id=PEPPER.key_id, secret=other.secret)
    assert not check_pin(pin_hash, "1001", PIN, peppers={PEPPER.key_id: renamed})


def test_what_is_hashed_is_the_hmac_and_not_the_pin(pin_hash: str) -> None:
    inner = "$" + pin_hash.partition("$")[2]
    assert PasswordHasher().verify(inner, PEPPER.mixed("1001", PIN))


def test_a_kiosk_without_the_pepper_says_that_it_cannot_tell_and_finds_it_later(
    opened: Opened, clocks: Clocks, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = PepperFile(tmp_path / "demo.pepper")
    desk = opened(known=file.peppers)
    for _ in range(4):
        clocks.pass_s(130)
        answer = asked(desk, "1001", PIN)
        assert (answer.verdict, answer.employee) == (PinVerdict.NO_ANSWER, None)
    assert desk.alarms() == ("pin_pepper_missing",)
    clocks.pass_s(130)
    assert asked(desk, "1003", PLAIN_PIN).verdict is PinVerdict.OK, "what needs no pepper works"
    (tmp_path / "demo.pepper").write_text("half of i")
    (tmp_path / "demo.pepper").chmod(0o600)
    assert file.peppers() == {}
    (tmp_path / "demo.pepper").write_text(f"{PEPPER.key_id} {PEPPER.secret.hex()}\n")
    answer = asked(desk, "1001", PIN)
    assert (answer.verdict, answer.wait_s) == (PinVerdict.OK, 0), "the owner does not pay for what was missing"
    assert desk.alarms() == ()
    assert PEPPER.secret.hex() not in caplog.text


def test_after_a_rotation_old_and_new_pins_work_and_a_kiosk_without_the_new_one_says_so(
    opened: Opened, people: dict[str, Person], tmp_path: Path
) -> None:
    old = peppers.new_pepper(tmp_path, "demo")
    copied = (tmp_path / "demo.pepper").read_bytes()
    new = peppers.new_pepper(tmp_path, "demo", rotate=True)
    people.clear()
    people["1001"] = Person(employee="1001", name="Suharto", pin=hash_pin("1001", PIN, pepper=old))
    people["1002"] = Person(employee="1002", name="Siti", pin=hash_pin("1002", PIN, pepper=new))
    desk = opened(known=PepperFile(tmp_path / "demo.pepper").peppers)
    assert [asked(desk, number, PIN).verdict for number in people] == [PinVerdict.OK, PinVerdict.OK]
    (tmp_path / "kiosk.pepper").write_bytes(copied)
    (tmp_path / "kiosk.pepper").chmod(0o600)
    behind = opened(known=PepperFile(tmp_path / "kiosk.pepper").peppers)
    assert [asked(behind, number, PIN).verdict for number in people] == [PinVerdict.OK, PinVerdict.NO_ANSWER]
    assert behind.alarms() == ("pin_pepper_missing",)


def test_a_file_spoilt_later_leaves_what_it_held_in_use(tmp_path: Path) -> None:
    made = peppers.new_pepper(tmp_path, "demo")
    path = tmp_path / "demo.pepper"
    file = PepperFile(path)
    assert dict(file.peppers()) == {made.key_id: made}
    path.write_text("x")
    assert dict(file.peppers()) == {made.key_id: made}
    path.unlink()
    assert dict(file.peppers()) == {made.key_id: made}
