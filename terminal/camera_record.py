"""How often the camera was lost since the kiosk started, and for how long: for whoever looks after it. *Pure*."""

from dataclasses import dataclass, replace
from datetime import datetime

from terminal.sighting import CameraState, CameraTrouble


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRecord:
    """`losses` counts the times nobody could be recognised because of the camera; `lost_s` is how long that was in all.

    `last_why` and `last_at` (UTC with zone) are of the last loss; one that turned from one trouble into another is one
    loss, of the last of them. `since_s` is when the loss that still lasts began, on a steady clock.
    """

    losses: int = 0
    lost_s: float = 0.0
    last_why: CameraTrouble | None = None
    last_at: datetime | None = None
    since_s: float | None = None


def noted(record: CameraRecord, camera: CameraState, *, at: datetime, now_s: float) -> CameraRecord:
    """Return the record with `camera`, which it is from now on. A clip that is over is no loss, nor is starting."""
    if camera.why is not None:
        if record.since_s is not None:
            return replace(record, last_why=camera.why)
        return replace(record, losses=record.losses + 1, last_why=camera.why, last_at=at, since_s=now_s)
    if camera.state == "ok":
        return replace(until(record, now_s=now_s), since_s=None)
    return record


def until(record: CameraRecord, *, now_s: float) -> CameraRecord:
    """Return the record with what the loss that still lasts has added to `lost_s` by now."""
    if record.since_s is None:
        return record
    return replace(record, lost_s=record.lost_s + max(0.0, now_s - record.since_s), since_s=now_s)
