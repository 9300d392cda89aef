"""What became of an import as a CSV file, for whoever has to ask for better photographs: no picture, no encoding."""

import csv
import io
from pathlib import Path

from enroll.bulk.importer import ImportReport
from errors import HadirError
from sync.durable import write_whole

COLUMNS = ("number", "name", "where", "photo", "result", "reason")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet would run as a formula where a cell begins with it, also as full-width signs."""


class ReportFailed(HadirError):
    """The report could not be written; the import itself is done."""


def write_report(report: ImportReport, path: Path) -> None:
    """Have `path` hold the report, readable for its owner only, whole or as it was. Raises ReportFailed."""
    try:
        write_whole(path, as_csv(report).encode("utf-8-sig"), mode=0o600)
    except OSError as error:
        raise ReportFailed(f"the import is done, but {path} cannot be written ({error.strerror})") from error


def as_csv(report: ImportReport) -> str:
    """Return a row for each person, `photo` empty, each followed by a row for each of their photos.

    `result` is what became of the person, or used or refused. What a spreadsheet would take for a formula begins with
    an apostrophe; what cannot be printed is a question mark.
    """
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for person in report.people:
        who = (person.number, person.name, person.where)
        said = "; ".join([*([person.why] if person.why else []), *person.warnings])
        rows.writerow([cell(each) for each in (*who, "", str(person.done), said)])
        for photo in person.photos:
            result = "used" if photo.used else "refused"
            rows.writerow([cell(each) for each in (*who, photo.photo, result, photo.why)])
    return text.getvalue()


def cell(words: str) -> str:
    """Return `words` as a cell that no spreadsheet takes for a formula, and that is one line."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in words)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain
