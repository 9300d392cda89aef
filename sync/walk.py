"""One chain followed from its first entry to its last: what does not fit is named. *Pure*."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sync import chain
from sync.chain import Bad

Key = tuple[str, str]
"""(terminal, epoch)."""

UNSIGNED = "is not signed"
"""The fault of an entry as kiosks wrote them before they signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a database says of one chain beside its entries.

    From seq `first`, which follows an entry of hash `before` (None: unknown), it is whole up to `upto`, the entry with
    hash `upto_hash`; above that some may be missing, and none is above `highest`. Where it is from before punches were
    signed nothing can be said of its entries but that they are there.
    """

    first: int = 1
    before: str | None = chain.GENESIS
    upto: int
    upto_hash: str
    highest: int
    signed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What a second party kept of a chain: the hash of the entry at `upto`; `name` says where that is written."""

    upto: int
    upto_hash: str
    name: str


class Seen(NamedTuple):
    """What one row is by itself. `terminal` is None where it cannot be told. `fault` is "" where there is none."""

    terminal: str | None
    epoch: str
    seq: int
    prev_hash: str
    hash: str
    fault: str


@dataclass(slots=True, kw_only=True)
class Walk:
    """One chain, followed entry by entry: `last` is the seq before, `hash` its hash, None where that is unknown."""

    key: Key
    claim: Claim | None
    witnesses: Sequence[Witness]
    last: int = 0
    hash: str | None = None
    entries: int = 0
    unsigned: int = 0
    missing: int = 0
    bad: Bad | None = None
    met: list[Witness] = field(default_factory=list)
    _due: list[Witness] = field(default_factory=list)
    _doubted: bool = False

    def __post_init__(self) -> None:
        self._due = sorted((each for each in self.witnesses if each.upto), key=lambda each: each.upto)
        if self.claim is not None:
            self.last, self.hash = self.claim.first - 1, self.claim.before
            # What lies before the first entry that is kept was deleted in good order, and cannot be looked at.
            self._due = [each for each in self._due if each.upto >= self.last]
            self._ask_witnesses()

    def take(self, seen: Seen) -> None:
        """Take the next row: it is counted, or the chain is bad from now on."""
        if self.claim is None:
            self._name(seen.seq or 1, seen.fault or "belongs to no chain that the database knows of")
            return
        seq = seen.seq if seen.terminal is not None else self.last + 1
        if seq <= self.last:
            self._name(seq, "lies where an entry was taken out, or lies there twice")
            return
        if seq > self.last + 1 and self._gap_is_bad(seq):
            return
        if not self.claim.signed and seen.fault == UNSIGNED and seq <= self.claim.highest:
            self.last, self.hash, self.unsigned = seq, None, self.unsigned + 1
            return
        if self._doubted:
            follows = not seen.fault and seq == self.last + 1 and seen.prev_hash == self.hash
            self._settle(in_line=follows)
            return
        if seen.fault:
            self._name(seq, seen.fault)
            return
        if seq > self.claim.highest or seq == self.claim.upto + 1 == self.last + 1:
            self._name(seq, f"lies beyond {max(self.claim.upto, self.last)}, where its chain is said to end")
            return
        if self.hash is not None and seen.prev_hash != self.hash:
            if seq == self.claim.first:
                self._name(seq, "does not name the hash of the entry before it")
                return
            self._doubted = True
        self.last, self.hash, self.entries = seq, seen.hash, self.entries + 1
        if not self._doubted:
            self._compare()

    def end(self) -> None:
        """Have it all looked at: there is no further row."""
        if self.bad is not None:
            return
        if self.claim is None:
            self._ask_lacking()
            return
        if self._doubted:
            self._settle(in_line=self.last == self.claim.upto and self.hash == self.claim.upto_hash)
        elif self.last < self.claim.upto:
            self._name(self.last + 1, "is not there")
        elif self._due:
            self._ask_lacking()
        elif self.last < self.claim.highest:
            self._name(self.claim.highest, "is not there")

    def _gap_is_bad(self, seq: int) -> bool:
        assert self.claim is not None  # noqa: S101 - looked at by the caller
        if self._doubted:
            self._settle(in_line=self.last == self.claim.upto and self.hash == self.claim.upto_hash)
        elif self.last < self.claim.upto:
            self._name(self.last + 1, "is not there")
        elif self._due:
            self._ask_lacking()
        else:
            self.missing += seq - self.last - 1
            self.last, self.hash = seq - 1, None
            return False
        return True

    def _settle(self, *, in_line: bool) -> None:
        """Name which of two entries that do not fit was replaced: the first, if what follows is in line with the other.

        Both are signed: whoever did it has the kiosk's key.
        """
        if in_line:
            self._name(self.last - 1, "is not the entry that the one after it names: it was signed anew")
        else:
            self._name(self.last, "does not name the hash of the entry before it")

    def _compare(self) -> None:
        assert self.claim is not None  # noqa: S101 - looked at by the caller
        if self.last == self.claim.upto and self.hash != self.claim.upto_hash:
            self._name(self.last, "is not the entry whose hash the head of its chain has")
        else:
            self._ask_witnesses()

    def _ask_witnesses(self) -> None:
        while self._due and self._due[0].upto == self.last:
            witness = self._due.pop(0)
            if self.hash not in (None, witness.upto_hash):
                since = self.met[-1].upto + 1 if self.met else 1
                self._name(
                    witness.upto,
                    f"is not the entry that {witness.name} names: it or another from {since} on was signed anew",
                )
                return
            self.met.append(witness)

    def _ask_lacking(self) -> None:
        if self._due:
            self._name(self.last + 1, f"is not there, and {self._due[-1].name} knows of all up to {self._due[-1].upto}")

    def _name(self, seq: int, why: str) -> None:
        self.bad = Bad(terminal=self.key[0], epoch=self.key[1], seq=seq, why=why)
