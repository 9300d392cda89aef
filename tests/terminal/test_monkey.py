"""A monkey at a whole kiosk: thousands of taps and keys while people come and go, and at the end it still serves."""

import logging
import random
import threading

import pygame
import pytest

from sync.messages import Method
from terminal.visit.signals import CANCEL, ENTER
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, Kit

pytestmark = pytest.mark.slow

KEYS = [*"0123456789abz+-*/.'%;\\", "é", "💥", "\x00", "\u202e"]
CODES = [pygame.K_RETURN, pygame.K_BACKSPACE, pygame.K_ESCAPE, pygame.K_TAB, pygame.K_F1, pygame.K_DELETE]
BATCH = 4
FRAMES = 2


def mischief(rng: random.Random) -> pygame.Event:
    """Return a touch somewhere, a character, or a key without one."""
    match rng.randrange(4):
        case 0 | 1:
            x, y = rng.random(), rng.random()
            return pygame.event.Event(
                pygame.FINGERDOWN, x=x, y=y, finger_id=0, touch_id=1, dx=0.0, dy=0.0, pressure=1.0
            )
        case 2:
            return pygame.event.Event(pygame.KEYDOWN, key=0, unicode=rng.choice(KEYS), mod=0)
        case _:
            return pygame.event.Event(pygame.KEYDOWN, key=rng.choice(CODES), unicode="", mod=0)


def play(kit: Kit, watched: Watched, caplog: pytest.LogCaptureFixture, *, taps: int, seed: int) -> set[str]:
    """Return the screens that a monkey reached in so many taps; nothing broke, and a PIN still gets a green screen."""
    print("seed", seed)
    rng = random.Random(seed)
    drawn = threading.Semaphore(0)

    def director() -> None:
        watched.until_screen("Idle")
        watched.on_show = drawn.release
        for number in range(taps // BATCH):
            for _ in range(BATCH):
                pygame.event.post(mischief(rng))
            if number % 40 == 0:
                kit.camera.show(*rng.choice([(), (1,), (2,), (1, 2), (3,)]))
            if rng.random() < 0.004:
                kit.camera.unplug(rng.random() < 0.4)
            # The next handful only when frames have shown what the last one did: people are recognised in between.
            while drawn.acquire(blocking=False):
                pass
            for _ in range(FRAMES):
                assert drawn.acquire(timeout=20), "nothing is drawn any more"
        watched.on_show = None
        kit.camera.unplug(False)
        kit.camera.show()
        watched.until(lambda: not pygame.event.peek(), "what was typed is not taken")
        for _ in range(10):  # the monkey's guesses have made the PIN desk slow, never closed
            watched.type(CANCEL)
            watched.until(lambda: watched.screens[-1] in ("Idle", "CameraDown"), "stuck", timeout_s=60)
            watched.type(*"1001", ENTER)
            watched.until_screen("PinCode")
            watched.type(*PIN, ENTER)
            watched.until(lambda: watched.screens[-1] not in ("PinCode", "PinChecking") or bool(refused()), "no answer")
            if watched.screens[-1] in ("Recording", "Recorded", "AlreadyRecorded"):
                watched.until(lambda: watched.screens[-1] in ("Recorded", "AlreadyRecorded"), "not recorded")
                return
        pytest.fail(f"a PIN is not taken any more: {watched.said[-3:]}")

    def refused() -> list[str]:
        return [words for words in ("Coba lagi", "salah") if words in watched.said[-1]]

    with caplog.at_level(logging.INFO):
        live(
            kit,
            director,
            visit={"result_s": 0.3, "pin_timeout_s": 3, "desk_timeout_s": 2},
            pin={"first_delay_s": 0.1, "max_delay_s": 0.2, "tries_per_minute": 1000},
        )
    for bad in ("a turn failed", "begins anew", "crashed", "Traceback"):
        assert bad not in caplog.text
    assert all(event.punch.method in (Method.FACE, Method.PIN) for event in kit.events())
    print("reached", sorted(set(watched.screens)), "punches", len(kit.events()))
    return set(watched.screens)


def test_a_thousand_taps_break_nothing(kit: Kit, watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    reached = play(kit, watched, caplog, taps=1_200, seed=20260302)
    assert reached >= {"Idle", "Recorded", "PinNumber", "PinCode"}


@pytest.mark.nightly
def test_ten_thousand_taps_reach_nearly_every_screen_and_break_nothing(
    kit: Kit, watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    reached = play(kit, watched, caplog, taps=10_000, seed=random.SystemRandom().randrange(2**31))
    assert reached >= {"Idle", "Looking", "Recorded", "AlreadyRecorded", "History", "PinNumber", "PinCode"}
