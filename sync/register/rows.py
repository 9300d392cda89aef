"""What the register's columns say of an entry: they and its signed bytes must always agree."""

from sync.messages import AttackNote, AttendanceEvent, Correction, DeskNote, EnrolmentNote, Entry, seen_at


def row_of(entry: Entry) -> dict[str, object]:
    """Return what the register's columns say of `entry`: the same names for every kind."""
    event = entry if isinstance(entry, AttendanceEvent) else None
    punch = event.punch if event else None
    if isinstance(entry, Correction | DeskNote | EnrolmentNote | AttackNote):
        return _row_beside(entry)
    return {
        "terminal": entry.terminal,
        "epoch": entry.epoch,
        "seq": entry.seq,
        "office": entry.office,
        "employee": punch.employee if punch else None,
        "method": punch.method.value if punch else None,
        "direction": punch.direction.value if punch else None,
        "occurred_at": punch.occurred_at if punch else None,
        "first_seen_at": punch.first_seen_at if punch else None,
        "clock": entry.clock.value,
        "repeat_of": event.repeat_of if event else None,
        "receipt": event.receipt if event else None,
        "boot_id": entry.boot_id,
        "boottime_ns": entry.boottime_ns,
        "recorded_at": entry.recorded_at,
        "clock_jump_ms": entry.clock_jump_ms,
    }


def _row_beside(entry: Correction | DeskNote | EnrolmentNote | AttackNote) -> dict[str, object]:
    """Return what `row_of` does for an entry that is no punch: somebody's, or an attack."""
    correction = entry if isinstance(entry, Correction) else None
    direction = correction.direction if correction else None
    return {
        "terminal": entry.terminal,
        "epoch": entry.epoch,
        "seq": entry.seq,
        "office": entry.office,
        "employee": entry.employee,
        "method": None,
        "direction": direction.value if direction else None,
        "occurred_at": seen_at(entry),
        "first_seen_at": seen_at(entry),
        "clock": entry.clock.value,
        "repeat_of": None,
        "receipt": correction.receipt if correction else None,
        "boot_id": entry.boot_id,
        "boottime_ns": entry.boottime_ns,
        "recorded_at": entry.recorded_at,
        "clock_jump_ms": entry.clock_jump_ms,
    }
