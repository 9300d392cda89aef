"""Pickles read as data: lists, dictionaries, texts, numbers and numpy arrays, and nothing that could run.

A pickle is a program. Its instructions are looked through first; then Python's own reader follows them, and each class
or function it asks for is a stand-in of this file that only notes what it is given. Not even numpy's own are called:
with a forged state they read memory that is not theirs.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Callable

import numpy as np

from errors import HadirError

_MOST_ITEMS = 100_000_000

# By the names pickletools has: what data of Python 3 and numpy are written with. Extension codes, persistent ids and
# the instructions that make instances of classes are not there.
_INSTRUCTIONS = {
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "DUP", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT",
    "BININT1", "BININT2", "LONG1", "FLOAT", "BINFLOAT", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8",
    "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8", "EMPTY_LIST", "APPEND", "APPENDS", "LIST",
    "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "GET",
    "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
}  # fmt: skip
_MEMO = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


class PickleRefused(HadirError):
    """The pickle is torn, or holds something that is no plain data."""


class PlainArray:
    """A numpy array, or one value of one, as it was written. `value` is a list of texts, or a float64 array."""

    def __init__(self) -> None:
        self.value: object = None

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), tuple(shape), _Kind() as kind, bool(fortran), content):
                self.value = _values(kind, shape, content, fortran=fortran)
            case _:
                raise PickleRefused("an array in it is not as numpy writes one")


class _Kind:
    """A numpy data type, by its code and byte order."""

    def __init__(self, code: object = None, *_: object) -> None:
        self.code = code if isinstance(code, str) else ""
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), "<" | ">" | "|" | "=" as order, *_):
                self.order = order
            case _:
                raise PickleRefused("an array in it is not as numpy writes one")


def read_pickle(content: bytes) -> object:
    """Return the plain data in `content`; arrays are PlainArray. Raises PickleRefused."""
    try:
        _look_through(content)
        return _Reader(io.BytesIO(content)).load()
    except (
        pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
        MemoryError, RecursionError,
    ) as error:  # fmt: skip
        raise PickleRefused("it is no whole pickle of lists, texts, numbers and numpy arrays") from error


def _look_through(content: bytes) -> None:
    """Raise PickleRefused for an instruction that plain data do not need, or that makes room for nothing."""
    for instruction, argument, _ in pickletools.genops(content):
        if instruction.name not in _INSTRUCTIONS:
            raise PickleRefused("it is a pickle of objects, which are not read; save lists, texts and numbers only")
        if instruction.name in _MEMO and not (isinstance(argument, int) and 0 <= argument <= len(content)):
            raise PickleRefused("it is a pickle that asks for memory without end")


class _Reader(pickle.Unpickler):
    """Python's reader, which finds this file's stand-ins and nothing else."""

    def find_class(self, module: str, name: str, /) -> object:
        stand_in = _STAND_INS.get((module, name))
        if stand_in is None:
            asked = "".join(sign if sign.isprintable() else "?" for sign in f"{module}.{name}"[:80])
            raise PickleRefused(f"it is a pickle that asks for {asked}, which is not run; save lists and numbers only")
        return stand_in


def _reconstruct(*_: object) -> PlainArray:
    return PlainArray()


def _frombuffer(content: object, kind: object, shape: object, order: object) -> PlainArray:
    array = PlainArray()
    array.__setstate__((1, shape, kind, order == "F", content))
    return array


def _scalar(kind: object, content: object) -> object:
    array = PlainArray()
    array.__setstate__((1, (1,), kind, False, content))
    assert isinstance(array.value, np.ndarray | list)  # noqa: S101 - __setstate__ has raised otherwise
    return array.value[0]


def _encode(text: str, codec: str) -> bytes:
    """Stand for _codecs.encode, by which older protocols write bytes."""
    if codec not in ("latin1", "latin-1"):
        raise PickleRefused("it is a pickle with bytes in a code of its own")
    return text.encode("latin-1")


def _dictionary(*_: object) -> dict[object, object]:
    return {}


_STAND_INS: dict[tuple[str, str], Callable[..., object]] = {
    ("_codecs", "encode"): _encode,
    **{(builtins, "list"): lambda *_: [] for builtins in ("builtins", "__builtin__")},
    **{(builtins, "bytes"): lambda *_: b"" for builtins in ("builtins", "__builtin__")},  # older protocols: empty ones
    ("collections", "OrderedDict"): _dictionary,
    ("collections", "defaultdict"): _dictionary,
    ("numpy", "dtype"): _Kind,
    ("numpy", "ndarray"): _reconstruct,
    **{
        (f"numpy.{core}.{module}", name): stand_in
        for core in ("core", "_core")
        for module, name, stand_in in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
}


def _values(kind: _Kind, shape: tuple[object, ...], content: object, *, fortran: bool) -> object:
    """Return what numpy would make of an array's state: a float64 array, a list of texts, or a list of anything."""
    sizes = [size for size in shape if isinstance(size, int) and 0 <= size <= _MOST_ITEMS]
    if kind.code == "O8" and isinstance(content, list) and len(sizes) == len(shape):
        match sizes:
            case [length] if length == len(content):
                return content
            case [rows, width] if rows * width == len(content) and not fortran:
                return [content[row * width : (row + 1) * width] for row in range(rows)]
    if len(sizes) != len(shape) or len(sizes) > 3 or not isinstance(content, bytes | bytearray):
        raise PickleRefused("an array in it is not as numpy writes one")
    order = ">" if kind.order == ">" else "<"
    letter, digits = kind.code[:1], kind.code[1:]
    if letter not in ("f", "U") or not digits.isdecimal() or not 1 <= int(digits[:6]) <= 1000:
        raise PickleRefused("an array in it is none of numbers")
    if letter == "f" and digits not in ("2", "4", "8"):
        raise PickleRefused("an array in it is none of numbers")
    described = np.dtype(f"{order}{letter}{int(digits[:6])}")
    if described.itemsize * math.prod(sizes) != len(content):
        raise PickleRefused("an array in it is not whole")
    values = np.frombuffer(content, described).reshape(sizes, order="F" if fortran else "C")
    return values.tolist() if letter == "U" else values.astype(np.float64)
