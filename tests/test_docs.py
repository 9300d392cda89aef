"""The documents tell the truth: every command of the README runs, every path exists, the drawing is the table's."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import config
from demo.clip import Clip
from enroll import wizard
from sync import keys
from sync.messages import Presence, TerminalStatus, encode
from sync.register import Register
from sync.register.intake import take
from sync.register.statuses import HeardStatus
from terminal import visit

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(sh[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str, document: str = "README.md") -> list[list[str]]:
    """The commands of each fence of the README, or another document, whose opening line is exactly `kind`."""
    found = FENCE.findall((PROJECT / document).read_text())
    return [[line for line in text.splitlines() if line.strip()] for opening, text in found if opening == kind]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, walk_up_clip: Clip) -> Path:
    """A clone in which the demo is tried; its clip is there already."""
    folder = cloned(tmp_path_factory.mktemp("newcomer") / "hadir")
    shutil.copytree(walk_up_clip.path.parent, folder / "var" / "demo")
    return folder


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a real centre is set up."""
    return cloned(tmp_path_factory.mktemp("centre") / "hadir")


def cloned(folder: Path) -> Path:
    """The tracked files alone, as a newcomer has them, with ports nobody else uses and the packages already there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(PROJECT / ".venv")
    (folder / "var").mkdir()
    if (PROJECT / "var/models").is_dir():
        shutil.copytree(PROJECT / "var/models", folder / "var/models")
    text = (folder / "config.yaml").read_text()
    for port in ("11883", "18080"):
        text = re.sub(rf"port: {port}\b", f"port: {free_port()}", text)
    (folder / "config.yaml").write_text(text)
    return folder


def run(clone: Path, command: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        ["sh", "-c", command], cwd=clone, env=environment, capture_output=True, text=True, timeout=280, **options
    )  # type: ignore[call-overload, no-any-return]


@contextmanager
def running_demo(clone: Path, command: str) -> Iterator[str]:
    """The demo as the README starts it, without a display; yields its address and ends it with Ctrl-C."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    demo = subprocess.Popen(
        shlex.split(command), cwd=clone, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert demo.stdout is not None
        for line in demo.stdout:
            if found := re.search(r"http://[0-9.]+:[0-9]+", line):
                yield found.group()
                break
        else:
            pytest.fail("the demo ended without printing its address")
    finally:
        demo.send_signal(signal.SIGINT)
        rest = demo.communicate(timeout=15)[0]
    assert demo.returncode == 0, rest


@pytest.mark.slow
def test_the_readme_starts_with_the_two_commands_and_they_run(clone: Path) -> None:
    demo, suite = blocks("sh")[0]
    assert (demo, suite) == ("./hadir demo", "./hadir test")
    said = run(clone, f"{suite} --collect-only -q")
    assert said.returncode == 0, said.stdout[-500:] + said.stderr[-500:]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_stranger_of_the_running_demo_is_enrolled_published_and_greeted_without_a_restart(clone: Path) -> None:
    """The README's second block, typed while its first command runs."""
    with running_demo(clone, blocks("sh")[0][0]) as address:
        for command in blocks("sh")[1]:
            said = run(clone, command)
            assert said.returncode == 0, f"{command}: {said.stdout}{said.stderr}"
        assert "1005" in arrivals(address, until_s=time.monotonic() + 150, awaited="1005")


def arrivals(address: str, *, until_s: float, awaited: str) -> str:
    """Today's arrivals as the console's page shows them, once `awaited` is among them or the time is up.

    The page's own stream tells when something changed, so nothing is polled.
    """
    shown = ""
    with urllib.request.urlopen(f"{address}/live", timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data:") and b"arrivals" in line:
                shown = json.loads(line[len(b"data:") :])["arrivals"]
            if awaited in shown or time.monotonic() > until_s:
                break
    return shown


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", [line for block in blocks("sh alone") for line in block])
def test_a_command_of_the_readme_that_stands_alone_runs(centre: Path, command: str) -> None:
    said = run(centre, command)
    assert said.returncode == 0, said.stdout[-1000:] + said.stderr[-1000:]
    assert "Traceback" not in said.stderr


@pytest.mark.slow
def test_a_kiosk_is_approved_as_the_readme_says(centre: Path) -> None:
    """Its first start is acted here: the key it makes, and the status in which it offers it."""
    settings = config.load(centre / "config.yaml")
    ((first, *rest),) = blocks("sh kiosk")
    said = run(centre, first)
    assert said.returncode == 0, said.stderr
    signer = keys.signer(keys.device_key(settings.terminal.state))
    assert signer.key_id in said.stdout
    at = datetime.now(UTC)
    status = TerminalStatus(
        office=settings.office.id,
        terminal=settings.terminal.id,
        presence=Presence.ONLINE,
        at=at,
        device_key=signer.public.hex(),
    )
    with Register.open(settings.centre.register) as register:
        take(register, statuses=[HeardStatus(status=status, payload=encode(status), retained=False, received_at=at)])
    for command in rest:
        said = run(centre, command)
        assert said.returncode == 0, said.stderr
        assert signer.key_id in said.stdout
    assert run(centre, rest[-1]).returncode == 1, "there is nothing left to approve"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_evidence_of_the_demos_punches_is_whole(clone: Path) -> None:
    if not (clone / "var/centre/register.sqlite").is_file():  # this test alone, without the one above
        assert run(clone, "./hadir demo --headless --seconds 12").returncode in (0, 1)
    (commands,) = blocks("sh after")
    for command in commands:
        said = run(clone, command)
        assert said.returncode == 0, f"{command}: {said.stdout}{said.stderr}"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_commands_of_an_administrators_day_run_in_their_order(tmp_path: Path) -> None:
    """Those of docs/enrolment.md, at a centre with keys and nobody in it."""
    office = cloned(tmp_path / "office")
    assert run(office, "./hadir keys new").returncode == 0
    commands = [line for block in blocks("sh day", "docs/enrolment.md") for line in block]
    assert len(commands) >= 8
    for command in commands:
        said = run(office, command, input="739206\n739206\n")
        assert said.returncode == 0, f"{command}: {said.stdout}{said.stderr}"
    assert "1001" in said.stdout, "who took their agreement back goes on with their PIN"


def test_every_command_that_enrolment_tells_of_is_one() -> None:
    """Words and options of each line of docs/enrolment.md; what they do is tested where they are made."""
    import click

    from hadir import main

    lines = [line for kind in ("sh", "sh day") for block in blocks(kind, "docs/enrolment.md") for line in block]
    ours = [shlex.split(line) for line in lines if line.startswith("./hadir ")]
    assert len(ours) > 20
    for words in ours:
        command: click.Command = main
        rest = words[1:]
        while rest and isinstance(command, click.Group):
            found = command.get_command(click.Context(command), rest.pop(0))
            assert found is not None, words
            command = found
        known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        assert {word for word in rest if word.startswith("--")} <= known, words


def test_the_line_at_which_a_punch_becomes_safe_is_there(project: Path) -> None:
    named = 'connection.execute("COMMIT")'
    for document in ("architecture.md", "reliability.md"):
        assert f"`{named}`" in (project / "docs" / document).read_text()
    assert (project / "sync/outbox/card.py").read_text().count(named) == 1


def test_what_the_readme_does_as_root_uses_files_that_are_here(project: Path) -> None:
    lines = [line for block in blocks("sh root") for line in block]
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "sudo"
        for word in words[1:]:
            if word.startswith(("systemd/", "config.yaml", "hadir")) and not word.startswith("hadir-"):
                assert list(project.glob(word)), f"{line}: {word} is not here"
            if word.startswith("hadir-"):
                assert (project / "systemd" / f"{word}.service").is_file(), line


def test_the_webcam_commands_of_the_readme_exist() -> None:
    """No camera here: the words and options are checked, the capture itself is tested with a clip."""
    import click

    from hadir import main

    for block in blocks("sh webcam"):
        for line in block:
            words = shlex.split(line)[1:]
            command: click.Command = main
            context = click.Context(main)
            while words and isinstance(command, click.Group):
                found = command.get_command(context, words.pop(0))
                assert found is not None, line
                command = found
            command.make_context("hadir", words, resilient_parsing=False)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_and_picture_a_document_names_is_here(document: Path) -> None:
    text = document.read_text()
    named = re.findall(r"`((?:[a-z_.]+/)+[A-Za-z_.0-9-]*)`", text)
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    absent = [name for name in named if not (PROJECT / name).exists() and not name.startswith(("var/", "hadir/v1/"))]
    absent += [link for link in linked if not (document.parent / link).exists()]
    assert absent == []


def test_the_drawing_of_the_visit_is_its_table() -> None:
    text = (PROJECT / "docs/architecture.md").read_text()
    drawn = text.split("```mermaid\n")[1].split("```")[0]
    assert drawn == visit.diagram()


def test_the_drawing_of_the_enrolment_is_its_table() -> None:
    text = (PROJECT / "docs/architecture.md").read_text()
    drawn = text.split("```mermaid\n")[2].split("```")[0]
    assert drawn == wizard.diagram()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demos_clip_is_replayed_with_the_set_the_demo_published(clone: Path) -> None:
    """The README's replay, in the newcomer's clone in which the demo ran."""
    if not (clone / "var/terminal/current.hset").is_file():  # this test alone, without the one above
        assert run(clone, "./hadir demo --headless --seconds 1").returncode in (0, 1)
    ((command,),) = blocks("sh replay")
    said = run(clone, command)
    assert said.returncode == 0, said.stderr
    visits = [json.loads(line) for line in said.stdout.splitlines()]
    named = {visit["employee"] for visit in visits if visit["outcome"] == "match"}
    assert named - {"1005"} == {"1001", "1002", "1003", "1004"}, "1005 is known once the stranger was enrolled above"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "terminal",
        "collector",
        "console",
        "models",
        "models fetch",
        "models check",
        "enroll",
        "enroll evaluate",
        "enroll basis",
        "enroll withdraw",
        "enroll withdrawal",
        "enroll verify-proof",
        "enroll export",
        "keys",
        "events",
        "heads",
        "register",
        "verify-chain",
        "receipt",
        "bench",
        "bench speed",
        "bench kiosk",
        "bench enrol",
        "bench match",
        "bench desk",
        "bench delivery",
        "bench collector",
    ],
)
def test_every_command_explains_itself(words: str) -> None:
    from click.testing import CliRunner

    from hadir import main

    said = CliRunner().invoke(main, [*words.split(), "--help"])
    assert said.exit_code == 0
    assert "Usage:" in said.output


def test_a_broken_setting_is_one_sentence_without_a_traceback(clone: Path, tmp_path: Path) -> None:
    broken = tmp_path / "config.yaml"
    broken.write_text("mqtt:\n  prot: 1\n")
    said = run(clone, f"./hadir --config {broken} config show")
    assert said.returncode == 1
    assert said.stderr.startswith(f"Error: {broken}:2: mqtt.prot: unknown setting")
    assert "Traceback" not in said.stderr
