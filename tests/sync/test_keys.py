"""The release key: made once, private, and refused in words when it is not what it should be."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from sync import keys

PROJECT = Path(__file__).resolve().parents[2]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_key_is_private_and_its_halves_belong_together(tmp_path: Path) -> None:
    folder = tmp_path / "centre" / "keys"
    made = keys.new_key(folder)
    private, public = keys.load_private(folder / "release.key"), keys.load_public(folder / "release.pub")
    assert (mode_of(folder), mode_of(folder / "release.key"), mode_of(folder / "release.pub")) == (0o700, 0o600, 0o644)
    assert keys.key_id(public) == made == keys.key_id(private.public_key())
    assert sorted(path.name for path in folder.iterdir()) == ["release.key", "release.pub"]
    assert keys.verify(public, keys.sign(private, b"a set"), b"a set")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    keys.new_key(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(keys.KeyRefused, match="already there"):
        keys.new_key(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_public_half_alone_is_not_paired_with_a_new_private_one(tmp_path: Path) -> None:
    keys.new_key(tmp_path)
    (tmp_path / "release.key").unlink()
    with pytest.raises(keys.KeyRefused, match=r"release\.pub is already there"):
        keys.new_key(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["release.pub"]


def test_a_run_cut_off_between_the_halves_is_completed(tmp_path: Path) -> None:
    made = keys.new_key(tmp_path)
    public = (tmp_path / "release.pub").read_bytes()
    (tmp_path / "release.pub").unlink()
    (tmp_path / ".release.pub.x1y2.unfinished").write_bytes(b"half")
    assert keys.new_key(tmp_path) == made
    assert (tmp_path / "release.pub").read_bytes() == public
    assert sorted(path.name for path in tmp_path.iterdir()) == ["release.key", "release.pub"]


def test_the_centre_gets_the_keys_it_lacks_and_keeps_those_it_has(tmp_path: Path) -> None:
    first = keys.new_key(tmp_path)
    made = keys.new_centre_keys(tmp_path)
    assert sorted(made) == ["collector", "enrolment", "evidence", "heads"]
    assert keys.key_id(keys.load_public(tmp_path / "release.pub")) == first
    assert len({first, *made.values()}) == 5
    with pytest.raises(keys.KeyRefused, match="every key is already there"):
        keys.new_centre_keys(tmp_path)


def test_a_kiosk_makes_its_own_key_once(tmp_path: Path) -> None:
    key = keys.device_key(tmp_path)
    again = keys.signer(keys.device_key(tmp_path))
    assert again.public == keys.raw(key.public_key()) == keys.raw(keys.load_public(tmp_path / "device.pub"))
    assert mode_of(tmp_path / "device.key") == 0o600
    assert keys.verifier([again.public])(again.sign(b"a punch"), b"a punch")


@pytest.mark.parametrize("harm", ["cut off", "other text", "gone"])
def test_a_public_half_that_was_harmed_is_made_from_the_private_one(tmp_path: Path, harm: str) -> None:
    key = keys.device_key(tmp_path)
    public = tmp_path / "device.pub"
    whole = public.read_bytes()
    match harm:
        case "cut off":
            public.write_bytes(whole[:20])
        case "other text":
            public.write_bytes(b"x" * len(whole))
        case "gone":
            public.unlink()
    assert keys.device_key_damage(tmp_path) is None
    assert keys.raw(keys.device_key(tmp_path).public_key()) == keys.raw(key.public_key())
    assert public.read_bytes() == whole


def test_a_key_that_others_can_read_is_refused_and_not_replaced(tmp_path: Path) -> None:
    keys.device_key(tmp_path)
    (tmp_path / "device.key").chmod(0o644)
    assert keys.device_key_damage(tmp_path) is None
    with pytest.raises(keys.KeyRefused, match="chmod 600"):
        keys.device_key(tmp_path)


def test_a_verifier_takes_any_trusted_key_and_nothing_malformed() -> None:
    one, two, stranger = (keys.signer(keys.PrivateKey.generate()) for _ in range(3))
    verified = keys.verifier([one.public, two.public])
    assert verified(one.sign(b"x"), b"x")
    assert verified(two.sign(b"x"), b"x")
    for signature in (stranger.sign(b"x"), one.sign(b"y"), one.sign(b"x")[:-1], b"", bytes(64)):
        assert not verified(signature, b"x")
    assert not keys.verifier([])(one.sign(b"x"), b"x")
    assert not keys.verifier([b"short", bytes(32)])(one.sign(b"x"), b"x")


@pytest.mark.slow
def test_of_two_made_at_once_exactly_one_is_kept(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from sync import keys; print(keys.new_key(Path(sys.argv[1])))"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = [(run.communicate(timeout=60)[0].strip(), run.returncode) for run in runs]
    made = [answer for answer, code in answers if code == 0]
    assert made == [keys.key_id(keys.load_public(tmp_path / "release.pub"))]
    assert made == [keys.key_id(keys.load_private(tmp_path / "release.key").public_key())]


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    for load in (keys.load_private, keys.load_public):
        with pytest.raises(keys.KeyRefused, match=r"there is no key; run \./hadir keys new"):
            load(tmp_path / "release.key")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o666, 0o610])
def test_a_private_key_others_may_touch_is_refused_with_the_command_that_helps(tmp_path: Path, mode: int) -> None:
    keys.new_key(tmp_path)
    path = tmp_path / "release.key"
    path.chmod(mode)
    with pytest.raises(keys.KeyRefused, match="chmod 600"):
        keys.load_private(path)
    path.chmod(0o400)
    keys.load_private(path)


def pem(key: object, path: Path, *, password: bytes | None = None) -> Path:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))  # type: ignore[attr-defined]
    path.chmod(0o600)
    return path


def test_keys_of_the_wrong_kind_are_refused_in_one_sentence(tmp_path: Path) -> None:
    curve = generate_private_key(SECP256R1())
    with pytest.raises(keys.KeyRefused, match="not an Ed25519 key"):
        keys.load_private(pem(curve, tmp_path / "curve.key"))
    with pytest.raises(keys.KeyRefused, match="passphrase"):
        keys.load_private(pem(Ed25519PrivateKey.generate(), tmp_path / "locked.key", password=b"secret"))
    public = tmp_path / "curve.pub"
    public.write_bytes(curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(keys.KeyRefused, match="not an Ed25519 key"):
        keys.load_public(public)


def test_the_halves_swapped_are_refused(tmp_path: Path) -> None:
    keys.new_key(tmp_path)
    (tmp_path / "release.pub").chmod(0o600)
    with pytest.raises(keys.KeyRefused, match="not a private key"):
        keys.load_private(tmp_path / "release.pub")
    with pytest.raises(keys.KeyRefused, match="not a public key"):
        keys.load_public(tmp_path / "release.key")


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"-----BEGIN PRIVATE KEY-----\n", b"a" * 50_000])
def test_files_that_are_no_keys_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "release.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(keys.KeyRefused, match="not a private key"):
        keys.load_private(path)
    with pytest.raises(keys.KeyRefused, match="not a public key"):
        keys.load_public(path)
    with pytest.raises(keys.KeyRefused, match="cannot be read"):
        keys.load_public(tmp_path)


def test_a_torn_private_key_is_not_taken_for_a_fresh_start(tmp_path: Path) -> None:
    keys.new_key(tmp_path)
    whole = (tmp_path / "release.key").read_bytes()
    (tmp_path / "release.key").write_bytes(whole[:40])
    (tmp_path / "release.pub").unlink()
    with pytest.raises(keys.KeyRefused, match="not a private key"):
        keys.new_key(tmp_path)
    assert (tmp_path / "release.key").read_bytes() == whole[:40]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(keys.KeyRefused, match="no key could be written"):
        keys.new_key(tmp_path / "file" / "keys")
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208


@given(message=st.binary(max_size=200), other=st.binary(max_size=200), flipped=st.integers(0, 511))
def test_a_signature_fits_its_message_and_key_only(message: bytes, other: bytes, flipped: int) -> None:
    key, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signature = keys.sign(key, message)
    bad = bytearray(signature)
    bad[flipped // 8] ^= 1 << flipped % 8
    assert keys.verify(key.public_key(), signature, message)
    assert keys.verify(key.public_key(), signature, other) is (message == other)
    assert not keys.verify(stranger.public_key(), signature, message)
    assert not keys.verify(key.public_key(), bytes(bad), message)
    assert not keys.verify(key.public_key(), signature[:-1], message)
