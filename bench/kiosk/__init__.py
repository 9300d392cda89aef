"""What people at the kiosk wait for: the real kiosk in this process, before a camera that plays people's clips.

Everything is real but the camera, the people and the network: engine, card with its fsync, window, threads. Times are
this machine's. What a Pi 4 needs is an estimate, and says so.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import config
from bench.kiosk import stages
from bench.kiosk.directors import Linger, linger, make_way, play
from bench.kiosk.inputs import Load
from bench.kiosk.lobby import Lobby, decode
from bench.kiosk.people import Company, from_demo, from_manifest
from bench.kiosk.watching import GREEN, Flip, Seen, live
from demo import clip as demo_clip
from sync.messages import AttendanceEvent
from terminal.faces import Engine, open_engine

PROJECT = Path(__file__).resolve().parents[2]
DEMO = PROJECT / "var" / "demo"
SHARED = PROJECT.parent / "shared" / "bench"
ROUNDS = 3
INPUTS = 200
GAP_S = 1.2
"""How long the place before the kiosk is empty when one goes and the next one comes. Cut from one face to another with
nothing in between, no queue is: that is a track that changed its face, and the kiosk looks twice."""
PREVIEW_S = 6.0
CAMERA_HZ = 30.0
NEAR_S = 1.5
"""Whoever walks up is near, and is encoded, at the end of their clip."""
SEED = 2026
PROMISED = ("people_per_minute", "face_to_green_p50_ms", "face_to_green_p95_ms", "input_p99_ms", "preview_fps")


def run(settings: config.Config, *, clips: Path | None = None, as_json: bool = False) -> None:
    """Tables were printed, and with `as_json` one JSON object as the last line. Raises as `measure` does."""
    found = measure(settings, clips, say=lambda what: print(what, file=sys.stderr, flush=True))
    show(found)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")


def measure(
    settings: config.Config, clips: Path | None = None, *, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Return the figures over the people of `clips`; without, of the research clips beside the project or the demo's.

    Raises BenchRefused, ClipFailed, ModelUnavailable, CardFailed.
    """
    engine = open_engine(settings.engine)
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as folder:
        if clips is not None or (SHARED / "manifest.csv").is_file():
            company = from_manifest(clips or SHARED, engine)
        else:
            company = from_demo(demo_clip.ensure(DEMO, lambda: engine, say), engine, Path(folder))
    return figures(settings, company, engine, open_engine(settings.engine), say=say)


def figures(
    settings: config.Config,
    company: Company,
    engine: Engine,
    second: Engine,
    *,
    say: Callable[[str], None] = lambda _: None,
    rounds: int = ROUNDS,
    keys: int = INPUTS,
    preview_s: float = PREVIEW_S,
) -> dict[str, Any]:
    """Return the figures. `second` is another engine of the same kind: one belongs to one thread. Raises BenchRefused.

    Everybody comes `rounds` times, and is answered each time.
    """
    settings = config.replace(settings, camera={"frame_rate_hz": round(CAMERA_HZ)})
    queue = company.clips * rounds
    say(f"{len(queue)} people of {company.name} in a row ({sum(each.length_s for each in queue):.0f} s) ...")
    row = Lobby(queue)
    in_a_row = live(settings, camera=row.open, engine=engine, people=company.people, director=play(row))
    say("The same people, each of whom goes when it is green ...")
    line = Lobby(queue, gap_s=GAP_S)
    in_line = live(settings, camera=line.open, engine=engine, people=company.people, director=make_way(line))
    say(f"Somebody unknown stays for {preview_s:.0f} s, then {keys} keys and touches while faces are encoded ...")
    near = company.clips[0].end(NEAR_S)
    stays = Lobby((near,), stay=True, rate_hz=CAMERA_HZ)
    patient = config.replace(settings, visit={"pin_timeout_s": 300, "tries_before_pin": 1000})
    load = Load(engine=second, picture=decode(near.frames[len(near.frames) // 2]))
    lingered = Linger()
    director = linger(load, lingered, keys=keys, preview_s=preview_s, seed=SEED)
    live(patient, camera=stays.open, engine=engine, people=(), director=director)
    waited_s = face_to_green(in_line)
    return {
        "people_per_minute": _rate(in_a_row.events, row.lasted_s),
        "face_to_green_p50_ms": _percentile(waited_s, 50),
        "face_to_green_p95_ms": _percentile(waited_s, 95),
        "input_p99_ms": _percentile(lingered.waits_s, 99),
        "preview_fps": lingered.preview_fps,
        "clips": company.name,
        "people": len(queue),
        "answered": len(in_a_row.events),
        "clip_length_s": round(sum(each.length_s for each in queue) / len(queue), 2),
        "people_per_minute_bound": round(60 * len(queue) / sum(each.length_s for each in queue), 1),
        "people_per_minute_making_way": _rate(in_line.events, line.lasted_s),
        "answered_making_way": len(in_line.events),
        "in_a_row_cut_to_green_p50_ms": _percentile(cut_to_green(row, in_a_row), 50),
        "cut_to_green_p50_ms": _percentile(cut_to_green(line, in_line), 50),
        "cut_to_green_p95_ms": _percentile(cut_to_green(line, in_line), 95),
        "commit_to_green_p50_ms": _percentile(commit_to_green(in_line), 50),
        "input_p50_ms": _percentile(lingered.waits_s, 50),
        "input_max_ms": _percentile(lingered.waits_s, 100),
        "inputs": len(lingered.waits_s),
        "encodes_meanwhile": lingered.encodes,
        "preview_encodes_per_s": lingered.preview_encodes_per_s,
        "load_average": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
        "seed": SEED,
        "size_px": [settings.display.width_px, settings.display.height_px],
        "stages": stages.measure(settings, engine, company),
    }


def cut_to_green(lobby: Lobby, seen: Seen) -> list[float]:
    """Return for each who was answered in their time the seconds from the first frame with them to their green."""
    found = []
    for came_at, gone_at in zip(lobby.came_at, [*lobby.came_at[1:], datetime.max.replace(tzinfo=UTC)], strict=True):
        events = [event for event in seen.events if came_at <= event.punch.occurred_at < gone_at]
        green = green_of(seen.flips, events[0].recorded_at) if events else None
        if green is not None:
            found.append((green.at - came_at).total_seconds())
    return found


def face_to_green(seen: Seen) -> list[float]:
    """Return for each punch the seconds from the first frame in which its face was found to its green screen."""
    return [(green.at - event.punch.first_seen_at).total_seconds() for event, green in _greens(seen)]


def commit_to_green(seen: Seen) -> list[float]:
    """Return for each punch the seconds from when the clerk began to write it to its green screen."""
    return [(green.at - event.recorded_at).total_seconds() for event, green in _greens(seen)]


def green_of(flips: Sequence[Flip], recorded_at: datetime) -> Flip | None:
    """Return the first green picture after that moment: while the card is asked, none is drawn."""
    return next((flip for flip in flips if flip.name in GREEN and flip.at >= recorded_at), None)


def _greens(seen: Seen) -> list[tuple[AttendanceEvent, Flip]]:
    pairs = ((event, green_of(seen.flips, event.recorded_at)) for event in seen.events)
    return [(event, green) for event, green in pairs if green is not None]


# --- figures ----------------------------------------------------------------------------------------------------------


def _rate(events: Sequence[Any], lasted_s: float) -> float | None:
    return round(60 * len(events) / lasted_s, 1) if lasted_s else None


def _percentile(values_s: Sequence[float], percent: float) -> float | None:
    return round(1000 * float(np.percentile(values_s, percent)), 1) if len(values_s) else None


def _ms(found: dict[str, Any], key: str) -> str:
    return "-" if found[key] is None else f"{found[key]:g} ms"


def show(found: dict[str, Any]) -> None:
    """The tables of what `measure` found were printed."""
    console = Console() if sys.stdout.isatty() else Console(width=140)
    table = Table(title=f"the kiosk, {found['people']} clips of {found['clips']}, each {found['clip_length_s']} s")
    table.add_column("")
    table.add_column("", justify="right")
    for key in PROMISED:
        table.add_row(key, "-" if found[key] is None else f"{found[key]:g}")
    console.print(table)
    console.print(
        f"In a row {found['answered']} of {found['people']} were answered, and the clips' length allows "
        f"{found['people_per_minute_bound']:g} a minute; in the median "
        f"{_ms(found, 'in_a_row_cut_to_green_p50_ms')} after the cut from one face to the next. "
        f"Where each goes at green and the next one comes {GAP_S} s later, "
        f"{found['answered_making_way']} were, {found['people_per_minute_making_way']:g} a minute. Face to green is "
        f"that of this line, from the first frame in which the face was found, near or far; from the first frame with "
        f"them it is {_ms(found, 'cut_to_green_p50_ms')}, and card and screen took "
        f"{_ms(found, 'commit_to_green_p50_ms')} of it."
    )
    console.print(
        f"{found['inputs']} keys and touches while {found['encodes_meanwhile']} faces were encoded: median "
        f"{_ms(found, 'input_p50_ms')}, most {_ms(found, 'input_max_ms')}. Preview with "
        f"{found['preview_encodes_per_s']:g} encodes a second. Without a voice and without a panel (dummy screen); "
        f"load {found['load_average']:g} on {found['cores']} cores."
    )
    console.print(stages.table(found["stages"]))
