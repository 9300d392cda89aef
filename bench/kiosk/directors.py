"""What happens before the kiosk's camera and on its screen: one director for each thing that is measured."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

from bench.footage import BenchRefused
from bench.kiosk import inputs
from bench.kiosk.inputs import Load
from bench.kiosk.lobby import Lobby
from bench.kiosk.watching import GREEN, Flip, Watched

READY_S = 30.0
_LONGEST_S = 600.0
_SETTLE_S = 20.0
_LOOKED_AT = ("Looking", "NotRecognised")


def play(lobby: Lobby) -> Callable[[Watched], None]:
    """Return a director who lets the queue pass at its own pace, and the last one be answered."""

    def direct(watched: Watched) -> None:
        lobby.empty.wait(READY_S + _LONGEST_S)
        watched.until(lambda flip: flip.name == "Idle", _SETTLE_S, after_s=time.monotonic())

    return direct


def make_way(lobby: Lobby) -> Callable[[Watched], None]:
    """Return a director who has everybody go as soon as they are answered; whoever is not, when their clip is over."""

    def direct(watched: Watched) -> None:
        deadline_s = time.monotonic() + READY_S + _LONGEST_S
        last_s, said = 0.0, ""
        while not lobby.empty.is_set() and time.monotonic() < deadline_s:
            green = watched.until(lambda flip: flip.name in GREEN, 0.05, after_s=last_s + 1e-6)
            if green is None:
                continue
            last_s = green.at_s
            if _receipt(green) != said:
                said = _receipt(green)
                lobby.move_on()

    return direct


def _receipt(green: Flip) -> str:
    """Return the words by which one person's green screen is told from the next one's and not from itself."""
    return " ".join(words for words in green.words if any(letter.isdigit() for letter in words))


@dataclass(slots=True)
class Linger:
    """What is measured while somebody unknown stays before the kiosk: `waits_s` of each key and touch, in order."""

    preview_fps: float = 0.0
    preview_encodes_per_s: float = 0.0
    encodes: int = 0
    waits_s: list[float] = field(default_factory=list)


def linger(load: Load, found: Linger, *, keys: int, preview_s: float, seed: int) -> Callable[[Watched], None]:
    """Return a director who watches the preview for `preview_s`, and then types while faces are encoded."""

    def direct(watched: Watched) -> None:
        if watched.until(lambda flip: flip.name in _LOOKED_AT, READY_S) is None:
            raise BenchRefused("nobody was seen before the kiosk; give other clips")
        began_s = time.monotonic()
        time.sleep(preview_s)
        pictures = [f for f in watched.seen.flips if began_s <= f.at_s < began_s + preview_s and f.live is not None]
        encodes = [each for each in watched.seen.encodes if began_s <= each[0] < began_s + preview_s]
        found.preview_fps = round(_distinct(pictures) / preview_s, 1)
        found.preview_encodes_per_s = round(len(encodes) / preview_s, 1)
        inputs.open_keypad(watched)
        stop = Event()
        thread = Thread(target=load.run, args=(stop,), name="load", daemon=True)
        thread.start()
        try:
            own, others = len(watched.seen.encodes), load.encodes
            found.waits_s = inputs.waits(watched, keys, seed)
            found.encodes = len(watched.seen.encodes) - own + load.encodes - others
        finally:
            stop.set()
            thread.join(10)

    return direct


def _distinct(flips: Sequence[Flip]) -> int:
    """Return how many frames were seen: a frame drawn twice in a row is one."""
    before = [None, *(flip.live for flip in flips)]
    return sum(flip.live != seen for flip, seen in zip(flips, before, strict=False))
