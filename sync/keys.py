"""Keys: the release key that every encoding set is signed with, as PEM files. The only importer of cryptography.

Ed25519 (RFC 8032). The private half stays at the centre, readable by its owner only; kiosks have the public half.
"""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from errors import HadirError
from sync.durable import make_folder, sweep, write_whole

PRIVATE_NAME = "release.key"
PUBLIC_NAME = "release.pub"

PrivateKey = Ed25519PrivateKey
PublicKey = Ed25519PublicKey

_MAX_PEM_BYTES = 16_384


class KeyRefused(HadirError):
    """A key cannot be made or used; the text says why and what to do."""


def new_release_key(folder: Path) -> str:
    """Have a new release key in `folder` (release.key 0600, release.pub), and return its id. Never overwrites a key.

    Where an earlier run was cut off between the two files, its public half is written and nothing else is done.
    Raises KeyRefused.
    """
    private_path, public_path = folder / PRIVATE_NAME, folder / PUBLIC_NAME
    try:
        make_folder(folder)
        folder.chmod(0o700)
        with _alone_in(folder):
            sweep(folder)
            if private_path.exists() and not public_path.exists():
                private = load_private(private_path)
            elif private_path.exists() or public_path.exists():
                present = private_path if private_path.exists() else public_path
                raise KeyRefused(
                    f"{present} is already there and kiosks may trust it; "
                    "move both halves away yourself if you really want a new key"
                )
            else:
                private = Ed25519PrivateKey.generate()
                write_whole(
                    private_path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600
                )
            public = private.public_key()
            write_whole(public_path, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), mode=0o644)
    except OSError as error:
        raise KeyRefused(f"{folder}: no key could be written there ({error.strerror}); see centre.keys") from error
    return key_id(public)


def load_private(path: Path) -> PrivateKey:
    """Return the private key of the PEM file `path`. Raises KeyRefused, also where others may read the file."""
    content, mode = _read(path)
    if stat.S_IMODE(mode) & 0o077:
        raise KeyRefused(f"{path} can be read by others than its owner; run: chmod 600 '{path}'")
    try:
        key = load_pem_private_key(content, password=None)
    except TypeError as error:
        raise KeyRefused(f"{path} is protected by a passphrase; hadir needs a key without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused(f"{path} is not a private key in a PEM file; put the one back that hadir made") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused(f"{path} is not an Ed25519 key; put the one back that hadir made")
    return key


def load_public(path: Path) -> PublicKey:
    """Return the public key of the PEM file `path`. Raises KeyRefused."""
    content, _ = _read(path)
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused(
            f"{path} is not a public key in a PEM file; copy {PUBLIC_NAME} from the centre again"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRefused(f"{path} is not an Ed25519 key; copy {PUBLIC_NAME} from the centre again")
    return key


def sign(key: PrivateKey, message: bytes) -> bytes:
    """Return the 64 bytes of the signature over exactly `message`."""
    return key.sign(message)


def verify(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether `signature` was made over exactly `message` with the private half of `key`."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def key_id(key: PublicKey) -> str:
    """Return the first 16 hex digits of the SHA-256 of the raw public key: enough for people to compare."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _read(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_PEM_BYTES), os.fstat(file.fileno()).st_mode
    except FileNotFoundError as error:
        raise KeyRefused(f"{path}: there is no key; run ./hadir keys new") from error
    except OSError as error:
        raise KeyRefused(f"{path}: the key cannot be read ({error.strerror}); see who owns the file") from error


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time make keys in `folder`: two at once would pair one's private with the other's public."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
