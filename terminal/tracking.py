"""Faces followed from frame to frame, one unbroken track each. *Pure*; `service` has which of them is served.

Boxes are joined by where they are expected and how large they are; the encodings of a track check afterwards that its
face has not been exchanged (`agreement`), since no box can tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

from terminal.faces import Box, Face

LOST_AFTER_S = 1.0
"""A face not found for longer is gone; one that comes back after it is a new track."""
HIDDEN_AFTER_S = 0.35
"""A face not found for longer gives way to others: about five frames."""
PASSING_PER_S = 4.0
"""A face that moves sideways by more than this many of its sizes a second is passing: a walk across makes 6 to 9.

Slower ones are coming: at 1.5 people walking up from the side were recognised a second later, once they stood."""
HANGS_AFTER_S = 20.0
"""A face that has not moved for so long is a portrait on the wall; nobody stands that still."""
_UNMOVED = 0.08
"""Parts of its size by which a face that hangs is found elsewhere from frame to frame; people sway by more."""
_MOST_HANGING = 8
_REACH, _REACH_PER_S, _MOST_REACH = 0.6, 4.0, 1.5
"""How far a face may be from where it was expected, in face sizes: walking past at 1.5 m makes 7 of them a second."""
_RESIZED = 1.6
_PREDICTED_S = 0.3
_DRIFT_MEMORY = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One face, followed without a break. `drift` is the speed of its centre in pixels a second."""

    id: int
    face: Face
    first_seen_at: datetime
    first_seen_s: float
    last_seen_s: float
    drift: tuple[float, float] = (0.0, 0.0)
    sightings: int = 1
    gap_s: float = 0.0
    """How long it had not been seen when it was seen last."""
    slow_since_s: float | None = None
    """Since when it has not been passing; absent while it is, and until it was seen twice."""
    place: Box | None = None
    place_since_s: float = 0.0
    """Where it has been, unmoved, and since when."""

    @property
    def box(self) -> Box:
        return self.face.box

    @property
    def size_px(self) -> float:
        return math.sqrt(self.box.area)

    @property
    def hangs(self) -> bool:
        """Whether it is a portrait on the wall."""
        return self.last_seen_s - self.place_since_s >= HANGS_AFTER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everybody in view. Track ids rise and are never given twice. `hanging`: where portraits hang, the newest first:
    one that was hidden for a while is known again at once."""

    tracks: tuple[Track, ...] = ()
    next_id: int = 1
    hanging: tuple[Box, ...] = ()

    def find(self, track_id: int | None) -> Track | None:
        return next((track for track in self.tracks if track.id == track_id), None)


def follow(scene: Scene, faces: Sequence[Face], *, at: datetime, now_s: float) -> Scene:
    """Return the scene after a frame taken at `at` showed `faces`: each joins a track or begins one; old ones end."""
    alive = [track for track in scene.tracks if now_s - track.last_seen_s <= LOST_AFTER_S]
    joined: dict[int, Track] = {}
    taken: set[int] = set()
    pairs = product(enumerate(alive), enumerate(faces))
    costs = ((_cost(track, face, now_s), row, column) for (row, track), (column, face) in pairs)
    for _, row, column in sorted(cost for cost in costs if cost[0] < math.inf):
        if row not in joined and column not in taken:
            joined[row] = _seen(alive[row], faces[column], now_s)
            taken.add(column)
    tracks = [joined.get(row, track) for row, track in enumerate(alive)]
    next_id = scene.next_id
    for column, face in enumerate(faces):
        if column not in taken and face.box.area > 0:
            tracks.append(_begun(next_id, face, scene.hanging, at, now_s))
            next_id += 1
    hanging = scene.hanging
    for track in tracks:
        if track.hangs and track.place is not None and not any(_same_place(track.place, each) for each in hanging):
            hanging = (track.place, *hanging)[:_MOST_HANGING]
    return Scene(tracks=tuple(tracks), next_id=next_id, hanging=hanging)


def broken(scene: Scene, track_id: int, *, at: datetime, now_s: float) -> Scene:
    """Return the scene in which that track ended and another begins with the same box: its face was exchanged."""
    tracks = tuple(
        replace(track, id=scene.next_id, first_seen_at=at, first_seen_s=now_s) if track.id == track_id else track
        for track in scene.tracks
    )
    return replace(scene, tracks=tracks, next_id=scene.next_id + 1)


def visible(track: Track, now_s: float) -> bool:
    """Return whether the face is there, a few frames without it forgiven."""
    return now_s - track.last_seen_s <= HIDDEN_AFTER_S


def _cost(track: Track, face: Face, now_s: float) -> float:
    """Return how unlike its expectation `face` is as the next of `track`, infinite when it cannot be it."""
    if face.box.area <= 0:
        return math.inf
    passed_s = max(0.0, now_s - track.last_seen_s)
    ahead_s = min(passed_s, _PREDICTED_S)
    x, y = track.box.centre
    there_x, there_y = face.box.centre
    size = math.sqrt(face.box.area)
    typical = (size + track.size_px) / 2
    distance = math.hypot(there_x - x - track.drift[0] * ahead_s, there_y - y - track.drift[1] * ahead_s) / typical
    ratio = max(size / track.size_px, track.size_px / size)
    if distance > min(_MOST_REACH, _REACH + _REACH_PER_S * passed_s) or ratio > _RESIZED + passed_s:
        return math.inf
    return distance + math.log2(ratio)


def _begun(number: int, face: Face, hanging: Sequence[Box], at: datetime, now_s: float) -> Track:
    known = any(_same_place(face.box, each) for each in hanging)
    return Track(
        id=number,
        face=face,
        first_seen_at=at,
        first_seen_s=now_s,
        last_seen_s=now_s,
        place=face.box,
        place_since_s=now_s - HANGS_AFTER_S if known else now_s,
    )


def _seen(track: Track, face: Face, now_s: float) -> Track:
    passed_s = now_s - track.last_seen_s
    drift = track.drift
    if passed_s > 0:
        (x, y), (to_x, to_y) = track.box.centre, face.box.centre
        newest = ((to_x - x) / passed_s, (to_y - y) / passed_s)
        keep = _DRIFT_MEMORY if track.sightings > 1 else 0.0
        drift = (keep * drift[0] + (1 - keep) * newest[0], keep * drift[1] + (1 - keep) * newest[1])
    slow = abs(drift[0]) < PASSING_PER_S * math.sqrt(face.box.area)
    stays = track.place is not None and _same_place(face.box, track.place)
    return replace(
        track,
        face=face,
        last_seen_s=now_s,
        drift=drift,
        sightings=track.sightings + 1,
        gap_s=max(0.0, passed_s),
        slow_since_s=(now_s if track.slow_since_s is None else track.slow_since_s) if slow else None,
        place=track.place if stays else face.box,
        place_since_s=track.place_since_s if stays else now_s,
    )


def _same_place(box: Box, other: Box) -> bool:
    (x, y), (other_x, other_y) = box.centre, other.centre
    size, other_size = math.sqrt(box.area), math.sqrt(other.area)
    most = _UNMOVED * other_size
    return math.hypot(x - other_x, y - other_y) <= most and abs(size - other_size) <= most
