"""Keys as PEM files, Ed25519 (RFC 8032): made, loaded, signed with and checked against.

The centre has five, whose private halves stay there: `release` signs encoding sets, `collector` acknowledgements,
`heads` the daily list of chain heads that a second party keeps; `evidence` opens the pictures that kiosks seal and
`enrolment` the enrolments made on them (X25519, RFC 7748; sync/sealing.py). Each kiosk has one of its own, `device`,
made at its first start and never leaving it: it signs every punch, sets are sealed for it, and the centre's people
approve its public half once.

Signatures are made with cryptography (OpenSSL) and, where there are thousands a second, checked with libsodium, which
takes half the time and lets other threads run meanwhile.
"""

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from errors import HadirError
from sync.durable import flush_folder, make_folder, sweep, write_whole

RELEASE, COLLECTOR, HEADS, EVIDENCE, ENROLMENT, DEVICE = (
    "release",
    "collector",
    "heads",
    "evidence",
    "enrolment",
    "device",
)
CENTRE = (RELEASE, COLLECTOR, HEADS, EVIDENCE, ENROLMENT)
SEALING = (EVIDENCE, ENROLMENT)
"""Those that open what others seal, and sign nothing."""
PRIVATE_NAME = "release.key"
PUBLIC_NAME = "release.pub"

PrivateKey = Ed25519PrivateKey
PublicKey = Ed25519PublicKey

_MAX_BYTES = 16_384


class KeyRefused(HadirError):
    """A key cannot be made or used; the text says why and what to do."""


class KeyDamaged(KeyRefused):
    """A file that should hold a key holds none: it was cut off, overwritten or never one."""


def new_key(folder: Path, name: str = RELEASE) -> str:
    """Have a new key in `folder` (NAME.key 0600, NAME.pub), and return its id. Never overwrites a key.

    Where an earlier run was cut off between the two files, its public half is written and nothing else is done.
    Raises KeyRefused.
    """
    with making_in(folder):
        return _make(folder, name)


def new_centre_keys(folder: Path) -> dict[str, str]:
    """Have every key of the centre in `folder`, and return the id of each that was not there, by name.

    Raises KeyRefused, also where all of them are there already.
    """
    with making_in(folder):
        lacking = _lacking(folder)
        if not lacking:
            raise KeyRefused(
                f"every key is already there in {folder}, and kiosks may trust them; "
                "move both halves of one away yourself if you really want a new one"
            )
        return {name: _make(folder, name) for name in lacking}


def complete(folder: Path) -> bool:
    """Return whether every key of the centre is in `folder`."""
    return not _lacking(folder)


def _lacking(folder: Path) -> list[str]:
    return [name for name in CENTRE if not all(path.exists() for path in _paths(folder, name))]


def own_key(folder: Path, *, card: Path) -> PrivateKey:
    """Return the kiosk's own key as `device_key` does; its public half lies on the `card` as well. Raises KeyRefused.

    One that lies on the card, from before it had a folder of its own, is in `folder` afterwards and there alone.
    """
    if folder == card:
        return device_key(folder)
    there, here = _paths(card, DEVICE)[0], _paths(folder, DEVICE)[0]
    if there.exists():
        with making_in(folder):
            if not here.exists():
                write_whole(here, read_secret(there), mode=0o600)
            if read_secret(here) == read_secret(there):
                there.unlink()
                flush_folder(card)
    private, public = device_key(folder), _paths(card, DEVICE)[1]
    pem = _public_pem(private)
    with making_in(card):
        if not public.exists() or public.read_bytes() != pem:
            write_whole(public, pem, mode=0o644)
    return private


def device_key(folder: Path) -> PrivateKey:
    """Return the kiosk's own key, kept in `folder`; made if it is not there yet. Raises KeyRefused."""
    with making_in(folder):
        private_path, public_path = _paths(folder, DEVICE)
        if not (private_path.exists() and public_path.exists()):
            _make(folder, DEVICE)
        private = load_private(private_path)
        public = _public_pem(private)
        if public_path.read_bytes() != public:  # whatever became of it, it follows from the private half
            write_whole(public_path, public, mode=0o644)
        return private


def device_key_damage(folder: Path, *, card: Path | None = None) -> str | None:
    """Return why the kiosk's own key in `folder` can never sign again; None for one that is sound or not made yet.

    The `card` may still have the key, or its public half, where it has a folder of its own by now.
    A key that may not be used as it is (others can read it) is not damaged. Raises KeyRefused where nobody can look.
    """
    private_path, public_path = _paths(folder, DEVICE)
    if card is not None and card != folder and not private_path.exists():
        on_card = _paths(card, DEVICE)
        if on_card[0].exists():
            return device_key_damage(card)
        public_path = on_card[1] if on_card[1].exists() else public_path
    if not private_path.exists():
        return f"{private_path} is gone, and only its public half is left" if public_path.exists() else None
    try:
        load_private(private_path)
    except KeyDamaged as damage:
        return str(damage)
    except KeyRefused:
        return None
    return None


def set_device_key_aside(folder: Path, *, stamp: str) -> None:
    """The kiosk's own key lies in `folder` under another name with `stamp` in it; `device_key` makes a new one.

    Raises KeyRefused.
    """
    with making_in(folder):
        for path in _paths(folder, DEVICE):
            if path.exists():
                path.rename(path.with_name(f"damaged-{stamp}-{path.name}"))
        flush_folder(folder)


def _make(folder: Path, name: str) -> str:
    """Have both halves in `folder`, and return the id of the key."""
    private_path, public_path = _paths(folder, name)
    private: Ed25519PrivateKey | X25519PrivateKey
    if private_path.exists() and not public_path.exists():
        private = _opening(private_path) if name in SEALING else load_private(private_path)
    elif private_path.exists() or public_path.exists():
        present = private_path if private_path.exists() else public_path
        raise KeyRefused(
            f"{present} is already there and may be trusted by others; "
            "move both halves away yourself if you really want a new key"
        )
    else:
        private = X25519PrivateKey.generate() if name in SEALING else Ed25519PrivateKey.generate()
        write_whole(private_path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    write_whole(public_path, _public_pem(private), mode=0o644)
    return id_of_raw(private.public_key().public_bytes_raw())


def _public_pem(private: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.key", folder / f"{name}.pub"


@contextmanager
def making_in(folder: Path) -> Iterator[None]:
    """Let one process make secrets in `folder`, which is there, for its owner only. Raises KeyRefused."""
    try:
        make_folder(folder)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        with _alone_in(folder):
            for name in (*CENTRE, DEVICE):
                for path in _paths(folder, name):
                    sweep(folder, path.name)
            yield
    except OSError as error:
        raise KeyRefused(
            f"{folder}: no key could be written there ({error.strerror}); see centre.keys and terminal.state"
        ) from error


def load_private(path: Path) -> PrivateKey:
    """Return the private key of the PEM file `path`. Raises KeyRefused, also where others may read the file."""
    key = _private(path)
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused(f"{path} is not an Ed25519 key; put the one back that hadir made")
    return key


def load_opening(path: Path) -> bytes:
    """Return the 32 bytes of the private half of `evidence` or `enrolment`, as `load_private` does."""
    return _opening(path).private_bytes_raw()


def _opening(path: Path) -> X25519PrivateKey:
    key = _private(path)
    if not isinstance(key, X25519PrivateKey):
        raise KeyRefused(
            f"{path} is not an X25519 key, as opens what kiosks seal; give the {path.name} that hadir made"
        )
    return key


def _private(path: Path) -> object:
    content = read_secret(path)
    try:
        return load_pem_private_key(content, password=None)
    except TypeError as error:
        raise KeyRefused(f"{path} is protected by a passphrase; hadir needs a key without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyDamaged(f"{path} is not a private key in a PEM file; put the one back that hadir made") from error


def load_public(path: Path) -> PublicKey:
    """Return the public key of the PEM file `path`. Raises KeyRefused."""
    key = _public(path, PUBLIC_NAME)
    if not isinstance(key, Ed25519PublicKey):
        raise KeyRefused(f"{path} is not an Ed25519 key; copy {PUBLIC_NAME} from the centre again")
    return key


def load_sealing(path: Path) -> bytes:
    """Return the 32 bytes of the public half of `evidence` or `enrolment`. Raises KeyRefused."""
    key = _public(path, path.name)
    if not isinstance(key, X25519PublicKey):
        raise KeyRefused(f"{path} is not an X25519 key; copy {path.name} from the centre again")
    return key.public_bytes_raw()


def _public(path: Path, name: str) -> object:
    content, _ = _read(path)
    try:
        return load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyRefused(f"{path} is not a public key in a PEM file; copy {name} from the centre again") from error


def read_secret(path: Path) -> bytes:
    """Return what is in `path`, 16 kB at most. Raises KeyRefused, also where others may read the file."""
    content, mode = _read(path)
    if stat.S_IMODE(mode) & 0o077:
        raise KeyRefused(f"{path} can be read by others than its owner; run: chmod 600 '{path}'")
    return content


def sign(key: PrivateKey, message: bytes) -> bytes:
    """Return the 64 bytes of the signature over exactly `message`."""
    return key.sign(message)


def verify(key: PublicKey, signature: bytes, message: bytes | memoryview) -> bool:
    """Return whether `signature` was made over exactly `message` with the private half of `key`."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def raw(key: PublicKey) -> bytes:
    """Return the 32 bytes of the public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def verifier(trusted: Sequence[bytes]) -> Callable[[bytes, bytes], bool]:
    """Return a function from (signature, message) to whether one of the `trusted` raw public keys made it.

    It holds no lock of Python's while it computes: as many threads as there are cores help.
    """

    def verified(signature: bytes, message: bytes) -> bool:
        for key in trusted:
            with suppress(nacl.exceptions.BadSignatureError, ValueError):
                nacl.bindings.crypto_sign_open(signature + message, key)
                return True
        return False

    return verified


def id_of_raw(key: bytes) -> str:
    """Return `key_id` of a public key given by its 32 bytes."""
    return hashlib.sha256(key).hexdigest()[:16]


def key_id(key: PublicKey) -> str:
    """Return the first 16 hex digits of the SHA-256 of the raw public key: enough for people to compare."""
    return id_of_raw(raw(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key as those see it who sign with it: its public half (32 bytes), the id of that, and a function."""

    public: bytes
    key_id: str
    sign: Callable[[bytes], bytes]


def signer(key: PrivateKey) -> Signer:
    """Return `key` as a Signer."""
    public = raw(key.public_key())
    return Signer(public=public, key_id=id_of_raw(public), sign=key.sign)


def _read(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES), os.fstat(file.fileno()).st_mode
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
