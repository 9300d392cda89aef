"""Whose photographs are in a folder: by its manifest.csv, or by one folder a person. No picture is opened yet.

What cannot be meant (a path that leads out of the folder, a row without a person) is passed over in words and counted.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from enroll.bulk.csv_files import lines_of
from errors import HadirError

MANIFEST = "manifest.csv"
MAX_TABLE_BYTES = 64 * 2**20
MAX_DEPTH = 2
"""group/person/photo.jpg: folders below that are nobody's."""
ENROL, PROBE, IMPOSTOR = "enroll", "probe", "impostor"
_ROLES = {
    "enroll": ENROL,
    "enrol": ENROL,
    "enrolment": ENROL,
    "enrollment": ENROL,
    "probe": PROBE,
    "impostor": IMPOSTOR,
    "imposter": IMPOSTOR,
}
_SUFFIXES = {
    ".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".apng",
}  # fmt: skip


class DatasetRefused(HadirError):
    """The folder, its manifest or a table beside it cannot be used at all; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photograph. `name` is its path below the folder, for people; `why` is set where it cannot be looked at."""

    name: str
    path: Path
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody's photographs: to enrol, and to be recognised by. A stranger has none to enrol."""

    identity: str
    group: str
    enrol: tuple[Photo, ...] = ()
    probes: tuple[Photo, ...] = ()

    @property
    def photos(self) -> tuple[Photo, ...]:
        return (*self.enrol, *self.probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Everybody, in the order of their names, and the words about what was passed over."""

    people: tuple[Person, ...]
    notes: tuple[str, ...]

    @property
    def photos(self) -> int:
        return sum(len(person.photos) for person in self.people)


def read_dataset(folder: Path, *, aliases: Mapping[str, str] | None = None) -> Dataset:
    """Return whose photographs are in `folder`. `aliases` has, for some names, the name of the same person.

    With a manifest.csv its roles decide; without one the first photo of each person is for enrolment and the others are
    probes, in the order of their names. Raises DatasetRefused.
    """
    root = Path(os.path.realpath(folder))
    if not root.is_dir():
        raise DatasetRefused(f"{folder} is not a folder; give the folder that holds {MANIFEST} or a folder a person")
    notes: list[str] = []
    found = _listed(root, notes) if (root / MANIFEST).is_file() else _walked(root, notes)
    people = _merged(found, aliases or {}, notes)
    if not any(person.enrol for person in people):
        raise DatasetRefused(
            f"{folder} holds nobody to enrol; give a folder with {MANIFEST} (path, role, identity, group) "
            "or with one folder of photos for each person"
        )
    return Dataset(people=people, notes=tuple(notes))


def read_aliases(path: Path) -> dict[str, str]:
    """Return, for each name in the table, the name of the same person: two names a line. Raises DatasetRefused."""
    aliases: dict[str, str] = {}
    for line, cells in table(path):
        names = [cell.strip() for cell in cells if cell.strip()]
        if line == 1 and [name.casefold() for name in names] == ["identity", "same_as"]:
            continue
        if len(names) != 2:
            raise DatasetRefused(f"{path} line {line}: give two names of one person, as identity,same_as")
        aliases[names[0]] = names[1]
    return aliases


def table(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Return (line, cells) of a CSV file of bounded size, blank lines left out. Raises DatasetRefused."""
    lines = lines_of(path, most_bytes=MAX_TABLE_BYTES, too_large="give a smaller table", refused=DatasetRefused)
    return ((line, cells) for line, cells in lines if any(cell.strip() for cell in cells))


def photo_at(root: Path, name: str) -> Photo:
    """Return the photograph called `name` below `root`; one that leads out of it, or is absent, has its reason."""
    try:
        path = Path(os.path.realpath(root / name))
        if not path.is_relative_to(root):
            return Photo(name=name, path=root, why="its path leads out of the folder")
        if path.is_symlink() or not path.exists():
            return Photo(name=name, path=path, why="the file is missing")
    except (OSError, ValueError):
        return Photo(name=name, path=root, why="its path is none")
    return Photo(name=name, path=path)


_Found = tuple[str, str, str, Photo]
"""(identity, group, role, photo)."""


def _listed(root: Path, notes: list[str]) -> Iterator[_Found]:
    """Yield what the manifest lists; rows of other roles, and rows that name nobody, are counted in `notes`."""
    rows = table(root / MANIFEST)
    _, heading = next(rows, (1, []))
    columns = [cell.strip().casefold() for cell in heading]
    missing = [name for name in ("path", "role", "identity") if name not in columns]
    if missing:
        raise DatasetRefused(
            f"{root / MANIFEST}: its first line must name the columns path,role,identity,group; "
            f"{', '.join(missing)} is missing"
        )
    at = {name: columns.index(name) for name in ("path", "role", "identity", "group") if name in columns}
    if "group" not in at:
        notes.append(f"{MANIFEST} has no column group: everybody is in one")
    others: dict[str, int] = {}
    incomplete: list[int] = []
    for line, cells in rows:
        path, role, identity, group = (
            cells[at[name]].strip() if name in at and at[name] < len(cells) else ""
            for name in ("path", "role", "identity", "group")
        )
        meant = _ROLES.get(role.casefold())
        if meant is None:
            others[role or "none"] = others.get(role or "none", 0) + 1
        elif not path or not identity:
            incomplete.append(line)
        else:
            yield identity, group, meant, photo_at(root, path)
    if others:
        told = ", ".join(f"{count} {role}" for role, count in sorted(others.items()))
        notes.append(f"rows of other roles, not used: {told}")
    if incomplete:
        notes.append(f"{len(incomplete)} rows without a path or an identity, the first in line {incomplete[0]}")


def _walked(root: Path, notes: list[str]) -> Iterator[_Found]:
    """Yield what lies in person/ or group/person/. Links to folders are never followed: they may lead in circles."""
    for group, folder, depth in _folders(root, "", 0, notes):
        photos = _photos_in(folder, notes) if depth else []
        for place, name in enumerate(photos):
            below = folder.relative_to(root) / name
            yield folder.name, group, ENROL if place == 0 else PROBE, photo_at(root, str(below))


def _folders(folder: Path, group: str, depth: int, notes: list[str]) -> Iterator[tuple[str, Path, int]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        notes.append(f"{folder.name}: cannot be read ({error.strerror})")
        return
    yield group, folder, depth
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() and _is_folder(entry):
            notes.append(f"{entry.name}: passed over; it is a link to a folder")
        elif entry.is_dir(follow_symlinks=False):
            if depth == MAX_DEPTH:
                notes.append(f"{folder.name}/{entry.name}: passed over; it lies too deep to be somebody's")
            else:
                yield from _folders(Path(entry.path), folder.name if depth else "", depth + 1, notes)


def _photos_in(folder: Path, notes: list[str]) -> list[str]:
    names = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith(".") or _is_folder(entry):
            continue
        if _names_a_picture(entry.name):
            names.append(entry.name)
        else:
            notes.append(f"{folder.name}/{entry.name}: passed over; its name is no picture's")
    return names


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _names_a_picture(name: str) -> bool:
    return Path(name).suffix.casefold() in _SUFFIXES


def _merged(found: Iterable[_Found], aliases: Mapping[str, str], notes: list[str]) -> tuple[Person, ...]:
    """Return one person a name; a photograph listed twice for somebody is taken once, and somebody's first group."""
    people: dict[str, Person] = {}
    seen: set[tuple[str, Path]] = set()
    twice = elsewhere = 0
    unused = set(aliases)
    for name, group, role, photo in found:
        unused.discard(name)
        identity = _followed(name, aliases)
        person = people.setdefault(identity, Person(identity=identity, group=group))
        if photo.why is None and (identity, photo.path) in seen:
            twice += 1
            continue
        seen.add((identity, photo.path))
        elsewhere += person.group != group
        enrols = role == ENROL
        people[identity] = replace(
            person,
            enrol=(*person.enrol, photo) if enrols else person.enrol,
            probes=person.probes if enrols else (*person.probes, photo),
        )
    if twice:
        notes.append(f"{twice} photos are listed twice for the same person and taken once")
    if elsewhere:
        notes.append(f"{elsewhere} photos name another group than their person's first and count in that first one")
    if unused:
        notes.append(f"aliases of nobody here: {', '.join(sorted(unused))}")
    return tuple(people[identity] for identity in sorted(people))


def _followed(name: str, aliases: Mapping[str, str]) -> str:
    """Return the last name of a chain of aliases; of a circle, the smallest name in it."""
    passed = [name]
    while (following := aliases.get(passed[-1])) is not None:
        if following in passed:
            return min(passed[passed.index(following) :])
        passed.append(following)
    return passed[-1]
