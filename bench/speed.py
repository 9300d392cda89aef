"""What a face costs: our own eyes stage by stage, an empty room, and other programs beside us on the same frames.

The machine is warm, ratios are of one run and theirs over ours, times are this machine's. bench/rivals/contestant.py
says which of the others' examples is followed, bench/rivals/race.py what is unfair in either direction.
"""

import json
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console
from rich.table import Table

from bench import idle, liveness, overlap
from bench.footage import BenchRefused, cut
from bench.looking import crowd, measured, startup
from bench.rivals import packages
from bench.rivals.race import Entry, figures, race
from config import Config, dump
from demo import clip as demo_clip
from terminal.faces import Engine, open_engine

PROJECT = Path(__file__).resolve().parent.parent
DEMO = PROJECT / "var" / "demo"
BENCH_CLIPS = PROJECT.parent / "shared" / "bench" / "video"
PEOPLE = PROJECT / "demo" / "people"
ROWS = 1000
OFFICE = 200
"""People known to everybody in the comparison. verifyface reads each of their files at every look: more would not be
a comparison of faces. Beside it, the same with FEW."""
FEW = 10
_STAGES = ("frame_ms", "frame_p95_ms", "encoded_frame_ms", "detect_ms", "encode_ms", "match_ms")
_COMPARED = (
    "frame_ms",
    "encoded_frame_ms",
    "fps",
    "found",
    "cpu_s_per_person",
    "cpu_s_per_visit",
    "named",
    "wrong_names",
    "named_after_s",
    "startup_s",
    "peak_rss_mb",
)


def run(settings: Config, *, clip: Path | None = None, alone: bool = False, as_json: bool = False) -> None:
    """Tables were printed, and with `as_json` one JSON object as the last line. Raises as `measure` does."""
    found = measure(settings, clip, alone=alone, say=lambda what: print(what, file=sys.stderr, flush=True))
    show(found)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")


def show(found: dict[str, Any]) -> None:
    """The tables of what `measure` found were printed."""
    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(_stages(found))
    console.print(
        f"start-up {found['startup_s']:.2f} s (median of 3 fresh processes), peak {found['peak_rss_mb']:.0f} MB, "
        f"an empty room {found['idle_cpu_percent']:.1f} % of one core "
        f"({found['idle_ungated_cpu_percent']:.1f} % with every frame searched)"
    )
    if found["liveness"] is not None:
        console.print(_added(found["liveness"]))
    if found["ratio_read_ahead"] is not None:
        console.print(
            f"frames a second, over one thing after the other: {found['ratio_read_ahead']:.2f} with each frame fetched "
            f"while the last is looked at, {found['ratio_encode_ahead']:.2f} with each encoded meanwhile too"
        )
    console.print(_comparison(found))
    for name, each in found["rivals"].items():
        if each["why"]:
            console.print(f"{name} was not measured: {each['why']}")
    for name in ("face_recognition", "face_recognition_faster", "verifyface"):
        if found[f"ratio_{name}"] is not None:
            console.print(f"{name} / hadir: {_ratios(found, name)}")


def measure(
    settings: Config,
    clip: Path | None = None,
    *,
    alone: bool = False,
    say: Callable[[str], None] = lambda _: None,
    idle_s: float = idle.MEASURED_S,
    passes: int = 3,
) -> dict[str, Any]:
    """Return the figures, times in milliseconds unless the name says otherwise; `clips` has the stages for each clip.

    Measured on `clip`, else on the demo's, made now if it is absent, and on the research clips where they lie beside
    the project. `rivals` has ours and the others' side by side; with `alone`, or where they cannot be had, theirs are
    null and `why` says so. Raises BenchRefused, CameraFailed, ClipFailed, ModelUnavailable.
    """
    if clip is not None and not clip.exists():
        raise BenchRefused(f"there is no clip {clip}; give a video file or a folder of pictures")
    startups_s = [startup(settings) for _ in range(3)]
    engine = open_engine(settings.engine)
    main = clip or demo_clip.ensure(DEMO, lambda: engine, say).path
    gallery = crowd(engine, ROWS)
    stages = {main.name: measured(settings, engine, gallery, main)}
    if clip is None and BENCH_CLIPS.is_dir():
        for path in sorted(BENCH_CLIPS.glob("*/*")):
            stages[f"{path.parent.name}/{path.name}"] = measured(settings, engine, gallery, path)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        **stages[main.name],
        "startup_s": round(sorted(startups_s)[1], 3),
        "peak_rss_mb": round(peak_mb, 1),
        "rows": ROWS,
        "engine": engine.engine_id,
        "opencv_threads": cv2.getNumThreads(),
        "clips": stages,
        "liveness": liveness.measure(settings, engine, main, PEOPLE) if clip is None else None,
        **idle.measure(settings, measured_s=idle_s),
        **compared(settings, main, engine, known=clip is None, alone=alone, say=say, passes=passes),
    }


def compared(
    settings: Config,
    clip: Path,
    engine: Engine,
    *,
    known: bool,
    alone: bool,
    say: Callable[[str], None],
    passes: int,
) -> dict[str, Any]:
    """Return the figures of all contestants on `clip`, and theirs over ours. `known`: it is the demo's own clip."""
    if clip.is_dir():
        alone, why = True, "a folder of pictures is no walk-up"
    else:
        why = "they were left out, as asked"
    entries = [Entry(name="hadir", kind="hadir", python=Path(sys.executable), people=OFFICE)]
    others = {name: (name, OFFICE) for name in ("face_recognition", "face_recognition_faster", "verifyface")}
    others["verifyface_few"] = ("verifyface", FEW)
    if not alone:
        try:
            python = packages.ensure(say)
            entries += [Entry(name=name, kind=kind, python=python, people=n) for name, (kind, n) in others.items()]
        except packages.RivalsUnavailable as unavailable:
            why = str(unavailable)
    photos = {folder.name[:4]: next(folder.glob("*.jpg")) for folder in sorted(PEOPLE.iterdir()) if folder.is_dir()}
    found: dict[str, dict[str, Any]] = {}
    overlapped: dict[str, float | None] = {"ratio_read_ahead": None, "ratio_encode_ahead": None}
    if not clip.is_dir():
        with tempfile.TemporaryDirectory(prefix="hadir-speed-") as folder:
            walk_ups = [each for each in demo_clip.truth() if each.shows is None] if known else []
            footage = cut(clip, Path(folder), walk_ups)
            say(f"Looking at {len(footage.timed)} frames {passes} times and {len(footage.walk_ups)} walk-ups ...")
            overlapped |= overlap.measure(footage, (engine, open_engine(settings.engine)))
            found = figures(race(entries, dump(settings), footage, photos, passes=passes))
    rivals = {name: found.get(name, {**dict.fromkeys(_COMPARED), "why": why}) for name in ("hadir", *others)}
    ours = rivals["hadir"]
    return {
        "rivals": rivals,
        **overlapped,
        "cpu_s_per_person": ours["cpu_s_per_person"],
        **{f"{name}_ms": rivals[name]["frame_ms"] for name in others},
        **{f"ratio_{name}": _over(rivals[name], ours, "frame_ms") for name in others},
        **{f"ratio_{name}_person": _over(rivals[name], ours, "cpu_s_per_person") for name in others},
        **{f"ratio_{name}_visit": _over(rivals[name], ours, "cpu_s_per_visit") for name in others},
        **{
            f"ratio_{name}_encoded": _over(rivals[name], {"frame_ms": ours["encoded_frame_ms"]}, "frame_ms")
            for name in others
        },
    }


def _over(theirs: dict[str, Any], ours: dict[str, Any], key: str) -> float | None:
    return round(theirs[key] / ours[key], 2) if theirs[key] and ours[key] else None


def _ratios(found: dict[str, Any], name: str) -> str:
    words = {
        "": "a frame served",
        "_encoded": "a frame that we encode too",
        "_person": "of processor time until a person is named",
        "_visit": "of processor time for a whole visit",
    }
    ratios = {said: found[f"ratio_{name}{end}"] for end, said in words.items()}
    return ", ".join(f"{ratio:.1f} {said}" for said, ratio in ratios.items() if ratio is not None)


def _added(found: dict[str, Any]) -> str:
    """Return what liveness adds, in a sentence."""
    by = "with the passive models" if found["passive"] else "by the cues alone"
    longer = f"{found['ratio_frame']} times as long"
    return (
        f"liveness, {by}: {found['believed']} of {found['visits']} visits, {found['asked']} asked; from first seen "
        f"to recorded {found['with_s']:.2f} s for {found['without_s']:.2f} s, a frame {longer}"
    )


def _stages(found: dict[str, Any]) -> Table:
    table = Table(title=f"{found['engine']}, {ROWS} templates, {found['opencv_threads']} OpenCV threads")
    columns = (*_STAGES, "fps", "frames", "encoded")
    table.add_column("clip")
    for column in columns:
        table.add_column(column, justify="right")
    for name, result in found["clips"].items():
        table.add_row(name, *("-" if result[column] is None else f"{result[column]:g}" for column in columns))
    return table


def _comparison(found: dict[str, Any]) -> Table:
    table = Table(title=f"the same frames, {OFFICE} people known ({FEW} by verifyface_few), default threads")
    table.add_column("")
    for name in found["rivals"]:
        table.add_column(name, justify="right")
    for row in _COMPARED:
        cells = (each[row] for each in found["rivals"].values())
        table.add_row(row, *("-" if cell is None else f"{cell:g}" for cell in cells))
    return table
