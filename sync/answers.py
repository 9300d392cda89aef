"""The acknowledgements the collector has yet to send: one for each (terminal, epoch), joined with what came before it.

What finds no place in a message is only late: the kiosk sends it again and is told then.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sync import chain
from sync.messages import MOST_IN_ACK, Ack, TerminalStatus, encode
from sync.register import Register
from sync.register.arrivals import Arrival, Key, Outcome, Reached
from sync.register.events import Head, all_heads, missing_ranges
from sync.register.statuses import all_statuses

ASK_EVERY_S = 30.0
"""A kiosk is asked for missing entries this often at most: sending takes a while. Twice as long if it sent none."""
_ASK_AT_LEAST_EVERY_S = 86_400.0

_REACHED_S = 600.0
"""How long the register need not be asked again how far it is: it was whole that far, and who puts another register in
its place starts the collector again."""

_log = logging.getLogger("hadir.sync.answers")


@dataclass(slots=True, kw_only=True)
class _Answer:
    office: str
    upto: int = 0
    upto_hash: str = ""
    known: dict[int, str] = field(default_factory=dict)
    beyond: dict[int, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    missing: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a kiosk was asked for last, and when it may be again."""

    ranges: Sequence[tuple[int, int]]
    every_s: float = ASK_EVERY_S
    again_at: float = float("-inf")


class Answers:
    """What waits to be said to kiosks. One thread."""

    def __init__(self, *, sign: chain.Sign, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sign, self._monotonic = sign, monotonic
        self._waiting: dict[Key, _Answer] = {}
        self._asked: dict[Key, _Asked] = {}
        self._reached: dict[Key, tuple[int, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def note(self, arrivals: Sequence[Arrival], outcomes: Sequence[Outcome], reached: Mapping[Key, Reached]) -> None:
        """Have the kiosks of a committed batch wait for their word."""
        for each, outcome in zip(arrivals, outcomes, strict=True):
            answer = self._answer(each.key, each.entry.office)
            seq, digits = each.entry.seq, each.digest.hex()[:16]
            if outcome is Outcome.CONFLICT:
                answer.refused[seq] = digits
            elif outcome is Outcome.KNOWN or outcome is Outcome.ELSEWHERE:
                # Perhaps of a card that was put back, to which `upto` then says nothing.
                answer.known[seq] = digits
            else:
                answer.beyond[seq] = digits
        for key, head in reached.items():
            answer = self._waiting[key]
            answer.upto, answer.upto_hash = head.upto, head.upto_hash
            self._reached[key] = head.upto, self._monotonic()
            answer.beyond = {seq: digits for seq, digits in answer.beyond.items() if seq > head.upto}

    def remind(self, register: Register) -> None:
        """Have every known kiosk told how far it is here. Raises RegisterError."""
        latest = {(head.office, head.terminal): head for head in all_heads(register)}
        for head in latest.values():
            answer = self._answer((head.terminal, head.epoch), head.office)
            answer.upto, answer.upto_hash = head.upto, head.upto_hash

    def greet(self, register: Register, approved: Collection[tuple[str, str]]) -> None:
        """Have these (office, terminal) told that they are taken now, so that they send. Raises RegisterError."""
        heads = {(head.terminal, head.epoch): head for head in all_heads(register)}
        for state in all_statuses(register):
            epoch = state.status.epoch
            if epoch is None or (state.office, state.terminal) not in approved:
                continue
            answer = self._answer((state.terminal, epoch), state.office)
            head = heads.get((state.terminal, epoch))
            if head is not None:
                answer.upto, answer.upto_hash = head.upto, head.upto_hash

    def ask(self, register: Register, status: TerminalStatus) -> None:
        """Have the kiosk asked for what it says was acknowledged and the register lacks. Raises RegisterError."""
        if status.epoch is None:
            return
        now = self._monotonic()
        said = [(status.epoch, status.oldest_seq or 1, status.acknowledged_to or 0), *status.earlier]
        due = [each for each in said if each[2] and self._to_be_looked_at((status.terminal, each[0]), each[2], now)]
        if not due:
            return
        heads = {head.epoch: head for head in all_heads(register, status.terminal)}
        for epoch, oldest, last in due:
            self._ask(register, status, heads.get(epoch), epoch, oldest, last, now)

    def _to_be_looked_at(self, key: Key, last: int, now: float) -> bool:
        known, since = self._reached.get(key, (0, float("-inf")))
        asked = self._asked.get(key)
        return (asked is None or now >= asked.again_at) and (last > known or now >= since + _REACHED_S)

    def _ask(
        self,
        register: Register,
        status: TerminalStatus,
        head: Head | None,
        epoch: str,
        oldest: int,
        last: int,
        now: float,
    ) -> None:
        key = status.terminal, epoch
        upto = head.upto if head else 0
        self._reached[key] = upto, now
        if last <= upto:
            return
        missing = missing_ranges(
            register,
            terminal=status.terminal,
            epoch=epoch,
            first=max(upto + 1, oldest),
            last=last,
            most=MOST_IN_ACK,
        )
        before = self._asked.get(key, _Asked(ranges=()))
        # What a card has not any more it is not asked for every half minute, nor is it forgotten.
        every_s = min(2 * before.every_s, _ASK_AT_LEAST_EVERY_S) if before.ranges == missing else ASK_EVERY_S
        self._asked[key] = _Asked(ranges=missing, every_s=every_s, again_at=now + every_s)
        if not missing:
            return
        answer = self._answer(key, status.office)
        answer.missing = tuple(missing)
        if head is not None:
            answer.upto, answer.upto_hash = head.upto, head.upto_hash
        _log.error(
            "alarm register_lacks: terminal %s had more acknowledged than lies here; %d ranges from %d to %d are "
            "asked for again",
            status.terminal, len(missing), missing[0][0], missing[-1][1],
        )  # fmt: skip

    def sent(self) -> None:
        """Have the answer that `first` returned wait no more."""
        del self._waiting[next(iter(self._waiting))]

    def first(self) -> tuple[str, bytes] | None:
        """Return topic and signed bytes of the answer that has waited longest, None without one."""
        if not self._waiting:
            return None
        (terminal, epoch), answer = next(iter(self._waiting.items()))
        ack = Ack(
            office=answer.office,
            terminal=terminal,
            epoch=epoch,
            upto=answer.upto,
            upto_hash=answer.upto_hash,
            extra=tuple(sorted({**answer.known, **answer.beyond}.items())[:MOST_IN_ACK]),
            refused=tuple(sorted(answer.refused.items())[:MOST_IN_ACK]),
            missing=answer.missing,
        )
        return ack.topic, chain.seal(encode(ack), self._sign)

    def _answer(self, key: Key, office: str) -> _Answer:
        return self._waiting.setdefault(key, _Answer(office=office))
