"""What config.yaml says about visits, as the visit takes it. *Pure*."""

from datetime import time
from types import MappingProxyType

import config
from terminal.visit.schedule import Hours, Schedule
from terminal.visit.states import VisitRules

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def rules_of(settings: config.Config) -> VisitRules:
    """Return the policy of this kiosk's visits."""
    visit = settings.visit
    return VisitRules(
        zone=settings.office.zone,
        result_s=visit.result_s,
        repeat_window_s=visit.repeat_window_s,
        tries_before_pin=visit.tries_before_pin,
        pin_timeout_s=visit.pin_timeout_s,
        schedule=schedule_of(settings),
        slowness=visit.slowness,
        ease_s=visit.ease_s,
        desk_timeout_s=visit.desk_timeout_s,
        attacks_before_delay=settings.liveness.attacks_before_delay,
        delay_s=settings.liveness.delay_s,
    )


def schedule_of(settings: config.Config) -> Schedule:
    """Return the office's working hours."""
    said = (getattr(settings.schedule, day) for day in _DAYS)
    days = {number: hours for number, text in enumerate(said) if (hours := _hours(text)) is not None}
    return Schedule(
        days=MappingProxyType(days),
        tolerance_min=settings.schedule.tolerance_min,
        change_hour=settings.visit.direction_change_hour,
    )


def _hours(text: str) -> Hours | None:
    if not text:
        return None
    start, end = text.split("-")
    return Hours(start=time.fromisoformat(start), end=time.fromisoformat(end))
