"""`hadir enroll basis`: on what basis somebody's face is kept, or everybody's who never had one."""

from collections.abc import Callable

import click

import config

Settings = Callable[[], config.Config]


@click.command("basis")
@click.argument("number", required=False)
@click.option("--all", "everybody", is_flag=True, help="Everybody with a face who never had a basis.")
@click.option("--office", help="With --all: only this one. Default: every office.")
@click.option("--basis", type=click.Choice(["consent", "public_duty"]), required=True)
@click.pass_obj
def basis(settings: Settings, /, number: str | None, everybody: bool, office: str | None, basis: str) -> None:
    """Record on what basis the face of NUMBER is kept: they were shown the text and agreed, or a public duty."""
    from enroll import basis as room
    from sync.register.consents import Basis

    if (number is None) != everybody:
        raise click.UsageError("give either a NUMBER or --all")
    if number is not None:
        kept = room.record_basis(settings(), number, Basis(basis))
        click.echo(f"Recorded: {kept.basis}, text of {kept.text_version}.")
        return
    done = room.record_all(settings(), Basis(basis), office=office)
    click.echo(f"Recorded for {len(done.numbers)}: {basis}. Publish to have their faces in the sets.")
    if done.took_back:
        click.echo(f"Left out, for they took theirs back: {', '.join(done.took_back)}; ask them anew.")
