"""What a message on a terminal's topic is: entries, a status, or nothing the centre can take, and why."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from sync import chain
from sync.messages import AttackNote, AttendanceEvent, MessageRefused, TerminalStatus, address_of, decode, seen_at
from sync.register.arrivals import Arrival, arrival
from sync.register.refusals import Rejected
from sync.register.statuses import HeardStatus

Found = Arrival | HeardStatus | Rejected

# A clock that was never set says 1970; what lies outside is no clock's word and no database's date.
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 9998


def inspect(topic: str, payload: bytes, *, retained: bool, at: datetime) -> list[Found]:
    """Return what `payload` is by its `topic`: one thing, or the entries it carries. `at` is when it came, with zone.

    What cannot be taken is Rejected with the reason; of several entries only those that are wrong. An empty message,
    which clears what a topic retains, is nothing. A sender may speak only for the office and terminal of its topic,
    which is what the broker lets it write.
    """
    if not payload:
        return []
    try:
        match topic.rpartition("/")[2]:
            case "event":
                entries = chain.unpack(payload)
                spoken_for, boxes = address_of(topic), chain.enclosed(payload)
                return [_with_box(_entry(topic, spoken_for, each, at), boxes) for each in entries]
            case "status":
                status = decode(TerminalStatus, payload)
                _refuse_stranger(address_of(topic), status.office, status.terminal)
                _refuse_impossible_time(status.at)
                return [HeardStatus(status=status, payload=payload, retained=retained, received_at=at)]
            case _:
                raise MessageRefused("not a topic the collector reads")
    except MessageRefused as error:
        return [Rejected(topic=topic, reason=str(error), payload=payload, received_at=at)]


def _entry(topic: str, spoken_for: tuple[str, str], payload: bytes, at: datetime) -> Found:
    try:
        found = arrival(payload, at)
        entry = found.entry
        _refuse_stranger(spoken_for, entry.office, entry.terminal)
        _refuse_impossible_time(entry.recorded_at)
        if isinstance(entry, AttendanceEvent):
            _refuse_impossible_time(entry.punch.occurred_at, entry.punch.first_seen_at)
        elif (made_at := seen_at(entry)) is not None:
            _refuse_impossible_time(made_at)
    except MessageRefused as error:
        return Rejected(topic=topic, reason=str(error), payload=payload, received_at=at)
    return found


def _with_box(found: Found, boxes: Mapping[str, bytes]) -> Found:
    """Return the entry with the sealed picture it names, where that is among `boxes`."""
    if not boxes or not isinstance(found, Arrival) or not isinstance(found.entry, AttackNote):
        return found
    box = boxes.get(found.entry.evidence_ref or "")
    return found if box is None else msgspec.structs.replace(found, box=box)


def _refuse_stranger(spoken_for: tuple[str, str], office: str, terminal: str) -> None:
    if (office, terminal) != spoken_for:
        raise MessageRefused(f"it says it is from {terminal} of {office}, but came on another topic")


def _refuse_impossible_time(*moments: datetime) -> None:
    for moment in moments:
        try:
            year = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).year
        except (OverflowError, ValueError) as error:
            raise MessageRefused("a time beyond the calendar") from error
        if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
            raise MessageRefused(f"a time in the year {year}")
