"""The whole demo as a program: what it refuses, what it survives, and that it leaves nothing running."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import config
from demo import clip, ports, supervisor
from demo.tally import Tally

Start = Callable[..., "Running"]


class Running:
    """A demo started as its users start it."""

    def __init__(self, process: "subprocess.Popen[str]", settings: config.Config) -> None:
        self.process = process
        self.settings = settings
        self.lines: list[str] = []

    def read_until(self, pattern: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if re.search(pattern, line):
                return line
        raise AssertionError(f"ended without {pattern!r}: {self.lines}")

    def rest(self) -> list[str]:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.read().splitlines()
        return self.lines

    @property
    def programs(self) -> dict[int, str]:
        """Every living process that has this demo's folder, or its broker, in its command line."""
        mine = (
            str(self.settings.terminal.state.parent).encode(),
            f"hub.py\0embedded\0{self.settings.mqtt.port}".encode(),
        )
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            except OSError:
                continue
            if any(mark in command for mark in mine):
                found[int(entry.name)] = command.replace(b"\0", b" ").decode()
        return found


@pytest.fixture
def start(home: config.Config, project: Path, tmp_path: Path, made_clip: clip.Clip) -> Iterator[Start]:
    started: list[Running] = []

    def run(*words: str, settings: config.Config = home) -> Running:
        path = settings.terminal.state.parent / "config.yaml"
        path.write_text(config.dump(settings), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(project / "hadir.py"), "--config", str(path), "demo", "--headless", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")},
        )
        started.append(Running(process, settings))
        return started[-1]

    yield run
    for each in started:
        with each.process:
            each.process.kill()
        until(lambda each=each: not each.programs)  # type: ignore[misc]


def until(true: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["console.port", "mqtt.port"])
def test_a_port_that_is_taken_is_named_with_its_setting(start: Start, home: config.Config, setting: str) -> None:
    port = home.console.port if setting == "console.port" else home.mqtt.port
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        demo = start()
        last = demo.rest()[-1]
    assert demo.process.wait() == 1
    assert last.startswith(f"Error: port {port} of 127.0.0.1 cannot be used")
    assert last.endswith(f"or set another {setting} in config.yaml")


@pytest.mark.slow
def test_a_second_demo_in_the_same_place_is_refused_and_the_first_goes_on(start: Start) -> None:
    first = start()
    first.read_until("Ctrl-C ends everything")
    second = start()
    assert second.rest()[-1] == "Error: a demo is already running here; end it with Ctrl-C first"
    assert first.process.poll() is None


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_everything_within_three_seconds(start: Start, number: signal.Signals) -> None:
    demo = start()
    demo.read_until("Ctrl-C ends everything")
    assert len(demo.programs) >= 5
    demo.process.send_signal(number)
    began = time.monotonic()
    assert demo.process.wait(10) == 0
    assert time.monotonic() - began < 3
    assert demo.programs == {}


@pytest.mark.slow
def test_killing_the_supervisor_leaves_nothing_running(start: Start) -> None:
    demo = start()
    demo.read_until("Ctrl-C ends everything")
    demo.process.kill()
    demo.process.wait()
    until(lambda: demo.programs == {}, within_s=3)


@pytest.mark.slow
def test_the_page_shows_an_arrival_and_a_killed_part_comes_back(start: Start) -> None:
    demo = start("--seconds", "15", "--json")
    demo.read_until("Ctrl-C ends everything")
    demo.read_until(r"Barack Obama \(1001\), face")
    url = f"http://127.0.0.1:{demo.settings.console.port}"
    until(lambda: "Barack Obama" in _get(url), within_s=2)
    until(lambda: _get_bytes(f"{url}/screen")[:3] == b"\xff\xd8\xff", within_s=5)
    for part in ("console", "collector", "hub.py"):
        victim = next(pid for pid, command in demo.programs.items() if f"{part} run" in command or part in command)
        os.kill(victim, signal.SIGKILL)
    demo.read_until(r"Emmanuel Macron \(1002\), face")
    result = json.loads(demo.rest()[-1])
    assert demo.process.wait() == 0
    assert result["restarts"] == 3
    assert (result["visits"], result["recorded"], result["wrong"]) == (2, 2, 0)
    assert demo.programs == {}


@pytest.mark.slow
def test_the_second_start_shows_its_first_frame_in_five_seconds(start: Start) -> None:
    start("--seconds", "1").rest()
    result = json.loads(start("--seconds", "1", "--json").rest()[-1])
    assert result["first_frame_s"] < 5
    assert set(result) >= {"visits", "recorded", "wrong", "strangers_named", "register_events"}


@pytest.mark.slow
def test_a_broker_that_cannot_start_is_told_in_its_own_words(tmp_path: Path) -> None:
    sentence = "mosquitto is not installed; run: sudo apt install mosquitto, or use --broker embedded"
    child = supervisor.Child(
        "broker", [sys.executable, "-c", f"import sys; sys.exit('Error: {sentence}')"], log=tmp_path / "log", say=print
    )
    child.start()
    with pytest.raises(supervisor.ChildFailed, match=f"the broker did not start: {sentence}"):
        supervisor.ports.await_listener("127.0.0.1", 1, child, threading.Event())
    child.end(0)


@pytest.mark.slow
def test_without_a_display_it_says_so_and_goes_on(home: config.Config, project: Path, made_clip: clip.Clip) -> None:
    path = home.terminal.state.parent / "config.yaml"
    path.write_text(config.dump(home), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(project / "hadir.py"), "--config", str(path), "demo", "--seconds", "1"],
        env={**os.environ, "DISPLAY": ":4713", "WAYLAND_DISPLAY": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith("There is no display here, so the kiosk has no window: its screen is on the page.\n")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("camera", "words"),
    [
        ("file:absent.mp4", "there is no clip .*absent.mp4; give the path of a video file"),
        ("file:{file}", "is not a video that can be decoded"),
        ("folder:{folder}", "holds no .jpg, .jpeg or .png; give a folder of pictures"),
    ],
    ids=["absent", "garbage", "empty"],
)
def test_a_clip_or_folder_without_a_picture_is_refused_before_anything_starts(
    start: Start, tmp_path: Path, camera: str, words: str
) -> None:
    (tmp_path / "garbage.mp4").write_bytes(b"no clip at all")
    (tmp_path / "empty").mkdir()
    camera = camera.format(file=tmp_path / "garbage.mp4", folder=tmp_path / "empty")
    demo = start("--camera", camera, "--seconds", "1")
    (line,) = demo.rest()
    assert demo.process.wait() == 1
    assert re.fullmatch(f"Error: .*{words}.*", line)


def test_a_host_that_is_no_address_is_said_as_such(home: config.Config) -> None:
    settings = config.replace(home, console={"host": "nowhere.invalid"})
    with pytest.raises(ports.PortTaken, match=r"console\.host 'nowhere.invalid' is no address of this machine"):
        ports.check(settings)


@pytest.mark.parametrize(
    ("counted", "windowed", "words"),
    [
        (
            {"visits": 1, "recorded": 1, "wrong": 0, "strangers": 1, "register_events": 1, "unfinished": 2},
            False,
            [
                "1 visit, 1 recorded, 0 missed; 1 stranger, 0 named; 1 punch in the register.",
                "2 visits cut off by the end and not judged.",
            ],
        ),
        (
            {"visits": 8, "recorded": 0, "wrong": 8, "strangers": 3, "register_events": 0, "unfinished": 0},
            True,
            [
                "8 visits, 0 recorded, 8 missed; 3 strangers, 0 named; 0 punches in the register.",
                "While the keypad is open nobody is recognised by face.",
            ],
        ),
        (
            {"visits": 4, "recorded": 3, "wrong": 3, "strangers": 2, "register_events": 5, "unfinished": 0},
            False,
            [
                "4 visits, 3 recorded, 1 missed; 2 punches under a wrong name; "
                "2 strangers, 0 named; 5 punches in the register."
            ],
        ),
    ],
    ids=["all well", "keypad left open", "wrong names"],
)
def test_the_last_words_say_what_was_missed_and_what_was_wrong(
    capsys: pytest.CaptureFixture[str], counted: dict[str, int], windowed: bool, words: list[str]
) -> None:
    supervisor._summarise(Tally(**counted, strangers_named=0, pin_events=0), windowed)
    assert capsys.readouterr().out.splitlines() == ["", *words]


def test_a_full_disk_is_said_before_anything_is_written(
    home: config.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = supervisor.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(supervisor.shutil, "disk_usage", lambda _: usage._replace(free=5 * 2**20))
    settings = config.replace(home, terminal={"state": str(tmp_path / "terminal")})
    with pytest.raises(supervisor.DemoFailed, match="the disk is full: 5 MB are free"):
        supervisor.run(settings, seconds=1, headless=True, camera=None, broker="embedded", as_json=False)


def test_settings_with_passwords_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    for _ in range(2):
        supervisor._write_private(tmp_path / "config.yaml", "mqtt: {password: secret}\n")
    assert (tmp_path / "config.yaml").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def _get(url: str) -> str:
    return _get_bytes(url).decode()


def _get_bytes(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            content: bytes = answer.read()
            return content
    except OSError:
        return b""
