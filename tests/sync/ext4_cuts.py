"""A real ext4 whose power can be cut: its image lies on a btrfs, which copies it at one instant without a byte moved.

What a copy has is what the file system had given to its disk by then: what it only meant to write is gone. Mounting a
copy replays its journal, as after a power cut.
"""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from terminal import store
from tests.sync import faults

PROJECT = Path(__file__).resolve().parents[2]
PACE = 25
_CHECKPOINT_EVERY = 7  # punches; the card's own checkpoints come about every forty


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """The file system in `image` is mounted at `at` meanwhile."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=True, capture_output=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


def new_image(path: Path, program: str, size_mb: float) -> Path:
    """Return `path`, a new file system made by `program`, mkfs.ext4 or mkfs.btrfs."""
    with path.open("wb") as file:
        file.truncate(int(size_mb * 1_048_576))
    subprocess.run([program, "-q", str(path)], check=True, capture_output=True)
    return path


@contextmanager
def disk_to_cut(folder: Path, *, mkfs_btrfs: str, mkfs_ext4: str) -> Iterator[tuple[Path, Path]]:
    """The folder of a mounted ext4, and the file whose copy is that ext4 after a power cut."""
    outer = new_image(folder / "btrfs.img", mkfs_btrfs, 256)
    try:
        with mounted(outer, folder / "btrfs") as around:
            inner = new_image(around / "card.img", mkfs_ext4, 64)
            with mounted(inner, folder / "card") as card:
                yield card, inner
    finally:
        outer.unlink()


@contextmanager
def puncher(card: Path, *, safe: bool, checkpoints: bool) -> Iterator["Puncher"]:
    """A process punches on `card` as fast as it can until the end."""
    words = [sys.executable, "-m", "tests.sync.ext4_cuts", str(card), *(["unsafe"] if not safe else [])]
    words += ["checkpoints"] if checkpoints else []
    with subprocess.Popen(words, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Puncher(process)
        finally:
            process.kill()


class Puncher:
    """What a process punched and was thanked for, as its pipe tells."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""
        self.thanked = 0

    def hear(self, at_least: int = 0) -> int:
        """Return the last seq that was thanked for, once it is so high."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while self.thanked < at_least or select.select([pipe], [], [], 0)[0]:
            said = os.read(pipe, 65_536)
            assert said, "the puncher ended"
            *lines, self._rest = (self._rest + said).split(b"\n")
            if lines:
                self.thanked = int(lines[-1])
        return self.thanked

    def go_on(self) -> None:
        """An unsafe one waits after every PACE punches."""
        assert self._process.stdin is not None
        self._process.stdin.write(b".")
        self._process.stdin.flush()


def cut(image: Path, number: int) -> Path:
    """Return a copy of `image` as it was at one instant after this was called."""
    copy = image.with_name(f"cut-{number}.img")
    subprocess.run(["cp", "--reflink=always", str(image), str(copy)], check=True)
    return copy


def main(folder: str, *words: str) -> None:
    """Punch for ever, and say each seq only when it was thanked for."""
    connection = store.open_card(Path(folder))
    outbox = faults.outbox_on(connection)
    if "unsafe" in words:
        connection.execute("PRAGMA synchronous=NORMAL")
    for number in count(1):
        os.write(1, b"%d\n" % faults.record(outbox, number).seq)
        if "unsafe" in words and number % PACE == 0:
            os.read(0, 1)
        if "checkpoints" in words and number % _CHECKPOINT_EVERY == 0:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


if __name__ == "__main__":
    main(*sys.argv[1:])
