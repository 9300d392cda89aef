"""`hadir enroll show` and `hadir enroll transfer`: one person, asked about or moved."""

from collections.abc import Callable

import click

import config

Settings = Callable[[], config.Config]


@click.command("show")
@click.argument("number")
@click.pass_obj
def show(settings: Settings, /, number: str) -> None:
    """Show what is held about NUMBER: office, templates by look, consent, PIN; never the values of a template."""
    from enroll import person
    from enroll.hr.changes import last_day

    here = settings()
    held = person.held_about(here, number)
    who = held.employee
    click.echo(f"{who.number} {who.name}")
    zone = here.office.zone
    until = f", until {last_day(who.valid_until, zone)}" if who.valid_until else ""
    click.echo(f"office: {who.office}, since {who.valid_from.astimezone(zone):%Y-%m-%d}{until}")
    if who.withdrawn_at is not None:
        click.echo(f"withdrawn: {who.withdrawn_at:%Y-%m-%d}")
    for each in held.templates:
        click.echo(
            f"template: {each.look or 'usual look'}, of {each.samples} sample{'' if each.samples == 1 else 's'} "
            f"from {each.source}, engine {each.engine_id}, {each.made_at:%Y-%m-%d}"
        )
    if not held.templates:
        click.echo("template: none")
    if (basis := held.consent) is None:
        click.echo("basis: none recorded")
    else:
        back = f", taken back {basis.withdrawn_at:%Y-%m-%d}" if basis.withdrawn_at else ""
        click.echo(f"basis: {basis.basis}, text of {basis.text_version}, {basis.given_at:%Y-%m-%d}{back}")
    click.echo(f"PIN: {'set' if who.has_pin else 'not set'}")
    click.echo(f"administrator: {'yes' if who.administrator else 'no'}")
    click.echo(f"pictures as evidence: {'may be kept' if who.photo else 'are not kept'}")


@click.command("transfer")
@click.argument("number")
@click.option("--office", required=True, help="Where they work from now on.")
@click.pass_obj
def transfer(settings: Settings, /, number: str, office: str) -> None:
    """Move NUMBER to another office, with their templates."""
    from enroll import person

    moved = person.transfer(settings(), number, office)
    who = moved.employee
    click.echo(
        f"{who.number} is at {who.office} now; publish {who.office} and {moved.left} to bring this to the kiosks."
    )
    if moved.pin_again:
        click.echo(
            f"Their PIN was set in another office and does not work at {who.office}: set it again "
            f"(./hadir enroll pin {who.number})."
        )
    if who.administrator:
        click.echo(f"They are an administrator at {who.office} as well (./hadir enroll administrator --remove).")
