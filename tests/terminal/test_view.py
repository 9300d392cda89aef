"""What the screens are told beside the visit: language, crop, the day so far, how the kiosk is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import config
from sync.certificates import CertificateUnreadable, days_left
from terminal.preferences import keep_language, kept_language
from terminal.view import _followed, own_address


def test_a_language_chosen_on_the_kiosk_outlives_it(tmp_path: Path) -> None:
    assert kept_language(tmp_path, "id") == "id"
    keep_language(tmp_path, "jv").join(10)
    assert kept_language(tmp_path, "id") == "jv"
    keep_language(tmp_path, "en").join(10)
    assert kept_language(tmp_path, "id") == "en"


@pytest.mark.parametrize("content", [b"", b"xx", b"\xff\xfe", b"id" * 10_000, b"../../etc/passwd", b"id\nen"])
def test_a_file_that_names_no_language_changes_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "language").write_bytes(content)
    assert kept_language(tmp_path, "jv") == "jv"


def test_a_card_that_cannot_be_written_forgets_the_language_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    keep_language(tmp_path / "state", "en").join(10)
    assert "forgotten at the next start" in caplog.text
    assert kept_language(tmp_path / "state", "id") == "id"


def certificate(path: Path, *, until: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lobby-1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(until - timedelta(days=90))
        .not_valid_after(until)
        .sign(key, hashes.SHA256())
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    path.write_bytes(made.public_bytes(Encoding.PEM))


def test_a_certificate_says_how_many_days_it_has_left(tmp_path: Path) -> None:
    now = datetime(2026, 3, 2, 8, tzinfo=UTC)
    path = tmp_path / "lobby-1.pem"
    certificate(path, until=now + timedelta(days=30, hours=1))
    assert days_left(path, now) == 30
    assert days_left(path, now + timedelta(days=31)) == -1
    path.write_text("-----BEGIN CERTIFICATE-----\nnone\n")
    with pytest.raises(CertificateUnreadable, match=r"lobby-1\.pem"):
        days_left(path, now)
    with pytest.raises(CertificateUnreadable):
        days_left(tmp_path / "absent.pem", now)


def test_the_crop_follows_a_seated_face_calmly_and_rests_for_small_moves() -> None:
    at = 0.5
    steps = []
    for _ in range(60):
        at = _followed(at, 0.85)
        steps.append(at)
    assert steps == sorted(steps)
    assert max(np.diff([0.5, *steps])) < 0.06, "no jump"
    assert abs(steps[-1] - 0.85) <= 0.07
    assert _followed(0.5, 0.54) == 0.5


def test_the_own_address_is_that_of_the_way_to_the_broker() -> None:
    assert own_address("127.0.0.1") == "127.0.0.1"
    assert own_address("a name is not looked up") == ""
    assert own_address(config.Mqtt().host) == "127.0.0.1"
