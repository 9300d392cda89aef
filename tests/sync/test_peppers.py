"""Peppers, the key that opens pictures, and the commands that make and use them."""

import hashlib
import hmac
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import config
import hadir
from sync import keys, peppers, sealing
from sync.evidence_command import evidence


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_offices_pepper_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    made = peppers.new_pepper(tmp_path / "keys", "demo")
    path = tmp_path / "keys" / "demo.pepper"
    assert mode_of(path) == 0o600
    assert len(made.secret) == 32
    assert dict(peppers.load_peppers(path)) == {made.key_id: made}
    assert peppers.newest_of(tmp_path / "keys", "demo") == made
    with pytest.raises(keys.KeyRefused, match="--rotate"):
        peppers.new_pepper(tmp_path / "keys", "demo")
    assert made.secret.hex() not in repr(made)


def test_offices_have_peppers_of_their_own(tmp_path: Path) -> None:
    assert peppers.new_pepper(tmp_path, "demo").secret != peppers.new_pepper(tmp_path, "north").secret


def test_a_rotation_adds_a_pepper_and_keeps_the_older(tmp_path: Path) -> None:
    first = peppers.new_pepper(tmp_path, "demo")
    second = peppers.new_pepper(tmp_path, "demo", rotate=True)
    assert [*peppers.load_peppers(tmp_path / "demo.pepper").values()] == [first, second]
    assert peppers.newest_of(tmp_path, "demo") == second


def test_what_is_mixed_is_the_hmac_of_number_and_pin(tmp_path: Path) -> None:
    pepper = peppers.new_pepper(tmp_path, "demo")
    assert pepper.mixed("1001", "739206") == hmac.digest(pepper.secret, b"1001\x00739206", hashlib.sha256)


@pytest.mark.parametrize("harm", ["cut off", "another digit", "empty", "not text", "readable by all", "gone"])
def test_a_pepper_file_that_was_harmed_is_refused_in_words(tmp_path: Path, harm: str) -> None:
    peppers.new_pepper(tmp_path, "demo")
    path = tmp_path / "demo.pepper"
    whole = path.read_bytes()
    match harm:
        case "cut off":
            path.write_bytes(whole[:-10])
        case "another digit":
            path.write_bytes(whole[:-2] + (b"0" if whole[-2:-1] != b"0" else b"1") + b"\n")
        case "empty":
            path.write_bytes(b"")
        case "not text":
            path.write_bytes(b"\xff\xfe" * 40)
        case "readable by all":
            path.chmod(0o644)
        case "gone":
            path.unlink()
    with pytest.raises(keys.KeyRefused, match=re.escape(str(path))):
        peppers.load_peppers(path)


def test_a_kiosk_finds_its_offices_pepper(tmp_path: Path) -> None:
    settings = config.replace(config.Config(), office={"id": "north"}, centre={"keys": str(tmp_path)})
    assert peppers.path_of(settings) == tmp_path / "north.pepper"
    own = config.replace(settings, terminal={"pepper": str(tmp_path / "copied")})
    assert peppers.path_of(own) == tmp_path / "copied"


# --- sealed pictures --------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[str, Path]:
    """A picture as a kiosk keeps it, and its reference."""
    keys.new_centre_keys(tmp_path)
    ref, content = sealing.seal(keys.load_sealing(tmp_path / "evidence.pub"), b"a picture")
    file = tmp_path / "evidence" / sealing.name_of(ref)
    file.parent.mkdir()
    file.write_bytes(content)
    return ref, file


def test_only_the_private_half_opens_what_was_sealed(tmp_path: Path, sealed: tuple[str, Path]) -> None:
    ref, file = sealed
    assert b"picture" not in file.read_bytes()
    assert sealing.open_sealed(file, tmp_path / "evidence.key", ref=ref) == b"a picture"
    with pytest.raises(keys.KeyRefused):
        sealing.open_sealed(file, tmp_path / "evidence.pub")
    with pytest.raises(keys.KeyRefused, match="X25519"):
        sealing.open_sealed(file, tmp_path / "release.key")
    keys.new_centre_keys(tmp_path / "other")
    with pytest.raises(sealing.EvidenceRefused, match="not sealed for"):
        sealing.open_sealed(file, tmp_path / "other" / "evidence.key")


def test_a_picture_that_was_exchanged_is_not_that_of_the_punch(tmp_path: Path, sealed: tuple[str, Path]) -> None:
    ref, file = sealed
    file.write_bytes(sealing.seal(keys.load_sealing(tmp_path / "evidence.pub"), b"another")[1])
    with pytest.raises(sealing.EvidenceRefused, match="exchanged"):
        sealing.open_sealed(file, tmp_path / "evidence.key", ref=ref)


@pytest.mark.parametrize("ref", ["sealed:", "sealed:../../etc/passwd", "sealed:" + "A" * 32, "none:no_camera"])
def test_what_is_no_reference_names_no_file(ref: str) -> None:
    with pytest.raises(sealing.EvidenceRefused, match="no reference"):
        sealing.name_of(ref)


# --- the commands -----------------------------------------------------------------------------------------------------


def run(folder: Path, *words: str) -> Result:
    settings = folder / "config.yaml"
    settings.write_text("centre: {keys: keys}\nterminal: {state: card}\n")
    return CliRunner().invoke(hadir.main, ["--config", str(settings), *words])


def test_keys_new_makes_the_pepper_and_the_key_of_pictures_too(tmp_path: Path) -> None:
    keys.new_key(tmp_path / "keys")
    made = run(tmp_path, "keys", "new")
    assert made.exit_code == 0, made.output
    pepper = peppers.newest_of(tmp_path / "keys", "demo")
    assert f"Made pepper {pepper.key_id}" in made.output
    assert pepper.secret.hex() not in made.output
    assert "evidence.key" in made.output
    assert run(tmp_path, "keys", "new").exit_code == 1
    (tmp_path / "keys" / "demo.pepper").unlink()
    assert run(tmp_path, "keys", "new").exit_code == 0, "a pepper alone may be lacking"


def test_keys_pepper_is_for_one_office_and_rotates(tmp_path: Path) -> None:
    assert run(tmp_path, "keys", "pepper", "--office", "north").exit_code == 0
    again = run(tmp_path, "keys", "pepper", "--office", "north")
    assert (again.exit_code, "--rotate" in again.output) == (1, True)
    assert run(tmp_path, "keys", "pepper", "--office", "north", "--rotate").exit_code == 0
    assert len(peppers.load_peppers(tmp_path / "keys" / "north.pepper")) == 2
    odd = run(tmp_path, "keys", "pepper", "--office", "../north")
    assert (odd.exit_code, "is not an office id" in odd.output) == (1, True)


@pytest.mark.parametrize("folder", ["evidence", "evidence/attacks"])
def test_evidence_open_writes_the_picture_once(tmp_path: Path, folder: str) -> None:
    assert run(tmp_path, "keys", "new").exit_code == 0
    ref, content = sealing.seal(keys.load_sealing(tmp_path / "keys" / "evidence.pub"), b"a picture")
    file = tmp_path / "card" / folder / sealing.name_of(ref)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    to = str(tmp_path / "seen.jpg")
    opened = run(tmp_path, "evidence", "open", ref, "--to", to)
    assert opened.exit_code == 0, opened.output
    assert Path(to).read_bytes() == b"a picture"
    assert mode_of(Path(to)) == 0o600
    assert run(tmp_path, "evidence", "open", str(file), "--to", to).exit_code == 1, "nothing is overwritten"
    gone = run(tmp_path, "evidence", "open", "sealed:" + "0" * 32, "--to", str(tmp_path / "x.jpg"))
    assert (gone.exit_code, "cannot be read" in gone.output) == (1, True)
    assert evidence.name == "evidence"


def test_c5_the_pepper_is_looked_for_among_the_secrets_first(tmp_path: Path) -> None:
    settings = config.replace(
        config.Config(), centre={"keys": str(tmp_path / "keys")}, terminal={"secrets": str(tmp_path / "secrets")}
    )
    assert peppers.path_of(settings) == tmp_path / "secrets" / "demo.pepper"
    peppers.new_pepper(tmp_path / "keys", "demo")
    assert peppers.path_of(settings) == tmp_path / "keys" / "demo.pepper", "where it was before there were secrets"
    peppers.new_pepper(tmp_path / "secrets", "demo")
    assert peppers.path_of(settings) == tmp_path / "secrets" / "demo.pepper"
