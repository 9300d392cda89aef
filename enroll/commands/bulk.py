"""`hadir enroll import|encodings`: many people at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

import config
from enroll.commands.saying import plain, say_import, say_person

Settings = Callable[[], config.Config]
_Command = TypeVar("_Command", bound=Callable[..., None])


def _of_many(command: _Command) -> _Command:
    """Give the command the options of every import."""
    options = (
        click.option("--office", help="Default: office.id of the settings."),
        click.option("--dry-run", is_flag=True, help="Look at everything, change nothing."),
        click.option("--again", is_flag=True, help="Enrol those who were withdrawn, too."),
        click.option("--move", is_flag=True, help="Take people over from other offices."),
        click.option(
            "--basis",
            type=click.Choice(["consent", "public_duty"]),
            help="On what the faces are kept: they were shown the text and agreed, or a public duty asks for it.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@_of_many
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV file to write: a row for each person and each photo, with the reason.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="HTML page to write: a row for each person with small pictures. It holds faces: delete it soon.",
)
@click.option("--workers", type=click.IntRange(1, 64), help="Threads that study photos (default: one a core).")
@click.pass_obj
def import_(
    settings: Settings, /, folder: Path, report: Path | None, sheet: Path | None, basis: str | None, **how: Any
) -> None:
    """Enrol everybody in FOLDER: one folder a person, named "NUMBER-Given_Family", with their photos in it.

    A folder within a person's (glasses, jilbab, mask) is another look of theirs. FOLDER may be a ZIP of such a folder,
    or a CSV file with a row for each photo: number,name,photo and, if need be, look and basis; called photos.csv it
    may also lie in FOLDER or in the ZIP.
    """
    from datetime import datetime

    from enroll.bulk import contact_sheet, import_report, importer, progress
    from sync.register.consents import Basis

    here = settings()
    with progress.shown(say_person) as tell:
        done = importer.import_folder(
            here,
            folder,
            progress=tell,
            basis=Basis(basis) if basis else None,
            thumbnails=sheet is not None,
            **how,
        )
    if report is not None:
        import_report.write_report(done, report)
    if sheet is not None:
        at = datetime.now(here.office.zone)
        contact_sheet.write_sheet(done, sheet, office=how["office"] or here.office.id, at=at)
        click.echo(plain(f"{sheet} holds faces and names: look at it, and delete it."))
    say_import(done)


@click.command("encodings")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--people",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with the columns number,name; without it a name in FILE is an employee number.",
)
@_of_many
@click.pass_obj
def encodings(settings: Settings, /, file: Path, basis: str | None, **how: Any) -> None:
    """Enrol everybody in FILE, which holds encodings made with face_recognition: pickle, npz, npy or JSON.

    Only kiosks whose engine is dlib can use them.
    """
    from enroll.bulk import encodings
    from sync.register.consents import Basis

    report = encodings.import_encodings(
        settings(),
        file,
        progress=lambda seen: say_person(seen.person),
        basis=Basis(basis) if basis else None,
        **how,
    )
    click.echo("Only kiosks with engine.name dlib know these people by their faces.")
    say_import(report)
