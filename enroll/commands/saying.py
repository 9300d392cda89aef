"""What the commands of the desk say about people and imports: lines of text on standard output."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from enroll.bulk.importer import ImportReport
    from enroll.desk import PersonReport


def say_import(report: "ImportReport") -> None:
    """Say what an import came to; the exit code is 1 where somebody was refused."""
    from enroll.desk import Done

    for note in report.notes:
        click.echo(plain(note))
    counts = ", ".join(f"{report.count(done)} {done}" for done in Done)
    if report.dry_run:
        click.echo(f"Would be: {counts}.")
    elif report.count(Done.ADDED) or report.count(Done.CHANGED):
        click.echo(f"{counts}; publish to bring this to the kiosks.")
    else:
        click.echo(f"{counts}.")
    if report.count(Done.REFUSED):
        sys.exit(1)


def plain(words: str) -> str:
    """Return a line that a file's name cannot make more than one, nor a colour of."""
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def say_person(report: "PersonReport") -> None:
    who = f"{report.number} {report.name}".strip() or report.where
    click.echo(plain(f"{who}: {report.done}{f' - {report.why}' if report.why else ''}"))
    for photo in report.photos:
        if not photo.used:
            click.echo(plain(f"  {photo.photo}: {photo.why}"))
    for warning in report.warnings:
        click.echo(f"  note: {warning}")
