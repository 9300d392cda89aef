"""A kiosk's main thread in a process of its own, whose disk fails as it is told: the real card, visit, ledger, screen.

It runs under `fiu-run -x`, so that libfiu stands between SQLite and the C library, and obeys one word a line. Each is
answered by one line of JSON. Like the kiosk it is, it ends with status 1 once its card is broken.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import config
from errors import HadirError
from sync.outbox import Outbox
from terminal import app, storage, store
from terminal.announcer import Announcer
from terminal.backlight import Backlight, Lamp
from terminal.card import Card, take
from terminal.clerk import Clerk
from terminal.clock import Clock
from terminal.display import Display
from terminal.display.speaker import Speaker
from terminal.errand import Glance
from terminal.gallery import Gallery
from terminal.kiosk import Kiosk
from terminal.ledger import Ledger, empty_day
from terminal.pin import PinDesk
from terminal.pulse import Pulse
from terminal.sighting import CameraState, Sighting
from terminal.vision import Newest
from terminal.visit.states import Recording
from terminal.voice import Voice
from tests.terminal.made import ENGINE_ID, served, sighting

PROJECT = Path(__file__).resolve().parents[2]
RESULT_S = 0.3


def settings_of(folder: Path) -> config.Config:
    """Return the settings of the kiosk whose card is in `folder`."""
    return config.replace(
        config.Config(),
        terminal={"state": str(folder)},
        display={"driver": "dummy"},
        visit={"result_s": RESULT_S},
    )


# --- the test's side ------------------------------------------------------------------------------------------------


class FaultyKiosk:
    """The test's hold on the process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.thanked = 0

    def say(self, *words: object) -> dict[str, Any]:
        """Return its answer; nothing in it if the process has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {}
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {}
        self.thanked += answer.get("state") == "Recorded"
        return answer

    def punch(self) -> dict[str, Any]:
        """Return what the screen is when one more person has stood before it."""
        return self.say("punch")

    def fail(self, point: str, error: int, probability: float) -> None:
        """From now on the calls of `point` (libfiu's name) fail so often with that errno."""
        self.say("fail", point, error, probability)

    def calm(self) -> None:
        """Nothing fails any more."""
        self.say("calm")

    def refuses_to_go_on(self) -> int:
        """Return the status it ends with by itself, while people still come."""
        began_s = time.monotonic()
        while "state" in self.punch():
            assert time.monotonic() < began_s + 20, "it goes on"
        return self._process.wait(20)

    def kill(self) -> None:
        """It is gone without a word, in the middle of whatever it did."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(20)


@contextmanager
def faulty_kiosk(folder: Path, *, faults: tuple[str, ...] = (), seed: int = 0) -> Iterator[FaultyKiosk]:
    """A kiosk with its card in `folder`; `faults` ("point:errno:probability") are there while it opens it."""
    fiu = ["fiu-run", "-x", "-f", ""]
    words = [*fiu, sys.executable, "-m", "tests.sync.faulty_kiosk", str(folder), str(seed), *faults]
    environment = {**os.environ, "PATH": os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin"])}
    with subprocess.Popen(
        words, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield FaultyKiosk(process)
        finally:
            process.kill()


# --- the process's side ---------------------------------------------------------------------------------------------


class _Fiu:
    """libfiu, which `fiu-run` put into this process."""

    def __init__(self, seed: int) -> None:
        self._library = ctypes.CDLL("libfiu.so.0")
        self._library.fiu_enable_random.argtypes = [
            ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_float,
        ]  # fmt: skip
        self._library.fiu_set_prng_seed(ctypes.c_uint(seed))
        self._points: set[str] = set()

    def fail(self, point: str, error: str, probability: str) -> None:
        self._points.add(point)
        if self._library.fiu_enable_random(point.encode(), 1, int(error), 0, float(probability)):
            raise AssertionError(f"libfiu does not know {point}")

    def calm(self) -> None:
        for point in self._points:
            self._library.fiu_disable(point.encode())


class _Stage:
    """The kiosk's main thread with everything that does not touch the card left out."""

    def __init__(self, settings: config.Config, card: Card) -> None:
        self._settings = settings
        self._broken_since_s: float | None = None
        gallery = Gallery.empty(ENGINE_ID)
        clock = Clock(known=card.known, chrony=lambda: None)
        self._storage = storage.Storage(settings.terminal.state)
        pulse = Pulse(
            settings,
            gallery=lambda: gallery,
            clock=clock,
            card_alarms=card.alarms,
            supply_alarms=lambda: (),
            voice_alarms=lambda: (),
            storage_alarms=self._storage.alarms,
            full_percent=self._storage.percent,
        )
        self._pulse = pulse
        self._seen: Newest[Sighting | CameraState | Glance] = Newest()

        @contextmanager
        def open_ledger() -> Iterator[Ledger]:
            folder = settings.terminal.state
            with closing(store.open_card(folder)) as connection:
                outbox = Outbox(
                    connection, office=settings.office.id, terminal=settings.terminal.id, signer=card.signer
                )
                # In the kiosk a thread is woken; here it is looked at on the spot, so that the test need not wait.
                look = self._storage.look
                yield Ledger(settings, outbox=outbox, clock=clock, wake_uplink=lambda: None, refused=look)

        self._kiosk = Kiosk(
            settings,
            display=Display(settings.display),
            clerk=Clerk(open_ledger, nobody_yet=empty_day(settings), look=lambda: None),
            desk=PinDesk(settings.pin, people=lambda: (0, {}), now_s=time.monotonic),
            seen=self._seen,
            gallery=lambda: gallery,
            pulse=pulse,
            announcer=Announcer(settings.sound, settings.office.zone, Voice(Speaker(wanted=False))),
            lamp=Lamp(Backlight("")),
        )
        self._people = time.time_ns()

    def punch(self) -> dict[str, Any]:
        self._people += 1
        now = datetime.now(UTC)
        person = replace(served(self._people, str(self._people)), first_seen_at=now)
        self._seen.put(replace(sighting(person), taken_at=now))
        self._kiosk.turn(0)
        while isinstance(self._kiosk.state, Recording):
            self._kiosk.turn(0.01)
        screen = self._kiosk._screen
        words = " ".join(text.words for text in screen.texts) if screen is not None else ""
        return {
            "state": type(self._kiosk.state).__name__,
            "screen": words.replace("\N{NO-BREAK SPACE}", " "),
            "alarms": self._pulse.alarms(),
        }

    def look(self) -> dict[str, Any]:
        self._storage.look()
        return {"alarms": self._pulse.alarms()}

    def still_fine(self) -> None:
        """Raises CardFailed as the kiosk does, once "not recorded" could be read."""
        self._broken_since_s = app._still_fine(self._settings, self._broken_since_s, time.monotonic())


def main(folder: str, seed: str, *faults: str) -> int:
    fiu = _Fiu(int(seed))
    for fault in faults:
        fiu.fail(*fault.split(":"))
    settings = settings_of(Path(folder))
    try:
        stage = _Stage(settings, take(settings))
        answers: dict[str, Callable[..., Any]] = {
            "punch": stage.punch,
            "look": stage.look,
            "fail": fiu.fail,
            "calm": fiu.calm,
        }
        for line in sys.stdin:
            word, *rest = line.split()
            print(json.dumps(answers[word](*rest) or {"done": word}), flush=True)
            stage.still_fine()
    except HadirError as error:
        print(json.dumps({"ended": str(error)}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]))
