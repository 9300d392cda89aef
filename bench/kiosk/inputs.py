"""From a key or a touch to the picture that shows it, at random times, while faces are encoded without a pause."""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.footage import BenchRefused
from bench.kiosk.watching import Flip, Watched
from terminal.display.events import Pressed, Touched, send
from terminal.faces import Engine, Picture
from terminal.visit.signals import BACKSPACE, PIN_BUTTON

SHORT, LONG = "42", "427"
_SHOWN_WITHIN_S = 5.0
_PAUSE_S = (0.15, 0.35)
"""Slower than any reader that types, and out of step with frames."""


@dataclass(slots=True)
class Load:
    """An encoder beside the kiosk's own eyes, on a thread of its own: whenever a key is hit, an encode runs."""

    engine: Engine
    picture: Picture
    encodes: int = 0

    def run(self, stop: threading.Event) -> None:
        """Faces are encoded one after the other until `stop` is set. Raises BenchRefused without one."""
        faces = self.engine.detect(self.picture)
        if not faces:
            raise BenchRefused("no face was found to encode; give other clips")
        while not stop.is_set():
            self.engine.encode(self.picture, faces[0])
            self.encodes += 1


def waits(watched: Watched, count: int, seed: int) -> list[float]:
    """Return for each of `count` keys and touches the seconds until it was seen on the screen; the keypad is open.

    Keys and touches in turn: a digit that appears behind the number, and one that vanishes.
    """
    chance = random.Random(seed)  # noqa: S311 - when somebody types
    _until(watched, SHORT, SHORT, after_s=0.0)
    found = []
    for number in range(count):
        time.sleep(chance.uniform(*_PAUSE_S))
        key, words = (LONG[-1], LONG) if number % 2 == 0 else (BACKSPACE, SHORT)
        event = Pressed(key=key) if number % 4 < 2 else _touch(watched, key)
        sent_s = time.monotonic()
        send(event)
        found.append(_until(watched, words, key, after_s=sent_s).at_s - sent_s)
    return found


def open_keypad(watched: Watched) -> None:
    """The keypad is open, with SHORT typed."""
    if watched.until(lambda flip: flip.name != "PinNumber", _SHOWN_WITHIN_S) is None:
        raise BenchRefused("the kiosk showed nothing")
    send(_touch(watched, PIN_BUTTON))
    if watched.until(lambda flip: flip.name == "PinNumber", _SHOWN_WITHIN_S) is None:
        raise BenchRefused("the keypad did not open")
    for digit in SHORT:
        time.sleep(max(_PAUSE_S))
        send(Pressed(key=digit))


def _until(watched: Watched, words: str, key: str, *, after_s: float) -> Flip:
    flip = watched.until(lambda flip: words in flip.words, _SHOWN_WITHIN_S, after_s=after_s)
    if flip is None:
        raise BenchRefused(f"{key} was not seen within {_SHOWN_WITHIN_S:.0f} s; last: {_last(watched.seen.flips)}")
    return _first_of_its_kind(watched.seen.flips, words, after_s)


def _first_of_its_kind(flips: Sequence[Flip], words: str, after_s: float) -> Flip:
    return next(flip for flip in flips if flip.at_s >= after_s and words in flip.words)


def _last(flips: Sequence[Flip]) -> str:
    return flips[-1].name if flips else "nothing"


def _touch(watched: Watched, button: str) -> Touched:
    screen = watched.screen
    box = next((each.box for each in screen.buttons if each.id == button), None) if screen is not None else None
    if box is None:
        raise BenchRefused(f"there is no button {button} on the screen to touch")
    return Touched(x=box.x + box.width / 2, y=box.y + box.height / 2)
