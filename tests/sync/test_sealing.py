"""What is sealed with a key, for a key, and for a device: opened by who holds it, as what it was sealed as, alone."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sync import keys, sealing

PLAIN = b"a template" * 40


def test_what_is_sealed_with_a_key_opens_with_it_alone_and_as_nothing_else() -> None:
    key = sealing.new_key()
    sealed = sealing.seal_with(key, PLAIN, about=b"19850101|sface")
    assert sealing.open_with(key, sealed, about=b"19850101|sface") == PLAIN
    assert PLAIN[:10] not in sealed
    for wrong_key, wrong, about in (
        (sealing.new_key(), sealed, b"19850101|sface"),
        (key, sealed, b"19850102|sface"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"19850101|sface"),
        (key, sealed[:20], b"19850101|sface"),
        (key, b"", b"19850101|sface"),
        (b"short", sealed, b"19850101|sface"),
    ):
        with pytest.raises(sealing.NotOpened):
            sealing.open_with(wrong_key, wrong, about=about)


def test_sealing_the_same_twice_gives_nothing_alike() -> None:
    key = sealing.new_key()
    first, second = (sealing.seal_with(key, PLAIN, about=b"") for _ in range(2))
    assert not {first[at : at + 8] for at in range(len(first) - 8)} & {
        second[at : at + 8] for at in range(len(second) - 8)
    }


def test_the_key_of_a_card_is_that_of_its_device_and_no_other() -> None:
    device = Ed25519PrivateKey.generate()
    assert sealing.card_key(device) == sealing.card_key(device)
    assert len(sealing.card_key(device)) == sealing.KEY_BYTES
    assert sealing.card_key(device) != sealing.card_key(Ed25519PrivateKey.generate())
    assert device.private_bytes_raw() not in sealing.card_key(device)


def test_what_is_sealed_for_the_centre_the_kiosk_cannot_read_back() -> None:
    centre = X25519PrivateKey.generate()
    sealed = sealing.seal_for(centre.public_key().public_bytes_raw(), PLAIN)
    assert sealing.open_for(centre.private_bytes_raw(), sealed) == PLAIN
    with pytest.raises(sealing.NotOpened):
        sealing.open_for(X25519PrivateKey.generate().private_bytes_raw(), sealed)
    with pytest.raises(sealing.NotOpened):
        sealing.open_for(centre.private_bytes_raw(), sealed[:-1])


def test_what_is_sealed_for_a_device_opens_with_the_key_it_signs_with() -> None:
    device, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    sealed = sealing.seal_for(sealing.sealing_form(keys.raw(device.public_key())), PLAIN)
    assert sealing.open_for(sealing.opening_form(device), sealed) == PLAIN
    with pytest.raises(sealing.NotOpened):
        sealing.open_for(sealing.opening_form(other), sealed)


@pytest.mark.parametrize("forged", [b"", b"x" * 31, b"\0" * 32, b"\xff" * 32])
def test_a_public_key_that_is_none_is_named(forged: bytes) -> None:
    with pytest.raises(keys.KeyRefused, match="no public key of a device"):
        sealing.sealing_form(forged)
