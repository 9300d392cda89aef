"""`hadir evidence`: opening the pictures that kiosks have sealed, for who holds the private key."""

from collections.abc import Callable
from pathlib import Path

import click

import config

Settings = Callable[[], config.Config]


@click.group()
def evidence() -> None:
    """Sealed pictures of PIN punches and of attacks."""


@evidence.command("open")
@click.argument("what", metavar="FILE|REF")
@click.option("--key", type=click.Path(path_type=Path, dir_okay=False), help="The private key; evidence.key of ours.")
@click.option("--from", "folder", type=click.Path(path_type=Path), help="Where pictures lie; on this kiosk's card.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="The JPEG to write; named after the FILE.")
@click.pass_obj
def evidence_open(settings: Settings, /, what: str, key: Path | None, folder: Path | None, to: Path | None) -> None:
    """Write the JPEG that is sealed in FILE, or in the file of the punch or the attack whose reference is REF."""
    from sync import keys, sealing
    from sync.durable import write_whole

    here = settings()
    ref = what if what.startswith(sealing.SEALED) else None
    file = Path(what)
    if ref is not None:
        place, name = folder or here.terminal.state / "evidence", sealing.name_of(ref)
        file = next(place.rglob(name), place / name)
    picture = sealing.open_sealed(file, key or here.centre.keys / f"{keys.EVIDENCE}.key", ref=ref)
    jpeg = to or Path(file.name).with_suffix(".jpg")
    if jpeg.exists():
        raise click.ClickException(f"{jpeg} is already there; name another file with --to")
    try:
        write_whole(jpeg, picture)
    except OSError as error:
        raise click.ClickException(f"{jpeg} cannot be written ({error.strerror}); name another with --to") from error
    click.echo(f"The picture is in {jpeg}, {len(picture):,} bytes: delete it when it has been looked at.")
