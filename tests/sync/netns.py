"""A network namespace for tests, joined to ours by a cable of its own (veth); needs root, and is gone afterwards."""

import ctypes
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """`host` is our address on the cable, `device` its other end inside; `pid` a process that lives in there."""

    pid: int
    host: str
    device: str

    def run(self, *words: str) -> None:
        """A command was run inside."""
        _run("nsenter", "-t", str(self.pid), "-n", *words)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in there meanwhile, and the threads it starts stay there."""
        with Path("/proc/thread-self/ns/net").open() as here, Path(f"/proc/{self.pid}/ns/net").open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(here.fileno())


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Yield a namespace that reaches us at `host` and nobody else. Skips the test where none can be made."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    number = random.SystemRandom().randrange(2**14)
    ours, theirs = f"hd{number}a", f"hd{number}b"
    # A network of four addresses, out of those kept for measurements (RFC 2544).
    network = f"198.18.{number // 64}.{number % 64 * 4}".split(".")
    host, guest = (".".join([*network[:3], str(int(network[3]) + at)]) for at in (1, 2))
    with subprocess.Popen(
        ["unshare", "-n", "sh", "-c", "echo up; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "up\n":
                pytest.skip("this machine makes no network namespaces")
            try:
                _run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", str(process.pid))
            except subprocess.CalledProcessError as error:
                pytest.skip(f"this machine makes no cables: {error.stderr}")
            made = Namespace(pid=process.pid, host=host, device=theirs)
            _run("ip", "addr", "add", f"{host}/30", "dev", ours)
            _run("ip", "link", "set", ours, "up")
            made.run("ip", "addr", "add", f"{guest}/30", "dev", theirs)
            made.run("ip", "link", "set", theirs, "up")
            made.run("ip", "link", "set", "lo", "up")
            yield made
        finally:
            subprocess.run(["ip", "link", "delete", ours], check=False, capture_output=True)
            process.kill()


def _enter(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, text=True, timeout=20)
