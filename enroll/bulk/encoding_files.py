"""Files of face_recognition encodings as people keep them: pickle, npz, npy, JSON. Each is a stranger's.

What is understood: {"encodings": [...], "names": [...]}, a pair of such lists, a name and its encoding or encodings, a
list of {"name": ..., "encoding": ...}, and an npy file named after the one person in it. Nothing in a file is run.
"""

import io
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from enroll.bulk.plain_pickle import PickleRefused, PlainArray, read_pickle
from errors import HadirError

DIMENSION = 128
MAX_FILE_BYTES = 256 * 2**20
"""50,000 people with four encodings each have 210 MB."""
MAX_ENCODINGS = 200_000
_MAX_NAME = 200

Encodings = dict[str, list[NDArray[np.float64]]]
"""Name to encodings, in the file's order; one that is no row of numbers is there as an array of no values."""


class EncodingsRefused(HadirError):
    """The file cannot be read at all; the text says what to do."""


def read_encodings(path: Path) -> Encodings:
    """Return the encodings in the file, by name; their number, values and norms are for the caller to judge.

    Raises EncodingsRefused.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise EncodingsRefused(f"{path} cannot be read ({error.strerror}); give a file of encodings") from error
    if len(content) > MAX_FILE_BYTES:
        raise EncodingsRefused(f"{path} is larger than {MAX_FILE_BYTES // 2**20} MB; split it")
    try:
        value = _value(content, path.stem)
        found = _sorted_out(value.value if isinstance(value, PlainArray) else value)
    except EncodingsRefused as refused:
        raise EncodingsRefused(f"{path}: {refused}") from refused
    if not found:
        raise EncodingsRefused(f"{path}: there are no encodings in it")
    return found


def _value(content: bytes, stem: str) -> object:
    """Return what is in the file: mappings, sequences, strings, numbers and arrays."""
    if content.startswith(b"\x93NUMPY"):
        return {stem: _npy(content)}
    if content.startswith(b"PK\x03\x04"):
        return _npz(content)
    if content.lstrip()[:1] in (b"{", b"["):
        try:
            return msgspec.json.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EncodingsRefused("it begins as JSON does and is none; save it again") from error
    try:
        return read_pickle(content)
    except PickleRefused as refused:
        raise EncodingsRefused(str(refused)) from refused


def _sorted_out(value: object) -> Encodings:
    """Return the encodings by name, whichever of the customary ways they were kept in."""
    match value:
        case {"encodings": encodings, "names": names}:
            return _paired(encodings, names)
        case Mapping():
            return _gathered(value.items())
        case [first, second] if _are_names(first) != _are_names(second):
            return _paired(second, first) if _are_names(first) else _paired(first, second)
        case [Mapping(), *_]:
            return _gathered(_person(each) for each in value)
        case _:
            raise EncodingsRefused(
                'no names and encodings were found in it; {"names": [...], "encodings": [...]} or a name with its '
                "encodings each are understood"
            )


def _person(each: object) -> tuple[object, object]:
    match each:
        case {"name": name, "encoding": given} | {"name": name, "encodings": given}:
            return name, given
        case _:
            raise EncodingsRefused("it is a list of people, and one of them has no name or no encoding")


def _paired(encodings: object, names: object) -> Encodings:
    rows, said = _items(encodings), _items(names)
    if rows is None or said is None or len(said) != len(rows):
        counts = f"{len(rows or ())} encodings and {len(said or ())} names"
        raise EncodingsRefused(f"it has {counts}; there must be one name for each")
    return _gathered(zip(said, ([row] for row in rows), strict=True))


def _gathered(people: Iterable[tuple[object, object]]) -> Encodings:
    found: Encodings = {}
    count = 0
    for name, given in people:
        if isinstance(name, int) and not isinstance(name, bool) and 0 <= name < 10**18:
            name = str(name)  # employee numbers as numbers
        if not isinstance(name, str) or not 1 <= len(name) <= _MAX_NAME:
            raise EncodingsRefused(f"a name in it is no text of 1 to {_MAX_NAME} characters")
        rows = _rows(given)
        count += len(rows)
        if count > MAX_ENCODINGS:
            raise EncodingsRefused(f"it has more than {MAX_ENCODINGS} encodings; split it")
        found.setdefault(name, []).extend(_row(row) for row in rows)
    return found


def _rows(value: object) -> Sequence[object]:
    """Return `value` as rows: it alone if it is one encoding, else each of what it holds."""
    items = _items(value)
    if items is None or (len(items) and _is_number(items[0])):
        return [value]
    return items


def _row(value: object) -> NDArray[np.float64]:
    items = _items(value)
    if items is None:
        return np.zeros(0)
    if isinstance(items, np.ndarray):
        return items
    if len(items) != DIMENSION:  # of another program, or a small file's large claim: it is never made
        return np.broadcast_to(np.float64(0), (len(items),))
    try:
        return np.array([float(item) if _is_number(item) else np.nan for item in items])  # type: ignore[arg-type]
    except OverflowError:  # an integer no float can hold
        return np.zeros(0)


def _items(value: object) -> Sequence[object] | None:
    if isinstance(value, PlainArray):
        value = value.value
    if isinstance(value, np.ndarray):
        return value if value.ndim else None  # type: ignore[return-value]
    return value if isinstance(value, list | tuple) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.floating) and not isinstance(value, bool)


def _are_names(value: object) -> bool:
    items = _items(value)
    return items is not None and len(items) > 0 and all(isinstance(item, str | int) for item in items)


def _npz(content: bytes) -> dict[str, object]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > MAX_FILE_BYTES:
                raise EncodingsRefused(f"it unpacks to more than {MAX_FILE_BYTES // 2**20} MB; split it")
            return {member.filename.removesuffix(".npy"): _npy(_unpacked(archive, member)) for member in members}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise EncodingsRefused("it begins as npz does and is none; save it again") from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as file:
        return file.read(member.file_size)  # no more: its size in the list may be a lie


def _npy(content: bytes) -> object:
    """Return the array in `content`, of numbers or of texts; numpy's own reader would make room for what it claims."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, kind = read(file)
        if kind.hasobject:
            raise EncodingsRefused('an array in it holds Python objects; save it with dtype "float64"')
        if kind.kind not in "fU" or kind.itemsize * math.prod(shape) != len(content) - file.tell():
            raise EncodingsRefused("an array in it is none of numbers, or is not whole")
        flat = np.frombuffer(content, kind, offset=file.tell())
        values = flat.reshape(shape, order="F" if fortran else "C")
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise EncodingsRefused("an array in it cannot be read; save it again") from error
    return values.tolist() if kind.kind == "U" else values.astype(np.float64)
