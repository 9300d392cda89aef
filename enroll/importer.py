"""Bulk enrolment from a folder of photographs: one folder a person, each person whole or not at all, repeatable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import config
from enroll.archive import folder_of
from enroll.desk import Desk, Done, PersonReport, Wish, open_desk
from enroll.mapping import read_mapping
from enroll.roster import Entry, Roster, RosterRefused, read_roster
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
    that was stopped goes on where it was. One bad photo or person never stops the run. A folder within a person's is
    another look of theirs, named as it is (glasses, jilbab), with a template of its own. `folder` may be a ZIP of such
    a folder, or a CSV with a row for each photo. Raises ArchiveRefused, RosterRefused, RegisterError, ModelUnavailable.
    """
    seen: list[PersonReport] = []
    with folder_of(folder) as (root, passed_over):
        roster = _roster(root, folder)
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
    return ImportReport(people=tuple(seen), notes=(*passed_over, *roster.notes), dry_run=dry_run)


def _roster(root: Path, given: Path) -> Roster:
    """Return who is in `root`, and speak of it as what was `given`: the folder of a ZIP is nothing to tell. Raises
    RosterRefused."""
    try:
        if root.is_file() and root.suffix.lower() == ".csv":
            return read_mapping(root)
        return read_roster(root)
    except RosterRefused as refused:
        raise RosterRefused(str(refused).replace(str(root), str(given))) from refused


def _enrolled(desk: Desk, settings: config.Config, entry: Entry, wish: Wish) -> PersonReport:
    refused = PersonReport(number=entry.number, name=entry.name, done=Done.REFUSED)
    if (why := entry.why or _too_many(entry) or desk.refusal(wish)) is not None:
        return replace(refused, why=why)
    if not entry.has_folder:
        if desk.has(wish):
            return replace(refused, done=Done.UNCHANGED)
        report = desk.enrol(wish)
        return replace(report, warnings=(*report.warnings, "no photos; the kiosk knows them by PIN only"))
    looks = [("", entry.photos)] if entry.photos else []
    looks += [(look, photos) for look, photos in entry.looks if photos]
    if not looks:
        return replace(refused, why="there are no photos in the folder")
    reports = []
    for look, photos in looks:
        reports.append(_look(desk, settings, photos, replace(wish, look=look), refused))
        if reports[0].done is Done.REFUSED:
            break  # whoever is not who they seem is not so with glasses either
    return _together(reports, [look for look, _ in looks])


def _look(
    desk: Desk, settings: config.Config, photos: Sequence[Path], wish: Wish, refused: PersonReport
) -> PersonReport:
    wish = replace(wish, made_from=fingerprint(photos, desk.engine.engine_id, settings))
    if desk.has(wish):
        return replace(refused, done=Done.UNCHANGED)
    if not desk.has_template(wish):
        wish = replace(wish, study=study_photos(photos, desk.engine, settings))
    return desk.enrol(wish)


def _together(reports: Sequence[PersonReport], looks: Sequence[str]) -> PersonReport:
    """Return what became of a person by what became of each look. The first decides whether they are refused."""
    first = reports[0]
    named = list(zip(reports, looks, strict=False))
    warnings = [f"{look}: {words}" if look else words for report, look in named for words in report.warnings]
    warnings += [f"{look}: not enrolled - {report.why}" for report, look in named[1:] if report.why is not None]
    photos = [
        replace(photo, photo=f"{look}/{photo.photo}") if look else photo
        for report, look in named
        for photo in report.photos
    ]
    done = first.done
    if done is Done.UNCHANGED and any(report.done is Done.CHANGED for report in reports):
        done = Done.CHANGED
    return replace(
        first,
        done=done,
        samples=sum(report.samples for report in reports if report.why is None),
        photos=tuple(photos),
        warnings=tuple(warnings),
    )


def _too_many(entry: Entry) -> str | None:
    count = max([len(entry.photos), *(len(photos) for _, photos in entry.looks)])
    if count <= MAX_PHOTOS:
        return None
    return f"{count} photos are in the folder, and {MAX_PHOTOS} are allowed: is it one person's?"
