"""Whether chains of entries are as they were made: every entry, in order, on all cores, in bounded memory.

Where the entries lie is told apart in sync/verify_sources.py. Named is the first entry of each chain that is not as it
was made. Somebody who has a kiosk's private key can sign a whole tail anew, and the chain alone cannot tell: what a
second party kept of it can (`Witness`, sync/heads.py).
"""

import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any, Protocol

from errors import HadirError
from sync.chain import Bad
from sync.look import Looker, Row
from sync.walk import Claim, Key, Seen, Walk, Witness


class EvidenceUnusable(HadirError):
    """There is nothing that could be verified; the text says why and what to do."""


_AHEAD = 4  # batches a core: enough that none waits, little enough to hold
_MANY = 50_000
"""So many entries take some seconds, and processes less than one to begin."""


class Source(Protocol):
    """Where entries lie. `partial` where chains of which it says nothing are no fault: a card has only its own."""

    partial: bool
    looker: Looker
    """What its rows are looked at with."""
    claims: Mapping[Key, Claim]
    """What is said of each chain."""

    def rows(self) -> Iterator[Sequence[Row]]:
        """Yield every entry in batches, those of a chain together and in order of seq."""

    def miscounted(self) -> Sequence[Bad]:
        """Return the first punch of each chain that is said to be otherwise than the corrections of it say."""


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
    report = walks.report()
    # Where a chain is bad already its corrections are not to be believed either.
    known = {(bad.terminal, bad.epoch) for bad in report.bad}
    more = tuple(bad for bad in source.miscounted() if (bad.terminal, bad.epoch) not in known)
    return replace(report, bad=(*report.bad, *more))


def _checked(source: Source) -> Iterator[Seen]:
    """Yield what each row of `source` is by itself, in order; looked at by threads, or where there are very many by
    processes, which do not wait for each other's lock."""
    cores = os.cpu_count() or 1
    look_at: Callable[[Sequence[Row]], list[Seen]] | Callable[[Sequence[Row]], list[tuple[Any, ...]]]
    pool: Executor
    if sum(claim.highest - claim.first + 1 for claim in source.claims.values()) > _MANY and cores > 1:
        pool = ProcessPoolExecutor(
            cores, mp_context=get_context("spawn"), initializer=_begin, initargs=(source.looker,)
        )
        look_at = _look_at
    else:
        pool = ThreadPoolExecutor(cores, thread_name_prefix="verify")
        look_at = source.looker.look_at
    with pool:
        waiting: deque[Future[Any]] = deque()
        try:
            for rows in source.rows():
                waiting.append(pool.submit(look_at, rows))
                if len(waiting) > _AHEAD * cores:
                    yield from map(Seen._make, waiting.popleft().result())
            while waiting:
                yield from map(Seen._make, waiting.popleft().result())
        except BrokenProcessPool:
            raise EvidenceUnusable("a process that looked at entries was ended; free some memory, try again") from None


_looker: Looker | None = None
"""Of a process that looks for another."""


def _begin(looker: Looker) -> None:
    global _looker
    _looker = looker
    gc.disable()  # a million entries make no cycles, and looking for some takes its time
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever is told to stop ends these as well


def _look_at(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    assert _looker is not None  # noqa: S101 - a process begins with one
    return [tuple(seen) for seen in _looker.look_at(rows)]


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
