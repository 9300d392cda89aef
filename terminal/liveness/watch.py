"""What one unbroken track has shown so far, and what the cues make of it. *Pure*.

The track is the one whose encodings match: with another track everything begins anew, so that nobody's living face
vouches for a photo beside it or for one that took its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from terminal.faces import Box
from terminal.liveness import arrival, edges, moire, passive, relief, repeats, second
from terminal.liveness.arrival import First
from terminal.liveness.cues import Cue
from terminal.liveness.edges import Lines, Side
from terminal.liveness.gestures import Bearing
from terminal.liveness.relief import Flow, Step
from terminal.liveness.repeats import Glimpse
from terminal.liveness.second import Sight

_MOST = 60
"""Of each kind that are kept, the newest: six seconds at ten frames a second."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pass:
    """The skin of a face followed from one frame to a later one: `carry` (2, 3) is where it went, as an affine map, and
    `before`, `after` the straight lines around it in both, `face` its box in the first."""

    flow: Flow
    carry: NDArray[np.float64]
    before: Lines
    after: Lines
    face: Box


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """What an eye saw of a face in one frame; what it did not look for is absent or empty. `peak`: of its spectrum, as
    in moire.peak_of."""

    at_s: float
    face: Box
    logits: Mapping[str, float] = field(default_factory=dict)
    bearing: Bearing | None = None
    lines: Lines | None = None
    glimpse: Glimpse | None = None
    peak: float | None = None
    second: Sight | None = None
    passes: Sequence[Pass] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """What track `track_id` showed. `steps_s` is when each of `steps` ended."""

    track_id: int
    first: First | None = None
    said: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    steps_s: tuple[float, ...] = ()
    edges: tuple[frozenset[Side], ...] = ()
    frames: tuple[frozenset[Side], ...] = ()
    glimpses: tuple[Glimpse, ...] = ()
    bearings: tuple[Bearing, ...] = ()
    peaks: tuple[float, ...] = ()
    sights: tuple[Sight, ...] = ()
    twin_score: float | None = None
    began_s: float = 0.0
    last_s: float = 0.0

    @property
    def looked_s(self) -> float:
        """How long this track has been looked at, in seconds."""
        return self.last_s - self.began_s

    def since(self, at_s: float) -> tuple[Step, ...]:
        """Return the relief's steps that ended after `at_s`."""
        return tuple(step for step, ended_s in zip(self.steps, self.steps_s, strict=True) if ended_s > at_s)


def watched(watch: Watch | None, track_id: int, glance: Glance, *, first: First | None = None) -> Watch:
    """Return what is known of track `track_id` after `glance`: of another track than `watch`, that alone."""
    if watch is None or watch.track_id != track_id:
        watch = Watch(track_id=track_id, first=first, began_s=glance.at_s)
    steps = [step for each in glance.passes if (step := relief.step_of(each.flow)) is not None]
    moved = [edges.moving(each.before, each.after, each.carry, each.face) for each in glance.passes]
    return replace(
        watch,
        last_s=glance.at_s,
        said={name: (*watch.said.get(name, ()), value)[-_MOST:] for name, value in glance.logits.items()} or watch.said,
        steps=(*watch.steps, *steps)[-_MOST:],
        steps_s=(*watch.steps_s, *(glance.at_s for _ in steps))[-_MOST:],
        edges=(*watch.edges, *moved)[-_MOST:],
        frames=watch.frames
        if glance.lines is None
        else (*watch.frames, edges.around(glance.lines, glance.face))[-_MOST:],
        glimpses=watch.glimpses if glance.glimpse is None else (*watch.glimpses, glance.glimpse)[-_MOST:],
        peaks=watch.peaks if glance.peak is None else (*watch.peaks, glance.peak)[-_MOST:],
        sights=watch.sights if glance.second is None else (*watch.sights, glance.second)[-_MOST:],
        bearings=watch.bearings if glance.bearing is None else (*watch.bearings, glance.bearing)[-_MOST:],
    )


def anew(watch: Watch) -> Watch:
    """Return what is left of `watch` when the face seen from now on may be another: what told against it, and nothing
    that spoke for it."""
    return replace(watch, said={}, steps=(), steps_s=(), bearings=(), sights=(), began_s=watch.last_s)


def beside(watch: Watch, score: float) -> Watch:
    """Return what is known once another face in the same frame was found to be `score` alike: the largest counts."""
    return replace(watch, twin_score=score if watch.twin_score is None else max(watch.twin_score, score))


def cues_of(watch: Watch, *, twin_threshold: float) -> tuple[Cue, ...]:
    """Return what each cue says of the track, one of each reason."""
    return (
        passive.judge(watch.said),
        relief.judge(watch.steps),
        edges.judge_edge(watch.edges),
        edges.judge_frame(watch.frames),
        repeats.judge(watch.glimpses),
        arrival.judge_arrival(watch.first),
        arrival.judge_twin(watch.twin_score, twin_threshold),
        moire.judge(watch.peaks),
        second.judge(watch.sights),
    )
