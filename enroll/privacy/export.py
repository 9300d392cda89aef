"""Everything held about one person, for that person: as JSON, and as CSV for a spreadsheet. Each export is noted.

What is in it is theirs to have (UU PDP 27/2022, articles 5 to 7), the values of their templates included; so it is
readable for its owner only, and whoever makes one hands it over and deletes it. The hash of their PIN is not in it:
with it somebody could find the PIN out.
"""

import base64
import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

import config
from enroll import kept
from enroll.bulk.import_report import cell
from enroll.release.publish import newest_set
from errors import HadirError
from sync.durable import make_folder, write_whole
from sync.keys import PRIVATE_NAME, load_private
from sync.messages import AttackNote, AttendanceEvent, Correction, DeskNote, EnrolmentNote, PadVerdict
from sync.register import Register, about, people, sets, withdrawals
from sync.register.about import OwnEntry
from sync.register.attacks import list_attacks
from sync.register.enrolments import list_enrolments
from sync.register.people_schema import PersonRefused, checked_number

FILES = ("about.json", "punches.csv", "trail.csv")
_PUNCHES = ("counted_at", "first_seen_at", "occurred_at", "office", "terminal", "direction", "method", "receipt",
            "voided", "score", "evidence_ref")  # fmt: skip
_TRAIL = ("at", "what", "where", "details")


class ExportFailed(HadirError):
    """The export could not be written; the text says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was exported of whom, and where it lies."""

    number: str
    where: Path
    punches: int
    templates: int


def export_person(settings: config.Config, number: str, to: Path) -> Exported:
    """Have everything held about the person in `to`, a .zip or a folder that is new or empty, and that noted.

    Readable for its owner only. Raises PersonRefused, ExportFailed, SamplesFailed, RegisterError,
    TemplateKeysFailed, KeyRefused.
    """
    number, at = checked_number(number), datetime.now(UTC)
    if to.suffix.lower() != ".zip" and to.is_dir() and any(to.iterdir()):
        raise ExportFailed(f"{to} is not empty; give a new folder, or a file that ends in .zip")
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        if people.find_employee(register, number) is None:
            raise PersonRefused(f"there is no employee {number}; see ./hadir enroll list")
        withdrawals.note_export(register, number, at=at, desk=f"desk of {settings.office.id}")
        entries = about.entries_of(register, number)
        held = _held(settings, register, number, entries, at)
    files: dict[str, bytes] = {
        "about.json": msgspec.json.format(msgspec.json.encode(held), indent=2),
        "punches.csv": _csv(_PUNCHES, held["punches"]),
        "trail.csv": _csv(_TRAIL, held["trail"]),
        **_pictures(settings, number),
    }
    try:
        _write(to, files)
    except OSError as error:
        raise ExportFailed(f"{to} cannot be written ({error.strerror}); give another place") from error
    return Exported(number=number, where=to, punches=len(held["punches"]), templates=len(held["templates"]))


def _held(
    settings: config.Config, register: Register, number: str, entries: Sequence[OwnEntry], at: datetime
) -> dict[str, Any]:
    person = people.find_employee(register, number)
    assert person is not None  # noqa: S101 - nobody is ever deleted
    punches = [_punch(each, each.entry) for each in entries if isinstance(each.entry, AttendanceEvent)]
    return {
        "made_at": at,
        "employee": {
            name: value for name, value in asdict(person).items() if name not in ("newest_template", "samples")
        },
        "pin": {"set": person.has_pin, "set_at": about.pin_set_at(register, number)},
        "bases": [asdict(each) for each in about.consents_of(register, number)],
        "templates": [
            {
                "engine_id": each.engine_id,
                "look": each.look,
                "source": each.source,
                "samples": each.samples,
                "made_at": each.made_at,
                "vector_float32_le_base64": base64.b64encode(each.vector).decode(),
            }
            for each in about.own_templates(register, number)
        ],
        "newest_set": _in_newest_set(settings, register, number, person.office),
        "kiosk_enrolments": [
            {
                "id": each.id,
                "office": each.office,
                "terminal": each.terminal,
                "administrator": each.administrator,
                "basis": each.basis,
                "text_version": each.text_version,
                "made_at": each.made_at,
                "state": str(each.state),
            }
            for each in list_enrolments(register, employee=number)
        ],
        "withdrawals": [asdict(each) for each in withdrawals.withdrawals_of(register, number)],
        "exports": [asdict(each) for each in withdrawals.exports_of(register, number)],
        "punches": punches,
        "attacks": [
            {
                "at": each.at,
                "office": each.office,
                "terminal": each.terminal,
                "verdict": str(each.verdict),
                "cues": list(each.cues),
                "score": each.score,
                "evidence_ref": each.evidence_ref,
                "picture_kept": each.has_picture,
                "decision": each.decision,
                "decided_at": each.decided_at,
            }
            for each in list_attacks(register, None, employee=number)
        ],
        "corrections": [
            {
                "made_at": each.entry.made_at,
                "terminal": each.terminal,
                "receipt": each.entry.receipt,
                "change": str(each.entry.change),
                "direction": each.entry.direction,
            }
            for each in entries
            if isinstance(each.entry, Correction)
        ],
        "unreadable_entries": sum(each.entry is None for each in entries),
        "trail": _trail(register, number, entries),
    }


def _punch(row: OwnEntry, event: AttendanceEvent) -> dict[str, Any]:
    punch = event.punch
    return {
        "counted_at": row.counted_at,
        "first_seen_at": punch.first_seen_at,
        "occurred_at": punch.occurred_at,
        "office": event.office,
        "terminal": row.terminal,
        "epoch": row.epoch,
        "seq": row.seq,
        "direction": row.direction_now or str(punch.direction),
        "recorded_direction": str(punch.direction),
        "method": str(punch.method),
        "receipt": event.receipt,
        "voided": row.voided,
        "score": punch.score,
        "margin": punch.margin,
        "pad": str(punch.pad),
        "cues": list(punch.cues),
        "engine_id": punch.engine_id,
        "set_version": punch.gallery_version,
        "review": list(punch.review),
        "evidence_ref": punch.evidence_ref,
        "received_at": row.received_at,
    }


def _in_newest_set(settings: config.Config, register: Register, number: str, office: str) -> dict[str, Any] | None:
    """Return what the kiosks of the office have of the person now; None where there is no set, or none that opens."""
    content = newest_set(register, office, load_private(settings.centre.keys / PRIVATE_NAME))
    if content is None:
        return None
    found = [person for person in content.people if person.employee == number]
    return {
        "office": office,
        "version": content.version,
        "released_at": content.created_at,
        "sha256": sets.list_releases(register, office)[0].sha256,
        "named_in_it": bool(found),
        "face_in_it": any(person.templates for person in found),
    }


def _pictures(settings: config.Config, number: str) -> dict[str, bytes]:
    """Return the kept pictures of the person, opened, by the name of a file; there are none unless they are kept."""
    return {
        f"picture-{samples.source}-{samples.look or 'usual'}-{place}.jpg": photo
        for samples in kept.opened(settings, number)
        for place, photo in enumerate(samples.photos, 1)
    }


def _trail(register: Register, number: str, entries: Sequence[OwnEntry]) -> list[dict[str, Any]]:
    """Return what was done with what is held about the person, and what they did at a kiosk's desk, by time."""
    rows: list[dict[str, Any]] = []

    def add(at: datetime | None, what: str, where: str, details: str = "") -> None:
        rows.append({"at": at, "what": what, "where": where, "details": details})

    for given in about.consents_of(register, number):
        add(given.given_at, "basis recorded", given.desk, f"{given.basis}, text of {given.text_version}")
        if given.withdrawn_at is not None:
            add(given.withdrawn_at, "basis taken back", "", f"{given.basis} of {given.given_at.isoformat()}")
    for template in people.template_notes(register, number):
        add(
            template.made_at, "template made", template.source, f"{template.look or 'usual look'}, {template.engine_id}"
        )
    if (pin_set := about.pin_set_at(register, number)) is not None:
        add(pin_set, "PIN set", "")
    for each in entries:
        match each.entry:
            case EnrolmentNote() as note:
                add(note.decided_at, "enrolled at a kiosk", each.terminal, f"by {note.administrator}, {note.basis}")
            case DeskNote() as note:
                add(note.made_at, "at a kiosk's desk as administrator", each.terminal, str(note.action))
            case AttackNote() as note:
                what = "attack" if note.verdict is PadVerdict.ATTACK else "near miss"
                add(note.made_at, f"{what} with a face taken for this person's", each.terminal, ", ".join(note.cues))
    for made in withdrawals.withdrawals_of(register, number):
        what = "withdrawn, PIN and all" if made.leaves else "face withdrawn"
        add(made.at, what, ", ".join(each.office for each in made.sets), f"{made.templates} templates deleted")
    for given_out in withdrawals.exports_of(register, number):
        add(given_out.at, "export made", given_out.desk)
    return sorted(rows, key=lambda row: row["at"].isoformat())


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow(columns)
    for row in rows:
        written.writerow([cell(_plain(row[name])) for name in columns])
    return text.getvalue().encode("utf-8-sig")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


def _write(to: Path, files: Mapping[str, bytes]) -> None:
    if to.suffix.lower() == ".zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        write_whole(to, packed.getvalue(), mode=0o600)
        return
    make_folder(to)
    to.chmod(0o700)
    for name, content in files.items():
        write_whole(to / name, content, mode=0o600)
