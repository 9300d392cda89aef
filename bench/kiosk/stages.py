"""What each stage of the kiosk costs: of a turn of its main thread, of a frame of its eyes, of a punch on its card."""

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.table import Table

import config
from bench.kiosk.lobby import decode
from bench.kiosk.people import Company
from bench.looking import Spent, TimedEngine
from sync import keys
from sync.messages import ClockQuality, Direction, DirectionBy, Method, Punch
from sync.outbox import Outbox
from terminal import store
from terminal.camera import Frame
from terminal.clock import boot_id, boottime_ns
from terminal.display import Display, screenshots
from terminal.faces import Engine
from terminal.gallery import Gallery
from terminal.looking import Looker
from terminal.screens import screen_of

TURNS = 120
COMMITS = 40
PI4_ENCODE_MS = 78.8
"""SFace on a Raspberry Pi 4B with OpenCV 4.7, 1.5 GHz (opencv/opencv_zoo, benchmark/README.md, "Rasberry Pi 4B")."""
T = TypeVar("T")


def measure(settings: config.Config, engine: Engine, company: Company) -> dict[str, Any]:
    """Return milliseconds of each stage, mean and 95th percentile; `pi4_factor` is what the estimate multiplies by."""
    spent: dict[str, list[float]] = {}
    _eyes(settings, engine, company, spent)
    _turn(settings, company, spent)
    _card(settings, spent)
    encode = spent.get("encode")
    factor = PI4_ENCODE_MS / float(np.mean(encode)) if encode else None
    return {
        "pi4_factor": round(factor, 2) if factor else None,
        **{
            name: {
                "mean_ms": round(float(np.mean(values)), 3),
                "p95_ms": round(float(np.percentile(values, 95)), 3),
                "pi4_estimate_ms": round(float(np.mean(values)) * factor, 1) if factor and name != "commit" else None,
            }
            for name, values in spent.items()
            if values
        },
    }


def table(found: dict[str, Any]) -> Table:
    """Return the stages as a table."""
    made = Table(title="milliseconds of each stage")
    made.add_column("")
    for column in ("mean", "p95", "Pi 4, estimate"):
        made.add_column(column, justify="right")
    for name, each in found.items():
        if isinstance(each, dict):
            pi4 = each["pi4_estimate_ms"]
            made.add_row(name, f"{each['mean_ms']:g}", f"{each['p95_ms']:g}", "-" if pi4 is None else f"{pi4:g}")
    made.caption = (
        f"estimate: {found['pi4_factor']} times as slow as here, as encoding is ({PI4_ENCODE_MS} ms on a Pi 4B, "
        "OpenCV Zoo); nothing was measured on one, and a card's speed is its own"
    )
    return made


def _eyes(settings: config.Config, engine: Engine, company: Company, spent: dict[str, list[float]]) -> None:
    noted = Spent()
    looker = Looker(TimedEngine(engine, noted), settings)
    gallery = Gallery.empty(engine.engine_id)
    began_s = time.monotonic()
    spent["decode_frame"], spent["look"], spent["look_and_encode"] = [], [], []
    for someone in company.clips:
        for content in someone.frames:
            picture = _timed(spent["decode_frame"], lambda content=content: decode(content))  # type: ignore[misc]
            began_s += 1 / someone.rate_hz
            frame = Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=int(began_s * 1e9))
            encoded = len(noted.encode)
            took: list[float] = []
            _timed(took, lambda frame=frame: looker.look(frame, gallery))  # type: ignore[misc]
            spent["look_and_encode" if len(noted.encode) > encoded else "look"] += took
    spent["detect"], spent["encode"] = noted.detect, noted.encode


def _turn(settings: config.Config, company: Company, spent: dict[str, list[float]]) -> None:
    plain = config.replace(settings, display={"driver": "dummy", "full_screen": False, "picture_file": ""})
    with closing(Display(plain.display)) as display:
        looking = next(each.state for each in screenshots.specimens() if each.name == "looking-still")
        idle = next(each.state for each in screenshots.specimens() if each.name == "idle")
        context = replace(screenshots.ordinary(display, "id"), picture=True)
        for name in ("events", "make_screen", "draw_picture", "draw_words", "draw_nothing_new"):
            spent[name] = []
        frames = company.clips[0].frames
        for content in islice(cycle(frames), TURNS):
            picture = decode(content)
            _timed(spent["events"], display.events)
            screen = _timed(spent["make_screen"], lambda: screen_of(looking, context))
            _timed(spent["draw_picture"], lambda: display.show(screen, picture))  # noqa: B023 - called here
            _timed(spent["draw_nothing_new"], lambda: display.show(screen, picture))  # noqa: B023 - called here
            display.show(screen_of(idle, context))
            _timed(spent["draw_words"], lambda: display.show(screen))  # noqa: B023 - called here


def _card(settings: config.Config, spent: dict[str, list[float]]) -> None:
    """Punches one after the other on a card of its own, each with its fsync."""
    spent["commit"] = []
    with tempfile.TemporaryDirectory(prefix="hadir-stages-") as folder, closing(store.open_card(Path(folder))) as card:
        signer = keys.signer(keys.device_key(Path(folder)))
        outbox = Outbox(card, office=settings.office.id, terminal=settings.terminal.id, signer=signer)
        for _ in range(COMMITS):
            at = datetime.now(UTC)
            punch = Punch(
                employee="1001",
                method=Method.FACE,
                direction=Direction.IN,
                direction_by=DirectionBy.SCHEDULE,
                occurred_at=at,
                first_seen_at=at,
                gallery_version=1,
            )
            _timed(
                spent["commit"],
                lambda punch=punch, at=at: outbox.record(  # type: ignore[misc]
                    punch,
                    clock=ClockQuality.SYNCED,
                    boot_id=boot_id(),
                    boottime_ns=boottime_ns(),
                    recorded_at=at,
                ),
            )


def _timed(into: list[float], call: Callable[[], T]) -> T:
    began = time.perf_counter()
    result = call()
    into.append(1000 * (time.perf_counter() - began))
    return result
