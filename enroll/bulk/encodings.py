"""Encodings somebody already has, made with face_recognition: people come into the register without their photographs.

Only the dlib engine can compare them, so it must be the configured one, and only its kiosks will know these people.
`encoding_files` reads the files; here a name becomes an employee, and several encodings of one name a template.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

import config
from enroll.bulk.encoding_files import DIMENSION, EncodingsRefused, read_encodings
from enroll.bulk.importer import ImportReport, Progress
from enroll.bulk.roster import parse_folder_name, read_list
from enroll.desk import Desk, Done, PersonReport, Wish, open_desk
from enroll.samples import study_vectors
from sync.register.consents import Basis
from sync.register.people_schema import PersonRefused, checked_number, cleaned_name
from terminal.faces import Engine, Vector

ENCODINGS = "encodings"
"""The source of such a template, beside "photos" and "camera"."""
LEAST_NORM, MOST_NORM = 1.05, 2.0
"""face_recognition's encodings have norms of 1.22 to 1.65 (902 photographs of the bench); those of other networks are
scaled to 1, or ten and more."""
MAX_PER_PERSON = 1000
_RULES = 1
"""Counts up when the same encodings would give another template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One name of the file; `why` is set where it cannot be enrolled."""

    where: str
    number: str = ""
    name: str = ""
    vectors: tuple[Vector, ...] = ()
    why: str | None = None


def import_encodings(
    settings: config.Config,
    file: Path,
    *,
    people: Path | None = None,
    office: str | None = None,
    dry_run: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    again: bool = False,
    move: bool = False,
    basis: Basis | None = None,
    engine: Engine | None = None,
) -> ImportReport:
    """Have everybody in `file` enrolled at `office` (default: config office.id), and return what became of each.

    `people` is a CSV with the columns number and name; without it a name in the file must be an employee number, or
    begin with one as a folder of photos does. `basis` is on what the faces are kept. Each person is committed before
    the next, and one whose encodings have not changed is passed over. Raises EncodingsRefused,
    RosterRefused, RegisterError, ModelUnavailable.
    """
    if settings.engine.name != "dlib":
        raise EncodingsRefused(
            f"encodings of face_recognition are the dlib engine's, and engine.name is {settings.engine.name}; "
            "set it to dlib on the centre and its kiosks (docs/architecture.md), or enrol from photographs"
        )
    entries = list(_entries(read_encodings(file), people))
    seen: list[PersonReport] = []
    with open_desk(settings, engine=engine, dry_run=dry_run) as desk:
        for entry in entries:
            wish = Wish(
                number=entry.number,
                name=entry.name or None,
                office=office or settings.office.id,
                source=ENCODINGS,
                again=again,
                move=move,
                basis=basis,
            )
            seen.append(replace(_enrolled(desk, desk.settings, entry, wish), where=entry.where))
            progress(Progress(done=len(seen), total=len(entries), person=seen[-1]))
    return ImportReport(people=tuple(seen), notes=(), dry_run=dry_run)


def _enrolled(desk: Desk, settings: config.Config, entry: _Entry, wish: Wish) -> PersonReport:
    refused = PersonReport(number=entry.number, name=entry.name, done=Done.REFUSED)
    if (why := entry.why or desk.refusal(wish, face=True)) is not None:
        return replace(refused, why=why)
    wish = replace(wish, made_from=_fingerprint(entry.vectors, desk.engine.engine_id, settings))
    if desk.has(wish):
        return replace(refused, done=Done.UNCHANGED)
    if not desk.has_template(wish):
        taken = [(f"encoding {place}", vector, "") for place, vector in enumerate(entry.vectors, 1)]
        wish = replace(wish, study=study_vectors(taken, settings))
    return desk.enrol(wish)


def _entries(found: dict[str, list[NDArray[np.float64]]], people: Path | None) -> Iterator[_Entry]:
    listed = _listed(people) if people else None
    taken: dict[str, str] = {}
    for name, encodings in found.items():
        try:
            number, called = _who(name, listed)
            if (other := taken.setdefault(number, name)) != name:
                raise PersonRefused(f"{number} is there more than once: as {other!r} too")
            yield _Entry(where=name, number=number, name=called, vectors=_vectors(encodings))
        except PersonRefused as refused:
            yield _Entry(where=name, why=str(refused))


def _who(name: str, listed: dict[str, set[tuple[str, str]]] | None) -> tuple[str, str]:
    """Return (number, name or nothing) of somebody the file calls `name`. Raises PersonRefused."""
    if listed is None:
        try:
            return parse_folder_name(name)
        except PersonRefused as refused:
            raise PersonRefused(
                "this name is no employee number; give a list with the columns number and name with --people"
            ) from refused
    match sorted(listed.get(_key(name), ())):
        case []:
            raise PersonRefused("this name is not in the list of people")
        case [(number, called)]:
            return checked_number(number), cleaned_name(called)
        case several:
            numbers = ", ".join(number for number, _ in several)
            raise PersonRefused(f"this name is in the list of people more than once: {numbers}")


def _listed(path: Path) -> dict[str, set[tuple[str, str]]]:
    listed: dict[str, set[tuple[str, str]]] = {}
    for _, row in read_list(path):
        listed.setdefault(_key(row["name"]), set()).add((row["number"], row["name"]))
    return listed


def _key(name: str) -> str:
    """Return what two spellings of one name share: files say siti_nurhaliza, lists Siti Nurhaliza."""
    return " ".join(name.replace("_", " ").split()).casefold()


def _vectors(encodings: list[NDArray[np.float64]]) -> tuple[Vector, ...]:
    """Return the encodings scaled to unit norm. Raises PersonRefused for what face_recognition does not make."""
    if not 1 <= len(encodings) <= MAX_PER_PERSON:
        raise PersonRefused(f"{len(encodings)} encodings are there; 1 to {MAX_PER_PERSON} are allowed")
    vectors = []
    for place, encoding in enumerate(encodings, 1):
        if encoding.shape != (DIMENSION,):
            size = " x ".join(str(length) for length in encoding.shape) or "1"
            raise PersonRefused(f"encoding {place} has {size} values; face_recognition's have {DIMENSION}")
        norm = float(np.linalg.norm(encoding))
        if not LEAST_NORM <= norm <= MOST_NORM:  # also false for NaN and infinity
            raise PersonRefused(
                f"encoding {place} has the length {norm:.3g}, and face_recognition's have 1.2 to 1.7: another program "
                "made or changed it, and it cannot be compared"
            )
        vectors.append((encoding / norm).astype(np.float32))
    return tuple(vectors)


def _fingerprint(vectors: tuple[Vector, ...], engine_id: str, settings: config.Config) -> str:
    rules = msgspec.json.encode([_RULES, ENCODINGS, engine_id, settings.enroll.same_person_score])
    return hashlib.sha256(b"\n".join([rules, *sorted(vector.tobytes() for vector in vectors)])).hexdigest()
