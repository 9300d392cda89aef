"""Who can open the sets of an office: its kiosks whose key is approved and not revoked."""

from dataclasses import dataclass

from errors import HadirError
from sync.register import Register, devices


class NoReaders(HadirError):
    """No kiosk could open the office's set; the text says which command changes that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The public keys, 32 bytes each, that a set is sealed for, and the kiosks whose key nobody has approved yet."""

    approved: tuple[bytes, ...]
    waiting: tuple[str, ...]


def readers_of(register: Register, office: str, *, force: bool = False) -> Readers:
    """Return who can open the sets of `office` from now on. Raises NoReaders where nobody could, but by `force`."""
    known = [key for key in devices.device_list(register) if key.office == office]
    approved = tuple(key.public_key for key in known if key.state is devices.KeyState.APPROVED)
    waiting = tuple(sorted({key.terminal for key in known if key.state is devices.KeyState.OFFERED}))
    if not approved and not force:
        first = waiting[0] if waiting else "KIOSK"
        heard = f"these wait for it: {', '.join(waiting)}" if waiting else "none has been heard of; start it first"
        raise NoReaders(
            f"no kiosk of {office} is approved, so none could open the set ({heard}); "
            f"run ./hadir keys approve {first} and publish then, or publish with --force all the same"
        )
    return Readers(approved=approved, waiting=waiting)
