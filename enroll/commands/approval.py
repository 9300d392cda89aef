"""`hadir enroll pending|approve|refuse`: what kiosks have enrolled, and what the centre says to it."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

import config
from enroll.commands.saying import plain

if TYPE_CHECKING:
    from sync.register.enrolments import KioskEnrolment

Settings = Callable[[], config.Config]


@click.command("pending")
@click.option("--office", help="Only this one. Default: every office.")
@click.pass_obj
def pending(settings: Settings, /, office: str | None) -> None:
    """Show what was enrolled on kiosks and waits for a decision."""
    from enroll import approval

    here = settings()
    waiting = approval.pending(here, office)
    for each in waiting:
        when = f"{each.made_at.astimezone(here.office.zone):%Y-%m-%d %H:%M}"
        click.echo(plain(f"{each.id}  {_about(each)}, {when}{_there(each)}"))
    if not waiting:
        click.echo("No enrolment of a kiosk waits for a decision.")


@click.command("approve")
@click.argument("id_", metavar="ID", required=False)
@click.option("--all", "everyone", is_flag=True, help="All that wait.")
@click.option("--office", help="With --all: only this one. Default: every office.")
@click.pass_obj
def approve(settings: Settings, /, id_: str | None, everyone: bool, office: str | None) -> None:
    """Take what a kiosk enrolled, by its ID as `pending` shows it, into the register, unless it may not be."""
    from enroll import approval
    from sync.register.enrolments import State

    if everyone is (id_ is not None) or (office is not None and not everyone):
        raise click.UsageError("give either ID, or --all and perhaps --office OFFICE")
    here = settings()
    done = approval.approve_all(here, office=office) if id_ is None else [approval.approve(here, id_)]
    for each in done:
        which = each.enrolment
        why = each.left or which.why
        click.echo(plain(f"{which.id}  {_about(which)}: {which.state}{f' - {why}' if why else ''}"))
        for warning in each.warnings:
            click.echo(plain(f"  note: {warning}"))
    if offices := sorted({each.enrolment.office for each in done if not each.left}):
        click.echo(f"Publish so that the kiosks hear of it: {', '.join(offices)}.")
    elif not done:
        click.echo("No enrolment of a kiosk waits for a decision.")
    if any(each.enrolment.state is not State.APPROVED for each in done):
        sys.exit(1)


@click.command("refuse")
@click.argument("id_", metavar="ID")
@click.option("--why", required=True, help="The reason; it is kept.")
@click.pass_obj
def refuse(settings: Settings, /, id_: str, why: str) -> None:
    """Have what a kiosk enrolled forgotten there with the next set."""
    from enroll import approval
    from sync.register.enrolments import State

    now = approval.refuse(settings(), id_, why=why)
    by = f" by {now.decided_by}: {now.why}" if now.why else f" by {now.decided_by}"
    click.echo(plain(f"{now.id}  {_about(now)}: {now.state}{by}"))
    if now.state is State.REFUSED:
        click.echo(f"Publish {now.office} so that its kiosks forget it.")
    else:
        click.echo("It was decided about before; withdraw the person if that was wrong.")
        sys.exit(1)


def _about(each: "KioskEnrolment") -> str:
    return f"employee {each.employee}, by {each.administrator} on {each.terminal} of {each.office}, {each.basis}"


def _there(each: "KioskEnrolment") -> str:
    """Return what the kiosk says of whether the person was there, nothing where no face is kept."""
    if each.basis == "no_face":
        return ""
    return {
        "bona_fide": ", seen to be there in person",
        "undecided": ", NOT KNOWN TO HAVE BEEN THERE IN PERSON: ask who enrolled them",
    }.get(each.pad.value, ", not checked for being there in person")
