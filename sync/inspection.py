"""What a message on a terminal's topic is: an event, a status, or nothing the centre can take, and why."""

from datetime import UTC, datetime

from sync.messages import AttendanceEvent, MessageRefused, TerminalStatus, address_of, decode
from sync.register.arrivals import Arrival
from sync.register.refusals import Rejected
from sync.register.statuses import HeardStatus

# A clock that was never set says 1970; what lies outside is no clock's word and no database's date.
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 9998


def inspect(topic: str, payload: bytes, *, retained: bool, at: datetime) -> Arrival | HeardStatus | Rejected:
    """Return `payload` as what `topic` says it is, or as Rejected with the reason. `at` is when it came, with zone.

    A sender may speak only for the office and terminal of its topic, which is what the broker lets it write.
    """
    try:
        match topic.rpartition("/")[2]:
            case "event":
                event = decode(AttendanceEvent, payload)
                _refuse_stranger(topic, event.office, event.terminal)
                _refuse_impossible_time(event.punch.occurred_at, event.punch.first_seen_at)
                return Arrival(event=event, payload=payload, received_at=at)
            case "status":
                status = decode(TerminalStatus, payload)
                _refuse_stranger(topic, status.office, status.terminal)
                _refuse_impossible_time(status.at)
                return HeardStatus(status=status, payload=payload, retained=retained, received_at=at)
            case _:
                raise MessageRefused("not a topic the collector reads")
    except MessageRefused as error:
        return Rejected(topic=topic, reason=str(error), payload=payload, received_at=at)


def _refuse_stranger(topic: str, office: str, terminal: str) -> None:
    if (office, terminal) != address_of(topic):
        raise MessageRefused(f"it says it is from {terminal} of {office}, but came on another topic")


def _refuse_impossible_time(*moments: datetime) -> None:
    for moment in moments:
        try:
            year = moment.astimezone(UTC).year
        except (OverflowError, ValueError) as error:
            raise MessageRefused("a time beyond the calendar") from error
        if not _EARLIEST_YEAR <= year <= _LATEST_YEAR:
            raise MessageRefused(f"a time in the year {year}")
