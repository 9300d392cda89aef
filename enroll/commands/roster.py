"""`hadir enroll roster` and `hadir enroll photo`: HR's list, and who is not to be photographed."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

import config
from enroll.commands.saying import plain

if TYPE_CHECKING:
    from datetime import tzinfo

    from enroll.hr.changes import Difference
    from enroll.hr.desk import RosterReport

Settings = Callable[[], config.Config]

_MOST_NAMED = 12


@click.command("roster")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--apply", is_flag=True, help="Change the register; without it only what would change is shown.")
@click.option("--office", help="Of those whose row names none; without it they stay where they are.")
@click.option("--remove-missing", is_flag=True, help="End those of the list's offices who are not on it.")
@click.pass_obj
def roster(settings: Settings, /, file: Path, apply: bool, office: str | None, remove_missing: bool) -> None:
    """Show what HR's list FILE (CSV or XLSX) would change, and change it with --apply: all of it or nothing.

    Columns: number and name, and if need be office, valid_from, valid_until; or nip, nama, unit kerja, tmt, sampai.
    """
    from enroll.hr import desk as hr_desk

    here = settings()
    report = hr_desk.take_roster(here, file, office=office, apply=apply, remove_missing=remove_missing)
    _say_list(report)
    for each in report.comparison.differences:
        click.echo(plain(_line(each, here.office.zone, pin_again=each.number in report.pin_again)))
    _say_rest(report)
    if report.listed.bad:
        sys.exit(1)


@click.command("photo")
@click.argument("number")
@click.option("--allow/--forbid", "allowed", required=True, help="Whether a kiosk may keep sealed pictures of them.")
@click.pass_obj
def photo(settings: Settings, /, number: str, allowed: bool) -> None:
    """Let kiosks keep sealed pictures of NUMBER as evidence, or have them keep none."""
    from enroll import person

    who, changed = person.set_photo(settings(), number, allowed)
    what = "may be kept" if allowed else "are not kept"
    if changed:
        click.echo(f"Pictures of {who.number} {what} from now on; publish {who.office} to bring this to its kiosks.")
    else:
        click.echo(f"Pictures of {who.number} {what} already; nothing was changed.")


def _say_list(report: "RosterReport") -> None:
    understood = ", ".join(f"{name} = {heading!r}" for name, heading in report.listed.understood)
    click.echo(plain(f"Columns: {understood}."))
    for what, names in (("Columns", report.listed.passed_over), ("Sheets", report.listed.sheets_passed_over)):
        if names:
            click.echo(plain(f"{what} passed over: {', '.join(names).rstrip('.')}."))
    for row in report.listed.bad:
        click.echo(plain(f"line {row.line}: passed over - {row.why}"))


def _line(each: "Difference", zone: "tzinfo", *, pin_again: bool) -> str:
    from enroll.hr.changes import Kind, last_day

    before, after = each.before, None if each.change is None else each.change.after
    said = [f"{'+'.join(each.kinds):8} {each.number} {each.name}"]
    if after is None:
        return f"{said[0]}: not on the list, and stays (--remove-missing ends them)"
    begins = f"from {after.valid_from.astimezone(zone):%Y-%m-%d}"
    ends = "for good" if after.valid_until is None else f"until {last_day(after.valid_until, zone)}"
    for kind in each.kinds:
        match kind:
            case Kind.NEW:
                said.append(f"at {after.office}, {begins}, {ends}")
            case Kind.RENAMED:
                said.append(f"was {before.name if before else ''}")
            case Kind.MOVED:
                said.append(f"from {before.office if before else ''} to {after.office}")
            case Kind.DATES:
                said.append(f"{begins}, {ends}")
            case Kind.ENDS | Kind.BACK:
                said.append(ends)
            case Kind.GONE:
                said.append("not on the list: ends now")
    if pin_again:
        said.append("their PIN does not work there: set it again")
    if Kind.MOVED in each.kinds and before is not None and before.administrator:
        said.append("an administrator there as well")
    return f"{said[0]}: {'; '.join(said[1:])}"


def _say_rest(report: "RosterReport") -> None:
    from enroll.hr.changes import Kind, summary

    found = report.comparison
    if found.new_offices:
        click.echo(f"Offices without anybody so far: {', '.join(found.new_offices)}.")
    if found.ended:
        click.echo(f"New, but ended already, and passed over: {', '.join(found.ended)}.")
    if found.withdrawn:
        click.echo(f"Withdrawn, and not touched (enrol them again at the desk): {', '.join(found.withdrawn)}.")
    click.echo(f"{summary({kind: found.count(kind) for kind in Kind}, found.unchanged)}.")
    if report.applied is None:
        if found.changes:
            click.echo("Nothing was changed; do it with --apply.")
        return
    if report.applied:
        offices = report.to_publish
        more = f" and {len(offices) - _MOST_NAMED} more offices" if len(offices) > _MOST_NAMED else ""
        click.echo(f"Done; publish {', '.join(offices[:_MOST_NAMED])}{more} to bring this to the kiosks.")
