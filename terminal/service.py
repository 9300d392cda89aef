"""Which of the people in view is served: whoever stands nearest in the marked zone, one after the other. *Pure*.

Whoever walks past is not served: somebody has to stay for a moment. Nor is a portrait that hangs on the wall.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from terminal.faces import Box
from terminal.tracking import Scene, Track, visible

ANSWER_SHOWN_S = 1.0
"""Somebody identified is served this long before the next person is."""
RIVAL_NEARER = 1.2
RIVAL_AFTER_S = 0.5
"""Somebody nearer by this factor for this long takes over; less is two people standing side by side."""
STAYS_AFTER_S = 0.1
"""A face that has not been passing for so long stays."""
_SETTLED_SIGHTINGS = 2
"""A face found in one frame only may be a shadow or a poster seen at an angle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Where whoever is served stands, in pixels of the picture: the middle of the face between `left_px` and
    `right_px`, the face's shorter side at least `least_px`; smaller faces are passers-by."""

    left_px: float = 0.0
    right_px: float = math.inf
    least_px: float = 0.0

    def holds(self, box: Box) -> bool:
        return self.left_px <= box.centre[0] <= self.right_px and shorter_side(box) >= self.least_px

    def left_by(self, box: Box) -> bool:
        """Return whether no part of the face is between the zone's sides any more."""
        return box.x + box.width < self.left_px or box.x > self.right_px


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Who is served. `answered_s`: since when that person has an answer. `rival_s`: since when somebody is nearer.
    `done` were served to the end and are not served again while they stay."""

    track_id: int | None = None
    answered_s: float | None = None
    rival_s: float | None = None
    done: frozenset[int] = frozenset()


def serve(
    service: Service, scene: Scene, *, now_s: float, zone: Zone, known: bool, answered: Collection[int] | None
) -> Service:
    """Return who is served next: whoever is nearest, but nobody is dropped for somebody only a little nearer.

    `known`: the one served now is identified. `answered` has the tracks that the visit is through with; None means
    that whoever is identified is. They make room for the next person after ANSWER_SHOWN_S. Whoever has left the zone
    whole is no longer served, nor is what turns out to hang on the wall.
    """
    present = frozenset(track.id for track in scene.tracks)
    service = replace(service, done=service.done & present)
    current = scene.find(service.track_id)
    if current is not None and (zone.left_by(current.box) or current.hangs):
        current = None
    through = current is not None and (known if answered is None else current.id in answered)
    answered_s = (service.answered_s if service.answered_s is not None else now_s) if through else None
    passed_over = service.done | {current.id if current else None}
    rivals = [track for track in _staying(scene, now_s, zone) if track.id not in passed_over]
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


def crowded(service: Service, scene: Scene, *, now_s: float, zone: Zone) -> bool:
    """Return whether somebody else stands in the zone as near as the one served: neither is clearly the nearer."""
    current = scene.find(service.track_id)
    if current is None:
        return False
    return any(
        max(track.size_px / current.size_px, current.size_px / track.size_px) < RIVAL_NEARER
        for track in _staying(scene, now_s, zone)
        if track.id not in service.done | {current.id}
    )


def shorter_side(box: Box) -> float:
    return min(box.width, box.height)


def _staying(scene: Scene, now_s: float, zone: Zone) -> list[Track]:
    return [
        track
        for track in scene.tracks
        if track.sightings >= _SETTLED_SIGHTINGS
        and track.slow_since_s is not None
        and track.last_seen_s - track.slow_since_s >= STAYS_AFTER_S
        and not track.hangs
        and visible(track, now_s)
        and zone.holds(track.box)
    ]
