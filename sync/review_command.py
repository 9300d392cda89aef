"""`hadir events review`: what people should look at, what comes first first, with the pictures and the decision."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import config
from sync.listing import SINCE, begin_of, clock_of, plain

if TYPE_CHECKING:
    from sync.ranking import Case
    from sync.register import Register
    from sync.register.attacks import Attack

Settings = Callable[[], config.Config]
_SHORT = 12  # digits of an id that are shown; six are enough to name it
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("review")
@SINCE
@click.option("--office", help="Only of this office.")
@click.option("--terminal", help="Only of this kiosk.")
@click.option("--all", "decided_too", is_flag=True, help="Also what was decided about.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.option("--open", "folder", type=_FOLDER, help="Write the pictures, opened, into this folder.")
@click.option("--key", type=_FILE, help="The private key that opens them; evidence.key of ours.")
@click.option(
    "--decide",
    type=(str, click.Choice(["attack", "person"])),
    metavar="ID attack|person",
    help="Say what it was: it leaves the list, and no punch is changed.",
)
@click.option("--by", metavar="NUMBER", help="Whose decision it is.")
@click.option("--note", default="", help="Why.")
@click.pass_obj
def review(
    settings: Settings,
    /,
    since: datetime | None,
    office: str | None,
    terminal: str | None,
    decided_too: bool,
    as_json: bool,
    folder: Path | None,
    key: Path | None,
    decide: tuple[str, str] | None,
    by: str | None,
    note: str,
) -> None:
    """List attacks on the cameras, near misses, and punches by PIN beside which something was odd."""
    from sync import keys, pictures
    from sync.register import Register
    from sync.register.attacks import drop_old

    here = settings()
    with Register.open(here.centre.register) as register:
        drop_old(register, pictures.oldest_kept(here, datetime.now(UTC)))
        if decide is not None:
            _decide(here, register, *decide, by=by, note=note)
            return
        cases = _cases(register, begin_of(here, since), office=office, terminal=terminal, decided_too=decided_too)
        for case in cases:
            click.echo(_line(here, case))
        if not cases:
            click.echo("Nothing is to be looked at.")
        if folder is not None:
            _open(register, cases, folder, key or here.centre.keys / f"{keys.EVIDENCE}.key")
    if as_json:
        click.echo(json.dumps({"cases": [_as_json(case) for case in cases]}))


def _cases(
    register: "Register", since: datetime, *, office: str | None, terminal: str | None, decided_too: bool
) -> list["Case"]:
    from sync.ranking import ranked
    from sync.register.attacks import list_attacks
    from sync.register.reviews import pins_of, reviews_since

    attacks = list_attacks(register, since, office=office, terminal=terminal, only_open=not decided_too)
    pins = pins_of(register, {each.employee for each in attacks if each.employee is not None}, since)
    return ranked(attacks, reviews_since(register, since, office=office, terminal=terminal), pins)


def _line(here: config.Config, case: "Case") -> str:
    from sync import receipts
    from sync.register.attacks import Attack

    what, kiosk = case.what, f"{clock_of(here, case.at)}  {case.what.terminal:20} {case.what.employee or 'nobody':12} "
    if not isinstance(what, Attack):
        said = f"{receipts.shown(what.receipt)}  {', '.join(what.review)}  {what.evidence_ref or 'no picture'}"
        return kiosk + plain(said)
    kind = str(what.verdict) if what.verdict == "attack" else "near miss"
    told = [f"{kind} ({', '.join(what.cues)})" if what.cues else kind]
    if case.followed_by is not None:
        told.append(f"then PIN {receipts.shown(case.followed_by.receipt)}")
    told += ["the kiosk paused"] * what.held
    told += [f"decided: {what.decision}"] * (what.decision is not None)
    return kiosk + plain(f"{what.id[:_SHORT]}  {', '.join(told)}  {_picture(what)}")


def _picture(what: "Attack") -> str:
    if what.has_picture or what.evidence_ref is None:
        return "picture" if what.has_picture else "no picture"
    return f"{what.evidence_ref} not here" if what.evidence_ref.startswith("sealed:") else what.evidence_ref


def _as_json(case: "Case") -> dict[str, Any]:
    from sync.register.attacks import Attack

    what, followed = case.what, case.followed_by
    said: dict[str, Any] = {
        "risk": case.risk.name.lower(),
        "kind": str(what.verdict) if isinstance(what, Attack) else "pin",
        "at": case.at.isoformat(),
        "office": what.office,
        "terminal": what.terminal,
        "employee": what.employee,
        "cues": list(what.cues),
        "score": what.score,
        "evidence_ref": what.evidence_ref,
    }
    if not isinstance(what, Attack):
        return said | {"receipt": what.receipt, "review": list(what.review)}
    return said | {
        "id": what.id,
        "picture": what.has_picture,
        "paused": what.held,
        "followed_by": None if followed is None else {"receipt": followed.receipt, "at": followed.at.isoformat()},
        "decision": what.decision,
        "decided_at": None if what.decided_at is None else what.decided_at.isoformat(),
        "decided_by": what.decided_by,
        "note": what.note,
    }


def _decide(here: config.Config, register: "Register", id_: str, decision: str, *, by: str | None, note: str) -> None:
    from sync.register.attacks import Decision, decide
    from sync.register.people_schema import checked_number

    who = f"desk of {here.office.id}" if by is None else checked_number(by)
    made = decide(register, id_, Decision(decision), at=datetime.now(UTC), by=who, note=plain(note))
    what = "an attack" if made.decision is Decision.ATTACK else "a living person, and its picture is deleted"
    click.echo(f"{made.id[:_SHORT]} of {clock_of(here, made.at)} at {made.terminal} was {what}: decided by {who}.")


def _open(register: "Register", cases: Sequence["Case"], folder: Path, key_file: Path) -> None:
    """Have the pictures of `cases` in `folder`, for its owner alone, each named by its reference."""
    from sync import keys, sealing
    from sync.durable import make_folder, write_whole
    from sync.register.attacks import Attack, picture_of

    key = keys.load_opening(key_file)
    count: Counter[str] = Counter()
    for what in (case.what for case in cases if isinstance(case.what, Attack) and case.what.has_picture):
        box, ref = picture_of(register, what.id), what.evidence_ref or ""
        if box is None:
            continue  # somebody has decided meanwhile
        try:
            jpeg = sealing.open_box(key, box, ref=ref)
            path = folder / sealing.name_of(ref).replace(sealing.SUFFIX, ".jpg")
            make_folder(folder)
            write_whole(path, jpeg, mode=0o600)
        except (sealing.EvidenceRefused, sealing.NotOpened) as error:
            click.echo(f"{what.id[:_SHORT]}: {error}")
            count["refused"] += 1
        except OSError as error:
            raise click.ClickException(f"{folder} cannot be written ({error.strerror}); name another folder") from error
        else:
            click.echo(f"{what.id[:_SHORT]}: {path}")
            count["opened"] += 1
    click.echo(f"{count['opened']} pictures are in {folder}: delete them when they have been looked at.")
    if count["refused"]:
        raise click.exceptions.Exit(1)
