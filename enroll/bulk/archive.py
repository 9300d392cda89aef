"""A ZIP from a stranger as a private folder while it is needed: what might do harm is named, not unpacked."""

import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from enroll.bulk.roster import LIST_NAME, parse_folder_name
from enroll.photos import MAX_FILE_BYTES
from errors import HadirError
from sync.register.people_schema import PersonRefused

MAX_ENTRIES = 20_000
MAX_TOTAL_BYTES = 8 * 2**30
MAX_RATIO = 200
"""Unpacked to packed: photographs are near 1, lists of people below 20."""
MAX_DEPTH = 5
"""A folder around all, one a person, one a look, the photo, and one to spare."""
_ENCRYPTED = 0x1
_TAKEN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
_PIECE_BYTES = 2**20


class ArchiveRefused(HadirError):
    """The ZIP cannot be taken at all; the text says why. Nothing was enrolled from it."""


@contextmanager
def folder_of(path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield (folder, words about what was passed over): `path` itself, or a ZIP's contents in a folder of its own.

    That folder is for the caller's eyes only and gone on leaving, however that comes. Raises ArchiveRefused.
    """
    if not path.is_file() or not (path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)):
        yield path, ()
        return
    with tempfile.TemporaryDirectory(prefix="hadir-import-") as name:
        folder = Path(name)
        notes = _unpack(path, folder)
        yield _people_in(folder), notes


def _unpack(path: Path, folder: Path) -> tuple[str, ...]:
    notes: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not _passed_over(entry)]
            _check_whole(path, entries, folder)
            seen: set[str] = set()
            for entry in entries:
                why = _refusal(entry, seen) or _written(archive, entry, folder)
                if why is not None:
                    notes.append(f"{entry.orig_filename[:200]}: passed over; {why}")
    except (*_DAMAGED, OSError) as error:
        raise ArchiveRefused(f"{path} is no whole ZIP or cannot be unpacked ({error}); make it again") from error
    return tuple(notes)


def _passed_over(entry: zipfile.ZipInfo) -> bool:
    """Tell folders, which come with their files, and what macOS adds."""
    return entry.is_dir() or entry.filename.startswith("__MACOSX/")


def _check_whole(path: Path, entries: list[zipfile.ZipInfo], folder: Path) -> None:
    if len(entries) > MAX_ENTRIES:
        raise ArchiveRefused(f"{path} holds {len(entries)} files, more than {MAX_ENTRIES}; split it")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise ArchiveRefused(f"{path} unpacks to {total // 2**20} MB, more than {MAX_TOTAL_BYTES // 2**20}; split it")
    if total > shutil.disk_usage(folder).free:
        raise ArchiveRefused(f"{path} unpacks to {total // 2**20} MB, for which {folder.parent} has no room")


def _refusal(entry: zipfile.ZipInfo, seen: set[str]) -> str | None:
    """Return why the entry is not unpacked, or None; `seen` gets its name."""
    if (why := _bad_name(entry.orig_filename)) is not None:
        return why
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "it is a link" if kind == stat.S_IFLNK else "it is no ordinary file"
    if entry.flag_bits & _ENCRYPTED:
        return "it is encrypted; zip it without a password"
    if entry.compress_type not in _TAKEN:
        return "it is packed in an unusual way; zip it again"
    if entry.filename.lower().endswith(".zip"):
        return "it is a ZIP within the ZIP"
    if entry.file_size > MAX_FILE_BYTES:
        return f"it is larger than {MAX_FILE_BYTES // 2**20} MB"
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        return f"it unpacks to more than {MAX_RATIO} times its size, as no photo does"
    key = unicodedata.normalize("NFC", str(PurePosixPath(entry.filename))).casefold()
    if key in seen:
        return "another file has this name"
    seen.add(key)
    return None


def _bad_name(name: str) -> str | None:
    parts = name.split("/")
    if not name.isprintable():
        return "its name cannot be shown"
    if "\\" in name or re.match(r"[A-Za-z]:", name):
        return "its name is a path of Windows"
    if name.startswith("/") or ".." in parts:
        return "its name leads out of the ZIP"
    if len(parts) > MAX_DEPTH:
        return "it lies too deep in folders"
    if any(len(part.encode()) > 255 for part in parts):
        return "its name is too long"
    return None


def _written(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> str | None:
    """Have the entry in `folder`, whole or not at all; return why not. Raises OSError where there is no room."""
    target = folder / PurePosixPath(entry.filename)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unpacked = target.open("xb")
    except (FileExistsError, NotADirectoryError):
        return "a file and a folder have one name"
    try:
        left = entry.file_size
        with unpacked, archive.open(entry) as packed:
            while piece := packed.read(_PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise zipfile.BadZipFile("longer than it says")
                unpacked.write(piece)
    except _DAMAGED:
        target.unlink()
        return "it is damaged; zip it again"
    return None


def _people_in(folder: Path) -> Path:
    """Return where the people's folders are: in the only folder of the ZIP, where that is not a person's."""
    children = [child for child in folder.iterdir() if not child.name.startswith(".")]
    if len(children) != 1 or not children[0].is_dir() or (folder / LIST_NAME).exists():
        return folder
    try:
        parse_folder_name(children[0].name)
    except PersonRefused:
        return children[0]
    return folder
