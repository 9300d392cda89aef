"""Punches by PIN that somebody should look at, as the centre lists them."""

from datetime import timedelta
from pathlib import Path

from click.testing import CliRunner
from msgspec import structs

import hadir
from sync import chain
from sync.messages import Method, encode
from sync.register import Register
from sync.register.arrivals import arrival
from sync.register.intake import take
from sync.register.reviews import reviews_since
from tests.sync.samples import SEVEN, SIGNER, event

ALWAYS = SEVEN - timedelta(days=1)


def fill(register: Register) -> None:
    """Four punches of one kiosk: a face, a PIN alone, a PIN beside another's face, a PIN beside the own one."""
    kinds = [
        {},
        {"method": Method.PIN, "evidence_ref": "none:no_camera"},
        {"method": Method.PIN, "review": ("face_unlike",), "score": 0.11, "evidence_ref": "sealed:" + "a" * 32},
        {"method": Method.FACE_AND_PIN, "score": 0.8},
    ]
    before = chain.GENESIS
    made = []
    for seq, changes in enumerate(kinds, 1):
        entry = event(seq)
        entry = structs.replace(entry, prev_hash=before, punch=structs.replace(entry.punch, **changes))
        payload = chain.seal(encode(entry), SIGNER.sign)
        before = chain.digest(payload).hex()
        made.append(arrival(payload, SEVEN + timedelta(hours=1)))
    take(register, events=made)


def test_only_a_pin_beside_anothers_face_is_to_be_looked_at(register: Register) -> None:
    fill(register)
    (found,) = reviews_since(register, ALWAYS)
    assert (found.review, found.evidence_ref, found.score) == (("face_unlike",), "sealed:" + "a" * 32, 0.11)
    assert list(reviews_since(register, SEVEN + timedelta(days=1))) == []
    assert list(reviews_since(register, ALWAYS, terminal="lobby-9")) == []


def test_the_list_names_the_picture_to_open(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"centre:\n  register: sqlite:///{tmp_path}/register.sqlite\n")
    words = ["--config", str(tmp_path / "config.yaml"), "events", "review", "--since", "2026-03-01"]
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        assert CliRunner().invoke(hadir.main, words).output == "Nothing is to be looked at.\n"
        fill(register)
    (line,) = CliRunner().invoke(hadir.main, words).output.splitlines()
    assert line.startswith("2026-03-02 07:00")
    assert line.endswith("face_unlike  sealed:" + "a" * 32)
