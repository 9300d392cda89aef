"""Photos that are put into the demo's folder of people while it runs, enrolled by themselves.

`Newcomers.look` costs a listing of the folder. Once that has changed and then stayed the same for a moment, this file
is started as a program of its own, which imports the folder and prints a line for everything worth telling:

    python newcomers.py CONFIG PEOPLE CHANGED...

A program, not a thread: an encoding under way could not be broken off, and Ctrl-C waits for nothing.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import assert_never

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # started as a file, by its path

import config
from demo.children import LEASH
from enroll.bulk import importer
from enroll.desk import Done, PersonReport
from errors import HadirError
from sync.register.consents import Basis

BASIS = Basis.PUBLIC_DUTY
"""On what the demo keeps faces: it plays an office with such a duty, and its portraits are free to use."""
SETTLED_S = 0.4
"""A folder unchanged for this long is not being copied into any more."""

Shape = Mapping[str, tuple[tuple[str, int, int], ...]]
"""Of each folder or loose file in the people's folder: name, modification time (ns) and size of what is in it."""


def shape_of(people: Path) -> Shape:
    """Return what can be seen of the folder without reading a file; what cannot be looked at is left out."""
    shape: dict[str, tuple[tuple[str, int, int], ...]] = {}
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(people)):
            if entry.name.startswith("."):
                continue
            with contextlib.suppress(OSError):
                files = list(os.scandir(entry.path)) if entry.is_dir() else [entry]
                shape[entry.name] = tuple(sorted(_trace_of(file) for file in files))
    return shape


def _trace_of(file: os.DirEntry[str]) -> tuple[str, int, int]:
    seen = file.stat(follow_symlinks=False)  # a link into nowhere is the importer's to refuse
    return file.name, seen.st_mtime_ns, seen.st_size


class Newcomers:
    """Watches `people` from what it `was`. For the process's main thread: the leash holds to the one that starts it."""

    def __init__(self, settings: Path, people: Path, *, was: Shape, log: Path, say: Callable[[str], None]) -> None:
        self._command = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), sys.executable, __file__]
        self._command += [str(settings), str(people)]
        self._people = people
        self._imported = self._seen = was
        self._changed_at = float("-inf")
        self._log_path = log
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def look(self) -> None:
        """Tell what a running import has to say, and start one where there is something new. Never waits."""
        if self._process is not None:
            self._listen(self._process)
            return
        shape, now = shape_of(self._people), time.monotonic()
        if shape != self._seen:
            self._seen, self._changed_at = shape, now
        elif shape != self._imported and now - self._changed_at >= SETTLED_S:
            # A folder without a photo is one that somebody has just made to put theirs into.
            changed = [name for name, files in shape.items() if files and files != self._imported.get(name)]
            self._imported = shape
            if changed:
                self._start(changed)

    def end(self) -> None:
        """Have no import running: everybody it had come to is enrolled, the others will be at the next start."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def _start(self, changed: list[str]) -> None:
        try:
            with self._log_path.open("ab") as log:
                self._process = subprocess.Popen(
                    [*self._command, *changed],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
                )
        except (OSError, ValueError) as error:
            self._say(f"New photos cannot be enrolled: {getattr(error, 'strerror', None) or error}.")
            return
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        os.set_blocking(self._process.stdout.fileno(), False)

    def _listen(self, process: "subprocess.Popen[bytes]") -> None:
        code = process.poll()  # before the last words are read, so that none are missed
        assert process.stdout is not None  # noqa: S101 - it was asked for
        *lines, self._rest = (self._rest + (process.stdout.read() or b"")).split(b"\n")
        for line in lines:
            self._say(line.decode(errors="replace"))
        if code is None:
            return
        process.stdout.close()
        self._process, self._rest = None, b""
        if code != 0:
            self._say(f"New photos could not be enrolled; {self._log_path} says why.")


def enrol(settings: config.Config, people: Path, changed: Collection[str]) -> Iterator[str]:
    """Have everybody in `people` enrolled, and yield what is worth telling of the folders and files in `changed`.

    What stands in the way is a line as well, never an error.
    """
    told: list[str] = []

    def tell(seen: importer.Progress) -> None:
        where, done = seen.person.where, seen.person.done
        if done is not Done.REFUSED or any(where == name or where.startswith(f"{name} ") for name in changed):
            told.extend(words_of(seen.person, then="; publish to bring this to the kiosk"))

    try:
        report = importer.import_folder(settings, people, progress=tell, basis=BASIS)
        told.extend(_plain(note) for note in report.notes if note.partition(":")[0] in changed)
    except HadirError as error:
        told.append(_plain(f"New photos cannot be enrolled: {error}"))
    yield from told


def words_of(person: PersonReport, *, then: str = "") -> Iterator[str]:
    """Yield what became of somebody and of the photos that were not used; nothing where nothing changed."""
    who = f"{person.number} {person.name}".strip() or person.where
    match person.done:
        case Done.ADDED:
            yield _plain(f"Enrolled {who}{then}.")
        case Done.CHANGED:
            yield _plain(f"Enrolled {who} anew{then}.")
        case Done.REFUSED:
            yield _plain(f"Not enrolled: {person.where or who}: {person.why}")
        case Done.UNCHANGED:
            return
        case _:
            assert_never(person.done)
    for photo in person.photos:
        if not photo.used:
            yield _plain(f"  {photo.photo} was not used: {photo.why}")


def _plain(words: str) -> str:
    """Return a line that a file's name cannot make more than one, nor a colour of."""
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def main(arguments: list[str]) -> None:
    """Import and print, giving way to the kiosk where both want the processor."""
    os.nice(5)
    path, people, *changed = arguments
    try:
        settings = config.load(Path(path))
    except HadirError as error:
        print(f"New photos cannot be enrolled: {error}")
        return
    for line in enrol(settings, Path(people), changed):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
