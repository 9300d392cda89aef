"""`./hadir demo`: broker, centre, console and a kiosk before which people walk up, all on this machine.

Each part is the real program, started through hadir.py with settings derived from the user's own. This page starts
them, tells what arrives, and ends them. Its state is in `var/demo`: the derived settings, the clip, a log of each
program, and the picture of the kiosk's screen.

When somebody walks up is known from the clip's truth and from the kiosk's log, which says at what moment each round of
the clip began ("clip begins taken_at=..."): that moment is its first frame's own, so that the comparison is exact.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import msgspec

import config
from demo import derive, hint, newcomers, ports, stage
from demo.children import Child, ChildFailed
from demo.report import Report, say
from demo.tally import Tally, tally
from errors import HadirError
from terminal.camera import open_camera

ROOT = Path(__file__).resolve().parents[1]
NEEDED_MB = 200
TICK_S = 0.1
END_WITHIN_S = 2.0
"""What the programs have to end by themselves; the broker, which ends last, has BROKER_END_S more."""
BROKER_END_S = 0.5
DELIVERY_WAIT_S = 0.8
FIRST_FRAME_WITHIN_S = 60.0


class DemoFailed(HadirError):
    """The demo cannot run here; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What a run was given, checked and prepared."""

    settings: config.Config
    path: Path
    prepared: stage.Stage
    people_were: newcomers.Shape
    broker: str
    seconds: float | None
    windowed: bool
    stop: threading.Event
    began_at: datetime


def run(
    settings: config.Config,
    *,
    seconds: float | None,
    headless: bool,
    camera: str | None,
    broker: str,
    as_json: bool,
    stop: threading.Event | None = None,
) -> int:
    """Run the demo until `seconds` after the kiosk's first frame, Ctrl-C, SIGTERM or `stop`; return an exit code.

    0 when all went well; 1 when a visit was missed, somebody was named wrongly, a photo was let in though liveness is
    on, or a program did not stay up; 130 when it was stopped while still preparing. With `as_json` the last line
    printed is one JSON object: demo.tally.Tally and `seconds`, `first_frame_s`, `restarts`. Everything that was started
    has ended on return. Raises HadirError where it cannot begin. For the main thread.
    """
    began_at = datetime.now(UTC)
    stop = stop or threading.Event()
    folder = settings.terminal.state.parent / "demo"
    try:
        with _alone(folder):
            with _signals_raise():
                _check_disk(folder)
                ports.check(settings)
                windowed = not headless and derive.has_display()
                if not headless and not windowed:
                    say("There is no display here, so the kiosk has no window: its screen is on the page.")
                derived, word = derive.derived(settings, folder, camera=camera, windowed=windowed)
                if word is not None:
                    say(word)
                if derived.camera.source.startswith(("file:", "folder:")) and camera is not None:
                    _look_through(derived.camera)
                people_were = newcomers.shape_of(stage.PEOPLE)  # what comes later is the watch's
                prepared = stage.prepare(derived, folder, with_clip=camera is None, say=say)
                if prepared.clip is not None:
                    derived = config.replace(
                        derived,
                        camera={"source": f"file:{prepared.clip.path}", "loop": True},
                        liveness={"mode": stage.liveness_of(derived, say)},
                    )
                path = folder / "config.yaml"
                _write_private(path, config.dump(derived))
            with _signals_set(stop):
                return _play(
                    Play(
                        settings=derived,
                        path=path,
                        prepared=prepared,
                        people_were=people_were,
                        broker=broker,
                        seconds=seconds,
                        windowed=windowed,
                        stop=stop,
                        began_at=began_at,
                    ),
                    as_json,
                )
    except KeyboardInterrupt:
        say("Stopped before it began.")
        return 130
    except OSError as error:
        raise DemoFailed(f"the demo cannot go on: {error.strerror or error} ({error.filename or folder})") from error


def _play(play: Play, as_json: bool) -> int:
    settings, folder = play.settings, play.path.parent
    hub, programs = _children(play)
    watch = newcomers.Newcomers(
        play.path, stage.PEOPLE, was=play.people_were, log=folder / "logs" / "newcomers.log", say=say
    )
    with Report(settings, kiosk_log=folder / "logs" / "kiosk.log") as report:
        ended_at = None
        try:
            hub.start()
            ports.await_listener(settings.mqtt.host, settings.mqtt.port, hub, play.stop)
            people_before = stage.release_if_changed(settings, say)
            for program in programs.values():
                program.start()
            ports.await_listener(settings.console.host, settings.console.port, programs["console"], play.stop)
            if not play.stop.is_set():
                _introduce(play, people_before)
            _watch(play, report, watch, hub, programs)
            ended_at = datetime.now(UTC)
        except ChildFailed as failure:
            print(f"Error: {failure}", file=sys.stderr, flush=True)
        finally:
            watch.end()
            _end(hub, list(programs.values()))
        if ended_at is None:
            return 1
        report.look()
        result = tally(
            report.events,
            play.prepared.clip.walk_ups if play.prepared.clip is not None else None,
            began=report.rounds,
            ended=ended_at,
            people_before=people_before,
            people_after=report.released_people(),
        )
        first_frame_at = report.first_frame_at
    _summarise(result, play.windowed)
    if report.attacks:
        pictures = sum(attack.has_picture for attack in report.attacks.values())
        say(f"On the review desk: {_counted(len(report.attacks), 'try', 'tries')}, {pictures} with a picture. To look:")
        say(f"  {hint.review(settings, play.path)}")
    if as_json:
        more = {
            "seconds": round((datetime.now(UTC) - play.began_at).total_seconds(), 1),
            "first_frame_s": round((first_frame_at - play.began_at).total_seconds(), 2) if first_frame_at else None,
            "restarts": sum(child.restarts for child in (hub, *programs.values())),
        }
        print(json.dumps({**msgspec.to_builtins(result), **more}), flush=True)
    if result.attacks_recorded and settings.liveness.mode != "off":
        return 1
    # In a window somebody may have kept the kiosk busy with its keypad: nothing is wrong with it for that.
    return 1 if result.wrong and not (play.windowed and result.wrong == _missed(result)) else 0


def _children(play: Play) -> tuple[Child, dict[str, Child]]:
    logs = play.path.parent / "logs"
    hadir = [sys.executable, str(ROOT / "hadir.py"), "--config", str(play.path)]
    hub = [sys.executable, str(ROOT / "demo" / "hub.py"), play.broker, str(play.settings.mqtt.port)]
    return Child("broker", hub, log=logs / "broker.log", say=say), {
        # The kiosk first: it takes longest. It may end by itself when its window is closed.
        "kiosk": Child("kiosk", [*hadir, "terminal", "run"], log=logs / "kiosk.log", say=say, may_quit=play.windowed),
        "collector": Child("collector", [*hadir, "collector", "run"], log=logs / "collector.log", say=say),
        "console": Child("console", [*hadir, "console", "run"], log=logs / "console.log", say=say),
    }


def _watch(play: Play, report: Report, watch: newcomers.Newcomers, hub: Child, programs: dict[str, Child]) -> None:
    """Tell what happens until it is time to end. Raises ChildFailed."""
    began_s = time.monotonic()
    while not play.stop.wait(TICK_S):
        report.look()
        watch.look()
        for child in (hub, *programs.values()):
            if child.watch() == 0 and child is programs["kiosk"] and play.windowed:
                say("The kiosk's window was closed.")
                return
        first_frame_at = report.first_frame_at
        if first_frame_at is None:
            if play.seconds is not None and time.monotonic() - began_s > FIRST_FRAME_WITHIN_S:
                words = programs["kiosk"].last_words()
                raise ChildFailed(f"the kiosk saw nothing within {FIRST_FRAME_WITHIN_S:.0f} s: {words}")
        elif play.seconds is not None and (datetime.now(UTC) - first_frame_at).total_seconds() >= play.seconds:
            break
    if not play.stop.is_set():
        deadline = time.monotonic() + DELIVERY_WAIT_S
        while not report.delivered and time.monotonic() < deadline and not play.stop.wait(TICK_S):
            report.look()


def _end(hub: Child, programs: list[Child]) -> None:
    """Have nothing running any more: the broker last, so that everybody can say goodbye."""
    for program in programs:
        program.ask_to_stop()
    by = time.monotonic() + END_WITHIN_S
    for program in programs:
        program.end(by)
    hub.ask_to_stop()
    hub.end(time.monotonic() + BROKER_END_S)


def _introduce(play: Play, known: Mapping[str, str]) -> None:
    settings, clip = play.settings, play.prepared.clip
    host = ports.reachable(settings.console.host)
    say("")
    say(f"Hadir is running: http://{f'[{host}]' if ':' in host else host}:{settings.console.port}")
    if clip is not None:
        names = set(known.values())
        people = {each.name: each.employee for each in clip.walk_ups if each.shows is None}
        strangers = sum(employee is None and name not in names for name, employee in people.items())
        are = "is a stranger" if strangers == 1 else "are strangers"
        say(f"  {len(people)} people walk up to the kiosk, round after round; {strangers} of them {are}.")
        if any(each.shows for each in clip.walk_ups):
            say("  The last of a round holds a printed photo of somebody else before his face; what the kiosk")
            say("  refuses is on the review desk, the second page there.")
    else:
        say(f"  The kiosk looks through {settings.camera.source}.")
    if play.prepared.pin is not None and play.windowed:
        number, name, pin = play.prepared.pin
        say(f"  To try a PIN, touch PIN in the window: number {number} ({name}), PIN {pin}.")
    for line in hint.lines(settings, play.path, stage.PEOPLE, enrolled=known):
        say(f"  {line}")
    say(f"  Logs are in {hint.short(play.path.parent / 'logs')}. Ctrl-C ends everything.")
    say("")


def _summarise(result: Tally, windowed: bool) -> None:
    say("")
    punches = f"{_counted(result.register_events, 'punch', 'punches')} in the register."
    if result.visits is None:
        say(punches)
        return
    missed, wrong = _missed(result), result.wrong or 0
    line = f"{_counted(result.visits, 'visit')}, {result.recorded} recorded, {missed} missed; "
    if wrong > missed:
        line += f"{_counted(wrong - missed, 'punch', 'punches')} under a wrong name; "
    say(f"{line}{_counted(result.strangers or 0, 'stranger')}, {result.strangers_named} named; {punches}")
    if result.attacks:
        passed = result.attacks_recorded or 0
        say(f"{_counted(result.attacks, 'photo')} held up instead of a face, {passed} recorded.")
    if missed and windowed:
        say("While the keypad is open nobody is recognised by face.")
    if result.unfinished:
        say(f"{_counted(result.unfinished, 'visit')} cut off by the end and not judged.")


def _missed(result: Tally) -> int:
    return (result.visits or 0) - (result.recorded or 0)


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _look_through(settings: config.Camera) -> None:
    """Return when the clip or folder gives a picture: it cannot come later, as a camera can. Raises CameraFailed."""
    with open_camera(settings, real_time=False) as opened:
        opened.read()


def _check_disk(folder: Path) -> None:
    free_mb = shutil.disk_usage(folder).free // 2**20
    if free_mb < NEEDED_MB:
        raise DemoFailed(f"the disk is full: {free_mb} MB are free where {folder} is; free {NEEDED_MB} MB")


def _write_private(path: Path, text: str) -> None:
    """Have the text in a file that only its owner can read."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with open(part, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    part.replace(path)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one demo at a time use `folder`. Raises DemoFailed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DemoFailed(f"{folder} cannot be used ({error.strerror}); see terminal.state in config.yaml") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed("a demo is already running here; end it with Ctrl-C first") from error
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    """Let SIGTERM and SIGINT break off what is being prepared, wherever it is."""

    def break_off(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(break_off):
        yield


@contextlib.contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask the run to end."""
    with _handled(lambda number, frame: stop.set()):
        yield


@contextlib.contextmanager
def _handled(handler: "signal._HANDLER") -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
