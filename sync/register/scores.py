"""How surely people were recognised: the scores that went with their punches by face, as the kiosks reported them."""

from datetime import datetime

import sqlalchemy as sa

from sync import chain
from sync.messages import AttendanceEvent, Method
from sync.register import Register
from sync.register.schema import events


def face_scores(register: Register, office: str, *, engine_id: str, since: datetime) -> dict[str, list[float]]:
    """Return each employee's scores of that engine at or after `since`, the oldest first.

    Punches that were taken back as "not me" and repeats are left out. Raises RegisterUnavailable.
    """
    wanted = (
        sa.select(events.c.payload)
        .where(
            events.c.office == office,
            events.c.method == Method.FACE.value,
            events.c.counted_at >= since,
            events.c.repeat_of.is_(None),
            events.c.voided.is_(False),
        )
        .order_by(events.c.counted_at, events.c.id)
    )
    found: dict[str, list[float]] = {}
    with register.read() as connection:
        for (payload,) in connection.execute(wanted):
            entry, _ = chain.read_entry(payload)
            if not isinstance(entry, AttendanceEvent):
                continue
            punch = entry.punch
            if punch.engine_id == engine_id and punch.score is not None:
                found.setdefault(punch.employee, []).append(punch.score)
    return found
