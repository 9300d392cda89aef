"""How loud the kiosk may be at a moment: volume, quiet hours in the office's zone, and whether it speaks. *Pure*."""

from datetime import datetime, time, tzinfo

import config


def quiet(settings: config.Sound, at: datetime, zone: tzinfo) -> bool:
    """Return whether `at` lies in the quiet hours of the office's zone; they may go over midnight.

    The minute they begin in is quiet, the one they end in is not. The same time twice is never.
    """
    begin, end = time.fromisoformat(settings.quiet_from), time.fromisoformat(settings.quiet_to)
    now = at.astimezone(zone).time()
    if begin <= end:
        return begin <= now < end
    return now >= begin or now < end


def loudness(settings: config.Sound, at: datetime, zone: tzinfo) -> float:
    """Return the amplitude from 0 to 1 that tones and voice have at `at`.

    The square of the volume: half the volume is then 12 dB less, which is heard as about half as loud.
    """
    percent = min(settings.volume, settings.quiet_volume) if quiet(settings, at, zone) else settings.volume
    return (percent / 100) ** 2


def speaks(settings: config.Sound, at: datetime, zone: tzinfo) -> bool:
    """Return whether words are spoken at `at`: in the quiet hours only where somebody may depend on them."""
    if settings.voice == "off" or settings.prompts == "off" or loudness(settings, at, zone) == 0:
        return False
    return settings.prompts == "all" or not quiet(settings, at, zone)
