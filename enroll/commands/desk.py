"""`hadir enroll add|pin|administrator|list`: people come and are listed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import config
from enroll.commands.saying import say_person

Settings = Callable[[], config.Config]


@click.command("add")
@click.argument("number")
@click.argument("name", required=False)
@click.option(
    "--photo", "photos", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="May be repeated."
)
@click.option("--camera", help="usb:0 | picamera | file:CLIP | folder:PICTURES; takes the pictures by itself.")
@click.option("--look", default="", help="What they wear, as glasses, jilbab or mask: a template beside the others.")
@click.option("--office", help="Default: office.id of the settings.")
@click.option("--again", is_flag=True, help="Enrol somebody who was withdrawn.")
@click.option("--move", is_flag=True, help="Take somebody over from another office.")
@click.option(
    "--basis",
    type=click.Choice(["consent", "public_duty"]),
    help="On what their face is kept: they were shown the text and agreed, or a public duty asks for it.",
)
@click.pass_obj
def add(
    settings: Settings,
    /,
    number: str,
    name: str | None,
    photos: tuple[Path, ...],
    camera: str | None,
    basis: str | None,
    **how: Any,
) -> None:
    """Enrol the employee NUMBER called NAME from photos or before a camera."""
    from contextlib import nullcontext

    from enroll import desk, purpose
    from sync.register.consents import Basis
    from terminal.camera import open_camera

    if bool(photos) == bool(camera):
        raise click.UsageError("give either --photo FILE, once or more, or --camera usb:0")
    here = settings()
    said: list[str] = []

    def tell(words: str) -> None:
        if [words] != said[-1:]:
            said.append(words)
            click.echo(words)

    try:
        source = config.replace(here, camera={"source": camera}).camera if camera else None
    except config.ConfigError as error:
        raise click.UsageError(
            f"--camera {camera!r} is unknown; give usb:0, picamera, file:CLIP or folder:PICTURES"
        ) from error
    with open_camera(source) if source else nullcontext() as opened:
        report = desk.add_person(
            here,
            number,
            name,
            photos=photos or None,
            camera=opened,
            basis=None if basis is None else Basis(basis),
            report=lambda progress: tell(f"{progress.taken} of {progress.wanted}: {progress.words}"),
            **how,
        )
    say_person(report)
    if report.why is not None:
        sys.exit(1)
    if basis is not None:
        click.echo(f"Recorded: {basis}, text of {purpose.VERSION}.")
    click.echo("Publish to bring this to the kiosks.")


@click.command("pin")
@click.argument("number")
@click.pass_obj
def pin(settings: Settings, /, number: str) -> None:
    """Set the six-digit PIN of NUMBER: asked for twice, or one line on standard input."""
    from enroll import desk

    if sys.stdin.isatty():
        pin = click.prompt("PIN", hide_input=True, confirmation_prompt=True)
    else:
        pin = sys.stdin.readline().rstrip("\r\n")
    desk.set_pin(settings(), number, pin)
    click.echo(f"PIN of {number} set; publish to bring it to the kiosks.")


@click.command("administrator")
@click.argument("number")
@click.option("--remove", is_flag=True, help="They are one no longer.")
@click.pass_obj
def administrator(settings: Settings, /, number: str, remove: bool) -> None:
    """Let NUMBER open the administrator's desk on the kiosks of their office, by face and PIN."""
    from enroll import desk

    person, changed = desk.set_administrator(settings(), number, not remove)
    what = "no administrator" if remove else "an administrator"
    if not changed:
        click.echo(f"{person.number} is {what} already; nothing was changed.")
        return
    click.echo(f"{person.number} is {what} {'any more' if remove else 'now'}; publish {person.office} to bring this "
               "to its kiosks.")  # fmt: skip
    lacking = [what for what, has in (("face", person.templates), ("PIN", person.has_pin)) if not has]
    if lacking and not remove:
        click.echo(f"The desk asks for face and PIN, and {person.number} has no {' and no '.join(lacking)} yet.")


@click.command("list")
@click.option("--office", help="Only this one.")
@click.pass_obj
def list_(settings: Settings, /, office: str | None) -> None:
    """Show who is enrolled."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from enroll import desk

    listed = desk.list_people(settings(), office)
    if not listed:
        where = f" at {office}" if office else ""
        click.echo(f"Nobody is enrolled{where}; see ./hadir enroll add --help and ./hadir enroll import --help.")
        return
    columns = ("number", "name", "office", "templates", "samples", "PIN", "admin", "withdrawn")
    table = Table(*columns, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))  # in 80 columns, names and all
    for person in listed:
        withdrawn = person.withdrawn_at.date().isoformat() if person.withdrawn_at else ""
        counts = (str(person.templates), str(person.samples))
        flags = ("yes" if person.has_pin else "", "yes" if person.administrator else "")
        table.add_row(person.number, person.name, person.office, *counts, *flags, withdrawn)
    Console().print(table)
