"""Pickles are read as data: what numpy and Python write of plain things comes back, everything else is refused."""

import collections
import contextlib
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from enroll.bulk.plain_pickle import PickleRefused, PlainArray, read_pickle

ROW = np.random.default_rng(3).normal(size=128)
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def plain(value: object) -> object:
    """Return `value` with arrays as lists, for comparison."""
    if isinstance(value, PlainArray):
        return plain(value.value)
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def known() -> collections.defaultdict[str, list[np.ndarray]]:
    found: collections.defaultdict[str, list[np.ndarray]] = collections.defaultdict(list)
    found["a"] += [ROW, ROW + 1]
    return found


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        {"encodings": [ROW, ROW], "names": ["a", "b"]},
        {"a": ROW.tolist(), "b": [ROW, ROW.astype(np.float32)], "c": None, "d": (1, 2.5, True, -7, 300, 70_000)},
        ([ROW], ["a"]),
        [{"name": "Siti é 王", "encoding": ROW}],
        known(),
        collections.OrderedDict(a=ROW),
        np.stack([ROW, ROW]),
        np.asfortranarray(np.stack([ROW, ROW + 1])),
        ROW.astype(">f8"),
        ROW.astype(np.float16),
        np.array(["a", "lengthy é"]),
        np.zeros((0, 128)),
        [np.float64(0.5), np.float32(0.25), np.str_("a")],
        np.array([ROW, ROW[:5]], dtype=object),
        np.array([ROW, ROW], dtype=object),
    ],
    ids=[
        "pyimagesearch", "by name", "pair", "people", "defaultdict", "ordered", "matrix", "fortran", "big endian",
        "half", "texts", "none", "scalars", "objects", "matrix of objects",
    ],
)  # fmt: skip
def test_what_python_and_numpy_write_comes_back(value: object, protocol: int) -> None:
    assert plain(read_pickle(pickle.dumps(value, protocol))) == plain(value)


@pytest.mark.parametrize("protocol", range(4))
def test_the_file_of_an_older_numpy_is_read_as_well(protocol: int) -> None:
    old = pickle.dumps(ROW, protocol).replace(b"numpy._core", b"numpy.core")
    assert plain(read_pickle(old)) == ROW.tolist()


class Runs:
    """Unpickled by pickle itself, it would make a file."""

    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_that_would_run_something_is_refused_by_its_name_and_runs_nothing(
    tmp_path: Path, protocol: int
) -> None:
    made = tmp_path / "made"
    for call, arguments, named in (
        (os.system, (f"touch {made}",), "system"),
        (eval, (f"open({str(made)!r}, 'w')",), r"\.eval"),
        (np.load, (str(made),), r"numpy\.load"),
        (np.memmap, (str(made), "f8", "w+", 0, (9,)), "memmap"),
    ):
        content = pickle.dumps({"encodings": [ROW], "names": [Runs(call, *arguments)]}, protocol)
        with pytest.raises(PickleRefused, match=f"asks for .*{named}.*, which is not run"):
            read_pickle(content)
    assert not made.exists()


def test_a_forged_array_never_reaches_numpys_own_reader() -> None:
    """With its list flag taken away, numpy's reader takes bytes for addresses of Python objects."""
    forged = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R".replace(
            b"U\x01b", b"C\x01b"
        )
        + b"(K\x01K\x01\x85cnumpy\ndtype\nX\x02\x00\x00\x00O8\x89\x88\x87R"
        + b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89C\x08AAAAAAAAtb."
    )
    with pytest.raises(PickleRefused, match="an array in it"):
        read_pickle(forged)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no whole pickle"),
        (b"hello", "no whole pickle|not read"),
        (pickle.dumps([ROW])[:-20], "no whole pickle|not whole"),
        (b"\x80\x04]r\xff\xff\xff\x7f.", "memory without end"),
        (b"\x80\x04]p99999999999\n.", "memory without end|no whole"),
        (b"\x80\x05\x96" + struct.pack("<Q", 1 << 40) + b".", "no whole pickle"),
        (b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b".", "no whole pickle"),
        (b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"].", "no whole pickle"),
        (b"\x80\x02\x82\x01.", "pickle of objects"),
        (b"Pabc\n.", "pickle of objects"),
        (b"(i__main__\nRuns\n.", "pickle of objects"),
        (pickle.dumps(ROW).replace(b"f8", b"f9"), "none of numbers"),
        (pickle.dumps(np.arange(5)), "none of numbers"),
        (pickle.dumps(ROW, 2).replace(b"K\x80", b"K\x7f"), "not whole"),
        (pickle.dumps(np.zeros(3, [("a", "f8")])), "none of numbers|not as numpy"),
        (pickle.dumps(Path("/etc/passwd")), "which is not run"),
        (pickle.dumps(10**5000), "pickle of objects|no whole"),
    ],
)
def test_what_is_no_plain_pickle_is_refused_in_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(PickleRefused, match=said) as refused:
        read_pickle(content)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200))
@runs(max_examples=300, deadline=None)
def test_any_bytes_are_data_or_refused(content: bytes) -> None:
    with contextlib.suppress(PickleRefused):
        read_pickle(content)


GOOD = pickle.dumps({"encodings": [ROW[:4], np.float64(1)], "names": ["a", "b"]})


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
@runs(max_examples=500, deadline=None)
def test_a_mutated_pickle_is_data_or_refused(changes: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for place, value in changes:
        content[place] = value
    with contextlib.suppress(PickleRefused):
        read_pickle(bytes(content))
