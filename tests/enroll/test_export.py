"""I2: one command gives a person everything that is held about them, and notes that it did."""

import csv
import io
import json
import zipfile
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

import config
from enroll.command import enroll
from enroll.desk import add_person
from enroll.privacy.export import FILES, ExportFailed, export_person
from enroll.privacy.withdrawal import withdraw
from enroll.release.publish import publish
from sync import keys
from sync.messages import Change, ClockQuality, Direction, PadVerdict
from sync.outbox import Attacked, Outbox
from sync.register import Register, people
from sync.register.arrivals import arrival
from sync.register.attacks import Decision, decide
from sync.register.intake import take
from sync.register.people_schema import PersonRefused
from terminal.faces import Engine, Identity
from tests.sync.samples import BOOT, open_card, punch

PAINTED = Identity(engine_id="painted", dimension=64)
SEVEN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


@pytest.fixture
def held(
    settings: config.Config, engine: Engine, painted: Callable[..., bytes], approve: Any, tmp_path: Path
) -> config.Config:
    """1001, whose name is a formula, enrolled with face and PIN, in a set, with a corrected punch."""
    device = approve(settings)
    photo = tmp_path / "a.png"
    photo.write_bytes(painted(1))
    add_person(settings, "1001", "=Siti", photos=[photo], pin="274913", engine=engine)
    add_person(settings, "1002", "Budi", pin="608351")
    publish(config.replace(settings, mqtt={"port": 1}), "demo", engine=PAINTED, broker_wait_s=0)
    (tmp_path / "card").mkdir()
    signer = keys.signer(device)
    outbox = Outbox(open_card(tmp_path / "card"), office="demo", terminal="demo-1", signer=signer)
    now: Any = {"clock": ClockQuality.SYNCED, "boot_id": BOOT, "boottime_ns": 1, "recorded_at": SEVEN}
    first = outbox.record(msgspec.structs.replace(punch("1001"), evidence_ref="sha256:00"), **now)
    outbox.record(punch("1002"), **now)
    fixed = outbox.correct(first, change=Change.DIRECTION, direction=Direction.OUT, made_at=SEVEN, **now)
    assert fixed.seq == 3
    for number in ("1001", "1002"):
        said = Attacked(
            id=number * 8, employee=number, verdict=PadVerdict.ATTACK, cues=("edge",), evidence_ref="none:policy",
            held=False, made_at=SEVEN,
        )  # fmt: skip
        outbox.note_attack(said, **now)
    with Register.open(settings.centre.register) as register:
        take(register, events=[arrival(row.payload, SEVEN) for row in outbox.pending()])
        decide(register, "1001" * 8, Decision.ATTACK, at=SEVEN, by="1002", note="")
    return settings


def exported(settings: config.Config, to: Path) -> dict[str, Any]:
    export_person(settings, "1001", to)
    with zipfile.ZipFile(to) as archive:
        assert tuple(archive.namelist()) == FILES
        read: dict[str, Any] = json.loads(archive.read("about.json"))
    return read


def test_i2_everything_about_a_person_is_in_it_and_nothing_about_others(held: config.Config, tmp_path: Path) -> None:
    about = exported(held, tmp_path / "1001.zip")
    assert (tmp_path / "1001.zip").stat().st_mode & 0o777 == 0o600
    assert (about["employee"]["number"], about["employee"]["name"]) == ("1001", "=Siti")
    assert [each["basis"] for each in about["bases"]] == ["public_duty"]
    (template,) = about["templates"]
    vector = np.frombuffer(b64decode(template["vector_float32_le_base64"]), "<f4")
    assert (len(vector), float(np.linalg.norm(vector))) == (64, pytest.approx(1, abs=1e-5))
    assert about["pin"]["set"] is True
    (one,) = about["punches"]
    assert (one["direction"], one["recorded_direction"], one["evidence_ref"]) == ("out", "in", "sha256:00")
    assert [each["direction"] for each in about["corrections"]] == ["out"]
    (attack,) = about["attacks"]
    assert (attack["verdict"], attack["cues"], attack["decision"]) == ("attack", ["edge"], "attack")
    assert "attack with a face taken for this person's" in {row["what"] for row in about["trail"]}
    assert (about["newest_set"]["version"], about["newest_set"]["face_in_it"]) == (1, True)
    assert {"basis recorded", "template made", "PIN set", "export made"} <= {row["what"] for row in about["trail"]}
    with Register.open(held.centre.register, held.centre.keys) as register:
        secret = people.pin_hash_of(register, "1001")
    with zipfile.ZipFile(tmp_path / "1001.zip") as archive:
        everything = b"".join(archive.read(name) for name in FILES)
    assert secret is not None
    assert secret.encode() not in everything
    assert b"$argon2" not in everything
    assert b"Budi" not in everything
    assert b"1002" not in everything


def test_i2_each_export_and_each_withdrawal_is_in_the_next(held: config.Config, tmp_path: Path) -> None:
    exported(held, tmp_path / "1.zip")
    withdraw(config.replace(held, mqtt={"port": 1}), "1001", publish_sets=False)
    about = exported(held, tmp_path / "2.zip")
    assert len(about["exports"]) == 2
    assert (about["templates"], about["withdrawals"][0]["templates"]) == ([], 1)
    assert about["bases"][0]["withdrawn_at"] is not None
    assert about["newest_set"]["face_in_it"] is True, "the kiosks have not been told"


def test_i2_a_folder_holds_the_same_and_no_cell_is_a_formula(held: config.Config, tmp_path: Path) -> None:
    export_person(held, "1001", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "out").iterdir())
    for name in ("punches.csv", "trail.csv"):
        rows = list(csv.reader(io.StringIO((tmp_path / "out" / name).read_text("utf-8-sig"))))
        assert len(rows) >= 2
        assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "@")]
    with pytest.raises(ExportFailed, match="not empty"):
        export_person(held, "1001", tmp_path / "out")
    with pytest.raises(PersonRefused, match="no employee 9"):
        export_person(held, "9", tmp_path / "9.zip")
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportFailed, match="cannot be written"):
        export_person(held, "1001", tmp_path / "file" / "1001.zip")


def test_the_command_says_where_it_is_and_whose(held: config.Config, tmp_path: Path) -> None:
    said = CliRunner().invoke(enroll, ["export", "1001", "--to", str(tmp_path / "x.zip")], obj=lambda: held)
    assert said.exit_code == 0, said.output
    assert said.output.startswith("1001: 1 punches and 1 templates with all the rest are in ")
