"""`hadir events export`: the exact signed bytes in a file that anybody can verify, whole or not at all."""

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

import hadir
from sync import durable, export, heads, keys
from sync.chain import Bad
from sync.export import ExportFile
from sync.keyring import written
from sync.register import Register, RegisterError, devices
from sync.register.arrivals import add_events, arrival
from sync.verify import verify
from tests.sync import made_chains
from tests.sync.samples import SEVEN, SIGNER
from tests.sync.verify.chains import make_register, run


@pytest.fixture
def register(register_url: str) -> Iterator[Register]:
    """The chains of tests/sync/verify, in each kind of database in turn."""
    make_register(register_url)
    with Register.open(register_url) as opened:
        yield opened


def exported(register: Register, path: Path, **asked: object) -> tuple[int, int]:
    return export.export(register, path, at=SEVEN, **asked)  # type: ignore[arg-type]


def bad_in(path: Path) -> list[tuple[str, int]]:
    return [(bad.terminal, bad.seq) for bad in verify(ExportFile(path, None)).bad]


def test_an_export_holds_every_entry_as_it_was_signed_and_verifies(register: Register, tmp_path: Path) -> None:
    path = tmp_path / "all.export"
    assert exported(register, path) == (103, 4)
    lines = path.read_bytes().splitlines()
    first = [payload for _, payload in made_chains.made("lobby-1", "1" * 32, 40)]
    assert b"\n".join(lines[1:81]).split(b"\n") == b"\n".join(first).split(b"\n")
    ran = run(path)
    assert (ran.code, ran.found["entries"], ran.found["chains"], len(ran.found["incomplete"])) == (0, 103, 4, 1)
    assert path.stat().st_mode & 0o777 == 0o600, "it says who came when"


def test_anybody_can_check_an_entry_with_openssl(tmp_path: Path, program: Callable[[str], str]) -> None:
    """With the commands that sync/export.py gives, word for word."""
    url = f"sqlite:///{tmp_path}/register.sqlite"
    make_register(url)
    with Register.open(url) as register:
        exported(register, tmp_path / "punches.export", terminal="lobby-1")
    assert export.__doc__ is not None
    commands = [line.strip()[2:] for line in export.__doc__.splitlines() if line.strip().startswith("$ ")][2:]
    assert len(commands) == 6

    def check() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-ec", "\n".join(commands)],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "PATH": f"{Path(program('openssl')).parent}:{os.environ['PATH']}"},
        )  # fmt: skip

    said = check()
    assert said.returncode == 0, said.stderr
    verdict, digest = said.stdout.splitlines()
    assert verdict == "Signature Verified Successfully"
    following = [entry for entry, _ in made_chains.made("lobby-1", "1" * 32, 8)][-1]
    assert digest.split()[0] == following.prev_hash
    file = tmp_path / "punches.export"
    body = file.read_bytes().splitlines()[13]
    file.write_bytes(file.read_bytes().replace(body, body.replace(b'"employee":"', b'"employee":"9')))
    assert check().returncode != 0


def test_only_an_office_a_kiosk_or_some_days_can_be_asked_for(register: Register, tmp_path: Path) -> None:
    path = tmp_path / "some.export"
    assert exported(register, path, terminal="lobby-1") == (55, 2)
    assert exported(register, path, office="demo", terminal="lobby-3") == (18, 1)
    assert exported(register, path, office="elsewhere") == (0, 0)
    assert run(path).code == 0
    third = [entry for entry, _ in made_chains.made("lobby-2", "3" * 32, 30)][10]
    count, chains = exported(register, path, since=third.recorded_at, terminal="lobby-2")
    assert (count, chains) == (20, 1)
    report = verify(ExportFile(path, None))
    assert (report.entries, report.bad) == (20, ())
    assert exported(register, path, since=SEVEN + timedelta(days=400)) == (0, 0)


def test_what_was_changed_in_an_export_is_named(register: Register, tmp_path: Path) -> None:
    path = tmp_path / "all.export"
    exported(register, path, terminal="lobby-2")
    header, *lines = path.read_bytes().splitlines(keepends=True)

    def edited(*new: bytes) -> list[tuple[str, int]]:
        path.write_bytes(b"".join((header, *new)))
        return bad_in(path)

    assert edited(*lines) == []
    assert edited(*lines[:20], *lines[22:]) == [("lobby-2", 11)], "taken out"
    assert edited(*lines[:-4]) == [("lobby-2", 29)], "cut off"
    assert edited(*lines[:-1]) == [("lobby-2", 30)], "cut off in the middle"
    assert edited(*lines, *lines[:2]) == [("lobby-2", 1)], "put in twice"
    assert edited(*lines[:8], lines[8].replace(b'"office":"demo"', b'"office":"dema"'), *lines[9:]) == [("lobby-2", 5)]
    assert edited(*lines[:8], b"\xff" * 30 + b"\n", *lines[9:]) == [("lobby-2", 5)]
    assert edited(*lines[:8], b"x" * 100_000 + b"\n", *lines[9:]) == [("lobby-2", 5)]
    assert edited() == [("lobby-2", 1)]


def test_with_keys_and_heads_of_ones_own_nobodys_word_needs_to_be_taken(register: Register, tmp_path: Path) -> None:
    path = tmp_path / "all.export"
    exported(register, path)
    (tmp_path / "keys.list").write_text("".join(f"lobby-{number} {written(SIGNER.public)}\n" for number in (1, 2, 3)))
    assert run(path, "--keys", tmp_path / "keys.list").code == 0
    thief = keys.signer(keys.PrivateKey.generate())
    (tmp_path / "keys.list").write_text(f"lobby-1 {written(thief.public)}\n")
    ran = run(path, "--keys", tmp_path / "keys.list")
    assert {bad["seq"] for bad in ran.found["bad"]} == {1}
    assert (
        verify(
            ExportFile(path, None),
            heads_of(Bad(terminal="lobby-2", epoch="3" * 32, seq=12, why="")),
        )
        .bad[0]
        .seq
        == 12
    )


def heads_of(place: Bad) -> dict[tuple[str, str], list[heads.Witness]]:
    """Return what a second party kept that saw another entry there."""
    return {(place.terminal, place.epoch): [heads.Witness(upto=place.seq, upto_hash="9" * 64, name="heads")]}


def test_it_is_written_whole_or_not_at_all(register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.export"
    path.write_text("yesterday's")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(durable.os, "fsync", full)
        with pytest.raises(RegisterError, match="cannot be written"):
            exported(register, path)
    with monkeypatch.context() as patched:
        patched.setattr(durable.os, "fchmod", full)
        with pytest.raises(RegisterError, match="cannot be written"):
            exported(register, path)
    assert path.read_text() == "yesterday's"
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".unfinished"] == []


def test_what_is_no_export_is_said_to_be_none(tmp_path: Path) -> None:
    header = msgspec.json.encode(export.Header(made_at=SEVEN, keys=(), chains=()))
    path = tmp_path / "some.export"
    for content in (b"{}\n", header[:-5], header.replace(b'"v":1', b'"v":2'), b"[" * 100_000, b"\xff\xfe\n"):
        path.write_bytes(content)
        ran = run(path)
        assert (ran.code, len(ran.words.splitlines())) == (2, 1)
    path.write_bytes(header)
    assert run(path).code == 0, "nothing is in it, and nothing is said to be"


def test_the_command_exports_and_says_how_much(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"office: {{timezone: Asia/Jayapura}}\ncentre: {{register: 'sqlite:///{tmp_path}/register.sqlite'}}\n"
    )
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        devices.admit(register, terminal="lobby-1", office="demo", public_key=SIGNER.public, at=SEVEN)
        add_events(register, [arrival(payload, SEVEN) for _, payload in made_chains.made("lobby-1", "1" * 32, 3000)])
    words = ["--config", str(tmp_path / "config.yaml"), "events", "export", str(tmp_path / "x.export")]
    said = CliRunner().invoke(hadir.main, words)
    assert (said.exit_code, said.output) == (0, f"3,000 entries of 1 chains are in {tmp_path}/x.export.\n")
    said = CliRunner().invoke(hadir.main, [*words, "--since", "2026-03-03", "--office", "demo"])
    entries = [entry for entry, _ in made_chains.made("lobby-1", "1" * 32, 3000)]
    # Midnight in Jayapura is 15:00 the day before by UTC.
    late = sum(entry.recorded_at >= SEVEN + timedelta(hours=15) for entry in entries)
    assert said.output.startswith(f"{late:,} entries of 1 chains")
    assert run(tmp_path / "x.export").code == 0
    said = CliRunner().invoke(hadir.main, [*words[:4], str(tmp_path)])
    assert said.exit_code != 0
