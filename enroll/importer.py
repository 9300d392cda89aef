"""Bulk enrolment from a folder of photographs: one folder a person, each person whole or not at all, repeatable."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import config
from enroll.desk import Desk, Done, PersonReport, Wish, open_desk
from enroll.roster import Entry, read_roster
from enroll.samples import fingerprint, study_photos
from terminal.faces import Engine

MAX_PHOTOS = 100
"""In one person's folder; more are a folder of many people that was named after one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`done` of `total` people have been seen to; `person` is the last of them."""

    done: int
    total: int
    person: PersonReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of everybody in the folder, in order; `notes` tell what was passed over beside the people."""

    people: tuple[PersonReport, ...]
    notes: tuple[str, ...]
    dry_run: bool

    def count(self, done: Done) -> int:
        """Return how many people that became of."""
        return sum(person.done is done for person in self.people)

    @property
    def photos_used(self) -> int:
        return sum(photo.used for person in self.people for photo in person.photos)

    @property
    def photos_refused(self) -> int:
        return sum(not photo.used for person in self.people for photo in person.photos)


def import_folder(
    settings: config.Config,
    folder: Path,
    *,
    office: str | None = None,
    dry_run: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    again: bool = False,
    move: bool = False,
    engine: Engine | None = None,
) -> ImportReport:
    """Have everybody in `folder` enrolled at `office` (default: config office.id), and return what became of each.

    Each person is committed before the next is begun, and one whose photos have not changed is passed over: an import
    that was stopped goes on where it was. One bad photo or person never stops the run. Raises RosterRefused,
    RegisterError, ModelUnavailable.
    """
    roster = read_roster(folder)
    seen: list[PersonReport] = []
    with open_desk(settings, engine=engine, dry_run=dry_run) as desk:
        for entry in roster.entries:
            wish = Wish(
                number=entry.number,
                name=entry.name or None,
                office=office or settings.office.id,
                again=again,
                move=move,
            )
            seen.append(replace(_enrolled(desk, desk.settings, entry, wish), where=entry.where))
            progress(Progress(done=len(seen), total=len(roster.entries), person=seen[-1]))
    return ImportReport(people=tuple(seen), notes=roster.notes, dry_run=dry_run)


def _enrolled(desk: Desk, settings: config.Config, entry: Entry, wish: Wish) -> PersonReport:
    refused = PersonReport(number=entry.number, name=entry.name, done=Done.REFUSED)
    if (why := entry.why or _too_many(entry) or desk.refusal(wish)) is not None:
        return replace(refused, why=why)
    if not entry.has_folder:
        if desk.has(wish):
            return replace(refused, done=Done.UNCHANGED)
        report = desk.enrol(wish)
        return replace(report, warnings=(*report.warnings, "no photos; the kiosk knows them by PIN only"))
    if not entry.photos:
        return replace(refused, why="there are no photos in the folder")
    wish = replace(wish, made_from=fingerprint(entry.photos, desk.engine.engine_id, settings))
    if desk.has(wish):
        return replace(refused, done=Done.UNCHANGED)
    if not desk.has_template(wish):
        wish = replace(wish, study=study_photos(entry.photos, desk.engine, settings))
    return desk.enrol(wish)


def _too_many(entry: Entry) -> str | None:
    if len(entry.photos) <= MAX_PHOTOS:
        return None
    return f"{len(entry.photos)} photos are in the folder, and {MAX_PHOTOS} are allowed: is it one person's?"
