"""Sealed pictures of attacks do not stay in the register for longer than the centre says."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import config
from sync.register import Register, RegisterError
from sync.register.attacks import drop_old

_EVERY = timedelta(hours=1)

_log = logging.getLogger("hadir.sync.pictures")


def oldest_kept(settings: config.Config, now: datetime) -> datetime:
    """Return since when a picture must have come to be kept at `now`."""
    return now - timedelta(days=settings.centre.evidence_days)


def hourly(settings: config.Config, register: Register) -> Callable[[datetime], None]:
    """Return a function that has pictures dropped that are too old; to be called often, it looks once an hour.

    It raises nothing: what is wrong is logged once, and tried again an hour later.
    """
    looked_at: datetime | None = None
    said = ""

    def drop_if_due(now: datetime) -> None:
        nonlocal looked_at, said
        if looked_at is not None and timedelta(0) <= now - looked_at < _EVERY:
            return
        looked_at = now
        try:
            gone = drop_old(register, oldest_kept(settings, now))
        except RegisterError as error:
            if str(error) != said:
                _log.error("alarm pictures_kept: pictures of attacks cannot be deleted: %s", error)
            said = str(error)
            return
        said = ""
        if gone:
            _log.info("%d pictures of attacks older than %d days deleted", gone, settings.centre.evidence_days)

    return drop_if_due
