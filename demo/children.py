"""The demo's programs: started on a leash, watched, started again when they die, ended within a bounded time."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from errors import HadirError

LEASH = Path(__file__).with_name("leash.py")
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
STEADY_AFTER_S = 20.0
"""A program that ran this long is forgiven its earlier deaths."""
DEATHS_IN_A_ROW = 6


class ChildFailed(HadirError):
    """A program of the demo does not stay up; the text has its last words and where its log is."""


class Child:
    """One program. Use it from the process's main thread only: the leash holds to the thread that starts it."""

    def __init__(
        self, name: str, program: Sequence[str], *, log: Path, say: Callable[[str], None], may_quit: bool = False
    ) -> None:
        """`say` gets a sentence for each death; with `may_quit` exit 0 is none. The log is emptied."""
        self.name = name
        self._program = list(program)
        self._log_path = log
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._may_quit = may_quit
        self._deaths = 0
        self.restarts = 0
        self._again_at: float | None = None
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")

    @property
    def pid(self) -> int | None:
        """The running program's process id, None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the program, its words appended to the log. Raises ChildFailed."""
        command = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *self._program]
        try:
            with self._log_path.open("ab") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C is the demo's; each program is then told in its turn
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                )
        except OSError as error:
            raise ChildFailed(f"the {self.name} cannot be started: {error.strerror or error}") from error
        self._started_at = time.monotonic()
        self._again_at = None

    def watch(self) -> int | None:
        """See that the program runs: one that has died is started again after a wait that doubles.

        Returns its exit code once for each death, None while it runs or is waited for. Raises ChildFailed when it dies
        again and again.
        """
        if self._again_at is not None:
            if time.monotonic() >= self._again_at:
                self.restarts += 1
                self.start()
            return None
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._process = None
        if code == 0 and self._may_quit:
            return code
        if time.monotonic() - self._started_at >= STEADY_AFTER_S:
            self._deaths = 0
        self._deaths += 1
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        if self._deaths >= DEATHS_IN_A_ROW:
            raise ChildFailed(f"the {self.name} does not stay up ({how}): {self.last_words()} (log: {self._log_path})")
        wait_s = min(FIRST_WAIT_S * 2 ** (self._deaths - 1), LONGEST_WAIT_S)
        self._again_at = time.monotonic() + wait_s
        self._say(f"The {self.name} died ({how}); starting it again in {wait_s:g} s.")
        return code

    def last_words(self) -> str:
        """Return the last line of the log, without the mark of an error."""
        try:
            lines = self._log_path.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return "its log cannot be read"
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return last.removeprefix("Error: ")

    def ask_to_stop(self) -> None:
        """Tell the program to end."""
        self._again_at = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def end(self, by: float) -> None:
        """Wait until `by` (monotonic) for the program to end, then kill it with all it started."""
        process, self._process = self._process, None
        self._again_at = None
        if process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(by - time.monotonic(), 0.01))
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # the session's remnants, if there are any
        process.wait()
