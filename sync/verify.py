"""Whether chains of entries are as they were made: every entry, in order, on all cores, in bounded memory.

Where the entries lie is told apart in sync/verify_sources.py. Named is the first entry of each chain that is not as it
was made. Somebody who has a kiosk's private key can sign a whole tail anew, and the chain alone cannot tell: what a
second party kept of it can (`Witness`, sync/heads.py).
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from errors import HadirError
from sync import chain
from sync.chain import Bad
from sync.messages import Entry, MessageRefused
from sync.walk import UNSIGNED, Claim, Key, Seen, Walk, Witness

Row = tuple[Any, ...]
"""The exact bytes of an entry, then the columns beside them; terminal, epoch and seq first, where there are any."""


class EvidenceUnusable(HadirError):
    """There is nothing that could be verified; the text says why and what to do."""


_AHEAD = 4  # batches a thread: enough that none waits, little enough to hold


class Source(Protocol):
    """Where entries lie. `partial` where chains of which it says nothing are no fault: a card has only its own."""

    partial: bool
    names: Sequence[str]
    """Of the columns."""
    claims: Mapping[Key, Claim]
    """What is said of each chain."""

    def rows(self) -> Iterator[Sequence[Row]]:
        """Yield every entry in batches, those of a chain together and in order of seq."""

    def columns_of(self, entry: Entry, digest: bytes) -> Row:
        """Return what must lie beside `entry`."""

    def verifier(self, office: str, terminal: str) -> Callable[[bytes, bytes], bool] | None:
        """Return what checks the signatures of that terminal, None where no key of it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomplete:
    """A chain of which entries are still on their way, or lost: `missing` between `upto` and `highest`."""

    terminal: str
    epoch: str
    upto: int
    highest: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found: `entries` of `chains` are as they were made, `bad` names the first of each chain that is not.

    Of the `unsigned`, from before punches were signed, nobody can tell.
    """

    entries: int
    chains: int
    unsigned: int
    witnessed: int
    incomplete: tuple[Incomplete, ...]
    bad: tuple[Bad, ...]


def verify(source: Source, witnesses: Mapping[Key, Sequence[Witness]] | None = None) -> Report:
    """Return what every chain in `source` is, compared with what `witnesses` kept of them."""
    walks = _Walks(source, witnesses or {})
    for seen in _checked(source):
        walks.take(seen)
    return walks.report()


def _checked(source: Source) -> Iterator[Seen]:
    """Yield what each row of `source` is by itself, in order.

    The threads do all of it, not only the signatures: whoever computes one lets go of Python's lock, and the other
    has its turn at once.
    """
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads, thread_name_prefix="verify") as pool:
        waiting: deque[Future[list[Seen]]] = deque()
        for rows in source.rows():
            waiting.append(pool.submit(_look_at, source, rows))
            if len(waiting) > _AHEAD * threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _look_at(source: Source, rows: Iterable[Row]) -> list[Seen]:
    return [_look(source, row) for row in rows]


def _look(source: Source, row: Row) -> Seen:
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
    expected = source.columns_of(entry, digest)
    if row[1:] != expected:
        if row[1:4] != expected[:3]:
            return _misplaced(row, digest.hex(), "holds an entry of another place")
        name = next(name for name, is_, must in zip(source.names, row[1:], expected, strict=True) if is_ != must)
        fault = f"has another {name} in its column than in its signed bytes"
    else:
        fault = ""
        verified = source.verifier(entry.office, entry.terminal)
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


class _Walks:
    """The chains, each followed as its rows come."""

    def __init__(self, source: Source, witnesses: Mapping[Key, Sequence[Witness]]) -> None:
        self._claims = source.claims
        self._witnesses = witnesses
        self._walks: dict[Key, Walk] = {}
        for key, claim in source.claims.items():
            self._begin(key, claim)
        if not source.partial:
            for key in witnesses:
                self._walk(key)
        self._current: Walk | None = next(iter(self._walks.values()), None)
        self._homeless: list[Bad] = []

    def take(self, seen: Seen) -> None:
        walk = self._current
        if seen.terminal is not None and (walk is None or walk.key != (seen.terminal, seen.epoch)):
            walk = self._current = self._walk((seen.terminal, seen.epoch))
        if walk is None:
            self._homeless.append(Bad(terminal="?", epoch="?", seq=1, why=seen.fault))
        elif walk.bad is None:
            walk.take(seen)

    def report(self) -> Report:
        for walk in self._walks.values():
            walk.end()
        walks = list(self._walks.values())
        whole = [walk for walk in walks if walk.bad is None]
        return Report(
            entries=sum(walk.entries for walk in walks),
            chains=sum(walk.unsigned == 0 for walk in whole),
            unsigned=sum(walk.unsigned for walk in walks),
            witnessed=sum(len(walk.met) for walk in whole),
            incomplete=tuple(
                Incomplete(
                    terminal=walk.key[0],
                    epoch=walk.key[1],
                    upto=walk.claim.upto,
                    highest=walk.claim.highest,
                    missing=walk.missing,
                )
                for walk in whole
                if walk.claim is not None and walk.missing
            ),
            bad=(*(walk.bad for walk in walks if walk.bad is not None), *self._homeless),
        )

    def _walk(self, key: Key) -> Walk:
        return self._walks.get(key) or self._begin(key, None)

    def _begin(self, key: Key, claim: Claim | None) -> Walk:
        walk = self._walks[key] = Walk(key=key, claim=claim, witnesses=self._witnesses.get(key, ()))
        return walk
