"""PINs: hashes, poor ones, and a desk that delays but never locks anybody out."""

import threading
import time
from collections.abc import Callable, Iterator

import hypothesis.strategies as some
import pytest
from argon2 import extract_parameters
from hypothesis import given

import config
from sync.releases import Person
from terminal.pin import PinAnswer, PinDesk, PinRefused, Throttle, acceptable, check_pin, hash_pin
from terminal.pin import desk as desk_room
from terminal.visit.signals import PinVerdict
from tests.terminal.made import PEPPER, PIN

RULES = config.Pin()
PEPPERS = {PEPPER.key_id: PEPPER}


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 5000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_hash_fits_its_own_employee_and_pin_only(pin_hash: str) -> None:
    assert check_pin(pin_hash, "1001", PIN, peppers=PEPPERS)
    assert not check_pin(pin_hash, "1001", "739207", peppers=PEPPERS)
    assert not check_pin(pin_hash, "1002", PIN, peppers=PEPPERS), "a hash copied to another row opens nothing"


def test_the_hash_is_argon2id_as_the_acceptance_list_asks(pin_hash: str) -> None:
    named, _, made = pin_hash.partition("$")
    assert named == f"k={PEPPER.key_id}"
    asked = extract_parameters(f"${made}")
    assert made.startswith("argon2id$")
    assert (asked.time_cost, asked.memory_cost, asked.parallelism) == (2, 19_456, 1)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "$argon2id$",
        "$argon2id$v=19$m=4194304,t=3,p=1$c29tZXNhbHQ$AAAA",
        "$argon2id$v=19$m=19456,t=4000000,p=1$c29tZXNhbHQ$AAAA",
        "\N{PILE OF POO}",
    ],
)
def test_what_is_no_sound_hash_is_never_right(stored: str) -> None:
    assert not check_pin(stored, "1001", PIN)


@given(some.text(max_size=40), some.text(max_size=40))
def test_any_text_may_be_typed(number: str, typed: str) -> None:
    assert not check_pin("no hash", number, typed)


@pytest.mark.parametrize(
    "poor",
    [
        "123456",
        "234567",
        "890123",
        "654321",
        "000000",
        "999999",
        "121212",
        "123123",
        "123321",
        "112211",
        "147258",
        "159753",
        "246810",
        "110000",
        "101010",
    ],
)
def test_poor_pins_are_refused_in_words(poor: str) -> None:
    with pytest.raises(PinRefused, match="choose another"):
        acceptable(poor)


@pytest.mark.parametrize("odd", ["", "12345", "1234567", "12345a", "１２３４５６", " 73920", "73920\n", "739206\n"])
def test_a_pin_is_six_ascii_digits(odd: str) -> None:
    with pytest.raises(PinRefused, match="6 digits"):
        acceptable(odd)


@pytest.mark.parametrize("poor", ["011001", "150187", "870115", "198701"])
def test_the_employee_number_gives_no_pin(poor: str) -> None:
    with pytest.raises(PinRefused):
        acceptable(poor, employee="198701152010011001")


def test_the_tail_of_a_short_number_is_no_end_of_a_pin() -> None:
    with pytest.raises(PinRefused):
        acceptable("731001", employee="1001")
    acceptable("731001", employee="1002")


def test_ordinary_pins_are_fine() -> None:
    for ordinary in ("739206", "480173", "905264"):
        acceptable(ordinary, employee="198701152010011001")


def test_no_poor_pin_becomes_a_hash() -> None:
    with pytest.raises(PinRefused):
        hash_pin("1001", "123456", pepper=PEPPER)


# --- the throttle ---------------------------------------------------------------------------------------------------


def attempt(throttle: Throttle, number: str, now_s: float, *, right: bool = False) -> float:
    """Try once; return the wait asked for, 0 when it was checked."""
    wait_s = throttle.wait_s(number, now_s)
    if wait_s == 0:
        throttle.begin(now_s)
        if right:
            throttle.succeeded(number)
        else:
            throttle.failed(number, now_s)
    return wait_s


def test_delays_begin_after_the_free_tries_and_double_to_the_cap() -> None:
    throttle = Throttle(RULES)
    now_s, waits = 0.0, []
    for _ in range(8):
        now_s += 20.0
        attempt(throttle, "1001", now_s)
        waits.append(throttle.wait_s("1001", now_s))
        now_s += waits[-1]
    assert waits == [0, 0, 30, 60, 120, 240, 300, 300]


def test_a_delay_is_no_lock_out_and_decays() -> None:
    throttle = Throttle(RULES)
    for at_s in range(0, 4000, 400):
        attempt(throttle, "1001", float(at_s))
    assert throttle.wait_s("1001", 3600 + 301) == 0
    assert attempt(throttle, "1001", 4000.0, right=True) == 0
    attempt(throttle, "1001", 4100.0)
    assert throttle.wait_s("1001", 4101.0) == 0, "a right PIN forgets the failures"


def test_failures_of_long_ago_are_forgotten() -> None:
    throttle = Throttle(RULES)
    for at_s in (0.0, 10.0, 20.0):
        attempt(throttle, "1001", at_s)
    attempt(throttle, "1001", 20.0 + 3 * RULES.max_delay_s)
    assert throttle.wait_s("1001", 21.0 + 3 * RULES.max_delay_s) == 0


def test_guessing_one_number_delays_no_other() -> None:
    throttle = Throttle(RULES)
    for at_s in range(0, 1000, 15):
        attempt(throttle, "1001", float(at_s))
    assert throttle.wait_s("1002", 1000.0) == 0


def test_g1_a_thousand_guesses_make_ten_checks_a_minute_and_colleagues_wait_seconds() -> None:
    throttle = Throttle(RULES)
    checked: list[float] = []
    colleague_waits: list[float] = []
    for guess in range(1000):
        now_s = guess * 0.7
        if attempt(throttle, f"{guess % 50:04}", now_s) == 0:
            checked.append(now_s)
        colleague_waits.append(throttle.wait_s("colleague", now_s))
    for begin_s in checked:
        assert sum(begin_s <= at_s < begin_s + 60 for at_s in checked) <= RULES.tries_per_minute
    assert max(colleague_waits) <= 10
    assert throttle.wait_s("0000", 700 + 300) == 0, "five minutes after the attack the victim may try"


def test_a_queue_of_people_who_know_their_pins_is_not_slowed_down() -> None:
    throttle = Throttle(RULES)
    assert all(attempt(throttle, str(number), number * 2.0, right=True) == 0 for number in range(100))


@pytest.mark.parametrize("tries", [1, 2, 3, 10, 1000])
def test_any_setting_of_tries_lets_somebody_in_again(tries: int) -> None:
    throttle = Throttle(config.Pin(tries_per_minute=tries))
    for number in range(2000):
        attempt(throttle, str(number), 0.0)
    wait_s = throttle.wait_s("new", 0.0)
    assert 0 < wait_s <= 60
    assert throttle.wait_s("new", wait_s) == 0


def test_what_is_remembered_is_bounded() -> None:
    throttle = Throttle(config.Pin(tries_per_minute=1_000_000))
    for number in range(20_000):
        throttle.failed(str(number), 0.0)
    assert len(throttle._failures) <= 10_000


# --- the desk -------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(pin_hash: str, clock: Clock) -> Iterator[PinDesk]:
    people = {
        "1001": Person(employee="1001", name="Suharto", pin=pin_hash),
        "1002": Person(employee="1002", name="Siti"),
    }
    opened = PinDesk(RULES, people=lambda: (7, people), now_s=clock, peppers=lambda: PEPPERS)
    yield opened
    opened.close()


def answered(desk: PinDesk, check: int, number: str, typed: str) -> PinAnswer:
    desk.ask(check, number, typed)
    return awaited(desk.answer)


def awaited(ask: Callable[[], PinAnswer | None]) -> PinAnswer:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if (answer := ask()) is not None:
            return answer
        threading.Event().wait(0.002)
    raise AssertionError("no answer")


def test_the_right_pin_names_its_employee(desk: PinDesk) -> None:
    answer = answered(desk, 1, "1001", PIN)
    assert answer == PinAnswer(check=1, verdict=PinVerdict.OK, employee="1001", gallery_version=7)


def test_g2_unknown_number_no_pin_and_wrong_pin_get_the_same_answer(desk: PinDesk, clock: Clock) -> None:
    expected = PinAnswer(check=1, verdict=PinVerdict.REFUSED, gallery_version=7)
    assert answered(desk, 1, "1001", "000001") == expected
    assert answered(desk, 1, "1002", PIN) == expected
    assert answered(desk, 1, "9999", PIN) == expected
    clock.now_s += 60
    assert answered(desk, 1, "9999", "no one has this PIN") == expected


def test_the_desk_answers_wait_without_checking(desk: PinDesk, clock: Clock) -> None:
    for _ in range(3):
        clock.now_s += 20
        last = answered(desk, 1, "1001", "000001")
    assert last.wait_s == 30
    clock.now_s += 29
    answer = answered(desk, 2, "1001", PIN)
    assert (answer.verdict, answer.wait_s) == (PinVerdict.WAIT, 1.0)
    clock.now_s += 1
    assert answered(desk, 3, "1001", PIN).verdict is PinVerdict.OK


def test_asking_never_blocks(desk: PinDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(desk_room, "check_pin", lambda *_, **__: gate.wait(20) and False)
    begun_s = time.monotonic()
    desk.ask(1, "1001", PIN)
    assert desk.answer() is None
    assert time.monotonic() - begun_s < 1
    gate.set()
    assert awaited(desk.answer).check == 1


def test_a_desk_knows_the_newest_set(pin_hash: str, clock: Clock) -> None:
    people: dict[str, Person] = {}
    desk = PinDesk(RULES, people=lambda: (len(people), people), now_s=clock, peppers=lambda: PEPPERS)
    try:
        assert answered(desk, 1, "1001", PIN).verdict is PinVerdict.REFUSED
        people["1001"] = Person(employee="1001", name="Suharto", pin=pin_hash)
        answer = answered(desk, 2, "1001", PIN)
        assert (answer.verdict, answer.gallery_version) == (PinVerdict.OK, 1)
    finally:
        desk.close()


def test_a_desk_that_closes_does_not_work_off_its_queue_first(pin_hash: str, clock: Clock) -> None:
    closed = PinDesk(config.Pin(tries_per_minute=600), people=lambda: (7, {}), now_s=clock, peppers=lambda: PEPPERS)
    for check in range(200):
        closed.ask(check, "1001", "739206")
    begun_s = time.monotonic()
    closed.close()
    assert time.monotonic() - begun_s < 2
    assert not closed.alive
