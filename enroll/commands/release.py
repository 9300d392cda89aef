"""`hadir enroll publish|engine|lookalikes|health`: what the kiosks of an office get, and who needs looking after."""

from collections.abc import Callable

import click

import config
from enroll.commands.saying import plain

Settings = Callable[[], config.Config]


@click.command("engine")
@click.option("--office", help="Default: office.id of the settings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def engine(settings: Settings, /, office: str | None, as_json: bool) -> None:
    """Show who must be enrolled again because their face is known to another engine than the configured one."""
    import json

    from enroll.release import reencode

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
        click.echo(plain(f"{each.person.number} {each.person.name}: known to {', '.join(each.engines)} only{only}"))
    click.echo(
        f"{report.office}, engine {report.engine_id}: {report.ready} ready, {len(people)} to enrol again, "
        f"{report.pin_only} by PIN only."
    )
    samples = sum(each.samples for each in report.again)
    if samples:
        click.echo(f"Of {samples} of them sealed pictures are kept: ./hadir enroll reencode makes templates of those.")
    if len(people) > samples:
        whose = "Of the others no" if samples else "Their"
        click.echo(
            f"{whose} pictures are {'' if samples else 'not '}kept, so nothing is encoded anew by itself: run "
            "./hadir enroll import on the folder of photographs once more, or have them come to "
            "./hadir enroll add --camera."
        )


@click.command("reencode")
@click.option("--office", help="Default: office.id of the settings.")
@click.pass_obj
def reencode(settings: Settings, /, office: str | None) -> None:
    """Make templates of the configured engine from the pictures that are kept, for those who have none."""
    import sys

    from enroll.commands.saying import say_person
    from enroll.release import reencode

    done = reencode.reencode(settings(), office, report=say_person)
    refused = sum(each.why is not None for each in done)
    click.echo(f"{len(done) - refused} encoded anew, {refused} refused.")
    if refused:
        sys.exit(1)


@click.command("lookalikes")
@click.option("--office", help="Only this one. Default: every office.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def lookalikes(settings: Settings, /, office: str | None, as_json: bool) -> None:
    """Show who resembles whom so much that a kiosk could take one for the other."""
    import json
    from dataclasses import asdict

    from enroll.commands.tables import lookalikes_table
    from enroll.release import lookalikes

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


@click.command("health")
@click.option("--office", required=True, help="The office whose people are looked at.")
@click.pass_obj
def health(settings: Settings, /, office: str) -> None:
    """Show whose scores come down to the threshold, so that they enrol again before their face fails."""
    from enroll.release import health

    found = health.healths(settings(), office)
    for each in found:
        wish = "  please renew" if each.renew else ""
        click.echo(
            f"{each.employee:12} {each.count:4} punches  {each.first:.3f} -> {each.last:.3f}  "
            f"threshold {each.threshold:.3f}{wish}"
        )
    if not found:
        click.echo(f"Nobody in {office} was recognised often enough in the last {health.DAYS} days.")


@click.command("publish")
@click.option("--office", help="The office whose kiosks get the set.")
@click.option("--due", is_flag=True, help="Every office where somebody's first or last day came since its last set.")
@click.option(
    "--force", is_flag=True, help="Even a set without people, which empties every kiosk, or one no kiosk opens."
)
@click.pass_obj
def publish(settings: Settings, /, office: str | None, due: bool, force: bool) -> None:
    """Seal the office's people for its approved kiosks as a new encoding set, sign it and send it to them."""
    from enroll.hr import desk as hr_desk

    if due is (office is not None):
        raise click.UsageError("give either --office OFFICE or --due")
    offices = [office] if office is not None else hr_desk.offices_due(settings())
    for each in offices:
        _publish(settings, each, force=force)
    if not offices:
        click.echo("Nobody's first or last day has come; nothing to publish.")


def _publish(settings: Settings, office: str, *, force: bool) -> None:
    from enroll.release import publish, reencode

    report = publish.publish(settings(), office, force=force)
    people = f"{report.people} {'person' if report.people == 1 else 'people'}"
    what = f"{report.changes.new} new, {report.changes.changed} changed, {report.changes.gone} gone"
    click.echo(f"Published version {report.version} of {office}, {report.bytes} bytes, {people}: {what}.")
    click.echo(f"It is sealed for {report.readers} {'kiosk' if report.readers == 1 else 'kiosks'}.")
    if report.waiting:
        click.echo(
            f"Not approved, and cannot open it: {', '.join(report.waiting)}; "
            f"run ./hadir keys approve {report.waiting[0]}, then publish again."
        )
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
    if report.no_basis:
        click.echo(
            f"Faces left out, for nothing says on what basis they are kept: {report.no_basis}; record it "
            "(./hadir enroll basis --all --basis consent|public_duty) and publish again."
        )
    if report.to_renew:
        click.echo(
            f"To enrol again before their face fails: {report.to_renew}; the kiosks ask them as they go home "
            f"(./hadir enroll health --office {office})."
        )
    for file in report.left_behind:
        click.echo(f"{file} could not be removed and may hold people withdrawn since; delete it yourself.")
    if report.problem is not None:
        click.echo(f"The broker was not reached ({report.problem}); it goes out when the collector connects.")
