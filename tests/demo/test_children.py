"""Programs on a leash: started again when they die, ended in time, gone when their parent is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo import children
from demo.children import Child, ChildFailed

Said = tuple[list[str], Callable[[str], None]]
SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def child_of(tmp_path: Path, said: Said) -> Iterator[Callable[..., Child]]:
    made: list[Child] = []

    def make(program: list[str], **how: bool) -> Child:
        child = Child("kiosk", program, log=tmp_path / "logs" / "kiosk.log", say=said[1], **how)
        made.append(child)
        child.start()
        return child

    yield make
    for child in made:
        child.end(0)


def until(true: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_a_child_that_dies_is_started_again_and_said_so(child_of: Callable[..., Child], said: Said) -> None:
    child = child_of(SLEEP)
    until(lambda: child.last_words() == "up")
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    codes: list[int | None] = []
    until(lambda: codes.append(child.watch()) or (child.pid not in (None, first)))
    assert [code for code in codes if code is not None] == [-9]
    assert said[0] == ["The kiosk died (signal 9); starting it again in 0.5 s."]
    assert child.restarts == 1


@pytest.mark.slow
def test_a_child_that_dies_again_and_again_ends_the_demo_with_its_words(
    child_of: Callable[..., Child], said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "FIRST_WAIT_S", 0.01)
    child = child_of([sys.executable, "-c", "import sys; sys.exit('Error: the card is damaged')"])
    with pytest.raises(ChildFailed, match=r"does not stay up \(exit 1\): the card is damaged"):
        until(lambda: child.watch() and False, within_s=30)
    assert len(said[0]) == children.DEATHS_IN_A_ROW - 1


@pytest.mark.slow
def test_a_window_that_is_closed_is_no_death(child_of: Callable[..., Child], said: Said) -> None:
    child = child_of([sys.executable, "-c", ""], may_quit=True)
    until(lambda: child.watch() == 0)
    assert child.watch() is None
    assert said[0] == []


@pytest.mark.slow
def test_a_child_that_does_not_listen_is_killed_in_time(child_of: Callable[..., Child]) -> None:
    child = child_of(STUBBORN)
    until(lambda: child.last_words() == "up")
    pid = child.pid
    assert pid is not None
    child.ask_to_stop()
    began = time.monotonic()
    child.end(time.monotonic() + 0.3)
    assert time.monotonic() - began < 1
    assert not alive(pid)


@pytest.mark.slow
@pytest.mark.parametrize("program", [SLEEP, STUBBORN], ids=["willing", "stubborn"])
def test_a_child_dies_with_its_parent(tmp_path: Path, project: Path, program: list[str]) -> None:
    parent_code = (
        "import sys, time; from pathlib import Path; from demo.children import Child\n"
        f"child = Child('kiosk', {program!r}, log=Path({str(tmp_path / 'log')!r}), say=print); child.start()\n"
        "while 'up' not in child.last_words(): time.sleep(0.01)\n"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent_code], cwd=project, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    until(lambda: not alive(pid), within_s=3)


def test_a_program_that_is_not_there_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    child = Child("kiosk", SLEEP, log=tmp_path / "log", say=print)
    with pytest.raises(ChildFailed, match="the kiosk cannot be started: No such file"):
        child.start()
    assert child.pid is None
    child.end(0)


def test_the_leash_does_not_start_what_nobody_holds(project: Path) -> None:
    leash = project / "demo" / "leash.py"
    done = subprocess.run(
        [sys.executable, str(leash), "1", sys.executable, "-c", "print('ran')"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "the parent has ended\n")
