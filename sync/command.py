"""`hadir keys`, `verify-chain`, `receipt`, `events`, `heads` and `register`: what the centre's people ask for."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

import config
from errors import HadirError
from sync.listing import SINCE, begin_of, clock_of
from sync.review_command import review

if TYPE_CHECKING:
    from sync.keys import PublicKey
    from sync.peppers import Pepper
    from sync.verify import Report

Settings = Callable[[], config.Config]
"""Reads the settings when called, so that --help works beside a broken file."""


@click.group()
def keys() -> None:
    """The centre's keys, and those of its kiosks."""


@keys.command("new")
@click.pass_obj
def keys_new(settings: Settings, /) -> None:
    """Make the centre's keys that are not there yet; never overwrites one."""
    from sync import keys as room
    from sync import peppers

    here = settings()
    folder, office = here.centre.keys, here.office.id
    lacks_pepper = not peppers.path_in(folder, office).exists()
    try:
        made = room.new_centre_keys(folder)
    except room.KeyRefused:
        if not lacks_pepper or not room.complete(folder):
            raise
        made = {}
    for name, key_id in made.items():
        click.echo(f"Made key {key_id} in {folder / name}.key.")
    if lacks_pepper:
        _made_pepper(folder, office, peppers.new_pepper(folder, office))
    click.echo(
        "Every kiosk needs release.pub, collector.pub, evidence.pub and enrolment.pub, and its office's .pepper; "
        "the .key files never leave the centre."
    )


@keys.command("pepper")
@click.option("--office", help="The office; by default that of the settings.")
@click.option("--rotate", is_flag=True, help="Add a new one; the PINs set before keep working with the older.")
@click.pass_obj
def keys_pepper(settings: Settings, /, office: str | None, rotate: bool) -> None:
    """Make the secret that the PINs of an office are hashed with; its kiosks need a copy."""
    from sync import peppers
    from sync.register.people_schema import checked_office

    here = settings()
    office = checked_office(office or here.office.id)
    _made_pepper(here.centre.keys, office, peppers.new_pepper(here.centre.keys, office, rotate=rotate))


def _made_pepper(folder: Path, office: str, made: "Pepper") -> None:
    click.echo(f"Made pepper {made.key_id} in {folder / office}.pepper: the kiosks of {office} need it, nobody else.")


@keys.command("device")
@click.pass_obj
def keys_device(settings: Settings, /) -> None:
    """Print the id of this kiosk's own key, made now if need be: to be compared when it is approved."""
    from sync import keys as room

    here = settings()
    signer = room.signer(room.own_key(here.terminal.key_folder, card=here.terminal.state))
    click.echo(f"{here.terminal.id} of office {here.office.id} signs with key {signer.key_id}.")


@keys.command("list")
@click.pass_obj
def keys_list(settings: Settings, /) -> None:
    """List the keys kiosks sign with, and what was said of each."""
    from sync.register import Register, devices

    with Register.open(settings().centre.register) as register:
        known = devices.device_list(register)
    for key in known:
        since = (key.decided_at or key.offered_at).astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(f"{key.office:20} {key.terminal:20} {key.key_id}  {key.state.value} {since}")
    if not known:
        click.echo("No kiosk has been heard of yet.")


@keys.command("approve")
@click.argument("terminal")
@click.argument("key_id", required=False)
@click.pass_obj
def keys_approve(settings: Settings, /, terminal: str, key_id: str | None) -> None:
    """Take what the kiosk TERMINAL signs from now on; compare KEY_ID with what `keys device` says on the kiosk."""
    from sync.register import Register, devices

    with Register.open(settings().centre.register) as register:
        key = devices.approve(register, terminal, key_id, at=datetime.now(UTC))
    click.echo(f"Approved key {key.key_id} of {key.terminal}, office {key.office}.")
    click.echo(f"Sets are sealed for each kiosk: run ./hadir enroll publish --office {key.office} next.")


@keys.command("revoke")
@click.argument("terminal")
@click.argument("key_id", required=False)
@click.pass_obj
def keys_revoke(settings: Settings, /, terminal: str, key_id: str | None) -> None:
    """Take nothing new that the kiosk TERMINAL signs with that key; what was taken stays."""
    from sync.register import Register, devices

    with Register.open(settings().centre.register) as register:
        key = devices.revoke(register, terminal, key_id, at=datetime.now(UTC))
    click.echo(f"Revoked key {key.key_id} of {key.terminal}, office {key.office}.")
    click.echo(f"It still opens the sets it has; run ./hadir enroll publish --office {key.office}: it opens none then.")


# --- evidence of what was recorded ----------------------------------------------------------------------------------

FILE = click.Path(path_type=Path, dir_okay=False)


class Unusable(click.ClickException):
    """What was named cannot be verified, which is not the same as being found wrong."""

    exit_code = 2


@click.command("verify-chain")
@click.argument("where", metavar="DB|URL|EXPORT")
@click.option("--heads", "heads_files", type=FILE, multiple=True, help="A daily file of heads; may be given often.")
@click.option("--heads-key", type=FILE, help="Public key of those files; by default heads.pub beside them or ours.")
@click.option("--keys", "keys_file", type=FILE, help="Public keys to trust instead: PEM, or lines of TERMINAL KEY.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.pass_obj
def verify_chain(
    settings: Settings,
    /,
    where: str,
    heads_files: Sequence[Path],
    heads_key: Path | None,
    keys_file: Path | None,
    as_json: bool,
) -> None:
    """Say whether every entry of a card, a register or an exported file is as it was made.

    Ends with 0 where all are, with 1 naming the first that is not, with 2 where it cannot be said.
    """
    from sync import heads as room
    from sync import keyring
    from sync.verify import verify
    from sync.verify_sources import open_source

    try:
        ring = keyring.load(keys_file) if keys_file else None
        known = room.witnesses((file, _heads_key(settings, file, heads_key)) for file in heads_files)
        with open_source(where, ring) as source:
            report = verify(source, known)
    except HadirError as error:
        raise Unusable(str(error)) from error
    _say(report, as_json=as_json)
    if report.bad:
        raise click.exceptions.Exit(1)


def _heads_key(settings: Settings, file: Path, given: Path | None) -> "PublicKey":
    from sync import keys as room

    beside = file.with_name(f"{room.HEADS}.pub")
    if given is None:
        given = beside if beside.exists() else settings().centre.keys / f"{room.HEADS}.pub"
    return room.load_public(given)


def _say(report: "Report", *, as_json: bool) -> None:
    for bad in report.bad:
        click.echo(f"Bad: terminal {bad.terminal}, epoch {bad.epoch}, entry {bad.seq} {bad.why}.")
    for each in report.incomplete:
        click.echo(
            f"Incomplete: terminal {each.terminal}, epoch {each.epoch} is whole up to {each.upto}; up to "
            f"{each.highest}, {each.missing} are on their way."
        )
    if report.unsigned:
        click.echo(f"Unsigned: {report.unsigned:,} entries are from before kiosks signed; nobody can tell of them.")
    beside = f", and as {report.witnessed} heads kept elsewhere say" if report.witnessed else ""
    click.echo(f"{report.entries:,} entries of {report.chains:,} chains are as they were made{beside}.")
    if as_json:
        click.echo(json.dumps(asdict(report)))


@click.command("receipt")
@click.argument("code", nargs=-1, required=True)
@click.option("--card", type=click.Path(path_type=Path), help="Look on the card in this folder, not in the register.")
@click.pass_obj
def receipt(settings: Settings, /, code: tuple[str, ...], card: Path | None) -> None:
    """Say which punch the receipt CODE stands for, such as JBR-7K2-0931."""
    from sync import lookup, receipts
    from sync.register import Register

    wanted = receipts.typed(" ".join(code))
    here = settings()
    if card is not None:
        found = lookup.on_card(card, wanted, here.office.zone)
    else:
        with Register.open(here.centre.register) as register:
            found = lookup.in_register(register, wanted, here.office.zone)
    for punch in found:
        click.echo(f"Receipt {punch.receipt}")
        for what, value in punch.lines:
            click.echo(f"  {what:12}{value}")
    if not found:
        where = f"on the card in {card}" if card is not None else "in the register; it may wait on its kiosk's card"
        raise click.ClickException(f"no punch has the receipt {receipts.shown(wanted)} {where}")


@click.group()
def events() -> None:
    """Punches in the register."""


@events.command("export")
@click.argument("file", type=FILE)
@click.option("--office", help="Only of this office.")
@click.option("--terminal", help="Only of this kiosk.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From this day on, by the zone of office.timezone.")
@click.pass_obj
def events_export(
    settings: Settings, /, file: Path, office: str | None, terminal: str | None, since: datetime | None
) -> None:
    """Have FILE hold the entries exactly as they were signed, for anybody to verify."""
    from sync.export import export
    from sync.register import Register

    here = settings()
    begin = since.replace(tzinfo=here.office.zone) if since is not None else None
    with Register.open(here.centre.register) as register:
        entries, chains = export(register, file, at=datetime.now(UTC), office=office, terminal=terminal, since=begin)
    click.echo(f"{entries:,} entries of {chains:,} chains are in {file}.")


@events.command("corrections")
@SINCE
@click.option("--terminal", help="Only of this kiosk.")
@click.option("--not-me", is_flag=True, help="Only the false matches: somebody said that it was not them.")
@click.pass_obj
def events_corrections(settings: Settings, /, since: datetime | None, terminal: str | None, not_me: bool) -> None:
    """List what people corrected at the kiosks after it was recorded."""
    from sync import receipts
    from sync.register import Register
    from sync.register.corrections import corrections_since

    here = settings()
    with Register.open(here.centre.register) as register:
        found = corrections_since(register, begin_of(here, since), terminal=terminal)
    found = [each for each in found if each.not_me or not not_me]
    for each in found:
        what = "not me" if each.direction is None else f"direction {each.direction}"
        if each.recorded is None or each.method is None:
            punch = "its punch has not come yet"
        else:
            score = "" if each.score is None else f", score {each.score:.3f}"
            punch = f"recorded {each.recorded} by {each.method}{score}"
        click.echo(
            f"{clock_of(here, each.made_at)}  {each.terminal:20} {each.employee:12} {what:14} "
            f"{receipts.shown(each.receipt)}  {punch}"
        )
    if not found:
        click.echo("Nothing was corrected.")
    for kiosk, times in sorted(Counter(each.terminal for each in found if each.not_me).items()):
        click.echo(f"{kiosk}: {times} false {'match' if times == 1 else 'matches'} reported.")


@events.command("desk")
@SINCE
@click.option("--terminal", help="Only of this kiosk.")
@click.pass_obj
def events_desk(settings: Settings, /, since: datetime | None, terminal: str | None) -> None:
    """List what administrators did on the kiosks."""
    from sync.register import Register
    from sync.register.corrections import desk_notes_since

    here = settings()
    with Register.open(here.centre.register) as register:
        found = desk_notes_since(register, begin_of(here, since), terminal=terminal)
    for each in found:
        click.echo(f"{clock_of(here, each.made_at)}  {each.terminal:20} {each.employee:12} {each.action}")
    if not found:
        click.echo("No administrator was at a kiosk.")


events.add_command(review)


@click.group()
def heads() -> None:
    """What a second party keeps of every chain."""


@heads.command("write")
@click.argument("file", type=FILE, required=False)
@click.pass_obj
def heads_write(settings: Settings, /, file: Path | None) -> None:
    """Write the signed heads of this moment, into the file of the day unless another is named."""
    from sync import heads as room
    from sync.register import Register

    here = settings()
    with Register.open(here.centre.register) as register:
        path, count = room.write(here, register, datetime.now(UTC), file)
    click.echo(f"The heads of {count:,} chains are in {path}: copy it to a second party.")


@click.group()
def register() -> None:
    """The central database."""


@register.command("backup")
@click.argument("file", type=FILE)
@click.pass_obj
def register_backup(settings: Settings, /, file: Path) -> None:
    """Have FILE hold a whole, checked copy of the register, which may be in use."""
    from sync.register import Register
    from sync.register.backup import back_up

    with Register.open(settings().centre.register) as opened:
        made = back_up(opened, file)
    click.echo(f"{made.events:,} entries are in {made.path}, {made.size_bytes / 1e6:.1f} MB.")


@register.command("drop-unreadable")
@click.pass_obj
def register_drop_unreadable(settings: Settings, /) -> None:
    """Remove the templates whose keys are lost for good, and name the people: they must be enrolled again."""
    from sync.register import Register
    from sync.register.sealed_templates import drop_unreadable

    here = settings()
    with Register.open(here.centre.register, here.centre.keys) as opened:
        lost = drop_unreadable(opened)
    what = f"{len(lost)} {'person' if len(lost) == 1 else 'people'}"
    click.echo(f"{what} must be enrolled again: {', '.join(lost)}." if lost else "Every template can be opened.")
