"""An errand: something else that the kiosk does for a while with its camera, its screen and its keys, as enrolling.

The main thread gives it all that happens and does what it wishes; the vision thread has its eyes study each frame
instead of looking for somebody to punch. Nobody is recognised, and nothing is punched, until it is over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import config
from sync.messages import PadVerdict
from sync.peppers import Pepper
from terminal.camera import Frame
from terminal.faces import Box, Engine, Picture, Vector
from terminal.gallery import Gallery
from terminal.guard import Guard
from terminal.provisional import EnrolmentKept, KeepEnrolment
from terminal.quality import Quality
from terminal.screens.drawing import Screen
from terminal.screens.look import Context
from terminal.visit.signals import CameraChanged, Chime, CommitFailed, Tapped, Tick, Typed
from terminal.visit.states import Now


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """What an errand's eyes make of one frame. `quality` is absent when there is nobody, `box` when no one face is
    meant; `yaw` is `terminal.quality.yaw_of` of that face. `vector` is its encoding where it was worth one; it stays in
    memory. `pad` is what is known of whether somebody is there in the unbroken `track` so far; `waits`: more of it may
    be known in a moment."""

    picture: Picture
    box: Box | None = None
    quality: Quality | None = None
    yaw: float = 0.0
    vector: Vector | None = field(default=None, repr=False)
    pad: PadVerdict = PadVerdict.NOT_CHECKED
    track: int = 0
    waits: bool = False


Eyes = Callable[[Frame, Engine, Guard | None], Glance]
"""Studies a frame, on the vision thread, with the engine and the guard that belong to it; without a guard nobody is
checked for being there."""

Given = Glance | CameraChanged | Tapped | Typed | EnrolmentKept | CommitFailed | Tick
"""What an errand is given. EnrolmentKept or CommitFailed answers what it had the card keep."""
Wish = Chime | KeepEnrolment
"""What an errand has the kiosk do. It has the card keep one enrolment at a time."""


class Errand(Protocol):
    """What the kiosk needs of an errand. All of it is called on the main thread but what `eyes` returns."""

    @property
    def eyes(self) -> Eyes:
        """What studies each frame; it may be called once more after the errand is over."""
        ...

    @property
    def employee(self) -> str | None:
        """Whom it was about, once it is over; None for nobody."""
        ...

    @property
    def over(self) -> bool:
        """Whether it has come to its end and has been read."""
        ...

    def step(self, given: Given, now: Now) -> tuple[Wish, ...]:
        """Return what the kiosk has to do, in order, after `given` happened; returns at once."""
        ...

    def screen(self, context: Context) -> Screen:
        """Return what is shown now."""
        ...

    def spoken(self, context: Context) -> tuple[str, str] | None:
        """Return what is said now, and in which language (id, en or jv); None for nothing."""
        ...

    def close(self) -> None:
        """It is given up, or was over: nothing of it is left but what the card has. Returns at once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What the kiosk knows when the administrator `administrator` begins an errand. `gallery` returns the one in
    use, on any thread; `peppers` those of the office, the newest last, on one."""

    settings: config.Config
    administrator: str
    gallery: Callable[[], Gallery]
    language: str
    camera_lost: bool
    peppers: Callable[[], Mapping[str, Pepper]]
    now: Now


Begin = Callable[[Beginning], Errand]
"""Begins an errand. Raises HadirError where that cannot be."""
