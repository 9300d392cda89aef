"""What is sealed: for who holds a key, or with a key. The only place that knows how.

For who holds a key: a sealed box (libsodium's crypto_box_seal: X25519, XSalsa20-Poly1305) is made with the public half
alone, by a key pair made for it and forgotten at once. A kiosk cannot read back what it sealed for the centre (the
pictures taken while a PIN is typed, for `evidence`; enrolments, for `enrolment`), nor can who steals its card. A device
key signs (Ed25519) and opens boxes in its other form (X25519, by libsodium's conversion).

With a key: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), a random nonce of 24 bytes before the ciphertext.
"""

import hashlib
import re
import secrets
from pathlib import Path

import nacl.bindings
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from errors import HadirError
from sync import keys

SEALED = "sealed:"
SUFFIX = ".sealed"
_REF = re.compile(r"sealed:([0-9a-f]{32})")
_MAX_BYTES = 2**20

KEY_BYTES = 32
_NONCE_BYTES = nacl.bindings.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_CARD = b"hadir card 1"


class NotOpened(HadirError):
    """What was sealed cannot be opened with this key: it was sealed with another, about something else, or changed."""


class EvidenceRefused(HadirError):
    """A sealed picture cannot be opened; the text says why."""


def new_key() -> bytes:
    """Return 32 random bytes to seal with."""
    return secrets.token_bytes(KEY_BYTES)


def card_key(device: keys.PrivateKey) -> bytes:
    """Return the 32 bytes that a kiosk seals with what it alone may read: BLAKE2b keyed with its private key.

    Who has the card has what is sealed; who has not the device's private key (terminal.secrets) cannot open it.
    """
    return hashlib.blake2b(_CARD, key=device.private_bytes_raw(), digest_size=KEY_BYTES).digest()


def seal_with(key: bytes, plain: bytes, *, about: bytes) -> bytes:
    """Return `plain` sealed with the 32 bytes of `key`; `about`, which says what it is, is authenticated with it."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + nacl.bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, about, nonce, key)


def open_with(key: bytes, sealed: bytes, *, about: bytes) -> bytes:
    """Return what `seal_with` sealed with the same `key` and `about`. Raises NotOpened."""
    try:
        return nacl.bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed[_NONCE_BYTES:], about, sealed[:_NONCE_BYTES], key
        )
    except (CryptoError, ValueError, TypeError) as error:
        raise NotOpened("it was sealed with another key or as something else, or was changed") from error


def seal_for(key: bytes, plain: bytes) -> bytes:
    """Return `plain` sealed for who holds the private half of the 32 bytes of an X25519 `key`."""
    return SealedBox(PublicKey(key)).encrypt(plain)


def open_for(key: bytes, sealed: bytes) -> bytes:
    """Return what `seal_for` sealed, by the 32 bytes of the private half (keys.load_opening). Raises NotOpened."""
    try:
        return SealedBox(PrivateKey(key)).decrypt(sealed)
    except (CryptoError, ValueError, TypeError) as error:
        raise NotOpened("it was sealed for another key, or was changed") from error


def sealing_form(device: bytes) -> bytes:
    """Return the X25519 form of the 32 bytes of an Ed25519 public key, for `seal_for`. Raises KeyRefused."""
    try:
        return nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(device)
    except (CryptoError, RuntimeError, ValueError, TypeError) as error:
        raise keys.KeyRefused("this is no public key of a device: nothing can be sealed for it") from error


def opening_form(device: keys.PrivateKey) -> bytes:
    """Return the X25519 form of a device's private key, for `open_for`."""
    pair = device.private_bytes_raw() + keys.raw(device.public_key())
    return nacl.bindings.crypto_sign_ed25519_sk_to_curve25519(pair)


def seal(key: bytes, picture: bytes) -> tuple[str, bytes]:
    """Return the reference and the sealed form of `picture` for the 32 bytes of the public `key`.

    The reference is "sealed:" and 32 hex digits of the SHA-256 of the sealed form: a punch that carries it, signed and
    in its chain, tells whether this is still the picture that was taken for it.
    """
    sealed = seal_for(key, picture)
    return ref_of(sealed), sealed


def ref_of(sealed: bytes) -> str:
    """Return the reference of a sealed picture, as `seal` gives it."""
    return SEALED + hashlib.sha256(sealed).hexdigest()[:32]


def name_of(ref: str) -> str:
    """Return the name of the file that the picture `ref` lies in. Raises EvidenceRefused for what is no reference."""
    found = _REF.fullmatch(ref)
    if found is None:
        raise EvidenceRefused(f"{ref!r} is no reference to a picture; one is sealed: and 32 of 0-9 and a-f")
    return found.group(1) + SUFFIX


def open_sealed(file: Path, key_file: Path, *, ref: str | None = None) -> bytes:
    """Return the JPEG that is sealed in `file`, opened with the private key in `key_file`.

    With `ref`, it is the very picture of the punch that carries it. Raises EvidenceRefused, KeyRefused.
    """
    key = keys.load_opening(key_file)
    try:
        with file.open("rb") as opened:
            sealed = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise EvidenceRefused(f"{file}: the picture cannot be read ({error.strerror})") from error
    if ref is not None and ref_of(sealed) != ref:
        raise EvidenceRefused(f"{file} is not the picture {ref}: it was changed or exchanged")
    try:
        return open_for(key, sealed)
    except NotOpened as error:
        raise EvidenceRefused(f"{file} was not sealed for the key in {key_file}, or is damaged") from error


def open_box(key: bytes, sealed: bytes, *, ref: str) -> bytes:
    """Return the JPEG that is sealed as `sealed`, the very picture of whatever carries `ref`.

    `key` are the 32 bytes of the private half. Raises EvidenceRefused where it is another, NotOpened.
    """
    if ref_of(sealed) != ref:
        raise EvidenceRefused(f"what lies here is not the picture {ref}: it was changed or exchanged")
    return open_for(key, sealed)
