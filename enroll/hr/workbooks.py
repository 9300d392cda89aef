"""Excel files from strangers' hands: bounded before they are opened, read only, and no formula is ever worked out."""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from xml.etree.ElementTree import ParseError

from errors import HadirError

Refused = Callable[[str], HadirError]
Cell = str | int | float | date
"""What stands in a cell: a date without its time of day, "" for nothing. A number may have lost digits; see
`LOST_DIGITS`."""

LOST_DIGITS = 10**15
"""Excel keeps 15 digits of a number: a whole one from here on may be another than was typed."""
MAX_ROWS = 100_000
MAX_COLUMNS = 64
_MAX_BYTES = 20 * 2**20
_MAX_UNPACKED = 200 * 2**20
_MAX_PARTS = 2_000
_PROLOGUE = 2**16
_DOCTYPE = ("<!DOCTYPE", "<!ENTITY")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
# What openpyxl makes of a file that is not what it says; each was met with damaged files.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, ParseError, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError,
    TypeError, AttributeError, IndexError, OverflowError, OSError,
)  # fmt: skip


def is_workbook(path: Path) -> bool:
    """Tell by its name, or how it begins, whether the file is one of Excel."""
    if path.suffix.lower() in (".xlsx", ".xlsm", ".xls"):
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\3\4", _OLD_EXCEL)
    except OSError:
        return False


def workbook_lines(path: Path, *, refused: Refused) -> tuple[Iterator[tuple[int, list[Cell]]], tuple[str, ...]]:
    """Return (row number, cells) of each row of the first sheet that is shown, and the names of the sheets beside it.

    Of a formula there is what Excel saw in it last. Whole numbers shown with leading zeros have them. Raises what
    `refused` makes of a sentence, also while the rows are read: for a file that is too large, is damaged, has a
    password, or is of another kind.
    """
    content = _sound(path, refused)
    import openpyxl

    damaged = f"{path} is damaged or no Excel file; save it again as XLSX or as CSV UTF-8"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are of no matter here
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            shown = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    except _DAMAGED as error:
        raise refused(damaged) from error
    if not shown:
        raise refused(f"{path} has no sheet that is shown")
    sheet = shown[0]
    # What the file says of its own size is not believed; a cell far out would have made every row as wide.
    sheet.reset_dimensions()

    def lines() -> Iterator[tuple[int, list[Cell]]]:
        rows = sheet.iter_rows(max_col=MAX_COLUMNS, max_row=MAX_ROWS + 1)
        number = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for number, row in enumerate(rows, 1):
                    if number > MAX_ROWS:
                        break
                    yield number, [_plain(cell.value, getattr(cell, "number_format", "")) for cell in row]
        except _DAMAGED as error:
            raise refused(damaged) from error
        if number > MAX_ROWS:
            raise refused(f"{path} has more than {MAX_ROWS} rows; that is no list of people")

    return lines(), tuple(sheet.title for sheet in shown[1:])


def _plain(value: object, shown_as: str) -> Cell:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case datetime():
            return value.date()
        case date() | str():
            return value
        case float() if value.is_integer():
            return _plain(int(value), shown_as)
        case int() if 0 <= value < LOST_DIGITS and re.fullmatch("0{2,15}", shown_as or ""):
            return str(value).zfill(len(shown_as))
        case int() | float():
            return value
        case _:
            return str(value)


def _sound(path: Path, refused: Refused) -> bytes:
    """Return the file's bytes, of which nothing has been unpacked but a first look. Raises what `refused` makes."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise refused(f"{path} cannot be read ({error.strerror})") from error
    if len(content) > _MAX_BYTES:
        raise refused(f"{path} is larger than {_MAX_BYTES // 2**20} MB; that is no list of people")
    if content.startswith(_OLD_EXCEL):
        raise refused(f"{path} is an Excel file with a password, or of before 2007; save it as XLSX without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > _MAX_PARTS or unpacked > _MAX_UNPACKED:
                raise refused(
                    f"{path} unpacks to {unpacked // 2**20} MB in {len(parts)} parts; that is no list of people"
                )
            for part in parts:
                if part.filename.lower().endswith((".xml", ".rels")):
                    with archive.open(part) as file:
                        _check_prologue(file.read(_PROLOGUE), path, refused)
    except (*_DAMAGED,) as error:
        raise refused(f"{path} is damaged or no Excel file; save it again as XLSX or as CSV UTF-8") from error
    return content


def _check_prologue(start: bytes, path: Path, refused: Refused) -> None:
    """Refuse XML that declares entities: Excel writes none, and a few lines of them can fill any memory."""
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        if any(word.encode(encoding) in start for word in _DOCTYPE):
            raise refused(f"{path} holds XML with declarations of its own, as Excel writes none; save it anew")
