"""A real window under Xvfb, used as a person would: from the idle screen by mouse to a recorded PIN punch."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from sync.messages import Change, Correction, Method
from terminal import store
from terminal.display import Display, screenshots
from terminal.screens import screen_of
from terminal.screens.drawing import Screen
from terminal.visit.signals import CHANGE_BUTTON, ENTER, NOT_ME_BUTTON, PIN_BUTTON
from terminal.visit.states import Idle, State
from tests.terminal.made import PIN, Kit, picture_of

PROJECT = Path(__file__).resolve().parents[2]
SIZE = (800, 480)
# The kiosk of `app.run` in its own process, with a camera before which nobody stands.
KIOSK = """
import logging, signal, sys, threading
from pathlib import Path
import config
from terminal import app
from tests.terminal.made import FakeCamera, FakeEngine
logging.basicConfig(level="INFO", stream=sys.stderr)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
app.run(config.load(Path(sys.argv[1])), stop=stop, camera=FakeCamera().open, engine=FakeEngine())
"""

# The same, with the camera of its settings: a clip, whose pictures say who stands in them.
WITH_CLIP = KIOSK.replace("camera=FakeCamera().open, ", "")
CLIP_HZ = 15

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An X display and the programs that look at it and touch it."""

    name: str
    xdotool: str
    screenshot: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in ("WAYLAND_DISPLAY", "SDL_VIDEODRIVER")}
        return {**kept, "DISPLAY": self.name}

    def do(self, *words: object) -> None:
        subprocess.run(
            [self.xdotool, *map(str, words)], env=self.environment, check=True, capture_output=True, timeout=30
        )

    def picture(self, path: Path) -> np.ndarray:
        subprocess.run([self.screenshot, "-window", "root", str(path)], env=self.environment, check=True, timeout=30)
        picture = cv2.imread(str(path))
        assert picture is not None
        return picture

    def click(self, state: State, button: str) -> None:
        """Click the middle of a button of the screen that `state` has."""
        box = next(found.box for found in layout(state).buttons if found.id == button)
        x, y = round((box.x + box.width / 2) * SIZE[0]), round((box.y + box.height / 2) * SIZE[1])
        self.do("mousemove", x, y, "click", 1)


def layout(state: State) -> Screen:
    display = Display(config.Display(driver="dummy"))
    try:
        return screen_of(state, screenshots.ordinary(display, "id"))
    finally:
        display.close()


def keypad() -> State:
    return next(found.state for found in screenshots.specimens() if found.name == "pin-number-asked")


@pytest.fixture
def desk(program: Callable[[str], str]) -> Iterator[Desk]:
    """An X server of the size of the kiosk's panel, on a display that was free."""
    xdotool, screenshot = program("xdotool"), program("import")
    read, write = os.pipe()
    server = subprocess.Popen(
        [program("Xvfb"), "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield Desk(name=f":{number}", xdotool=xdotool, screenshot=screenshot)
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def running(desk: Desk, settings: config.Config, folder: Path, script: str) -> Iterator[subprocess.Popen[bytes]]:
    """A kiosk in a window of `desk`; its log and the sound it makes are files in `folder`."""
    settings = config.replace(
        settings,
        display={"driver": "x11", "picture_file": str(folder / "screen.jpg")},
        sound={"quiet_from": "00:00", "quiet_to": "00:00"},
    )
    path = folder / "config.yaml"
    path.write_text(config.dump(settings))
    with (folder / "log").open("wb") as log:
        kiosk = subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            cwd=PROJECT,
            # A sound card that is a file.
            env={**desk.environment, "SDL_AUDIODRIVER": "disk", "SDL_DISKAUDIOFILE": str(folder / "sound.raw")},
            stderr=log,
        )
        try:
            yield kiosk
        finally:
            kiosk.kill()
            kiosk.wait(10)


@pytest.fixture
def kiosk(desk: Desk, kit: Kit, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running(desk, config.replace(kit.settings, visit={"result_s": 5.0}), tmp_path, KIOSK) as found:
        yield found


def clip_of(folder: Path, *scenes: tuple[float, tuple[int, ...]]) -> None:
    """Write pictures of so many seconds in which these persons stand."""
    folder.mkdir()
    number = 0
    for seconds, people in scenes:
        picture = cv2.cvtColor(picture_of(*people), cv2.COLOR_RGB2BGR)
        for _ in range(round(seconds * CLIP_HZ)):
            cv2.imwrite(str(folder / f"{number:05}.png"), picture)
            number += 1


def until(what: Callable[[], bool], why: Callable[[], str], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, why()
        time.sleep(0.05)  # another process draws; there is nothing to wait on


def longest_sound_s(file: Path) -> float:
    """Return the longest sound without a pause of 0.3 s that is louder than the ticks of keys: tones are shorter."""
    whole = file.read_bytes()
    samples = np.frombuffer(whole[: len(whole) // 4 * 4], dtype=np.int16)[::2].astype(int)
    loud = np.flatnonzero(np.abs(samples) > 3000)
    parts = np.split(loud, np.flatnonzero(np.diff(loud) > 0.3 * 44_100) + 1)
    return max(((part[-1] - part[0]) / 44_100 for part in parts if len(part)), default=0.0)


def test_a_pin_punch_by_mouse_in_the_window(
    desk: Desk, kit: Kit, kiosk: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    def log() -> str:
        return (tmp_path / "log").read_text()

    until(lambda: "ready after" in log(), log)
    idle = desk.picture(tmp_path / "idle.png")
    assert idle[:300].max() > 250, "the clock is on the screen"
    desk.click(Idle(since_s=0), PIN_BUTTON)
    for key in (*"1001", ENTER, *PIN, ENTER):
        desk.click(keypad(), key)
    store._checked.clear()
    until(lambda: bool(kit.events()), log)
    event = kit.events()[0]
    assert (event.punch.employee, event.punch.method, event.seq) == ("1001", Method.PIN, 1)
    green = []

    def is_green() -> bool:
        blue, green_, red = desk.picture(tmp_path / "recorded.png")[20, 400].astype(int)
        green.append((red, green_, blue))
        return bool(green_ > red + 60 and green_ > blue + 30)

    until(is_green, lambda: f"not green: {green[-1]}; {log()}", timeout_s=4)
    shown = cv2.imread(str(tmp_path / "screen.jpg"))
    assert shown is not None
    assert shown.shape == (SIZE[1], SIZE[0], 3)
    assert "visit recorded employee=1001 method=pin seq=1" in log()
    if shutil.which("espeak-ng") or os.environ.get("CI"):
        until(lambda: longest_sound_s(tmp_path / "sound.raw") > 0.6, log)
    assert "Suharto" not in log()

    begun_s = time.monotonic()
    kiosk.send_signal(signal.SIGTERM)
    assert kiosk.wait(10) == 0
    assert time.monotonic() - begun_s < 3
    assert not (tmp_path / "screen.jpg").exists()
    assert "Traceback" not in log()


def test_a_keyboard_does_the_same(desk: Desk, kit: Kit, kiosk: subprocess.Popen[bytes], tmp_path: Path) -> None:
    def log() -> str:
        return (tmp_path / "log").read_text()

    until(lambda: "ready after" in log(), log)
    desk.do("mousemove", 400, 100)  # without a window manager the keys go to the window under the pointer
    desk.do("key", "--delay", 40, *"1001", "Return", *PIN, "KP_Enter")
    store._checked.clear()
    until(lambda: bool(kit.events()), log)
    assert kit.events()[0].punch.method is Method.PIN


def test_a_monkey_finds_no_way_to_break_it(
    desk: Desk, kit: Kit, kiosk: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    def log() -> str:
        return (tmp_path / "log").read_text()

    until(lambda: "ready after" in log(), log)
    random = np.random.default_rng(20260302)
    keys = [*"0123456789abz", "Return", "BackSpace", "Escape", "period", "semicolon", "apostrophe", "F1", "Tab"]
    for _ in range(5):
        words: list[object] = []
        for _ in range(40):
            x, y = random.integers(0, SIZE[0]), random.integers(0, SIZE[1])
            words += ["mousemove", x, y, "click", 1, "key", random.choice(keys)]
        desk.do(*words)
    assert kiosk.poll() is None, log()
    assert "Traceback" not in log()
    assert "begins anew" not in log()
    assert all(event.punch.method is Method.PIN for event in kit.events())


def test_somebody_in_a_clip_is_recorded_in_passing_and_changes_it_with_the_mouse(
    desk: Desk, kit: Kit, tmp_path: Path
) -> None:
    def log() -> str:
        return (tmp_path / "log").read_text()

    def corrections() -> list[Correction]:
        return [entry for entry in kit.entries() if isinstance(entry, Correction)]

    clip_of(tmp_path / "clip", (1.0, ()), (2.0, (2,)), (20.0, ()))
    camera = {"source": f"folder:{tmp_path / 'clip'}", "frame_rate_hz": CLIP_HZ}
    settings = config.replace(kit.settings, camera=camera, visit={"result_s": 30.0})
    with running(desk, settings, tmp_path, WITH_CLIP):
        store._checked.clear()
        until(lambda: "visit recorded employee=1002 method=face" in log(), log)
        recorded = next(found.state for found in screenshots.specimens() if found.name == "recorded-0")
        desk.click(recorded, CHANGE_BUTTON)
        until(lambda: len(corrections()) == 1, log)
        desk.click(recorded, NOT_ME_BUTTON)
        until(lambda: len(corrections()) == 2, log)
        for key in (*"1001", ENTER, *PIN, ENTER):
            desk.click(keypad(), key)
        until(lambda: "visit recorded employee=1001 method=pin" in log(), log)
        assert "Traceback" not in log()
    first, second = kit.events()
    changed, taken_back = corrections()
    assert (changed.change, changed.of, taken_back.change, taken_back.of) == (
        Change.DIRECTION, first.seq, Change.NOT_ME, first.seq,
    )  # fmt: skip
    assert (first.punch.employee, second.punch.employee) == ("1002", "1001")
