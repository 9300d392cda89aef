"""The enrolment desk before real people: enrolled from one clip and known in the other; one face under two numbers."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.desk import sittings, twice
from config import Config
from terminal.faces import open_engine


def run(settings: Config, folder: Path, *, as_json: bool = False) -> None:
    """Tables were printed, and with `as_json` one JSON object as the last line. Raises as `measure` does."""
    console = Console() if sys.stdout.isatty() else Console(width=140)
    found = measure(settings, folder, say=lambda what: print(what, file=sys.stderr, flush=True))
    for table in (_sitting_table(found["sittings"]), _twice_table(found["twice"])):
        console.print(table)
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")


def measure(settings: Config, folder: Path, *, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures: `sittings`, a dict for each clip of the roles video_enroll and video, and `twice`.

    `folder` is a set of photographs as for `hadir enroll evaluate`, whose manifest names clips too. Raises
    DatasetRefused, ModelUnavailable, NotCalibrated.
    """
    engine = open_engine(settings.engine)
    say(f"photographs of {folder.name} ...")
    studied = twice.study(engine, settings, folder)
    say("enrolments before clips ...")
    return {
        "engine": engine.engine_id,
        "sittings": sittings.measure(engine, settings, folder, studied),
        "twice": twice.measure(engine, settings, studied),
    }


def _sitting_table(found: list[dict[str, Any]]) -> Table:
    table = Table(title="Enrolled from one clip, at 10 pictures a second; recognised in another", title_justify="left")
    for name in (
        "clip", "among", "turned to", "pictures s", "if it waited for ever", "all of it s", "ends", "in the other clip",
    ):  # fmt: skip
        table.add_column(name, justify="left" if name in ("clip", "ends") else "right")
    for each in found:
        table.add_row(
            each["clip"],
            str(each["among"]),
            ", ".join(each["turned"]) or "-",
            _seconds(each["pictures_s"]),
            "stalls" if each["stalls_without_patience"] else _seconds(each["pictures_s"]),
            _seconds(each["whole_s"]),
            each["ends"],
            each["known"] or "(no other clip)",
        )
    return table


def _twice_table(found: dict[str, Any]) -> Table:
    table = Table(title=f"One face under a second number, {found['office']} people enrolled", title_justify="left")
    for name in ("who", "of", "refused", "pointed out", "passed unseen", "seen, % (95 % at least)"):
        table.add_column(name, justify="left" if name == "who" else "right")
    for name, row in found["who"].items():
        table.add_row(
            name,
            str(row["of"]),
            str(row["refused"]),
            str(row["pointed_out"]),
            str(row["unseen"]),
            f"{100 * row['seen']:.1f} ({100 * row['seen_at_least']:.1f})",
        )
    return table


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
