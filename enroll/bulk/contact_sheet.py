"""What became of an import as a page to look at and to print: a row a person, small pictures, reasons in words.

One file that loads nothing and runs nothing. It holds faces and names, says so, and is its owner's only.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

from enroll.bulk.import_report import ReportFailed
from enroll.bulk.importer import ImportReport
from enroll.commands.saying import plain
from enroll.desk import FEW, Done, PersonReport
from enroll.faces import RESEMBLES, SAME_FACE
from enroll.samples import PhotoReport
from sync.durable import write_whole

_STYLE = """
:root { color-scheme: light; font: 15px/1.45 system-ui, "Noto Sans", sans-serif; color: #1c2733; background: #fff }
body { margin: 0 auto; max-width: 1080px; padding: 24px 28px 48px }
h1 { font-size: 24px; margin: 0 0 2px } h2 { font-size: 17px; margin: 30px 0 8px }
.sub { color: #546372; margin: 0 0 14px }
.keep { border: 1px solid #c9962b; border-left-width: 6px; background: #fdf6e3; padding: 9px 14px; border-radius: 6px;
  margin: 0 0 16px }
.counts { display: flex; flex-wrap: wrap; gap: 8px; padding: 0; margin: 0; list-style: none }
.counts li { background: #eef2f6; border-radius: 6px; padding: 5px 12px } .counts b { font-size: 18px }
table { border-collapse: collapse; width: 100%; table-layout: fixed }
th { text-align: left; font-size: .87em; color: #546372; font-weight: 600; padding: 4px 10px 4px 0 }
td { border-top: 1px solid #d6dde4; padding: 10px 10px 10px 0; vertical-align: top; overflow-wrap: anywhere }
th:nth-child(1) { width: 18% } th:nth-child(3) { width: 30% }
.number { color: #546372; font-variant-numeric: tabular-nums } .name { font-weight: 600 }
.photos { display: flex; flex-wrap: wrap; gap: 10px }
figure { margin: 0; width: 114px; font-size: .83em; line-height: 1.3 }
figure img, figure .none { display: flex; width: 112px; height: 112px; object-fit: cover; border-radius: 5px;
  border: 2px solid #2e7d4f; align-items: center; justify-content: center; color: #7a8794; background: #f3f5f7 }
figure.refused img, figure.refused .none { border: 2px dashed #b3372f }
figure.refused img { opacity: .72 }
figcaption { margin-top: 3px; color: #546372 } figure.refused .why { color: #b3372f }
.done { display: inline-block; border-radius: 4px; padding: 1px 9px; font-weight: 600; background: #eef2f6 }
.added, .changed { background: #dff1e6; color: #1d6239 } .refused .done, .done.refused { background: #fbe4e2;
  color: #97241d }
.said { margin: 6px 0 0; padding: 0; list-style: none } .said li { margin-top: 3px }
.flag { border-left: 4px solid #c9962b; padding-left: 8px; background: #fdf6e3 }
tr { break-inside: avoid }
@page { size: A4; margin: 14mm }
@media print { :root { font-size: 11px } body { padding: 0; max-width: none } h2 { break-after: avoid }
  thead { display: table-header-group } figure { width: 88px } figure img, figure .none { width: 86px; height: 86px }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact } }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; img-src data:; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"


def write_sheet(report: ImportReport, path: Path, *, office: str, at: datetime) -> None:
    """Have `path` hold the page, readable for its owner only, whole or as it was. Raises ReportFailed."""
    try:
        write_whole(path, as_html(report, office=office, at=at).encode(), mode=0o600)
    except OSError as error:
        raise ReportFailed(f"the import is done, but {path} cannot be written ({error.strerror})") from error


def as_html(report: ImportReport, *, office: str, at: datetime) -> str:
    """Return the page: first those somebody has to look at, then all others, each in the import's order.

    `at` is when the import was, in the zone it is to be shown in.
    """
    looked = [person for person in report.people if _asks(person)]
    rest = [person for person in report.people if not _asks(person)]
    what = "Would be enrolled (nothing was changed)" if report.dry_run else "Enrolled"
    counts = [(str(done), report.count(done)) for done in Done]
    counts += [("photos used", report.photos_used), ("photos not used", report.photos_refused)]
    return "".join([
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n',
        '<meta name="referrer" content="no-referrer">\n<meta name="robots" content="noindex">\n',
        '<meta name="viewport" content="width=device-width">\n',
        f"<title>Import into {_said(office)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n",
        f'<h1>Import into {_said(office)}</h1>\n<p class="sub">{what}, {at:%Y-%m-%d %H:%M}</p>\n',
        '<p class="keep"><b>This page holds faces and names.</b> Show it to nobody who need not see them, send it to '
        "nobody, and delete it as soon as the better photographs have come.</p>\n",
        '<ul class="counts">',
        *(f"<li><b>{count}</b> {words}</li>" for words, count in counts),
        "</ul>\n",
        _section(f"To look at: {len(looked)}", looked),
        _section(f"Nothing to do: {len(rest)}", rest),
        _notes(report.notes),
        "</body>\n</html>\n",
    ])  # fmt: skip


def _asks(person: PersonReport) -> bool:
    """Tell whether somebody has to look at a person: refused, with a photo that was not used, or with more to say than
    that further photos would be welcome."""
    said = [words for words in person.warnings if not words.endswith(FEW)]
    return bool(person.why or said or any(not photo.used for photo in person.photos))


def _section(title: str, people: Sequence[PersonReport]) -> str:
    if not people:
        return ""
    rows = "".join(map(_row, people))
    heading = "<tr><th>Person</th><th>Photographs</th><th>What became of them</th></tr>"
    return f"<h2>{title}</h2>\n<table><thead>{heading}</thead><tbody>\n{rows}</tbody></table>\n"


def _row(person: PersonReport) -> str:
    who = f'<div class="name"><bdi>{_said(person.name)}</bdi></div>' if person.name else ""
    number = f'<div class="number">{_said(person.number)}</div>' if person.number else ""
    where = f'<div class="number"><bdi>{_said(person.where)}</bdi></div>' if not person.number else ""
    said = [f'<li class="{_flag(words)}">{_said(words)}</li>' for words in (person.why, *person.warnings) if words]
    samples = f" from {person.samples} photo{'' if person.samples == 1 else 's'}" if person.samples else ""
    return (
        f"<tr><td>{who}{number}{where}</td>"
        f'<td><div class="photos">{"".join(map(_photo, person.photos))}</div></td>'
        f'<td><span class="done {person.done}">{person.done}</span>{samples}'
        f"{_list(said)}</td></tr>\n"
    )


def _flag(words: str) -> str:
    """Return the class of a line about somebody whose face is near another's, which is to be seen at once."""
    return "flag" if SAME_FACE in words or f" {RESEMBLES} " in words else ""


def _photo(photo: PhotoReport) -> str:
    used = "used" if photo.used else "refused"
    data = base64.b64encode(photo.thumbnail).decode()
    words = f"used{f': {photo.why}' if photo.why else ''}" if photo.used else photo.why
    picture = f'<img alt="" src="data:image/jpeg;base64,{data}">' if data else '<span class="none">no picture</span>'
    return (
        f'<figure class="{used}">{picture}<figcaption><bdi>{_said(photo.photo)}</bdi><br>'
        f'<span class="why">{_said(words)}</span></figcaption></figure>'
    )


def _notes(notes: Iterable[str]) -> str:
    listed = [f"<li>{_said(note)}</li>" for note in notes]
    return f"<h2>Passed over: {len(listed)}</h2>{_list(listed)}\n" if listed else ""


def _list(items: Sequence[str]) -> str:
    return f'<ul class="said">{"".join(items)}</ul>' if items else ""


def _said(words: str | None) -> str:
    """Return words from outside as text of the page and nothing else."""
    return escape(plain(words or ""))
