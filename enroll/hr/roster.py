"""HR's list of people, CSV or Excel: which column is what, and what each row says, or why it cannot be taken."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from enroll.bulk.csv_files import lines_of
from enroll.bulk.roster import MAX_LIST_BYTES, RosterRefused
from enroll.hr.workbooks import LOST_DIGITS, Cell, is_workbook, workbook_lines
from sync.register.people_schema import PersonRefused, checked_number, checked_office, cleaned_name

COLUMNS = {
    "number": (
        "number", "employee", "employee number", "nip", "nomor", "nomor pegawai", "no pegawai", "id pegawai",
    ),
    "name": ("name", "nama", "nama pegawai", "nama lengkap"),
    "office": ("office", "kantor", "unit kerja", "unit", "opd", "satuan kerja"),
    "valid_from": ("valid from", "from", "start", "tmt", "mulai", "berlaku mulai", "tanggal mulai"),
    "valid_until": (
        "valid until", "until", "end", "sampai", "berakhir", "hingga", "berlaku sampai", "sampai dengan",
        "tanggal berakhir",
    ),
}  # fmt: skip
"""What a column may be called, without regard to capitals, dots and underscores."""

_HEADING_WITHIN = 15
"""Above the heading HR's lists have a title, the office's letterhead and empty rows."""
_MONTHS = (
    "januari", "februari", "maret", "april", "mei", "juni", "juli", "agustus", "september", "oktober", "november",
    "desember",
)  # fmt: skip
_SHORTENED = re.compile(r"[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+")
_NO_NIP = re.compile(r"[0-9]{15}000")
"""A NIP counts from 001 on; three zeros at its end are what Excel leaves of them."""
_LOST = (
    "Excel has lost digits of the number {}: format the column as text, and type or import the numbers again "
    "(the ones that are there now are wrong)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Somebody on the list. `office` and the days are None where the list says nothing of them; `has_until` tells
    whether it could have said until when, so that an empty cell means for good. `line` is where they stand."""

    line: int
    number: str
    name: str
    office: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    has_until: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that is not taken; `number` is empty where it has none that can be one."""

    line: int
    number: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HrList:
    """Everybody on the list in its order, the rows that are not taken, which columns were understood as what, and which
    were passed over."""

    people: tuple[Listed, ...]
    bad: tuple[BadRow, ...]
    understood: tuple[tuple[str, str], ...]
    passed_over: tuple[str, ...]
    sheets_passed_over: tuple[str, ...] = ()


def read_hr_list(path: Path) -> HrList:
    """Return what the list says. Raises RosterRefused for one that cannot be read or does not name its columns.

    A number that is there twice is taken from neither row: nobody can say which is right.
    """
    sheets: tuple[str, ...] = ()
    lines: Iterator[tuple[int, list[Cell]]]
    if is_workbook(path):
        lines, sheets = workbook_lines(path, refused=RosterRefused)
    else:
        lines = (
            (number, [*cells])
            for number, cells in lines_of(
                path, most_bytes=MAX_LIST_BYTES, too_large="that is no list of people", refused=RosterRefused
            )
        )
    places, heading = _heading(lines, path)
    people: list[Listed] = []
    bad: list[BadRow] = []
    for line, cells in lines:
        row = {name: cells[at] if at < len(cells) else "" for name, at in places.items()}
        if not any(str(cell).strip() for cell in cells):
            continue
        number = ""
        try:
            number = _number(row["number"])
            people.append(_listed(line, number, row))
        except PersonRefused as refused:
            bad.append(BadRow(line=line, number=number, why=str(refused)))
    people, doubled = _without_doubles(people, bad)
    if not people and not bad and not doubled:
        raise RosterRefused(f"{path} has no rows below its heading")
    return HrList(
        people=tuple(people),
        bad=tuple(sorted((*bad, *doubled), key=lambda row: row.line)),
        understood=tuple((name, heading[at]) for name, at in places.items()),
        passed_over=tuple(cell for at, cell in enumerate(heading) if cell and at not in places.values()),
        sheets_passed_over=sheets,
    )


def as_day(cell: Cell) -> date | None:
    """Return the day a cell names, None for an empty one: 2026-03-31, 31/03/2026, 31-3-2026, 31 Maret 2026, a date of
    Excel. Raises PersonRefused; the day is always before the month."""
    if isinstance(cell, date):
        return cell
    text = str(cell).strip()
    if text in ("", "-"):
        return None
    numbers: tuple[int, ...] | None = None
    if isinstance(cell, str):
        if match := re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", text):
            numbers = (int(match[1]), int(match[2]), int(match[3]))
        elif match := re.fullmatch(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})", text):
            numbers = (int(match[4]), int(match[3]), int(match[1]))
        elif (match := re.fullmatch(r"([0-9]{1,2}) ([A-Za-z]+) ([0-9]{4})", text)) and match[2].lower() in _MONTHS:
            numbers = (int(match[3]), _MONTHS.index(match[2].lower()) + 1, int(match[1]))
    try:
        if numbers is None or not 1900 <= numbers[0] <= 2999:
            raise ValueError
        return date(*numbers)
    except ValueError as error:
        raise PersonRefused(f"{text[:40]!r} is no day; write it as 2026-03-31 or 31/03/2026") from error


def office_id(named: str) -> str:
    """Return the id of an office by its id or name: "Dinas Kesehatan" is dinas-kesehatan. Raises PersonRefused."""
    plain = unicodedata.normalize("NFKD", named).encode("ascii", "ignore").decode()
    return checked_office(re.sub(r"[^a-z0-9]+", "-", plain.casefold()).strip("-"))


def _listed(line: int, number: str, row: dict[str, Cell]) -> Listed:
    office = str(row.get("office", "")).strip()
    start, until = as_day(row.get("valid_from", "")), as_day(row.get("valid_until", ""))
    if start is not None and until is not None and until < start:
        raise PersonRefused(f"{number} would end on {until} before beginning on {start}")
    return Listed(
        line=line,
        number=number,
        name=cleaned_name(str(row["name"])),
        office=office_id(office) if office else None,
        valid_from=start,
        valid_until=until,
        has_until="valid_until" in row,
    )


def _number(cell: Cell) -> str:
    if isinstance(cell, int | float):
        if not isinstance(cell, int) or abs(cell) >= LOST_DIGITS:
            raise PersonRefused(_LOST.format(cell))
        return checked_number(str(cell))
    if isinstance(cell, date):
        raise PersonRefused(f"the number is a date ({cell}): format the column as text, and type the number again")
    text = cell.strip().lstrip("'").strip()
    # A NIP is often written in groups: 19800101 200501 1 001.
    text = re.sub(r"(?<=[0-9])[ \u00a0](?=[0-9])", "", text)
    if _SHORTENED.fullmatch(text) or _NO_NIP.fullmatch(text):
        raise PersonRefused(_LOST.format(text[:40]))
    return checked_number(text)


def _heading(lines: Iterator[tuple[int, list[Cell]]], path: Path) -> tuple[dict[str, int], list[str]]:
    """Return at which places the columns are, and the heading, which was read with all that is above it."""
    first: list[str] = []
    for line, cells in lines:
        heading = [" ".join(str(cell).split())[:60] for cell in cells]
        if not any(heading):
            continue
        first = first or heading
        places = _places(heading, path)
        if "number" in places and "name" in places:
            return places, heading
        if line >= _HEADING_WITHIN:
            break
    missing = [name for name in ("number", "name") if name not in _places(first, path)]
    raise RosterRefused(
        f"{path}: no line names the columns number and name (or nip and nama); {' and '.join(missing)} missing"
    )


def _places(heading: list[str], path: Path) -> dict[str, int]:
    folded = [" ".join(re.sub(r"[._\s]+", " ", cell).split()).casefold() for cell in heading]
    found: dict[str, int] = {}
    for name, spellings in COLUMNS.items():
        places = [at for at, cell in enumerate(folded) if cell in spellings]
        if len(places) > 1:
            both = " and ".join(repr(heading[at]) for at in places)
            raise RosterRefused(f"{path}: the columns {both} both could be {name}; rename or remove one")
        if places:
            found[name] = places[0]
    return found


def _without_doubles(people: list[Listed], bad: list[BadRow]) -> tuple[list[Listed], list[BadRow]]:
    lines: dict[str, list[int]] = {}
    for number, line in [(each.number, each.line) for each in people] + [(row.number, row.line) for row in bad]:
        lines.setdefault(number, []).append(line)
    doubled = [
        BadRow(
            line=person.line,
            number=person.number,
            why=f"{person.number} is there more than once: lines {', '.join(map(str, sorted(lines[person.number])))}",
        )
        for person in people
        if len(lines[person.number]) > 1
    ]
    return [person for person in people if len(lines[person.number]) == 1], doubled
