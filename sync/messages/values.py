"""What messages are made of: checked names and numbers, and the words they choose from."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from errors import HadirError

Identifier = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,39}\Z")]
Receipt = Annotated[str, Meta(pattern=r"^[0-9A-HJKMNP-TV-Z]{10}\Z")]
EmployeeNumber = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}\Z")]
Hex16 = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*\Z")]  # PostgreSQL keeps every sign but NUL
Sequence = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Action = Annotated[str, Meta(pattern=r"^[a-z_]{2,40}\Z")]
Instant = Annotated[datetime, Meta(tz=True)]


class MessageRefused(HadirError):
    """The bytes are not a message of the kind expected on this topic; the text says why."""


class Method(StrEnum):
    """How the employee was identified."""

    FACE = "face"
    PIN = "pin"
    FACE_AND_PIN = "face+pin"


class Direction(StrEnum):
    """Whether the punch starts or ends presence."""

    IN = "in"
    OUT = "out"


class DirectionBy(StrEnum):
    """Who chose the direction."""

    SCHEDULE = "schedule"
    EMPLOYEE = "employee"


class Change(StrEnum):
    """What a person corrects of a punch after it was committed."""

    DIRECTION = "direction"
    NOT_ME = "not_me"
    """It was somebody else: the punch counts as nobody's."""


class ClockQuality(StrEnum):
    """How the kiosk's clock was known at the time of the punch."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    ESTIMATED = "estimated"
    UNSYNCED = "unsynced"


UNTIMED = (ClockQuality.ESTIMATED, ClockQuality.UNSYNCED)
"""Times nobody vouched for: the register corrects them when it can (sync/register/retiming.py)."""


class Ground(StrEnum):
    """On what an enrolment made on a kiosk stands: agreement, a public duty, or nothing, as no face is kept."""

    CONSENT = "consent"
    PUBLIC_DUTY = "public_duty"
    NO_FACE = "no_face"


class PadVerdict(StrEnum):
    """Presentation-attack detection (ISO/IEC 30107); not_checked where no detector ran."""

    NOT_CHECKED = "not_checked"
    BONA_FIDE = "bona_fide"
    ATTACK = "attack"
    UNDECIDED = "undecided"


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that crosses the wire. `v` is the version of its layout; unknown fields within a version are ignored.

    What is at its default stays behind: a card holds every event for a month.
    """

    # A factory, because a plain default would stay behind, and the version must not.
    v: Annotated[int, Meta(ge=1, le=1)] = msgspec.field(default_factory=lambda: 1)
