"""Runs a program that the kernel ends together with its parent, even when that is killed.

    python leash.py PARENT_PID PROGRAM ARGUMENT...

PR_SET_PDEATHSIG (prctl(2)) lasts over execve. It follows the thread that started this one, so that only a thread that
lives as long as its process may start programs so.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program in `arguments`; never returns."""
    parent, program = int(arguments[0]), arguments[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:  # it was gone before the kernel was told
        sys.exit("the parent has ended")
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
