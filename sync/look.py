"""One row of a database by itself: whether it is the entry that a kiosk signed, with nothing beside it changed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sync import chain
from sync.keyring import Keyring
from sync.messages import Entry, MessageRefused
from sync.walk import UNSIGNED, Seen

Row = tuple[Any, ...]
"""The exact bytes of an entry, then the columns beside them; terminal, epoch and seq first, where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looker:
    """What rows of one database are looked at with; it can be given to another process.

    `names` are those of the columns; `columns_of` gives what they must be for an entry and its hash; `ring` has the
    keys that are trusted.
    """

    names: tuple[str, ...]
    columns_of: Callable[[Entry, bytes], Row]
    ring: Keyring

    def look_at(self, rows: Iterable[Row]) -> list[Seen]:
        """Return what each row is by itself."""
        return [self._look(row) for row in rows]

    def _look(self, row: Row) -> Seen:
        payload = row[0]
        if not isinstance(payload, bytes):
            return _misplaced(row, "", "has no bytes")
        digest = chain.digest(payload)
        if b"\n" not in payload:
            return _misplaced(row, digest.hex(), UNSIGNED)
        try:
            entry, sealed = chain.read_entry(payload)
        except MessageRefused as error:
            return _misplaced(row, digest.hex(), f"cannot be read: {error}")
        expected = self.columns_of(entry, digest)
        if row[1:] != expected:
            if row[1:4] != expected[:3]:
                return _misplaced(row, digest.hex(), "holds an entry of another place")
            name = next(name for name, is_, must in zip(self.names, row[1:], expected, strict=True) if is_ != must)
            fault = f"has another {name} in its column than in its signed bytes"
        else:
            fault = ""
            verified = self.ring.verifier(entry.office, entry.terminal)
            if verified is None:
                fault = f"is of terminal {entry.terminal} of office {entry.office}, of which no key is known"
            elif not verified(sealed.signature, sealed.body):
                fault = "is not signed by a known key of its terminal"
        return Seen(entry.terminal, entry.epoch, entry.seq, entry.prev_hash, digest.hex(), fault)


def _misplaced(row: Row, hash_: str, fault: str) -> Seen:
    """Return a row of which only the columns can say where it lies, if there are any."""
    if len(row) < 4 or row[1] is None or row[2] is None or not isinstance(row[3], int):
        return Seen(None, "", 0, "", hash_, fault)
    return Seen(_text(row[1]), _text(row[2]), row[3], "", hash_, fault)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
