"""The public keys kiosks are known to sign with, for checking what they signed long ago: from files, or a database."""

import base64
import binascii
from collections.abc import Callable, Iterable
from pathlib import Path

from errors import HadirError
from sync import keys

# SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) is these bytes and the 32 of the key.
_SPKI = bytes.fromhex("302a300506032b6570032100")
_KEY_BYTES = 32
_MOST_BYTES = 10_000_000
_PEM = "-----BEGIN PUBLIC KEY-----"

Verifier = Callable[[bytes, bytes], bool]


class KeysRefused(HadirError):
    """The file holds no public keys that can be used; the text says which line is wrong."""


class Keyring:
    """Which keys are trusted for which terminal. One without an owner is trusted for all."""

    def __init__(self, known: Iterable[tuple[str | None, str | None, bytes]]) -> None:
        """Have the ring of (office, terminal, 32 bytes), where None stands for any."""
        owned: dict[tuple[str | None, str | None], list[bytes]] = {}
        for office, terminal, key in known:
            owned.setdefault((office, terminal), []).append(key)
        self._owned = owned
        self._verifiers: dict[tuple[str, str], Verifier | None] = {}

    def __getstate__(self) -> dict[tuple[str | None, str | None], list[bytes]]:
        """The keys: another process makes its own functions of them."""
        return self._owned

    def __setstate__(self, owned: dict[tuple[str | None, str | None], list[bytes]]) -> None:
        self._owned, self._verifiers = owned, {}

    def verifier(self, office: str, terminal: str) -> Verifier | None:
        """Return what checks signatures of that terminal, None where no key of it is known. Any thread may ask."""
        asked = (office, terminal)
        if asked not in self._verifiers:
            owners = (asked, (None, terminal), (None, None))
            trusted = [key for owner in owners for key in self._owned.get(owner, ())]
            self._verifiers[asked] = keys.verifier(trusted) if trusted else None
        return self._verifiers[asked]


def written(key: bytes) -> str:
    """Return the 32 bytes of a public key as the one line of base64 that a PEM file has between its first and last."""
    return base64.b64encode(_SPKI + key).decode()


def read(line: str) -> bytes:
    """Return the 32 bytes of the public key that `written` wrote. Raises KeysRefused."""
    try:
        spki = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        spki = b""
    if len(spki) != len(_SPKI) + _KEY_BYTES or not spki.startswith(_SPKI):
        raise KeysRefused("not an Ed25519 public key as a PEM file has it")
    return spki[len(_SPKI) :]


def load(path: Path) -> Keyring:
    """Return the ring that `path` is: public keys in PEM, trusted for all, or lines of `TERMINAL KEY`.

    KEY is the line between the first and the last of a PEM file; empty lines and those with # in front are passed over.
    Raises KeysRefused.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise KeysRefused(f"{path}: the public keys cannot be read ({error}); give a PEM file with --keys") from None
    known: list[tuple[str | None, str | None, bytes]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith(("#", "-----")):
            continue
        try:
            match words:
                case [key] if _PEM in text:
                    known.append((None, None, read(key)))
                case [terminal, key]:
                    known.append((None, terminal, read(key)))
                case _:
                    raise KeysRefused("neither a PEM file nor TERMINAL KEY")
        except KeysRefused as error:
            raise KeysRefused(f"{path}, line {number}: {error}; see device.pub on the kiosk") from None
    if not known:
        raise KeysRefused(f"{path}: no public key in it; see device.pub on the kiosk")
    return Keyring(known)
