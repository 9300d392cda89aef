"""What an administrator reads on the kiosk about the kiosk, as plain values. *Pure*; unknown is None, never a guess."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from terminal.tries import Try


class Fact(StrEnum):
    """One line of a page of the administrator's menu; `words` has its name."""

    BROKER = "broker"
    OFFLINE = "offline"
    WAITING = "waiting"
    LAST_SYNC = "last_sync"
    CERTIFICATE = "certificate"
    ADDRESS = "address"
    CAMERA = "camera"
    LOSSES = "losses"
    FACES = "faces"
    HEIGHT = "height"
    DISTANCE = "distance"
    BRIGHTNESS = "brightness"
    BACKLIGHT = "backlight"
    DISK = "disk"
    FULL = "full"
    SET = "set"
    SET_AGE = "set_age"
    PINS = "pins"
    CLOCK = "clock"
    SOFTWARE = "software"
    TEMPERATURE = "temperature"
    UPTIME = "uptime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The kiosk as its administrator sees it.

    `heights` are the share of today's faces in the upper, middle and lower third of the picture; `distance_m` the
    median distance; `brightness` the grey of the last face, 0 to 255; `backlight` how many times that its surroundings
    have; `advice` the codes of what would help. `certificate_days` are those left. `tries` are the last looks without a
    name, the newest first.
    """

    broker: str = ""
    last_sync: datetime | None = None
    certificate_days: int | None = None
    address: str = ""
    losses: int = 0
    lost_s: float = 0.0
    faces: int = 0
    heights: tuple[float, float, float] | None = None
    distance_m: float | None = None
    brightness: float | None = None
    backlight: float | None = None
    advice: tuple[str, ...] = ()
    disk_free_mb: int | None = None
    full_percent: float | None = None
    pins_right: int = 0
    pins_wrong: int = 0
    software: str | None = None
    temperature_c: float | None = None
    uptime_s: int = 0
    tries: tuple[Try, ...] = ()
