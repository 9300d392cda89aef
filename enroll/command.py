"""`hadir enroll ...`: what the enrolment desk does, asked for on the command line and answered in lines of text."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import config
from enroll.evaluate.command import evaluate
from enroll.person_command import show, transfer

if TYPE_CHECKING:
    from enroll.desk import PersonReport
    from enroll.importer import ImportReport

Settings = Callable[[], config.Config]
"""Reads the settings when called, so that --help works beside a broken file."""


@click.group()
def enroll() -> None:
    """People, their faces and PINs, and the sets made of them."""


@enroll.command("add")
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
    help="Record that they were shown the text, and on what basis their face is kept.",
)
@click.pass_obj
def enroll_add(
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

    from enroll import desk
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
            report=lambda progress: tell(f"{progress.taken} of {progress.wanted}: {progress.words}"),
            **how,
        )
    _say_person(report)
    if report.why is not None:
        sys.exit(1)
    if basis is not None:
        kept = desk.record_basis(here, number, Basis(basis))
        click.echo(f"Recorded: {kept.basis}, text of {kept.text_version}.")
    click.echo("Publish to bring this to the kiosks.")


@enroll.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--office", help="Default: office.id of the settings.")
@click.option("--dry-run", is_flag=True, help="Look at everything, change nothing.")
@click.option("--again", is_flag=True, help="Enrol those who were withdrawn, too.")
@click.option("--move", is_flag=True, help="Take people over from other offices.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV file to write: a row for each person and each photo, with the reason.",
)
@click.pass_obj
def enroll_import(settings: Settings, /, folder: Path, report: Path | None, **how: Any) -> None:
    """Enrol everybody in FOLDER: one folder a person, named "NUMBER-Given_Family", with their photos in it.

    A folder within a person's (glasses, jilbab, mask) is another look of theirs. FOLDER may be a ZIP of such a folder,
    or a CSV file with a row for each photo: number,name,photo and, if need be, look.
    """
    from enroll import import_report, importer

    done = importer.import_folder(settings(), folder, progress=lambda seen: _say_person(seen.person), **how)
    if report is not None:
        import_report.write_report(done, report)
    _say_import(done)


@enroll.command("encodings")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--people",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with the columns number,name; without it a name in FILE is an employee number.",
)
@click.option("--office", help="Default: office.id of the settings.")
@click.option("--dry-run", is_flag=True, help="Look at everything, change nothing.")
@click.option("--again", is_flag=True, help="Enrol those who were withdrawn, too.")
@click.option("--move", is_flag=True, help="Take people over from other offices.")
@click.pass_obj
def enroll_encodings(settings: Settings, /, file: Path, **how: Any) -> None:
    """Enrol everybody in FILE, which holds encodings made with face_recognition: pickle, npz, npy or JSON.

    Only kiosks whose engine is dlib can use them.
    """
    from enroll import encodings

    report = encodings.import_encodings(settings(), file, progress=lambda seen: _say_person(seen.person), **how)
    click.echo("Only kiosks with engine.name dlib know these people by their faces.")
    _say_import(report)


@enroll.command("engine")
@click.option("--office", help="Default: office.id of the settings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def enroll_engine(settings: Settings, /, office: str | None, as_json: bool) -> None:
    """Show who must be enrolled again because their face is known to another engine than the configured one."""
    import json

    from enroll import reencode

    report = reencode.engine_report(settings(), office)
    people = [
        {"number": each.person.number, "name": each.person.name, "engines": each.engines, "pin": each.person.has_pin}
        for each in report.again
    ]
    if as_json:
        counts = {"ready": report.ready, "pin_only": report.pin_only}
        click.echo(json.dumps({"office": report.office, "engine": report.engine_id, **counts, "again": people}))
        return
    for each in report.again:
        only = "" if each.person.has_pin else ", and no PIN"
        click.echo(_plain(f"{each.person.number} {each.person.name}: known to {', '.join(each.engines)} only{only}"))
    click.echo(
        f"{report.office}, engine {report.engine_id}: {report.ready} ready, {len(people)} to enrol again, "
        f"{report.pin_only} by PIN only."
    )
    if people:
        click.echo(
            "Their pictures are not kept, so nothing is encoded anew by itself: run ./hadir enroll import on the "
            "folder of photographs once more, or have them come to ./hadir enroll add --camera."
        )


def _say_import(report: "ImportReport") -> None:
    """Say what an import came to; the exit code is 1 where somebody was refused."""
    from enroll.desk import Done

    for note in report.notes:
        click.echo(_plain(note))
    counts = ", ".join(f"{report.count(done)} {done}" for done in Done)
    if report.dry_run:
        click.echo(f"Would be: {counts}.")
    elif report.count(Done.ADDED) or report.count(Done.CHANGED):
        click.echo(f"{counts}; publish to bring this to the kiosks.")
    else:
        click.echo(f"{counts}.")
    if report.count(Done.REFUSED):
        sys.exit(1)


def _plain(words: str) -> str:
    """Return a line that a file's name cannot make more than one, nor a colour of."""
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def _say_person(report: "PersonReport") -> None:
    who = f"{report.number} {report.name}".strip() or report.where
    click.echo(_plain(f"{who}: {report.done}{f' - {report.why}' if report.why else ''}"))
    for photo in report.photos:
        if not photo.used:
            click.echo(_plain(f"  {photo.photo}: {photo.why}"))
    for warning in report.warnings:
        click.echo(f"  note: {warning}")


@enroll.command("pin")
@click.argument("number")
@click.pass_obj
def enroll_pin(settings: Settings, /, number: str) -> None:
    """Set the six-digit PIN of NUMBER: asked for twice, or one line on standard input."""
    from enroll import desk

    if sys.stdin.isatty():
        pin = click.prompt("PIN", hide_input=True, confirmation_prompt=True)
    else:
        pin = sys.stdin.readline().rstrip("\r\n")
    desk.set_pin(settings(), number, pin)
    click.echo(f"PIN of {number} set; publish to bring it to the kiosks.")


@enroll.command("administrator")
@click.argument("number")
@click.option("--remove", is_flag=True, help="They are one no longer.")
@click.pass_obj
def enroll_administrator(settings: Settings, /, number: str, remove: bool) -> None:
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


@enroll.command("list")
@click.option("--office", help="Only this one.")
@click.pass_obj
def enroll_list(settings: Settings, /, office: str | None) -> None:
    """Show who is enrolled."""
    from rich.console import Console
    from rich.table import Table

    from enroll import desk

    listed = desk.list_people(settings(), office)
    if not listed:
        where = f" at {office}" if office else ""
        click.echo(f"Nobody is enrolled{where}; see ./hadir enroll add --help and ./hadir enroll import --help.")
        return
    table = Table("number", "name", "office", "templates", "samples", "PIN", "administrator", "withdrawn")
    for person in listed:
        withdrawn = person.withdrawn_at.date().isoformat() if person.withdrawn_at else ""
        counts = (str(person.templates), str(person.samples))
        flags = ("yes" if person.has_pin else "", "yes" if person.administrator else "")
        table.add_row(person.number, person.name, person.office, *counts, *flags, withdrawn)
    Console().print(table)


@enroll.command("withdraw")
@click.argument("number")
@click.pass_obj
def enroll_withdraw(settings: Settings, /, number: str) -> None:
    """Delete the templates and the PIN of NUMBER."""
    from enroll import desk

    left = desk.withdraw(settings(), number)
    click.echo(f"{left.number} withdrawn; publish {left.office} so that its kiosks forget the face and the PIN.")


@enroll.command("lookalikes")
@click.option("--office", help="Only this one. Default: every office.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def enroll_lookalikes(settings: Settings, /, office: str | None, as_json: bool) -> None:
    """Show who resembles whom so much that a kiosk could take one for the other."""
    import json
    from dataclasses import asdict

    from enroll import lookalikes
    from enroll.tables import lookalikes_table

    audits = lookalikes.audit(settings(), office)
    for audit in audits:
        click.echo(
            f"{audit.office}: {audit.people} people, {audit.templates} templates, {len(audit.pairs)} pairs of "
            f"look-alikes from a score of {audit.at_least:.3f} on."
        )
        if audit.pairs:
            click.echo(lookalikes_table(audit), nl=False)
    if as_json:
        click.echo(json.dumps({"offices": [asdict(audit) for audit in audits]}, allow_nan=False))


@enroll.command("health")
@click.option("--office", required=True, help="The office whose people are looked at.")
@click.pass_obj
def enroll_health(settings: Settings, /, office: str) -> None:
    """Show whose scores come down to the threshold, so that they enrol again before their face fails."""
    from enroll import health

    found = health.healths(settings(), office)
    for each in found:
        wish = "  please renew" if each.renew else ""
        click.echo(
            f"{each.employee:12} {each.count:4} punches  {each.first:.3f} -> {each.last:.3f}  "
            f"threshold {each.threshold:.3f}{wish}"
        )
    if not found:
        click.echo(f"Nobody in {office} was recognised often enough in the last {health.DAYS} days.")


@enroll.command("publish")
@click.option("--office", required=True, help="The office whose kiosks get the set.")
@click.option("--force", is_flag=True, help="Even a set without people, which empties every kiosk of the office.")
@click.pass_obj
def enroll_publish(settings: Settings, /, office: str, force: bool) -> None:
    """Sign the office's people as a new encoding set and send it to its kiosks."""
    from enroll import publish, reencode

    report = publish.publish(settings(), office, force=force)
    people = f"{report.people} {'person' if report.people == 1 else 'people'}"
    what = f"{report.changes.new} new, {report.changes.changed} changed, {report.changes.gone} gone"
    click.echo(f"Published version {report.version} of {office}, {report.bytes} bytes, {people}: {what}.")
    if again := len(reencode.engine_report(settings(), office).again):
        click.echo(f"Known to another engine only, so by PIN at most: {again}; see ./hadir enroll engine.")
    if report.lookalikes:
        click.echo(
            f"{report.lookalikes} pairs of people resemble each other; the kiosks ask them for more, or for the PIN "
            f"(./hadir enroll lookalikes --office {office})."
        )
    if report.plain_pins:
        click.echo(f"PINs set before the pepper: {report.plain_pins}; have them set again (./hadir enroll pin).")
    if report.foreign_pins:
        click.echo(f"PINs set in another office, and left out: {report.foreign_pins}; have them set again.")
    if report.to_renew:
        click.echo(
            f"To enrol again before their face fails: {report.to_renew}; the kiosks ask them as they go home "
            f"(./hadir enroll health --office {office})."
        )
    for file in report.left_behind:
        click.echo(f"{file} could not be removed and may hold people withdrawn since; delete it yourself.")
    if report.problem is not None:
        click.echo(f"The broker was not reached ({report.problem}); it goes out when the collector connects.")


enroll.add_command(evaluate)
enroll.add_command(show)
enroll.add_command(transfer)
