"""The commands of the centre's people, from the command line to what is on the disk."""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import hadir
from sync import keys
from sync.register import Register, devices
from sync.register.arrivals import add_events, arrival
from tests.sync import made_chains
from tests.sync.samples import SEVEN, SIGNER
from tests.sync.tampering import opened

COMMANDS = ("keys", "verify-chain", "receipt", "events", "heads", "register")


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """A folder with config.yaml, keys, and a register with 20 entries of lobby-1."""
    (tmp_path / "config.yaml").write_text(
        f"centre: {{register: 'sqlite:///{tmp_path}/register.sqlite', keys: keys, heads: heads}}\n"
    )
    keys.new_centre_keys(tmp_path / "keys")
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        devices.admit(register, terminal="lobby-1", office="demo", public_key=SIGNER.public, at=SEVEN)
        add_events(register, [arrival(payload, SEVEN) for _, payload in made_chains.made("lobby-1", "1" * 32, 20)])
    return tmp_path


def ran(centre: Path, *words: object) -> Result:
    return CliRunner().invoke(hadir.main, ["--config", str(centre / "config.yaml"), *map(str, words)])


def test_every_command_is_listed_and_explains_itself_beside_a_broken_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("nonsense: [")
    listed = ran(tmp_path, "--help").output
    for name in COMMANDS:
        assert f"\n  {name} " in listed
        said = ran(tmp_path, name, "--help")
        assert (said.exit_code, "Usage:" in said.output) == (0, True)


def test_the_heads_are_written_now_and_verified_by_the_key_in_the_settings(centre: Path) -> None:
    said = ran(centre, "heads", "write")
    path = centre / "heads" / f"heads-{datetime.now(UTC):%Y-%m-%d}.json"
    assert (said.exit_code, said.output) == (
        0,
        f"The heads of 1 chains are in {path}: copy it to a second party.\n",
    )
    assert ran(centre, "heads", "write", centre / "other.json").exit_code == 0
    said = ran(centre, "verify-chain", centre / "register.sqlite", "--heads", path, "--heads", centre / "other.json")
    assert said.output == "20 entries of 1 chains are as they were made, and as 2 heads kept elsewhere say.\n"
    (centre / "keys" / "heads.key").unlink()
    said = ran(centre, "heads", "write")
    assert (said.exit_code, len(said.output.splitlines())) == (1, 1)


def test_the_register_is_backed_up_and_the_backup_verifies(centre: Path) -> None:
    said = ran(centre, "register", "backup", centre / "backups" / "monday.sqlite")
    assert said.exit_code == 0
    assert said.output.startswith(f"20 entries are in {centre}/backups/monday.sqlite, ")
    assert ran(centre, "verify-chain", centre / "backups" / "monday.sqlite").exit_code == 0
    said = ran(centre, "register", "backup", centre / "register.sqlite")
    assert (said.exit_code, len(said.output.splitlines())) == (1, 1)


def test_an_unreadable_setting_is_no_obstacle_to_verifying(centre: Path) -> None:
    (centre / "config.yaml").write_text("nonsense: [")
    assert ran(centre, "verify-chain", centre / "register.sqlite").exit_code == 0


def test_a_register_of_an_older_hadir_is_told_from_a_bad_one(centre: Path) -> None:
    with closing(sqlite3.connect(centre / "register.sqlite")) as connection:
        connection.execute("DROP TABLE device_keys")
        connection.commit()
    said = ran(centre, "verify-chain", centre / "register.sqlite")
    assert (said.exit_code, "start its collector once" in said.output) == (2, True)


@pytest.mark.slow
def test_as_a_program_it_ends_with_0_1_or_2(project: Path, centre: Path) -> None:
    def code(*words: object) -> tuple[int, str]:
        said = subprocess.run(
            [sys.executable, project / "hadir.py", "--config", centre / "config.yaml", "verify-chain", *words],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return said.returncode, said.stdout or said.stderr

    assert code(centre / "register.sqlite") == (0, "20 entries of 1 chains are as they were made.\n")
    shutil.copy(centre / "register.sqlite", centre / "edited.sqlite")
    with opened(centre / "edited.sqlite") as store:
        store.update(store.places()[6], employee="9")
    ended, words = code(centre / "edited.sqlite", "--json")
    assert ended == 1
    first, _, last = words.splitlines()
    assert first == (
        f"Bad: terminal lobby-1, epoch {'1' * 32}, entry 7 has another employee in its column than in its signed bytes."
    )
    assert json.loads(last)["bad"][0]["seq"] == 7
    ended, words = code(centre / "absent.sqlite")
    assert (ended, len(words.splitlines())) == (2, 1)
