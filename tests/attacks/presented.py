"""What a kiosk makes of a film: the real engine and eye, with passive models that were fooled, and with none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import config
from sync.messages import PadVerdict
from terminal.camera import Frame
from terminal.faces import Face, Picture
from terminal.gallery import Gallery
from terminal.guard import Guard, Judged
from terminal.liveness.arrival import First
from terminal.liveness.eye import Eye, OpenCvEye
from terminal.liveness.watch import Glance
from terminal.looking import Looker
from terminal.sighting import Served
from tests.attacks import hall
from tests.terminal.portraits import engine


class Fooled:
    """An eye whose passive models take everything for living skin, which is the worst that they can do."""

    def __init__(self, eye: Eye) -> None:
        self._eye = eye
        self.last: Glance | None = None

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        seen = self._eye.look(picture, face, at_s=at_s)
        self.last = replace(seen, logits={"one": 5.0, "other": 5.0})
        return self.last

    def forget(self) -> None:
        self._eye.forget()


class Again:
    """An eye that says what another has just seen."""

    def __init__(self, eye: Fooled) -> None:
        self._eye = eye

    def look(self, picture: Picture, face: Face, *, at_s: float) -> Glance:
        assert self._eye.last is not None
        return self._eye.last

    def forget(self) -> None:
        """There is nothing to forget."""


class Asking(Guard):
    """A guard that believes as easily as one can, and beside it one that asks everybody: its verdicts are `asked`."""

    def __init__(self, *, draw: Callable[[], int]) -> None:
        eye = Fooled(OpenCvEye(hall.landmarks(), None))
        self.asked: list[Judged] = []
        self._strict = Guard(Again(eye), always=True, draw=draw)
        super().__init__(eye, always=False, draw=draw)

    def look(
        self, picture: Picture, face: Face, *, track_id: int, at_s: float, first: First | None, masked: bool = False
    ) -> None:
        super().look(picture, face, track_id=track_id, at_s=at_s, first=first, masked=masked)
        self._strict.look(picture, face, track_id=track_id, at_s=at_s, first=first, masked=masked)

    def begin_anew(self, track_id: int) -> None:
        super().begin_anew(track_id)
        self._strict.begin_anew(track_id)

    def found_beside(self, track_id: int, score: float) -> None:
        super().found_beside(track_id, score)
        self._strict.found_beside(track_id, score)

    def judge(self, track_id: int, *, known: bool, now_s: float, twin_threshold: float, masked: bool = False) -> Judged:
        each = {"known": known, "masked": masked}
        said = self._strict.judge(track_id, **each, now_s=now_s, twin_threshold=twin_threshold)
        self.asked.append(said)
        return super().judge(track_id, **each, now_s=now_s, twin_threshold=twin_threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a film: `named` are the employees that were recognised, `believed` those of them who were taken for
    there in person, `refused` those whose face was called an attack; `served` each frame's word."""

    served: tuple[Served, ...]

    @property
    def named(self) -> set[str]:
        return {each for served in self.served if (each := _who(served)) is not None}

    @property
    def believed(self) -> set[str]:
        return {each for served in self.served if served.pad is PadVerdict.BONA_FIDE and (each := _who(served))}

    @property
    def refused(self) -> bool:
        return any(served.pad is PadVerdict.ATTACK for served in self.served)

    @property
    def asked(self) -> bool:
        return any(served.challenge is not None for served in self.served)

    @property
    def cues(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cue for served in self.served for cue in served.cues))


def presented(film: Iterable[Frame], gallery: Gallery, *guards: Guard | None) -> list[Outcome]:
    """Return what a kiosk with each of `guards` makes of the same film."""
    lookers = [Looker(engine(), config.Config(), guard=guard) for guard in guards]
    said: list[list[Served]] = [[] for _ in lookers]
    for frame in film:
        for looker, served in zip(lookers, said, strict=True):
            seen = looker.look(frame, gallery).served
            if seen is not None:
                served.append(seen)
    return [Outcome(served=tuple(each)) for each in said]


def _who(served: Served) -> str | None:
    return None if served.identification is None else served.identification.employee
