"""CSV files from strangers' hands: of bounded size, in UTF-8, with whichever separator their first line has."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from errors import HadirError

Refused = Callable[[str], HadirError]


def lines_of(
    path: Path, *, most_bytes: int, too_large: str, refused: Refused, strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of each line, blank ones too; commas, semicolons and tabs may part the cells.

    `strict` as csv.reader has it. Raises what `refused` makes of a sentence: for a file that cannot be read, has more
    than `most_bytes` (the sentence ends with `too_large`), or is no CSV in UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise refused(f"{path} cannot be read ({error.strerror})") from error
    if len(content) > most_bytes:
        raise refused(f"{path} is larger than {most_bytes // 2**20} MB; {too_large}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(f'{path} is not UTF-8; save it again as "CSV UTF-8"') from error
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count), strict=strict)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise refused(f"{path} line {reader.line_num}: {error}; save it as CSV again") from error
