"""`hadir events review` as the review desk uses it."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hadir
from sync import keys, receipts, sealing
from sync.messages import Method, PadVerdict
from sync.register import Register
from sync.register.attacks import list_attacks
from sync.register.events import events_since
from sync.register.intake import take
from tests.sync.notes import Kiosk

NOW = datetime.now(UTC).replace(microsecond=0)
JPEG = b"\xff\xd8\xff a face held up to the camera"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs `hadir events review` with these words."""
    keys.new_centre_keys(tmp_path / "keys")
    (tmp_path / "config.yaml").write_text(
        f"centre:\n  register: sqlite:///{tmp_path}/register.sqlite\n  keys: {tmp_path}/keys\n"
    )
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        public = keys.load_sealing(tmp_path / "keys" / "evidence.pub")
        ref, box = sealing.seal(public, JPEG)
        kiosk = Kiosk()
        near: dict[str, Any] = {"verdict": PadVerdict.UNDECIDED, "cues": ("arrival",)}
        take(
            register,
            events=[
                kiosk.attack(at=NOW - timedelta(hours=9), id="a" * 32, held=True),
                kiosk.attack("1001", at=NOW - timedelta(hours=8), id="b" * 32, box=box),
                kiosk.attack("1002", at=NOW - timedelta(hours=7), id="c" * 32, **near),
                kiosk.punch("1002", at=NOW - timedelta(hours=7), method=Method.PIN),
                kiosk.attack(
                    "1003",
                    at=NOW - timedelta(hours=6),
                    id="d" * 32,
                    cues=(),
                    evidence_ref="x\x1b[2J",
                    **{"verdict": PadVerdict.UNDECIDED},
                ),
                kiosk.punch("1004", at=NOW - timedelta(hours=5), method=Method.PIN, review=("face_unlike",)),
            ],
        )
        assert ref == list_attacks(register, NOW - timedelta(days=1))[1].evidence_ref

    def call(*words: str) -> Result:
        return CliRunner().invoke(hadir.main, ["--config", str(tmp_path / "config.yaml"), "events", "review", *words])

    return call


def test_what_is_most_at_risk_comes_first(run: Run) -> None:
    claimed, nobodys, followed, pin, near = run().output.splitlines()
    assert claimed.endswith("1001         bbbbbbbbbbbb  attack (edge, relief)  picture")
    assert nobodys.endswith("nobody       aaaaaaaaaaaa  attack (edge, relief), the kiosk paused  none:policy")
    assert followed.endswith(f"cccccccccccc  near miss (arrival), then PIN {receipts.shown('0000000004')}  none:policy")
    assert pin.endswith("face_unlike  no picture")
    assert near.endswith("dddddddddddd  near miss  x?[2J"), "what a kiosk says does nothing to a terminal"
    assert run("--terminal", "lobby-9").output == run("--office", "other").output == "Nothing is to be looked at.\n"


def test_the_list_for_a_program(run: Run) -> None:
    found = json.loads(run("--json").output.splitlines()[-1])["cases"]
    assert [each["risk"] for each in found] == ["claimed", "nobodys", "followed", "pin", "near_miss"]
    first, _, followed, pin, _ = found
    assert (first["id"], first["employee"], first["picture"], first["decision"]) == ("b" * 32, "1001", True, None)
    assert followed["followed_by"]["receipt"] == "0000000004"
    assert (pin["kind"], pin["review"]) == ("pin", ["face_unlike"])


def test_f3_a_decision_is_kept_and_the_case_leaves_the_list_and_no_punch_changes(run: Run, tmp_path: Path) -> None:
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        before = events_since(register, 0)
        said = run("--decide", "bbbbbb", "attack", "--by", "1009", "--note", "a phone\x1b[2J")
        assert said.output.endswith("was an attack: decided by 1009.\n")
        assert "bbbbbb" not in run().output
        assert "decided: attack" in run("--all").output
        assert run("--decide", "c" * 32, "person").output.endswith("its picture is deleted: decided by desk of demo.\n")
        one, two = (list_attacks(register, NOW - timedelta(days=1))[at] for at in (1, 2))
        assert (one.decided_by, one.note, two.decided_by) == ("1009", "a phone?[2J", "desk of demo")
        assert events_since(register, 0) == before


@pytest.mark.parametrize(
    "words",
    [
        ("--decide", "eeeeee", "attack"),
        ("--decide", "%", "attack"),
        ("--decide", "bbbbbb", "perhaps"),
        ("--decide", "bbbbbb", "attack", "--by", "../x"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_in_a_sentence(run: Run, words: tuple[str, ...]) -> None:
    said = run(*words)
    assert said.exit_code != 0
    assert said.exception is None or isinstance(said.exception, SystemExit)
    assert "Error" in said.output
    assert "bbbbbbbbbbbb" in run().output


def test_the_pictures_are_opened_for_their_owner_alone(run: Run, tmp_path: Path) -> None:
    said = run("--open", str(tmp_path / "looked"), "--key", str(tmp_path / "keys" / "evidence.key"))
    assert said.exit_code == 0, said.output
    (picture,) = (tmp_path / "looked").iterdir()
    assert picture.read_bytes() == JPEG
    assert picture.suffix == ".jpg"
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert stat.S_IMODE(picture.parent.stat().st_mode) == 0o700
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        ref = list_attacks(register, NOW - timedelta(days=1))[1].evidence_ref
    assert picture.stem == (ref or "").removeprefix("sealed:")


def test_no_other_key_opens_a_picture_and_one_that_was_exchanged_is_named(run: Run, tmp_path: Path) -> None:
    keys.new_centre_keys(tmp_path / "others")
    said = run("--open", str(tmp_path / "looked"), "--key", str(tmp_path / "others" / "evidence.key"))
    assert said.exit_code == 1
    assert "sealed for another key" in said.output
    missing = run("--open", str(tmp_path / "looked"), "--key", str(tmp_path / "none.key"))
    assert missing.exit_code == 1
    assert missing.exception is None or isinstance(missing.exception, SystemExit)
    public = keys.load_sealing(tmp_path / "keys" / "evidence.pub")
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register, register.write() as connection:
        connection.exec_driver_sql(
            "UPDATE attacks SET picture = ? WHERE picture IS NOT NULL", (sealing.seal_for(public, b"another"),)
        )
    said = run("--open", str(tmp_path / "looked"))
    assert said.exit_code == 1
    assert "changed or exchanged" in said.output
    assert not (tmp_path / "looked").exists()


def test_the_list_deletes_what_is_too_old_where_no_collector_did(run: Run, tmp_path: Path) -> None:
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        with register.write() as connection:
            long_ago = (NOW - timedelta(days=31)).replace(tzinfo=None).isoformat(" ", "microseconds")
            connection.exec_driver_sql("UPDATE attacks SET received_at = ?", (long_ago,))
        run()
        with register.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM attacks WHERE picture IS NOT NULL").scalar() == 0
