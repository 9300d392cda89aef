"""`hadir keys ...`: what the centre's people do with keys, asked for on the command line."""

from collections.abc import Callable
from datetime import UTC, datetime

import click

import config

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

    folder = settings().centre.keys
    for name, key_id in room.new_centre_keys(folder).items():
        click.echo(f"Made key {key_id} in {folder / name}.key.")
    click.echo("Every kiosk needs release.pub and collector.pub; the .key files never leave the centre.")


@keys.command("device")
@click.pass_obj
def keys_device(settings: Settings, /) -> None:
    """Print the id of this kiosk's own key, made now if need be: to be compared when it is approved."""
    from sync import keys as room

    here = settings()
    signer = room.signer(room.device_key(here.terminal.state))
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
