"""Which rows are under way to the centre, and when each must be sent again. Time is an argument.

Rows travel in parcels: one message each, of one live punch or of several that waited. A row is in the window from its
first publish until the collector's acknowledgement. In between the broker answers (PUBACK), which says only that the
broker has it: until that answer paho itself sends the parcel again after a reconnect, so it is not sent twice from
here; after it the rows are ours again, and go out once more when the collector stays silent for
resend_after_s * U(1, 2).
"""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sync.outbox import Place

# A parcel sent this long before one that was acknowledged will not be acknowledged any more: it was lost on the way.
# So was one still without an acknowledgement this long, and once more the way's delay, after the collector was heard.
OVERTAKEN_S = 2.0
# A collector that says how far it is without naming a row under way has just come: what left before is not with it.
REMINDED_S = 0.2
LIVE_SLOTS = 2
"""So many parcels are never of what waited, however few may be under way."""
WAITING_PARCELS = 3
"""So many parcels of what waited may be under way. A broker gives them out in the order they came, so that after an
outage of 300 kiosks whoever punches now waits behind all of them: with 16 each for 8 s, with 3 for 2 (bench collector).
"""


@dataclass(slots=True, kw_only=True)
class _Parcel:
    places: tuple[Place, ...]
    mid: int | None
    sent_at: float
    resend_at: float
    sends: int = 1
    answered: bool = False


class Window:
    """The parcels under way, at most `size` of them; all times are seconds of one monotonic clock."""

    def __init__(self, *, size: int, resend_after_s: float, rng: random.Random) -> None:
        self.size = size
        self._resend_after_s = resend_after_s
        self._rng = rng
        self._parcels: list[_Parcel] = []

    def __len__(self) -> int:
        return len(self._parcels)

    def __contains__(self, place: object) -> bool:
        return any(place in parcel.places for parcel in self._parcels)

    def places(self) -> set[Place]:
        """Return every row under way."""
        return {place for parcel in self._parcels for place in parcel.places}

    def room(self, *, live: bool) -> int:
        """Return how many more parcels may leave now, with live punches or with what waited, which is last in line."""
        if live:
            return max(0, self.size - len(self._parcels))
        return max(0, min(WAITING_PARCELS, max(1, self.size - LIVE_SLOTS)) - len(self._parcels))

    def sent(self, places: Sequence[Place], mid: int, now: float) -> None:
        """Note that the rows went out together, for the first time or again, as message `mid`."""
        before = [parcel.sends for parcel in self._parcels if not frozenset(places).isdisjoint(parcel.places)]
        self.gone(places)
        self._parcels.append(
            _Parcel(
                places=tuple(places),
                mid=mid,
                sent_at=now,
                resend_at=now + self._resend_after_s * self._rng.uniform(1, 2),
                sends=1 + max(before, default=0),
            )
        )

    def answered(self, mid: int) -> bool:
        """Note the broker's answer to message `mid`; return whether it was one of these."""
        for parcel in self._parcels:
            if parcel.mid == mid:
                parcel.answered, parcel.mid = True, None
                return True
        return False

    def acknowledged(self, number: int, upto: int, extra: Collection[int], now: float) -> None:
        """Let go of the rows of epoch `number` the collector has; have what it should have by now sent again.

        A word that ends no parcel is a reminder, and names rows of an earlier life at most: who says it has just come.
        What left too short a time before to know is looked at again after that time, twice as long at each further try.
        """
        also = frozenset(extra)
        times = [
            parcel.sent_at
            for parcel in self._parcels
            if self._without(parcel, lambda place: place.number == number and (place.seq <= upto or place.seq in also))
            and not parcel.places
        ]
        self._drop_empty()
        lost_before = max(times) - OVERTAKEN_S if times else now - REMINDED_S
        patience_s = OVERTAKEN_S + (now - max(times) if times else 0)
        for parcel in self._parcels:
            if parcel.answered:
                lost = parcel.sends == 1 and parcel.sent_at < lost_before
                again_at = now if lost else now + patience_s * 2 ** (parcel.sends - 1)
                parcel.resend_at = min(parcel.resend_at, again_at)

    def gone(self, places: Collection[Place]) -> None:
        """Let go of these rows, whatever became of them."""
        gone = frozenset(places)
        for parcel in self._parcels:
            self._without(parcel, gone.__contains__)
        self._drop_empty()

    def forgotten(self, now: float) -> None:
        """Have every parcel the broker had taken sent again: it has forgotten this session, and so perhaps them."""
        for parcel in self._parcels:
            parcel.sends = 0 if parcel.answered else 1
            if parcel.answered:
                parcel.resend_at = now

    def due(self, now: float) -> list[tuple[Place, ...]]:
        """Return the rows of each parcel to be sent again now."""
        return [parcel.places for parcel in self._parcels if parcel.answered and parcel.resend_at <= now]

    def next_due(self) -> float | None:
        """Return when the next parcel will be due, None when none waits for that."""
        return min((parcel.resend_at for parcel in self._parcels if parcel.answered), default=None)

    def unanswered_since(self) -> float | None:
        """Return when the oldest parcel that the broker has not answered went out."""
        return min((parcel.sent_at for parcel in self._parcels if not parcel.answered), default=None)

    @staticmethod
    def _without(parcel: _Parcel, gone: Callable[[Place], bool]) -> bool:
        """Take the rows out of the parcel that are gone; return whether there were any."""
        left = tuple(place for place in parcel.places if not gone(place))
        changed = len(left) < len(parcel.places)
        parcel.places = left
        return changed

    def _drop_empty(self) -> None:
        self._parcels = [parcel for parcel in self._parcels if parcel.places]
