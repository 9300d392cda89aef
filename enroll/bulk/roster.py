"""Who is in a folder of photographs: from the names of its folders, or from a `people.csv` in it."""

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from enroll.bulk.csv_files import lines_of
from errors import HadirError
from sync.register.consents import Basis
from sync.register.people_schema import PersonRefused, checked_number, cleaned_look, cleaned_name

LIST_NAME = "people.csv"
MAX_LOOKS = 8
"""Of one person: every further template is one more that a stranger may match."""
MAX_LIST_BYTES = 20 * 2**20
_COLUMNS = {
    "number": ("number", "nip", "nomor"),
    "name": ("name", "nama"),
    "folder": ("folder", "map"),
    "basis": ("basis", "dasar"),
}
# The number ends at the first blank, underscore or hyphen; one that holds a hyphen itself needs people.csv.
_FOLDER = re.compile(r"([0-9A-Za-z.]*[0-9][0-9A-Za-z.]*)(?:[-_\s]+(.*))?", re.DOTALL)


class RosterRefused(HadirError):
    """The folder or its list cannot be read at all; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One person to import. `where` is how the folder or the row is called, for messages; `why` is set where it is
    refused. `name` is empty where only a number was given. `looks` are the photos in folders within the person's,
    under what that look is called. `basis` is on what their face is kept, where the list says it."""

    where: str
    number: str = ""
    name: str = ""
    photos: tuple[Path, ...] = ()
    looks: tuple[tuple[str, tuple[Path, ...]], ...] = ()
    has_folder: bool = True
    basis: Basis | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Everybody found, in order, and the words about what was passed over."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = field(default=())


def read_roster(root: Path) -> Roster:
    """Return who is in `root`: one entry a folder, and with a people.csv one a row. Raises RosterRefused."""
    try:
        children = sorted(child for child in root.iterdir() if not child.name.startswith("."))
    except NotADirectoryError as error:
        raise RosterRefused(f"{root} is not a folder; give the folder that holds a folder for each person") from error
    except OSError as error:
        raise RosterRefused(f"{root} cannot be read ({error.strerror}); give a folder of folders of photos") from error
    folders = [child for child in children if child.is_dir()]
    listed = _listed(root, folders) if (root / LIST_NAME).is_file() else []
    taken = {entry.where for entry in listed}
    entries = [*listed, *(_of_folder(folder) for folder in folders if folder.name not in taken)]
    loose = [child.name for child in children if not child.is_dir() and not _is_clutter(child)]
    notes = [f"{name}: passed over; photos belong into a folder NUMBER-NAME" for name in loose if name != LIST_NAME]
    if not entries:
        raise RosterRefused(f"{root} holds no folders; make one for each person, named NUMBER-NAME, with their photos")
    return Roster(entries=_without_doubles(entries), notes=tuple(notes))


def parse_folder_name(folder: str) -> tuple[str, str]:
    """Return (number, name) of "1001-Siti_Nurhaliza" or "1001 Siti Nurhaliza". Raises PersonRefused."""
    match = _FOLDER.fullmatch(folder)
    if match is None:
        raise PersonRefused("the folder's name must begin with the employee number: NUMBER-NAME")
    number, name = match.group(1), (match.group(2) or "").replace("_", " ").strip()
    if name[:1].isdigit():
        raise PersonRefused("a name cannot begin with a digit: write the number in one piece, NUMBER-NAME")
    return checked_number(number), cleaned_name(name) if name else ""


def _of_folder(folder: Path) -> Entry:
    try:
        number, name = parse_folder_name(folder.name)
        return Entry(where=folder.name, number=number, name=name, photos=_photos_in(folder), looks=_looks_in(folder))
    except (PersonRefused, RosterRefused) as refused:
        return Entry(where=folder.name, why=str(refused))


def _listed(root: Path, folders: list[Path]) -> list[Entry]:
    by_number: dict[str, Path] = {}
    for folder in folders:
        match = _FOLDER.fullmatch(folder.name)
        if match:
            by_number.setdefault(match.group(1), folder)
    return [_of_row(line, row, root, by_number) for line, row in read_list(root / LIST_NAME)]


def _of_row(line: int, row: dict[str, str], root: Path, by_number: dict[str, Path]) -> Entry:
    where = f"{LIST_NAME} line {line}"
    try:
        number, name, basis = checked_number(row["number"]), cleaned_name(row["name"]), basis_named(row["basis"])
        folder: Path | None
        if row["folder"]:
            folder = Path(os.path.realpath(root / row["folder"]))  # resolve() raises RuntimeError for a loop of links
            if not folder.is_relative_to(os.path.realpath(root)):
                raise PersonRefused(f"the folder {row['folder']!r} lies outside {root}")
            if not folder.is_dir():
                raise PersonRefused(f"there is no folder {row['folder']!r}")
            where = row["folder"]
        else:
            exact = root / number
            folder = exact if exact.is_dir() else by_number.get(number)
            where = folder.name if folder else where
        photos = _photos_in(folder) if folder else ()
        looks = _looks_in(folder) if folder else ()
        return Entry(
            where=where,
            number=number,
            name=name,
            photos=photos,
            looks=looks,
            has_folder=folder is not None,
            basis=basis,
        )
    except (PersonRefused, RosterRefused, OSError, ValueError) as refused:
        return Entry(where=where, why=str(refused))


def read_list(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return (line, values by our column names) of a list of people; `;` and tabs between columns are taken as well.

    Raises RosterRefused.
    """
    lines = lines_of(
        path, most_bytes=MAX_LIST_BYTES, too_large="that is no list of people", refused=RosterRefused, strict=True
    )
    places = _places(next(lines, (0, []))[1], path)
    rows: list[tuple[int, dict[str, str]]] = []
    for line, cells in lines:
        if any(cell.strip() for cell in cells):
            values = {name: cells[at].strip() if at < len(cells) else "" for name, at in places.items()}
            rows.append((line, {"folder": "", "basis": "", **values}))
    return rows


def basis_named(cell: str) -> Basis | None:
    """Return the basis a list names, None for an empty cell. Raises PersonRefused."""
    named = cell.strip().casefold().replace(" ", "_")
    try:
        return Basis(named) if named else None
    except ValueError as error:
        raise PersonRefused(f"{cell[:40]!r} is no basis: write consent or public_duty, or leave it empty") from error


def _places(heading: list[str], path: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, spellings in _COLUMNS.items():
        for at, cell in enumerate(heading):
            if cell.strip().casefold() in spellings:
                found.setdefault(name, at)
    missing = [name for name in ("number", "name") if name not in found]
    if missing:
        raise RosterRefused(f"{path}: its first line must name the columns number,name,folder; {missing[0]} is missing")
    return found


def _photos_in(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(sorted(child for child in folder.iterdir() if not _is_clutter(child) and not child.is_dir()))
    except OSError as error:
        raise RosterRefused(f"the folder cannot be read ({error.strerror})") from error


def _looks_in(folder: Path) -> tuple[tuple[str, tuple[Path, ...]], ...]:
    """Return (look, its photos) of each folder within a person's. Raises PersonRefused, RosterRefused."""
    try:
        within = sorted(child for child in folder.iterdir() if child.is_dir() and not _is_clutter(child))
    except OSError as error:
        raise RosterRefused(f"the folder cannot be read ({error.strerror})") from error
    looks = [(cleaned_look(child.name), _photos_in(child)) for child in within]
    if len(looks) > MAX_LOOKS:
        raise PersonRefused(f"{len(looks)} folders are in it, and {MAX_LOOKS} looks are allowed")
    if len({look for look, _ in looks}) < len(looks):
        raise PersonRefused("two folders in it are one look by their names; rename or merge them")
    return tuple(looks)


def _is_clutter(path: Path) -> bool:
    """Tell what file managers leave in every folder."""
    return path.name.startswith(".") or path.name.casefold() in ("thumbs.db", "desktop.ini")


def _without_doubles(entries: list[Entry]) -> tuple[Entry, ...]:
    """Refuse every entry whose number another one has too: nobody can say which is right."""
    counts = Counter(entry.number for entry in entries if entry.why is None)
    checked = []
    for entry in entries:
        if entry.why is None and counts[entry.number] > 1:
            places = ", ".join(other.where for other in entries if other.number == entry.number)
            entry = Entry(
                where=entry.where, number=entry.number, why=f"{entry.number} is there more than once: {places}"
            )
        checked.append(entry)
    return tuple(checked)
