"""Who is in a CSV file with a row for each photograph: number, name, photo and, where they wear something, look."""

import os
from pathlib import Path

from enroll.bulk.csv_files import lines_of
from enroll.bulk.roster import MAX_LIST_BYTES, MAX_LOOKS, Entry, Roster, RosterRefused, basis_named
from sync.register.consents import Basis
from sync.register.people_schema import PersonRefused, checked_number, cleaned_look, cleaned_name

MAPPING_NAMES = ("photos.csv", "foto.csv")
"""What such a file is called in a folder or a ZIP of photos."""
_COLUMNS = {
    "number": ("number", "nip", "nomor"),
    "name": ("name", "nama"),
    "photo": ("photo", "foto"),
    "look": ("look", "tampilan"),
    "basis": ("basis", "dasar"),
}


def read_mapping(path: Path) -> Roster:
    """Return who is in the file: one entry a number, in the order of their first rows. Raises RosterRefused.

    Photos are named as seen from the file's own folder and lie within it. One bad row has its person refused, for who
    they are with half of their photos is not what was asked for; a row without a number that can be one is an entry.
    """
    lines = lines_of(
        path, most_bytes=MAX_LIST_BYTES, too_large="that is no list of people", refused=RosterRefused, strict=True
    )
    places = _places(next(lines, (0, []))[1], path)
    people: dict[str, list[tuple[int, dict[str, str]]]] = {}
    unknown: list[Entry] = []
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        row = {name: cells[at].strip() if at < len(cells) else "" for name, at in places.items()}
        try:
            people.setdefault(checked_number(row["number"]), []).append((line, row))
        except PersonRefused as refused:
            unknown.append(Entry(where=f"{path.name} line {line}", why=str(refused)))
    if not people and not unknown:
        raise RosterRefused(f"{path} has no rows; give one for each photo: number,name,photo")
    return Roster(entries=(*(_entry(path, number, rows) for number, rows in people.items()), *unknown))


def _entry(path: Path, number: str, rows: list[tuple[int, dict[str, str]]]) -> Entry:
    where = f"{path.name} line {rows[0][0]}"
    looks: dict[str, list[Path]] = {}
    names: set[str] = set()
    bases: set[Basis] = set()
    try:
        for line, row in rows:
            where = f"{path.name} line {line}"
            if row["name"]:
                names.add(cleaned_name(row["name"]))
            if (basis := basis_named(row.get("basis", ""))) is not None:
                bases.add(basis)
            photos = looks.setdefault(cleaned_look(row.get("look", "")), [])
            photo = _photo(path.parent, row["photo"])
            if photo not in photos:
                photos.append(photo)
        if len(names) > 1:
            lines = ", ".join(str(line) for line, _ in rows)
            raise PersonRefused(
                f"{number} is there under {len(names)} names (lines {lines}); one number is one person's"
            )
        if len(bases) > 1:
            raise PersonRefused(f"{number} is there on two bases; one face is kept on one")
        if len(looks) > MAX_LOOKS + 1:
            raise PersonRefused(f"{len(looks)} looks are given, and {MAX_LOOKS} are allowed beside the usual one")
    except (PersonRefused, OSError, ValueError) as refused:
        return Entry(where=where, number=number, why=str(refused))
    return Entry(
        where=f"{path.name} line {rows[0][0]}",
        number=number,
        name=next(iter(names), ""),
        basis=next(iter(bases), None),
        photos=tuple(looks.pop("", ())),
        looks=tuple((look, tuple(photos)) for look, photos in looks.items()),
    )


def _photo(folder: Path, named: str) -> Path:
    if not named:
        raise PersonRefused("the row names no photo")
    photo = Path(os.path.realpath(folder / named))  # resolve() raises RuntimeError for a loop of links
    if not photo.is_relative_to(os.path.realpath(folder)):
        raise PersonRefused(f"the photo {named[:200]!r} lies outside the folder of the list")
    if not photo.is_file():
        raise PersonRefused(f"there is no photo {named[:200]!r}")
    return photo


def _places(heading: list[str], path: Path) -> dict[str, int]:
    folded = [cell.strip().casefold() for cell in heading]
    found: dict[str, int] = {}
    for name, spellings in _COLUMNS.items():
        for at, cell in enumerate(folded):
            if cell in spellings:
                found.setdefault(name, at)
    for name in ("number", "name", "photo"):
        if name not in found:
            raise RosterRefused(f"{path}: its first line must name the columns number,name,photo; {name} is missing")
    return found
