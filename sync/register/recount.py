"""Whether the punches of a register count as their corrections say: looked at where its chains are verified.

Beside a punch's signed bytes the register keeps what corrections have made of it. That is the centre's own word, but
one that anybody can work out again. Held in memory are the corrections and the punches they are of, no others.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sync.chain import Bad
from sync.register.corrections import settled

Read = Callable[[str], Iterable[tuple[Any, ...]]]
"""From a statement to its rows, with text as it comes: as strings, or as bytes."""

_PUNCH = "punch.terminal, punch.epoch, punch.seq, punch.receipt, punch.employee, punch.voided, punch.direction_now"
_MARKED = (
    f"SELECT {_PUNCH} FROM events AS punch WHERE punch.method IS NOT NULL "  # noqa: S608 - names written above
    "AND (punch.corrected_at IS NOT NULL OR punch.voided OR punch.direction_now IS NOT NULL)"
)
_NAMED = (
    f"SELECT {_PUNCH} FROM events AS given JOIN events AS punch ON punch.receipt = given.receipt "  # noqa: S608
    "AND punch.terminal = given.terminal AND punch.employee = given.employee AND punch.method IS NOT NULL "
    "WHERE given.method IS NULL AND given.employee IS NOT NULL AND given.receipt IS NOT NULL"
)
_GIVEN = (
    "SELECT terminal, receipt, employee, epoch, seq, direction, recorded_at FROM events "
    "WHERE method IS NULL AND employee IS NOT NULL AND receipt IS NOT NULL"
)


class _Given(NamedTuple):
    epoch: Any
    seq: int
    direction: Any
    recorded_at: Any


def known_to(columns: Iterable[str]) -> bool:
    """Return whether a table of events with these columns is of a Hadir that knew corrections."""
    return {"voided", "direction_now", "corrected_at"} <= set(columns)


def miscounted(read: Read) -> list[Bad]:
    """Return the first punch of each chain that counts otherwise than its corrections say."""
    given: dict[tuple[Any, ...], list[_Given]] = defaultdict(list)
    for terminal, receipt, employee, *rest in read(_GIVEN):
        given[terminal, receipt, employee].append(_Given(*rest))
    first: dict[tuple[Any, Any], int] = {}
    for terminal, epoch, seq, receipt, employee, voided, direction in {*read(_MARKED), *read(_NAMED)}:
        said = settled(given.get((terminal, receipt, employee), []))
        if (bool(voided), direction) != (said["new_voided"], said["new_direction"]):
            first[terminal, epoch] = min(seq, first.get((terminal, epoch), seq))
    return [
        Bad(terminal=_text(terminal), epoch=_text(epoch), seq=seq, why="counts otherwise than its corrections say")
        for (terminal, epoch), seq in sorted(first.items())
    ]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
