"""`hadir enroll evaluate`: the measurement asked for on the command line, answered in tables and one line of JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import config


class Counts(click.ParamType[tuple[int, ...]]):
    """Whole numbers from 1 on, between commas."""

    name = "NUMBERS"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = [word.strip() for word in str(value).split(",")]
        if not all(word.isdecimal() and 1 <= int(word) <= self.most for word in words):
            self.fail(f"{value!r}: give numbers from 1 to {self.most}, as 1,3", param, context)
        return tuple(dict.fromkeys(int(word) for word in words))

    def __init__(self, most: int) -> None:
        self.most = most


@click.command("evaluate")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--engine", "engines", multiple=True, help="opencv | dlib | onnx; may be repeated. Default: the settings'."
)
@click.option("--samples", type=Counts(20), default="1,3", show_default=True, help="Enrolment photos a person.")
@click.option(
    "--galleries", type=Counts(10**6), default="50,200,500,2000", show_default=True, help="People in the gallery."
)
@click.option("--pairs", type=click.Path(path_type=Path), help="LFW's pairs.txt or a CSV of path1,path2,same[,fold].")
@click.option("--aliases", type=click.Path(path_type=Path), help="Two names of one person a line: identity,same_as.")
@click.option("--curves", type=click.Path(path_type=Path), help="Folder for the DET curves, SVG and PNG.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the resampling.")
@click.option(
    "--replicates", type=click.IntRange(0, 10_000), default=500, show_default=True, help="Resamplings of the people."
)
@click.option(
    "--calibrate",
    "calibration",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the first engine's calibration here: its thresholds by gallery size (docs/accuracy.md).",
)
@click.option("--liveness", is_flag=True, help="Measure how well people are told from pictures of them instead.")
@click.option(
    "--passive",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --liveness: a folder of the passive models. Default: as in the settings.",
)
@click.option(
    "--rate", type=click.FloatRange(0.5, 240), help="With --liveness: pictures a second in folders of pictures."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def evaluate(
    settings: Callable[[], config.Config],
    /,
    as_json: bool,
    calibration: Path | None,
    liveness: bool,
    passive: Path | None,
    rate: float | None,
    **wish: Any,
) -> None:
    """Measure how well faces are told apart, on the photos in FOLDER.

    FOLDER has a manifest.csv (path, role, identity, group; the roles are enroll, probe and impostor) or one folder of
    photos a person, in folders of groups if there are any. With --liveness it has people in live/ and attacks in
    attack/SPECIES/, as pictures, videos and folders of pictures.
    """
    if liveness:
        _liveness(settings(), wish["folder"], passive=passive, rate=rate, as_json=as_json)
        return
    from rich.console import Console
    from rich.progress import Progress

    from enroll.evaluate import evaluation as room
    from enroll.evaluate.calibration_file import writer
    from enroll.evaluate.report import as_values
    from enroll.evaluate.tables import tables

    here = settings()
    asked = room.Wish(**wish)
    said: list[str] = []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        report = room.run(
            here,
            asked,
            progress=progress,
            calibrate=writer(asked, calibration, say=said.append) if calibration else None,
        )
    console = Console(width=None if Console().is_terminal else 170)
    for part in tables(report):
        if isinstance(part, str):
            click.echo(part)
        else:
            console.print(part)
    for line in said:
        click.echo(line)
    if calibration:
        click.echo(f"{calibration} holds the calibration; name it in match.calibration of the kiosks and the centre.")
    if as_json:
        click.echo(json.dumps(as_values(report), allow_nan=False))


def _liveness(here: config.Config, folder: Path, *, passive: Path | None, rate: float | None, as_json: bool) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from enroll.evaluate.liveness import report as room
    from enroll.evaluate.liveness.figures import as_values

    if rate is not None:
        here = config.replace(here, camera={"frame_rate_hz": rate})
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("presentations", total=None)
        report = room.measure(
            here, folder, passive=passive, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    console = Console(width=None if Console().is_terminal else 170)
    for table in (room.policy_table(report.figures), room.cue_table(report.figures)):
        console.print(table)
    for line in room.lines(report):
        click.echo(line)
    if as_json:
        values = as_values(report.figures, unused=report.unused, lacking=report.lacking)
        click.echo(json.dumps(values, allow_nan=False))
