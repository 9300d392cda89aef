"""Whose entries are taken: only what an approved kiosk signed. Every signature is checked, on all cores.

Entries of a kiosk without an approved key are turned away: they are neither kept nor acknowledged, and wait on its card
until somebody approves it (`hadir keys approve`). What claims to be of an approved kiosk and is not signed by it is
rejected, and kept as evidence.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from sync import keys
from sync.messages import terminal_topic
from sync.register import Register
from sync.register.arrivals import Arrival
from sync.register.devices import KeyState, device_list
from sync.register.refusals import Rejected

LOOK_EVERY_S = 5.0
"""A revoked key is refused this long after at the latest, an approved one taken (acceptance D7 asks for 60 s)."""
_SAID_EVERY_S = 3600.0
_CHUNK = 16  # signatures a task; one takes about 60 microseconds, handing a task over about 30

_log = logging.getLogger("hadir.sync.admission")

Office = str
Terminal = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The entries of a batch that may be stored, and those that claim to be of an approved kiosk and are not."""

    arrivals: tuple[Arrival, ...]
    rejected: tuple[Rejected, ...]


class Admission:
    """Who is approved, as the register said lately, and the threads that check signatures.

    One thread calls `look` and `begin`; `check` may be called by another.
    """

    def __init__(self, register: Register, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._register, self._monotonic = register, monotonic
        self._trusted: dict[tuple[Office, Terminal], list[bytes]] = {}
        self._verifiers: dict[tuple[Office, Terminal], Callable[[bytes, bytes], bool]] = {}
        self._look_due = float("-inf")
        self._said: dict[Terminal, float] = {}
        self._begun: dict[bytes, tuple[Future[list[bool]], int]] = {}
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="signatures")

    def close(self) -> None:
        """The threads have ended."""
        self._pool.shutdown()

    def look(self) -> list[tuple[Office, Terminal]]:
        """Know who is approved now, if it is time to look; return who newly is. Raises RegisterError."""
        now = self._monotonic()
        if now < self._look_due:
            return []
        trusted: dict[tuple[Office, Terminal], list[bytes]] = {}
        for key in device_list(self._register):
            if key.state is KeyState.APPROVED:
                trusted.setdefault((key.office, key.terminal), []).append(key.public_key)
        new = [who for who in trusted if who not in self._verifiers]
        if trusted != self._trusted:
            self._trusted = trusted
            self._verifiers = {who: keys.verifier(known) for who, known in trusted.items()}
            self._begun.clear()  # what was checked against keys that may be revoked now is checked again
        self._look_due = now + LOOK_EVERY_S
        return new

    def begin(self, arrivals: Sequence[Arrival]) -> None:
        """Have the entries of one message checked while their batch still gathers; `check` asks how that ended."""
        verifiers = self._verifiers
        jobs = [(each, verifiers[each.who]) for each in arrivals if each.who in verifiers]
        if jobs:
            verdicts = self._pool.submit(_verified, jobs)
            self._begun.update((each.digest, (verdicts, at)) for at, (each, _) in enumerate(jobs))

    def check(self, arrivals: Sequence[Arrival]) -> Admitted:
        """Return which of `arrivals` are signed by an approved key of the kiosk they name."""
        verifiers = self._verifiers
        known = []
        for each in arrivals:
            if each.who in verifiers:
                known.append((each, self._begun.pop(each.digest, None)))
            else:
                self._turn_away(each.entry.terminal)
        late = [(each, verifiers[each.who]) for each, begun in known if begun is None]
        chunks = [late[start : start + _CHUNK] for start in range(0, len(late), _CHUNK)]
        checked = map(_verified, chunks) if len(chunks) < 2 else self._pool.map(_verified, chunks)
        rest = chain.from_iterable(checked)
        good: list[Arrival] = []
        rejected: list[Rejected] = []
        for each, begun in known:
            if next(rest) if begun is None else begun[0].result()[begun[1]]:
                good.append(each)
            else:
                rejected.append(_refused(each))
        return Admitted(arrivals=tuple(good), rejected=tuple(rejected))

    def _turn_away(self, terminal: Terminal) -> None:
        now = self._monotonic()
        if now < self._said.get(terminal, float("-inf")):
            return
        if len(self._said) > 10_000:  # names a stranger can invent must not fill the memory
            self._said.clear()
        self._said[terminal] = now + _SAID_EVERY_S
        _log.warning(
            "terminal %s sends, and none of its keys is approved: its punches wait on its card; "
            "see ./hadir keys list, then ./hadir keys approve %s",
            terminal, terminal,
        )  # fmt: skip


def _verified(jobs: Sequence[tuple[Arrival, Callable[[bytes, bytes], bool]]]) -> list[bool]:
    return [verify(each.sealed.signature, each.sealed.body) for each, verify in jobs]


def _refused(each: Arrival) -> Rejected:
    topic = terminal_topic(each.entry.office, each.entry.terminal, "event")
    return Rejected(
        topic=topic,
        reason="the signature is not that of an approved key of this terminal",
        payload=each.payload,
        received_at=each.received_at,
    )
