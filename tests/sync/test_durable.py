"""Files that are whole or not there, in folders that are there."""

import os
import stat
from pathlib import Path

import pytest

from sync.durable import write_whole


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was flushed to the disk so far, in order."""
    seen: list[Path] = []
    flush = os.fsync

    def note(descriptor: int) -> None:
        seen.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return seen


def test_every_new_folder_is_flushed_into_its_own_before_the_file_is_written(
    tmp_path: Path, flushed: list[Path]
) -> None:
    path = tmp_path / "centre" / "keys" / "release.key"
    write_whole(path, b"key")
    assert flushed[:2] == [tmp_path, tmp_path / "centre"]
    assert flushed[2].name.endswith(".unfinished")
    assert flushed[3:] == [path.parent]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    flushed.clear()
    write_whole(path, b"another")
    assert len(flushed) == 2, "the file and its folder"


def test_a_file_that_cannot_be_flushed_leaves_the_one_before_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "set"
    write_whole(path, b"old")

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output"):
            write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
