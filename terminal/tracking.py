"""Faces followed from frame to frame, one unbroken track each, and which of them is served. *Pure*.

Boxes are joined by where they are expected and how large they are; the encodings of a track check afterwards that its
face has not been exchanged (`agreement`), since no box can tell.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

from terminal.faces import Box, Face

LOST_AFTER_S = 1.0
"""A face not found for longer is gone; one that comes back after it is a new track."""
HIDDEN_AFTER_S = 0.35
"""A face not found for longer gives way to others: about five frames."""
ANSWER_SHOWN_S = 1.0
"""Somebody identified is served this long before the next person is."""
RIVAL_NEARER = 1.2
RIVAL_AFTER_S = 0.5
"""Somebody nearer by this factor for this long takes over; less is two people standing side by side."""
_SETTLED_SIGHTINGS = 2
"""A face found in one frame only may be a shadow or a poster seen at an angle."""
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

    @property
    def box(self) -> Box:
        return self.face.box

    @property
    def size_px(self) -> float:
        return math.sqrt(self.box.area)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everybody in view. Track ids rise and are never given twice."""

    tracks: tuple[Track, ...] = ()
    next_id: int = 1

    def find(self, track_id: int | None) -> Track | None:
        return next((track for track in self.tracks if track.id == track_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Who is served. `answered_s`: since when that person has an answer. `rival_s`: since when somebody is nearer.
    `done` were served to the end and are not served again while they stay."""

    track_id: int | None = None
    answered_s: float | None = None
    rival_s: float | None = None
    done: frozenset[int] = frozenset()


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
            tracks.append(Track(id=next_id, face=face, first_seen_at=at, first_seen_s=now_s, last_seen_s=now_s))
            next_id += 1
    return Scene(tracks=tuple(tracks), next_id=next_id)


def broken(scene: Scene, track_id: int, *, at: datetime, now_s: float) -> Scene:
    """Return the scene in which that track ended and another begins with the same box: its face was exchanged."""
    tracks = tuple(
        replace(track, id=scene.next_id, first_seen_at=at, first_seen_s=now_s) if track.id == track_id else track
        for track in scene.tracks
    )
    return Scene(tracks=tracks, next_id=scene.next_id + 1)


def serve(
    service: Service, scene: Scene, *, now_s: float, near_px: float, known: bool, answered: Collection[int] | None
) -> Service:
    """Return who is served next: whoever is nearest, but nobody is dropped for somebody only a little nearer.

    Faces whose shorter side is under `near_px` are passers-by. `known`: the one served now is identified. `answered`
    has the tracks that the visit is through with; None means that whoever is identified is. They make room for the
    next person after ANSWER_SHOWN_S.
    """
    present = frozenset(track.id for track in scene.tracks)
    service = replace(service, done=service.done & present)
    current = scene.find(service.track_id)
    through = current is not None and (known if answered is None else current.id in answered)
    answered_s = (service.answered_s if service.answered_s is not None else now_s) if through else None
    rivals = [
        track for track in _candidates(scene, now_s, near_px) if track.id not in service.done | {service.track_id}
    ]
    rival = max(rivals, key=lambda track: track.size_px, default=None)
    if current is None:
        return replace(service, track_id=rival.id if rival else None, answered_s=None, rival_s=None)
    if rival is None:
        return replace(service, answered_s=answered_s, rival_s=None)
    if answered_s is not None:
        if now_s - answered_s < ANSWER_SHOWN_S:
            return replace(service, answered_s=answered_s, rival_s=None)
        return Service(track_id=rival.id, done=service.done | {current.id})
    if not visible(current, now_s):
        return replace(service, track_id=rival.id, rival_s=None)
    if rival.size_px < RIVAL_NEARER * current.size_px:
        return replace(service, answered_s=None, rival_s=None)
    rival_s = service.rival_s if service.rival_s is not None else now_s
    if now_s - rival_s < RIVAL_AFTER_S:
        return replace(service, answered_s=None, rival_s=rival_s)
    return replace(service, track_id=rival.id, answered_s=None, rival_s=None)


def visible(track: Track, now_s: float) -> bool:
    """Return whether the face is there, a few frames without it forgiven."""
    return now_s - track.last_seen_s <= HIDDEN_AFTER_S


def shorter_side(box: Box) -> float:
    return min(box.width, box.height)


def _candidates(scene: Scene, now_s: float, near_px: float) -> list[Track]:
    return [
        track
        for track in scene.tracks
        if track.sightings >= _SETTLED_SIGHTINGS and shorter_side(track.box) >= near_px and visible(track, now_s)
    ]


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


def _seen(track: Track, face: Face, now_s: float) -> Track:
    passed_s = now_s - track.last_seen_s
    drift = track.drift
    if passed_s > 0:
        (x, y), (to_x, to_y) = track.box.centre, face.box.centre
        newest = ((to_x - x) / passed_s, (to_y - y) / passed_s)
        keep = _DRIFT_MEMORY
        drift = (keep * drift[0] + (1 - keep) * newest[0], keep * drift[1] + (1 - keep) * newest[1])
    return replace(
        track, face=face, last_seen_s=now_s, drift=drift, sightings=track.sightings + 1, gap_s=max(0.0, passed_s)
    )
