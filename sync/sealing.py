"""Sealed pictures: what a kiosk sees while a PIN is typed, which only the centre's key `evidence` opens.

A sealed box (libsodium's crypto_box_seal: X25519, XSalsa20-Poly1305) is made with the public half alone, by a key pair
made for it and forgotten at once: the kiosk that sealed a picture cannot read it back, nor can who steals its card.
"""

import hashlib
import re
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from errors import HadirError
from sync import keys

SEALED = "sealed:"
SUFFIX = ".sealed"
_REF = re.compile(r"sealed:([0-9a-f]{32})")
_MAX_BYTES = 2**20


class EvidenceRefused(HadirError):
    """A sealed picture cannot be opened; the text says why."""


def seal(key: bytes, picture: bytes) -> tuple[str, bytes]:
    """Return the reference and the sealed form of `picture` for the 32 bytes of the public `key`.

    The reference is "sealed:" and 32 hex digits of the SHA-256 of the sealed form: a punch that carries it, signed and
    in its chain, tells whether this is still the picture that was taken for it.
    """
    sealed = SealedBox(PublicKey(key)).encrypt(picture)
    return SEALED + hashlib.sha256(sealed).hexdigest()[:32], sealed


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
    if ref is not None and SEALED + hashlib.sha256(sealed).hexdigest()[:32] != ref:
        raise EvidenceRefused(f"{file} is not the picture {ref}: it was changed or exchanged")
    try:
        return SealedBox(PrivateKey(key)).decrypt(sealed)
    except (CryptoError, ValueError, TypeError) as error:
        raise EvidenceRefused(f"{file} was not sealed for the key in {key_file}, or is damaged") from error
