"""The report of an import: who, which photo, why; safe to open in a spreadsheet."""

import csv
import io
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from enroll.bulk.import_report import COLUMNS, ReportFailed, as_csv, write_report
from enroll.bulk.importer import ImportReport, import_folder
from enroll.desk import Done, PersonReport
from enroll.samples import PhotoReport
from terminal.faces import Engine


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_good_and_a_bad_photo_each_have_a_row_with_the_reason(
    settings: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "people" / "1001-Siti"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(painted(7))
    (folder / "b.png").write_bytes(b"no picture")
    done = import_folder(settings, folder.parent, engine=engine)
    file = tmp_path / "reports" / "report.csv"
    write_report(done, file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    head, person, *photos = rows_of(file.read_text("utf-8-sig"))
    assert tuple(head) == COLUMNS
    assert person[:5] == ["1001", "Siti", "1001-Siti", "", "added"]
    assert {row[3]: (row[4], row[5]) for row in photos} == {
        "a.png": ("used", ""),
        "b.png": ("refused", "it is not a picture"),
    }


def test_a_cell_is_no_formula_and_no_second_line() -> None:
    photo = PhotoReport(photo="=cmd()\n.jpg", used=False, why="\udc80 it is empty")
    person = PersonReport(number="1001", name=" @x", done=Done.REFUSED, photos=(photo,), why="-1", where="+2")
    rows = rows_of(as_csv(ImportReport(people=(person,), notes=(), dry_run=True)))
    assert rows[1] == ["1001", "' @x", "'+2", "", "refused", "'-1"]
    assert rows[2] == ["1001", "' @x", "'+2", "'=cmd()?.jpg", "refused", "? it is empty"]


def test_a_report_that_cannot_be_written_says_that_the_import_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportFailed, match=r"the import is done, but .* cannot be written"):
        write_report(ImportReport(people=(), notes=(), dry_run=False), tmp_path / "file" / "report.csv")
