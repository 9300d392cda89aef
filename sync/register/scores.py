"""How surely people were recognised: the scores that went with their punches by face, as the kiosks reported them."""

from datetime import datetime

from sync.messages import Method
from sync.register import Register
from sync.register.events import punches_where
from sync.register.schema import events


def face_scores(register: Register, office: str, *, engine_id: str, since: datetime) -> dict[str, list[float]]:
    """Return each employee's scores of that engine at or after `since`, the oldest first.

    Punches that were taken back as "not me" and repeats are left out. Raises RegisterUnavailable.
    """
    found: dict[str, list[float]] = {}
    for _, entry in punches_where(
        register,
        events.c.office == office,
        events.c.method == Method.FACE.value,
        events.c.counted_at >= since,
        events.c.repeat_of.is_(None),
        events.c.voided.is_(False),
    ):
        punch = entry.punch
        if punch.engine_id == engine_id and punch.score is not None:
            found.setdefault(punch.employee, []).append(punch.score)
    return found
