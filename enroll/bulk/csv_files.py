"""CSV files from strangers' hands: of bounded size, in UTF-8, with whichever separator their first line has."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from errors import HadirError

Refused = Callable[[str], HadirError]

_HOW = (
    'save it again as "CSV UTF-8" (Excel: Save As, "CSV UTF-8 (Comma delimited)"; LibreOffice: Save As, Text CSV, '
    "character set Unicode (UTF-8))"
)
_MARKS = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", 'UTF-16, which Excel calls "Unicode Text"'),
    (b"\xfe\xff", 'UTF-16, which Excel calls "Unicode Text"'),
)
_OTHER_FILES = (
    (b"PK\3\4", "an Excel file (XLSX) or a ZIP"),
    (b"\xd0\xcf\x11\xe0", "an Excel file with a password, or of before 2007,"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a document of a word processor"),
)


def lines_of(
    path: Path, *, most_bytes: int, too_large: str, refused: Refused, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of each line, blank ones too; commas, semicolons and tabs may part the cells.

    `strict` as csv.reader has it. Raises what `refused` makes of a sentence: for a file that cannot be read, has more
    than `most_bytes` (the sentence ends with `too_large`), or is no CSV in UTF-8; then it names what it seems to be.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise refused(f"{path} cannot be read ({error.strerror})") from error
    if len(content) > most_bytes:
        raise refused(f"{path} is larger than {most_bytes // 2**20} MB; {too_large}")
    if (other := _other_encoding(content)) is not None:
        raise refused(f"{path} is {other}, not UTF-8; {_HOW}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise refused(
            f"{path} is not UTF-8 (line {line}): it seems to be in Windows-1252 or Latin-1; {_HOW}"
        ) from error
    first, _, rest = text.partition("\n")
    skipped = 0
    if (said := first.strip().lower()).startswith("sep=") and len(said) <= len("sep=") + 1:  # for Excel's eyes only
        text, skipped = rest, 1
        first = rest.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=strict)
    try:
        for cells in reader:
            yield reader.line_num + skipped, cells
    except csv.Error as error:
        raise refused(f"{path} line {reader.line_num + skipped}: {error}; save it as CSV again") from error


def _other_encoding(content: bytes) -> str | None:
    """Return what the file seems to be where it is no text in one byte a letter, or None."""
    for start, what in (*_MARKS, *_OTHER_FILES):
        if content.startswith(start):
            return what
    # Without a mark: a Latin letter in UTF-16 is a byte and a zero, one way round or the other.
    start = content[:4096]
    if len(start) >= 4 and max(start[::2].count(0), start[1::2].count(0)) > len(start) // 4:
        return 'UTF-16 without a mark, which Excel calls "Unicode Text"'
    return None
