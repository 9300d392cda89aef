"""The whole kiosk in this process, watched: every picture that reached the screen, and everything it recorded."""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import config
from sync import chain, keys, releases
from sync.messages import AttendanceEvent
from sync.releases import EncodingSet, Person
from terminal import app, store
from terminal.display import Display
from terminal.faces import Encoding, Engine, Face, Picture
from terminal.screens.drawing import Screen

GREEN = ("Recorded", "AlreadyRecorded")
_NOBODY_LISTENS = 9  # the discard port: no broker answers, and nothing leaves this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A picture on the screen from `at` on (`at_s` on the steady clock); `took_s` to draw. `live`: which frame."""

    at: datetime
    at_s: float
    took_s: float
    name: str
    words: tuple[str, ...]
    live: int | None


@dataclass(slots=True)
class Seen:
    """What a kiosk showed and did. `encodes` are (began_s, ended_s) of its engine's, on the steady clock."""

    flips: list[Flip] = field(default_factory=list)
    encodes: list[tuple[float, float]] = field(default_factory=list)
    events: list[AttendanceEvent] = field(default_factory=list)


class Watched:
    """What a director of the bench sees of the running kiosk, and where it waits for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.seen = Seen()
        self.screen: Screen | None = None

    def until(self, what: Callable[[Flip], bool], timeout_s: float, *, after_s: float = 0.0) -> Flip | None:
        """Return the first picture since `after_s` of which that is true, waiting for it; None if none came in time."""

        def found() -> Flip | None:
            for flip in reversed(self.seen.flips):
                if flip.at_s < after_s:
                    return None
                if what(flip):
                    return flip
            return None

        with self._changed:
            self._changed.wait_for(lambda: found() is not None, timeout_s)
            return found()

    def drew(self, screen: Screen, flip: Flip) -> None:
        with self._changed:
            self.screen = screen
            self.seen.flips.append(flip)
            self._changed.notify_all()

    def display(self, settings: config.Display) -> Display:
        """Return a display that tells."""
        watched = self

        class Telling(Display):
            def show(self, screen: Screen, picture: Picture | None = None, *, at_once: bool = False) -> None:
                before, began_s = self.flips, time.monotonic()
                super().show(screen, picture, at_once=at_once)
                if self.flips == before:
                    return
                at_s = time.monotonic()
                flip = Flip(
                    at=datetime.now(UTC),
                    at_s=at_s,
                    took_s=at_s - began_s,
                    name=screen.name,
                    words=tuple(text.words for text in screen.texts),
                    live=id(picture) if picture is not None and screen.picture is not None else None,
                )
                watched.drew(screen, flip)

        return Telling(settings)

    def engine(self, engine: Engine) -> Engine:
        """Return the engine, telling when it encodes."""
        return _Timed(engine, self.seen.encodes)


class _Timed:
    def __init__(self, engine: Engine, encodes: list[tuple[float, float]]) -> None:
        self._engine, self._encodes = engine, encodes
        self.engine_id, self.dimension = engine.engine_id, engine.dimension

    def detect(self, picture: Picture) -> list[Face]:
        return self._engine.detect(picture)

    def encode(self, picture: Picture, face: Face) -> Encoding:
        began_s = time.monotonic()
        encoding = self._engine.encode(picture, face)
        self._encodes.append((began_s, time.monotonic()))
        return encoding


def live(
    settings: config.Config,
    *,
    camera: Callable[[], Any],
    engine: Engine,
    people: Sequence[Person],
    director: Callable[[Watched], None],
) -> Seen:
    """Return what the whole kiosk showed and recorded while `director` acted: real card, no network, no sound.

    Its folder is a new one, and gone afterwards. What the director raises is raised here.
    """
    watched, stop = Watched(), threading.Event()
    failures: list[BaseException] = []

    def act() -> None:
        try:
            director(watched)
        except BaseException as failure:  # noqa: BLE001 - raised below, on the caller's thread
            failures.append(failure)
        stop.set()

    with tempfile.TemporaryDirectory(prefix="hadir-kiosk-") as folder:
        settings = _in_folder(settings, Path(folder), engine, people)
        thread = threading.Thread(target=act, name="director", daemon=True)
        thread.start()
        try:
            app.run(settings, stop=stop, camera=camera, engine=watched.engine(engine), display=watched.display)
        finally:
            stop.set()
            thread.join(30)
        if failures:
            raise failures[0]
        watched.seen.events = _events(settings.terminal.state)
    return watched.seen


def _in_folder(settings: config.Config, folder: Path, engine: Engine, people: Sequence[Person]) -> config.Config:
    """Return settings of a kiosk that lives in `folder`, with a signed set of `people` on its card."""
    keys.new_centre_keys(folder)
    state = folder / "terminal"
    state.mkdir(mode=0o700)
    content = EncodingSet(
        office=settings.office.id,
        version=1,
        engine_id=engine.engine_id,
        dimension=engine.dimension,
        created_at=datetime.now(UTC),
        people=tuple(people),
    )
    releases.keep_set(state, releases.sign_set(content, keys.load_private(folder / "release.key")))
    driver = "x11" if settings.display.driver == "x11" and os.environ.get("DISPLAY") else "dummy"
    return config.replace(
        settings,
        terminal={
            "state": str(state),
            "release_key": str(folder / "release.pub"),
            "collector_key": str(folder / "collector.pub"),
        },
        mqtt={"host": "127.0.0.1", "port": _NOBODY_LISTENS},
        display={"driver": driver, "full_screen": False, "picture_file": ""},
        liveness={
            "mode": "off"
        },  # what recognition costs; what liveness adds is measured by enroll evaluate --liveness
    )


def _events(folder: Path) -> list[AttendanceEvent]:
    with closing(store.open_card(folder)) as connection:
        rows = connection.execute("SELECT payload FROM outbox ORDER BY epoch, seq").fetchall()
    entries = (chain.read_entry(payload)[0] for (payload,) in rows)
    return [entry for entry in entries if isinstance(entry, AttendanceEvent)]
