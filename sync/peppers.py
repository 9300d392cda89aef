"""Peppers: a secret of 32 bytes for each office, without which a PIN hash cannot even be guessed at.

The centre makes them and mixes them into the PINs it hashes; the office's kiosks have a copy, in a file that only they
can read. It is in no encoding set and no database: a set or a register that leaks gives no PIN away. A file has a line
for each pepper, "ID SECRET" in hex digits, the newest last: after a rotation the PINs set before still need the older.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import config
from sync.durable import write_whole
from sync.keys import KeyDamaged, KeyRefused, making_in, read_secret

PEPPER_BYTES = 32
_SUFFIX = ".pepper"
_LINE = re.compile(r"([0-9a-f]{8}) ([0-9a-f]{64})")
_MOST = 100

NONE: Mapping[str, "Pepper"] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pepper:
    """One secret. `key_id` says which without giving anything away: 8 hex digits of a SHA-256."""

    key_id: str
    secret: bytes = field(repr=False)

    def mixed(self, employee: str, pin: str) -> bytes:
        """Return HMAC-SHA256 of the employee number, a zero byte and the PIN: 32 bytes."""
        return hmac.digest(self.secret, f"{employee}\0{pin}".encode(errors="surrogatepass"), "sha256")


def pepper_of(secret: bytes) -> Pepper:
    """Return `secret` with its id."""
    return Pepper(key_id=hashlib.sha256(b"hadir pepper 1\0" + secret).hexdigest()[:8], secret=secret)


def new_pepper(folder: Path, office: str, *, rotate: bool = False) -> Pepper:
    """Have a pepper for `office` in `folder` (OFFICE.pepper, 0600), and return it. Raises KeyRefused.

    Where there is one, that is refused, unless another is to take its place (`rotate`) for the PINs set from now on.
    """
    path = path_in(folder, office)
    with making_in(folder):
        present = [*load_peppers(path).values()] if path.exists() else []
        if present and not rotate:
            raise KeyRefused(f"{path} is already there, and PINs were made with it; --rotate adds a new one to it")
        if len(present) >= _MOST:
            raise KeyRefused(f"{path} has {len(present)} peppers already; have the PINs of the oldest set again first")
        made = pepper_of(secrets.token_bytes(PEPPER_BYTES))
        lines = [f"{each.key_id} {each.secret.hex()}\n" for each in (*present, made)]
        write_whole(path, "".join(lines).encode(), mode=0o600)
    return made


def load_peppers(path: Path) -> Mapping[str, Pepper]:
    """Return the peppers of the file `path` by their ids, the newest last. Raises KeyRefused."""
    try:
        lines = read_secret(path).decode("ascii").splitlines()
    except UnicodeDecodeError as error:
        raise KeyDamaged(f"{path} is not a pepper file; copy it from the centre again") from error
    found = {}
    for line in lines:
        read = _LINE.fullmatch(line)
        pepper = pepper_of(bytes.fromhex(read.group(2))) if read else None
        if read is None or pepper is None or pepper.key_id != read.group(1):
            raise KeyDamaged(f"{path} is not a whole pepper file; copy it from the centre again")
        found[pepper.key_id] = pepper
    if not found:
        raise KeyDamaged(f"{path} has no pepper in it; copy it from the centre again")
    return MappingProxyType(found)


def newest_of(folder: Path, office: str) -> Pepper:
    """Return the pepper that the PINs of `office` are made with from now on. Raises KeyRefused."""
    path = path_in(folder, office)
    if not path.exists():
        raise KeyRefused(
            f"{path}: office {office} has no pepper for its PINs; run ./hadir keys pepper --office {office}"
        )
    return [*load_peppers(path).values()][-1]


def path_in(folder: Path, office: str) -> Path:
    """Return where the centre keeps the pepper of `office`."""
    return folder / f"{office}{_SUFFIX}"


def path_of(settings: config.Config) -> Path:
    """Return where this kiosk has that of its office."""
    if settings.terminal.pepper:
        return Path(settings.terminal.pepper)
    shared = path_in(settings.centre.keys, settings.office.id)
    if not settings.terminal.secrets:
        return shared
    own = path_in(settings.terminal.key_folder, settings.office.id)
    return own if own.exists() or not shared.exists() else shared
