"""Bulk enrolment from a folder of photographs: one folder a person, each person whole or not at all, repeatable."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import config
from enroll import kept
from enroll.bulk.archive import folder_of
from enroll.bulk.mapping import MAPPING_NAMES, read_mapping
from enroll.bulk.roster import Entry, Roster, RosterRefused, read_roster
from enroll.bulk.studies import Job, Pending, default_workers, studying
from enroll.desk import PHOTOS, Desk, Done, PersonReport, Wish, open_desk
from sync.register.consents import Basis
from terminal.faces import Engine

MAX_PHOTOS = 100
"""In one person's folder; more are a folder of many people that was named after one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """`done` of `total` people have been seen to; `person` is the last of them, with `photos` of `all_photos`."""

    done: int
    total: int
    person: PersonReport
    photos: int = 0
    all_photos: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Next:
    """Somebody whose turn will come, and the photos of each look that are being studied meanwhile."""

    entry: Entry
    wish: Wish
    why: str | None
    looks: tuple[tuple[str, Job, Pending], ...] = ()


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
    basis: Basis | None = None,
    thumbnails: bool = False,
    workers: int | None = None,
    engine: Engine | None = None,
) -> ImportReport:
    """Have everybody in `folder` enrolled at `office` (default: config office.id), and return what became of each.

    Each person is committed before the next is begun, and one whose photos have not changed is passed over: an import
    that was stopped goes on where it was. One bad photo or person never stops the run. A folder within a person's is
    another look of theirs, named as it is (glasses, jilbab), with a template of its own. `folder` may be a ZIP of such
    a folder, or a CSV with a row for each photo. `basis` is on what the faces are kept, unless the list says otherwise
    of somebody; a face without one is refused. Photos are studied by `workers` threads (default: one a core; one with
    an `engine` of the caller's) ahead of the desk, which changes nothing of what comes out. With `thumbnails` there is
    a small picture of each photo in the report. Raises ArchiveRefused, RosterRefused, RegisterError, ModelUnavailable.
    """
    seen: list[PersonReport] = []
    with folder_of(folder) as (root, passed_over):
        roster = _roster(root, folder)
        entries = roster.entries
        if settings.enroll.keep_samples and not dry_run:
            kept.check(settings)  # before anybody is enrolled, rather than after the first
        if workers is None:
            # A further worker has to load its models: that pays from a few people on.
            workers = 1 if engine is not None else min(default_workers(), 1 + len(entries) // 4)
        count = sum(map(_photos_of, entries))
        photos = 0
        with open_desk(settings, engine=engine, dry_run=dry_run) as desk:

            def wished(entry: Entry) -> Wish:
                return Wish(
                    number=entry.number,
                    name=entry.name or None,
                    office=office or settings.office.id,
                    again=again,
                    move=move,
                    basis=entry.basis or basis,
                )

            with _begun(desk, entries, wished, workers=workers, thumbnails=thumbnails) as people:
                for each in people:
                    seen.append(replace(_enrolled(desk, each), where=each.entry.where))
                    photos += _photos_of(each.entry)
                    progress(
                        Progress(done=len(seen), total=len(entries), person=seen[-1], photos=photos, all_photos=count)
                    )
    return ImportReport(people=tuple(seen), notes=(*passed_over, *roster.notes), dry_run=dry_run)


def _roster(root: Path, given: Path) -> Roster:
    """Return who is in `root`, and speak of it as what was `given`: the folder of a ZIP is nothing to tell. Raises
    RosterRefused."""
    try:
        if root.is_file() and root.suffix.lower() == ".csv":
            return read_mapping(root)
        mappings = [root / name for name in MAPPING_NAMES if (root / name).is_file()]
        if mappings:
            return read_mapping(mappings[0])
        return read_roster(root)
    except RosterRefused as refused:
        raise RosterRefused(str(refused).replace(str(root), str(given))) from refused


@contextmanager
def _begun(
    desk: Desk, entries: Sequence[Entry], wished: Callable[[Entry], Wish], *, workers: int, thumbnails: bool
) -> Iterator[Iterator[_Next]]:
    """Yield everybody in order, while the photos of those after them are studied already."""
    if not any(map(_photos_of, entries)):  # nobody's face: no engine is needed
        yield (_Next(entry=entry, wish=wished(entry), why=_refusal(desk, entry, wished(entry))) for entry in entries)
        return
    with studying(desk.settings, desk.engine, workers=workers) as study:

        def begin(entry: Entry) -> _Next:
            wish = wished(entry)
            if (why := _refusal(desk, entry, wish)) is not None:
                return _Next(entry=entry, wish=wish, why=why)
            jobs = [
                (
                    look,
                    Job(
                        photos=photos,
                        kept=desk.made_from(wish.number, PHOTOS, look),
                        thumbnails=thumbnails,
                        samples=desk.settings.enroll.keep_samples,
                    ),
                )
                for look, photos in [("", entry.photos), *entry.looks]
                if photos
            ]
            looks = tuple((look, job, study(job)) for look, job in jobs)
            return _Next(entry=entry, wish=wish, why=None, looks=looks)

        yield _ahead(map(begin, entries), 0 if workers == 1 else 2 * workers)


def _ahead(people: Iterable[_Next], places: int) -> Iterator[_Next]:
    """Yield the same in the same order, each taken from `people` that many places before its turn."""
    waiting: deque[_Next] = deque()
    for each in people:
        waiting.append(each)
        if len(waiting) > places:
            yield waiting.popleft()
    yield from waiting


def _refusal(desk: Desk, entry: Entry, wish: Wish) -> str | None:
    return entry.why or _too_many(entry) or desk.refusal(wish, face=_photos_of(entry) > 0)


def _enrolled(desk: Desk, each: _Next) -> PersonReport:
    entry, wish = each.entry, each.wish
    refused = PersonReport(number=entry.number, name=entry.name, done=Done.REFUSED)
    # Asked again: somebody on the same list, or another desk, may have changed what was true when they were begun.
    if (why := each.why or _refusal(desk, entry, wish)) is not None:
        return replace(refused, why=why)
    if not entry.has_folder:
        if desk.has(wish):
            return replace(refused, done=Done.UNCHANGED)
        report = desk.enrol(wish)
        return replace(report, warnings=(*report.warnings, "no photos; the kiosk knows them by PIN only"))
    if not each.looks:
        return replace(refused, why="there are no photos in the folder")
    reports = []
    for look, job, pending in each.looks:
        reports.append(_look(desk, job, pending, replace(wish, look=look), refused))
        if reports[0].done is Done.REFUSED:
            break  # whoever is not who they seem is not so with glasses either
    return _together(reports, [look for look, _, _ in each.looks])


def _look(desk: Desk, job: Job, pending: Pending, wish: Wish, refused: PersonReport) -> PersonReport:
    studied = pending()
    wish = replace(wish, made_from=studied.made_from)
    if desk.has(wish):
        return replace(refused, done=Done.UNCHANGED)
    if not desk.has_template(wish):
        if studied.study is None:  # it was in the register when they were begun, and is not any more
            why = f"the template of {wish.number} was removed at another desk meanwhile; run the import again"
            return replace(refused, why=why)
        wish = replace(wish, study=studied.study)
    report = desk.enrol(wish)
    if job.samples and report.why is None:
        desk.keep_samples(wish)
    # Nothing more of them is needed, and a report of thousands of people would hold them all.
    return replace(report, photos=tuple(replace(photo, sample=b"") for photo in report.photos))


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


def _photos_of(entry: Entry) -> int:
    """Return how many photos there are of somebody; none where their row or folder is refused."""
    return 0 if entry.why else len(entry.photos) + sum(len(photos) for _, photos in entry.looks)


def _too_many(entry: Entry) -> str | None:
    count = max([len(entry.photos), *(len(photos) for _, photos in entry.looks)])
    if count <= MAX_PHOTOS:
        return None
    return f"{count} photos are in the folder, and {MAX_PHOTOS} are allowed: is it one person's?"
