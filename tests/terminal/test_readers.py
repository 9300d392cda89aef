"""Badges: readers that type a line and ENTER, and what a hostile QR code can make of that."""

from collections.abc import Iterable

import hypothesis.strategies as some
import pytest
from hypothesis import given, note

from terminal.readers import Bursts
from terminal.visit.signals import BACKSPACE, ENTER, FOREIGN, PinVerdict, Typed
from terminal.visit.states import CameraDown, Idle, PinChecking, PinCode, PinNumber, PinProblem
from tests.terminal.visit_life import Life

NIP = "198701152010011001"
HOSTILE = (
    "'",
    "'; DROP TABLE outbox; --",
    '"--',
    "%s%n%x",
    "1001\0",
    "\u202e1001",
    "1001\u200f",
    "9" * 10_000,
    "\N{PILE OF POO}" * 8,
    "https://example.org/?id=1001",
    "WIFI:S:lobby;T:WPA;P:secret;;",
    "../../etc/passwd",
    "$(reboot)",
    "１００１",
    "+*/-",
)


class Badge(Life):
    """A kiosk's visit with a reader before it."""

    def __init__(self) -> None:
        super().__init__()
        self.bursts = Bursts()

    def press(self, keys: Iterable[str], *, every_s: float, look_s: float = 1 / 30) -> None:
        """Keys are pressed `every_s` and looked for every `look_s`, as the kiosk's loop does."""
        waiting = [(self.at_s + every_s * (place + 1), key) for place, key in enumerate(keys)]
        while waiting:
            self.at_s += look_s
            self.bursts.look(self.at_s)
            while waiting and waiting[0][0] <= self.at_s:
                typed = self.bursts.heard(waiting.pop(0)[1])
                if typed is not None:
                    self.give(typed, after_s=0)

    def read(self, text: str, *, every_s: float = 0.004, look_s: float = 1 / 30) -> None:
        """The reader types `text`, whose unprintable characters come as the display hands them on."""
        self.wait(0.5)
        self.bursts.look(self.at_s)
        keys = [key if key.isprintable() else FOREIGN for key in text]
        self.press([*keys, ENTER], every_s=every_s, look_s=look_s)


def test_a_badge_read_at_the_idle_screen_leads_to_the_six_digits() -> None:
    life = Badge()
    life.read(NIP)
    assert isinstance(life.state, PinCode)
    assert (life.state.number, life.state.code, life.state.problem) == (NIP, "", None)
    life.wait(1)
    life.press([*"739206", ENTER], every_s=0.2)
    assert [(check.number, check.pin) for check in life.checks] == [(NIP, "739206")]


def test_a_badge_replaces_what_was_typed_before() -> None:
    life = Badge()
    life.press("77", every_s=0.3)
    life.read("1001")
    assert isinstance(life.state, PinCode)
    assert life.state.number == "1001"


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_a_code_that_is_no_number_is_dropped_whole_with_one_clear_word(text: str) -> None:
    life = Badge()
    life.read(text)
    if len(text) < 3:  # too short to be told from fingers: it is typed, and typed text is no number either
        assert isinstance(life.state, Idle | PinNumber)
    else:
        assert isinstance(life.state, PinNumber)
        assert (life.state.number, life.state.problem) == ("", PinProblem.UNREADABLE)
    assert (life.checks, life.records) == ([], [])
    life.read("1001")
    assert isinstance(life.state, PinCode), "the kiosk is usable afterwards"
    assert life.state.number == "1001"


def test_a_badge_held_twice_is_no_wrong_pin() -> None:
    life = Badge()
    life.read(NIP)
    life.read(NIP)
    assert isinstance(life.state, PinCode)
    assert (life.state.number, life.state.code, life.state.problem) == (NIP, "", None)
    assert life.checks == []


@pytest.mark.parametrize("text", ["https://example.org/123456", "7392061", "12345a"])
def test_no_line_of_a_reader_is_a_pin_unless_it_is_six_digits(text: str) -> None:
    life = Badge()
    life.read("1001")
    life.read(text)
    assert isinstance(life.state, PinCode)
    assert (life.state.code, life.state.problem) == ("", PinProblem.UNREADABLE)
    assert life.checks == []


def test_a_reader_that_ends_its_line_twice_ends_it_once() -> None:
    life = Badge()
    life.press([*"1001", ENTER, ENTER], every_s=0.004)
    assert isinstance(life.state, PinCode)
    assert life.state.problem is None


def test_fingers_are_no_reader() -> None:
    bursts, typed = Bursts(), []
    for place, key in enumerate([*"1001", ENTER]):
        for look in range(3):
            bursts.look(0.1 * place + look / 30)
        typed.append(bursts.heard(key))
    assert typed == [Typed(key=key) for key in (*"1001", ENTER)]


@pytest.mark.parametrize("every_s", [0.001, 0.01, 0.02])
@pytest.mark.parametrize("look_s", [0.01, 1 / 30, 0.1, 0.4])
def test_a_loop_that_is_slow_cuts_no_number_in_two(every_s: float, look_s: float) -> None:
    life = Badge()
    life.read(NIP, every_s=every_s, look_s=look_s)
    assert isinstance(life.state, PinCode)
    assert (life.state.number, life.state.problem) == (NIP, None)


def test_whoever_types_fast_before_a_slow_loop_may_correct_the_number() -> None:
    life = Badge()
    life.press([*"1002", BACKSPACE, "1", ENTER], every_s=0.07, look_s=0.4)
    assert isinstance(life.state, PinCode)
    assert life.state.number == "1001"


def test_a_line_begun_while_a_punch_is_being_kept_is_still_whole() -> None:
    life = Badge()
    life.card_works = False
    life.see(1, "1001")
    life.read("1002")
    assert isinstance(life.state, PinCode)
    assert life.state.number == "1002"


def test_a_badge_works_while_the_camera_is_unplugged() -> None:
    from terminal.sighting import CameraState
    from terminal.visit.signals import CameraChanged

    life = Badge()
    life.give(CameraChanged(camera=CameraState(state="lost")))
    assert isinstance(life.state, CameraDown)
    life.read("1001")
    life.wait(1)
    life.press([*"739206", ENTER], every_s=0.2)
    assert isinstance(life.state, PinChecking)
    life.answer(PinVerdict.OK, "1001", evidence_ref="none:no_camera")
    assert [record.punch.evidence_ref for record in life.records] == ["none:no_camera"]


def test_a_desk_that_cannot_check_says_no_wrong_pin() -> None:
    life = Badge()
    life.read("1001")
    life.wait(1)
    life.press([*"739206", ENTER], every_s=0.2)
    life.answer(PinVerdict.NO_ANSWER)
    assert isinstance(life.state, PinCode)
    assert life.state.problem is PinProblem.NO_ANSWER


@given(some.lists(some.tuples(some.text(max_size=80), some.sampled_from((0.002, 0.2))), max_size=8))
def test_any_text_through_keyboard_and_reader_leaves_the_kiosk_usable(lines: list[tuple[str, float]]) -> None:
    """Hypothesis prints the lines, and `--hypothesis-seed` the run, when this fails."""
    note(f"lines: {lines!r}")
    life = Badge()
    for line, every_s in lines:
        life.wait(0.5)
        life.bursts.look(life.at_s)
        life.press([*(key if key.isprintable() else FOREIGN for key in line), ENTER], every_s=every_s)
        if isinstance(life.state, PinChecking):
            life.answer(PinVerdict.REFUSED)
    assert life.records == []
    assert all(len(check.pin) == 6 and check.pin.isdecimal() and check.pin.isascii() for check in life.checks)
    life.wait(200)
    life.read("1001")
    assert isinstance(life.state, PinCode)
    assert life.state.number == "1001"
