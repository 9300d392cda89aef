"""Which punches are under way to the centre, and when each must be sent again. Pure: time is an argument.

A row is in the window from its first publish until the collector's acknowledgement. In between the broker answers
(PUBACK), which says only that the broker has it: until that answer paho itself sends the row again after a reconnect,
so it is not sent twice from here; after it the row is ours again, and goes out once more when the collector stays
silent for resend_after_s * U(1, 2).
"""

import random
from collections.abc import Collection
from dataclasses import dataclass

# A row sent this long before one that was acknowledged will not be acknowledged any more: it was lost on the way.
OVERTAKEN_S = 2.0
# A collector that says how far it is without naming a row under way has just come: what left before is not with it.
REMINDED_S = 0.2


@dataclass(slots=True, kw_only=True)
class _Row:
    payload: bytes
    mid: int | None
    sent_at: float
    resend_at: float
    answered: bool = False
    hurried: bool = False


class Window:
    """The rows under way, at most `size` of them; all times are seconds of one monotonic clock."""

    def __init__(self, *, size: int, resend_after_s: float, rng: random.Random) -> None:
        self.size = size
        self._resend_after_s = resend_after_s
        self._rng = rng
        self._rows: dict[int, _Row] = {}
        self._seqs: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def room(self) -> int:
        """Return how many more rows may leave now."""
        return max(0, self.size - len(self._rows))

    def sent(self, seq: int, payload: bytes, mid: int, now: float) -> None:
        """Note that the row went out, for the first time or again, as message `mid`."""
        known = self._rows.get(seq)
        self._rows[seq] = _Row(
            payload=payload,
            mid=mid,
            sent_at=now,
            resend_at=now + self._resend_after_s * self._rng.uniform(1, 2),
            hurried=known.hurried if known else False,
        )
        self._seqs[mid] = seq

    def answered(self, mid: int) -> bool:
        """Note the broker's answer to message `mid`; return whether it was one of these rows."""
        seq = self._seqs.pop(mid, None)
        row = self._rows.get(seq) if seq is not None else None
        if row is not None and row.mid == mid:
            row.answered, row.mid = True, None
        return seq is not None

    def acknowledged(self, upto: int, extra: Collection[int], now: float) -> None:
        """Let go of the rows the collector has; have those it should have had by now sent again, once each."""
        also = frozenset(extra)
        gone = [seq for seq in self._rows if seq <= upto or seq in also]
        lost_before = max(self._rows[seq].sent_at for seq in gone) - OVERTAKEN_S if gone else now - REMINDED_S
        for seq in gone:
            del self._rows[seq]
        for row in self._rows.values():
            if row.answered and not row.hurried and row.sent_at < lost_before:
                row.resend_at, row.hurried = now, True

    def forgotten(self, now: float) -> None:
        """Have every row the broker had taken sent again: it has forgotten this session, and so perhaps the rows."""
        for row in self._rows.values():
            row.hurried = False
            if row.answered:
                row.resend_at = now

    def due(self, now: float) -> list[tuple[int, bytes]]:
        """Return the (seq, payload) to be sent again now, in order."""
        return [(seq, row.payload) for seq, row in sorted(self._rows.items()) if row.answered and row.resend_at <= now]

    def next_due(self) -> float | None:
        """Return when the next row will be due, None when none waits for that."""
        return min((row.resend_at for row in self._rows.values() if row.answered), default=None)

    def unanswered_since(self) -> float | None:
        """Return when the oldest row that the broker has not answered went out."""
        return min((row.sent_at for row in self._rows.values() if not row.answered), default=None)
