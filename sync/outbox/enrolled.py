"""What an enrolment says in the chain, beside its place there."""

from datetime import datetime
from typing import TypedDict

from sync.messages import Ground, PadVerdict


class Enrolled(TypedDict):
    """The fields of an EnrolmentNote that are its own."""

    id: str
    administrator: str
    employee: str
    basis: Ground
    text_version: str
    language: str
    decided_at: datetime
    engine_id: str
    sealed: str
    pad: PadVerdict
