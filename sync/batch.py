"""What the collector commits together: entries, statuses and refusals, and the messages that brought them."""

from dataclasses import dataclass, field
from typing import assert_never

from sync.inspection import Found
from sync.mqtt import Received
from sync.register.arrivals import Arrival
from sync.register.refusals import Rejected
from sync.register.statuses import HeardStatus


@dataclass(slots=True, kw_only=True)
class Batch:
    """Gathered since `began`. Entries by hash: after a reconnect the broker gives again what it was not told of."""

    began: float = 0.0
    events: dict[bytes, Arrival] = field(default_factory=dict)
    statuses: dict[str, HeardStatus] = field(default_factory=dict)
    rejected: dict[tuple[str, bytes], Rejected] = field(default_factory=dict)
    receipts: list[Received] = field(default_factory=list)

    def __len__(self) -> int:
        """Return how much of it goes into the register."""
        return len(self.events) + len(self.statuses) + len(self.rejected)

    def hold(self, topic: str, found: Found) -> None:
        """Have `found`, which came on `topic`, in it."""
        match found:
            case Arrival():
                self.events.setdefault(found.digest, found)
            case HeardStatus():
                self.statuses[topic] = found
            case Rejected():
                self.rejected.setdefault((topic, found.payload), found)
            case _:
                assert_never(found)

    def take_over(self, later: "Batch") -> None:
        """Have in it also what was gathered since."""
        self.events = {**later.events, **self.events}
        self.statuses |= later.statuses
        self.rejected = {**later.rejected, **self.rejected}
        self.receipts += later.receipts
