"""Whether the camera hangs right, from the faces it saw today, for the administrator who may turn it. *Pure*.

Plain numbers only: no picture and nothing that tells one person from another is kept. Only whoever is served counts,
once for each unbroken track, where they were largest: bystanders have no track here and would count at every frame.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from enum import StrEnum

from config import Quality as QualitySettings
from terminal.faces import Box, Picture
from terminal.quality import surroundings
from terminal.sighting import Sighting

FACE_WIDTH_M = 0.14
"""Breadth of a grown-up's face across the cheekbones: 143 mm for men, 135 mm for women on average (Zhuang and
Bradtmiller 2005, a survey of 3,997 people at work in the United States)."""
HEIGHTS = 10
"""Equal parts of the picture's height, from the top, in which faces are counted."""
DISTANCES_M = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
"""Faces are counted below the first, between two each, and from the last on."""
ENOUGH_FACES = 10
NOW_S = 10.0
"""What was measured longer ago is not now any more."""

_HIGH, _LOW = 0.3, 0.65
"""The middle face of the day belongs between: there is room for the tall above it, and for who sits in a wheelchair
below."""
_EDGE, _MANY_AT_EDGE = 0.15, 0.1
"""More than a tenth of the faces within this part of the picture's height from its edge: some are out of it."""
_ROOM_TO_SPARE = 1.3
"""Times the least size: the middle face of the day should be larger, for half of all faces are smaller."""
_MANY_BACKLIT = 0.25
_MEASURED_EVERY_S = 0.5
STEPS = 200
"""Of the histograms that medians are taken from: half a per cent of the picture."""


class Advice(StrEnum):
    """What to do about the camera."""

    RAISE = "raise"
    LOWER = "lower"
    TURN_FROM_LIGHT = "turn_from_light"
    COME_NEARER = "come_nearer"
    GOOD = "good"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True, kw_only=True)
class AimReport:
    """What was seen on one day, up to now.

    `faces` counts people served (whoever left and came back is two). `heights`: how many had the middle of their face
    in each tenth of the picture's height, from the top; `height` is the median, 0 to 1. `distances`: how many came how
    near (see DISTANCES_M); `distance_m` is the median, right to a quarter or so: faces differ, and so do lenses.
    `size` is the median of faces' shorter side as a part of the picture's longer side. `backlit`: the part of faces
    with more light behind them than `quality.max_backlight`. `backlight` (grey of the surroundings over that of the
    face), `face_brightness` and `brightness` (mean grey of the whole picture, 0 to 255) are of now, None when not seen.
    """

    faces: int
    heights: tuple[int, ...]
    height: float | None
    distances: tuple[int, ...]
    distance_m: float | None
    size: float | None
    backlit: float | None
    backlight: float | None
    face_brightness: float | None
    brightness: float | None
    advice: tuple[Advice, ...]

    @property
    def thirds(self) -> tuple[float, float, float] | None:
        """The parts of the faces in the upper, middle and lower third of the picture's height; None without faces.

        A tenth on the border between two thirds is shared out by how much of it lies in each.
        """
        if not self.faces:
            return None
        upper, lower = (sum(part[:3]) + part[3] / 3 for part in (self.heights, self.heights[::-1]))
        return upper / self.faces, (self.faces - upper - lower) / self.faces, lower / self.faces


@dataclass(frozen=True, slots=True, kw_only=True)
class _Face:
    """Whoever is served now, where they were largest; `light` is the last that was behind them, `least` the size at
    which a face is looked at."""

    track_id: int
    height: float
    size: float
    light: float | None
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """The day. `far` counts faces hardly larger than needed, `backlit` those of the `measured` that were."""

    faces: int = 0
    heights: tuple[int, ...] = (0,) * STEPS
    sizes: tuple[int, ...] = (0,) * STEPS
    far: int = 0
    measured: int = 0
    backlit: int = 0


class Aim:
    """The faces of one day, by the office's clock. Belongs to one thread."""

    def __init__(self, quality: QualitySettings, zone: tzinfo, *, view_deg: float = 66.0) -> None:
        """`view_deg` is the camera's angle of view along the longer side of its picture: 66 for a Camera Module 3."""
        self._quality, self._zone = quality, zone
        self._focal = 0.5 / math.tan(math.radians(view_deg) / 2)
        self._measured_at: datetime | None = None
        self._face_light: tuple[datetime, float, float] | None = None
        self._brightness: tuple[datetime, float] | None = None
        self._day: date | None = None
        self._counted = _Counted()
        self._nearest: _Face | None = None

    def saw(self, sighting: Sighting, now: datetime) -> None:
        """The sighting is counted. `now` has a zone; a new day begins with nothing."""
        day = now.astimezone(self._zone).date()
        if day != self._day:
            self._begin(day)
        served, picture = sighting.served, sighting.picture
        light = self._looked_at(picture, served.box if served is not None else None, now)
        if served is None:
            return
        if self._nearest is not None and self._nearest.track_id != served.track_id:
            self._count(self._nearest)
            self._nearest = None
        height, width = picture.shape[:2]
        size = min(served.box.width, served.box.height) / max(height, width)
        before = self._nearest
        if light is None and before is not None:
            light = before.light
        if before is None or size > before.size:
            where = min(max(served.box.centre[1] / height, 0.0), 1.0)
            least = max(self._quality.min_face_share, self._quality.min_face_px / max(height, width))
            self._nearest = _Face(track_id=served.track_id, height=where, size=size, light=light, least=least)
        elif light is not before.light:
            self._nearest = replace(before, light=light)

    def report(self, now: datetime) -> AimReport:
        """Return what was seen on the day of `now`; whoever stands there now counts already."""
        if now.astimezone(self._zone).date() != self._day:
            self._begin(now.astimezone(self._zone).date())
        counted = self._counted if self._nearest is None else _with(self._counted, self._nearest, self._quality)
        height, size = _median(counted.heights), _median(counted.sizes)
        light = self._face_light if self._face_light and _recent(self._face_light[0], now) else None
        per_bin = STEPS // HEIGHTS
        return AimReport(
            faces=counted.faces,
            heights=tuple(sum(counted.heights[at : at + per_bin]) for at in range(0, STEPS, per_bin)),
            height=height,
            distances=self._distances(counted.sizes),
            distance_m=self._distance_m(size) if size is not None else None,
            size=size,
            backlit=counted.backlit / counted.measured if counted.measured else None,
            backlight=light[2] if light else None,
            face_brightness=light[1] if light else None,
            brightness=self._brightness[1] if self._brightness and _recent(self._brightness[0], now) else None,
            advice=_advice(counted, height),
        )

    def _begin(self, day: date) -> None:
        self._day, self._counted, self._nearest = day, _Counted(), None

    def _count(self, face: _Face) -> None:
        self._counted = _with(self._counted, face, self._quality)

    def _looked_at(self, picture: Picture, box: Box | None, now: datetime) -> float | None:
        """Return the light behind the face as often as that is worth looking at, else None."""
        if self._measured_at is not None and abs((now - self._measured_at).total_seconds()) < _MEASURED_EVERY_S:
            return None
        self._measured_at = now
        self._brightness = (now, _grey(picture[::16, ::16]))
        if box is None:
            return None
        (x, y), side = box.centre, min(box.width, box.height)
        rows, columns = (slice(max(0, round(at - 0.35 * side)), max(0, round(at + 0.35 * side)), 2) for at in (y, x))
        face = picture[rows, columns]
        if not face.size:
            return None
        brightness = _grey(face)
        backlight = surroundings(picture, box, otherwise=brightness) / max(1.0, brightness)
        self._face_light = (now, brightness, backlight)
        return backlight

    def _distance_m(self, size: float) -> float:
        """Return how far away a face of `size` is: the pinhole camera's focal length x width / width in the picture."""
        return self._focal * FACE_WIDTH_M / max(size, 1e-6)

    def _distances(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        found = [0] * (len(DISTANCES_M) + 1)
        for step, count in enumerate(sizes):
            if count:
                found[bisect_right(DISTANCES_M, self._distance_m((step + 0.5) / STEPS))] += count
        return tuple(found)


def _with(counted: _Counted, face: _Face, quality: QualitySettings) -> _Counted:
    lit = face.light is not None
    return _Counted(
        faces=counted.faces + 1,
        heights=_one_more(counted.heights, face.height),
        sizes=_one_more(counted.sizes, face.size),
        far=counted.far + (face.size < _ROOM_TO_SPARE * face.least),
        measured=counted.measured + lit,
        backlit=counted.backlit + (lit and (face.light or 0.0) > quality.max_backlight),
    )


def _one_more(counts: tuple[int, ...], value: float) -> tuple[int, ...]:
    at = min(max(int(value * STEPS), 0), STEPS - 1)
    return (*counts[:at], counts[at] + 1, *counts[at + 1 :])


def _median(counts: tuple[int, ...]) -> float | None:
    """Return the middle of the step in which the middle value lies."""
    total, so_far = sum(counts), 0
    for step, count in enumerate(counts):
        so_far += count
        if count and 2 * so_far >= total:
            return (step + 0.5) / STEPS
    return None


def _advice(counted: _Counted, height: float | None) -> tuple[Advice, ...]:
    if height is None or counted.faces < ENOUGH_FACES:
        return (Advice.TOO_FEW,)
    edge = round(_EDGE * STEPS)
    above, below = (sum(part) / counted.faces for part in (counted.heights[:edge], counted.heights[-edge:]))
    advice = []
    if height < _HIGH or (above > _MANY_AT_EDGE and above > below):
        advice.append(Advice.RAISE)
    elif height > _LOW or below > _MANY_AT_EDGE:
        advice.append(Advice.LOWER)
    if counted.measured and counted.backlit > _MANY_BACKLIT * counted.measured:
        advice.append(Advice.TURN_FROM_LIGHT)
    if 2 * counted.far > counted.faces:
        advice.append(Advice.COME_NEARER)
    return tuple(advice) or (Advice.GOOD,)


def _recent(at: datetime, now: datetime) -> bool:
    return abs((now - at).total_seconds()) <= NOW_S


def _grey(pixels: Picture) -> float:
    return float(pixels.reshape(-1, 3).mean(axis=0) @ (0.299, 0.587, 0.114))
