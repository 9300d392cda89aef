"""Who walks up to the demo's kiosk, when and along which way. Pure: times and places in, poses out.

The lobby's metres: x to the right of the camera, z away from it. A walk is a list of steps, moved through smoothly.
"""

import math
from dataclasses import dataclass

from demo.heads import Turn
from demo.lobby import FOCAL_PX, HORIZON_PX, WIDTH_PX

FACE_M = 0.20
"""Height of a face box on a grown person: forehead to chin."""
LENGTH_S = 46.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where someone is at a moment of the clip."""

    at_s: float
    x_m: float
    z_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One walk-up. `who` names the portrait; `taller_m` is how far the eyes are above the camera; `tempo` differs from
    person to person so that no two sway alike; `shows` names whose photo is held before the face."""

    who: str
    steps: tuple[Step, ...]
    taller_m: float
    tempo: float
    shows: str | None = None

    @property
    def starts_s(self) -> float:
        return self.steps[0].at_s

    @property
    def ends_s(self) -> float:
        return self.steps[-1].at_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a figure stands in the picture: the middle of its face and that face's height in pixels, how far it leans in
    degrees, how light it is (1 is the portrait's own light), how many pixels it moves while the shutter is open, and
    how the head is held."""

    x_px: float
    y_px: float
    face_px: float
    lean_deg: float
    light: float
    smear_px: tuple[float, float]
    turn: Turn


SHUTTER_S = 1 / 200


def _walk(
    who: str, taller_m: float, tempo: float, *steps: tuple[float, float, float], shows: str | None = None
) -> Walk:
    way = tuple(Step(at_s=t, x_m=x, z_m=z) for t, x, z in steps)
    return Walk(who=who, taller_m=taller_m, tempo=tempo, steps=way, shows=shows)


_BEHIND_HER = ((22.2, 2.7, 3.4), (24.3, 0.52, 1.4), (26.0, 0.5, 1.38))
_WITH_A_PHOTO = ((38.4, -2.7, 3.2), (40.7, -0.03, 0.94), (44.2, 0.0, 0.92), (45.3, 1.75, 1.25))
# Nobody before 2.6 s: a run of 40 s sees everybody once. Then the photo is held up, and after that a round is over.
WALKS = (
    _walk("obama", 0.03, 1.0, (2.6, -2.7, 3.3), (4.9, -0.03, 0.84), (6.9, 0.02, 0.82), (7.9, 1.75, 1.25)),
    _walk("macron", 0.00, 1.15, (8.7, 2.7, 3.3), (10.9, 0.05, 0.85), (12.9, 0.0, 0.83), (13.9, -1.75, 1.25)),
    _walk("sunak", -0.02, 1.3, (14.7, -2.7, 3.2), (16.9, -0.05, 0.86), (19.9, 0.0, 0.84), (20.9, 1.75, 1.25)),
    _walk("ardern", -0.01, 0.9, (21.7, -2.7, 3.2), (23.9, -0.14, 0.84), (26.0, -0.16, 0.82), (27.0, -1.75, 1.2)),
    _walk("biden", 0.04, 0.8, *_BEHIND_HER, (27.3, 0.02, 0.85), (29.3, 0.0, 0.83), (30.3, 1.75, 1.25)),
    _walk("collins", -0.02, 1.05, (31.1, 2.7, 3.3), (33.3, 0.05, 0.95), (36.2, 0.0, 0.93), (37.2, -1.8, 1.3)),
    _walk("sunak", -0.02, 1.3, *_WITH_A_PHOTO, shows="obama"),
)


def pose(walk: Walk, at_s: float) -> Pose | None:
    """Return how the figure of `walk` stands at `at_s` of the clip, or None while it is not in the lobby."""
    if not walk.starts_s <= at_s <= walk.ends_s:
        return None
    x_px, y_px, face_px, pace = _seen(walk, at_s)
    later = _seen(walk, min(at_s + SHUTTER_S, walk.ends_s))
    swing = 2 * math.pi * walk.tempo
    return Pose(
        x_px=x_px,
        y_px=y_px,
        face_px=face_px,
        lean_deg=1.6 * math.sin(swing * 0.35 * at_s) + 1.4 * pace * math.sin(swing * 0.95 * at_s),
        # Daylight from the door and lamps overhead: lighter near the kiosk, never steady.
        light=0.98 + 0.08 * math.sin(0.7 * at_s + walk.tempo * 5) + 0.03 * math.sin(5.3 * at_s),
        smear_px=(later[0] - x_px, later[1] - y_px),
        # People look about: to the kiosk, to what it shows, to who is beside them.
        turn=Turn(
            yaw_deg=9.0 * math.sin(swing * 0.55 * at_s) + 2.0 * math.sin(swing * 0.9 * at_s + 1),
            pitch_deg=3.0 * math.sin(swing * 0.31 * at_s + 2),
        ),
    )


def brightness(at_s: float) -> float:
    """Return the lobby's light at `at_s`: clouds pass outside."""
    return 0.98 + 0.05 * math.sin(0.42 * at_s) + 0.02 * math.sin(1.7 * at_s + 1)


def _seen(walk: Walk, at_s: float) -> tuple[float, float, float, float]:
    """Return the face's middle and height in pixels, and the pace from 0 (standing) to 1 (walking)."""
    after = next((n for n, step in enumerate(walk.steps) if step.at_s >= at_s), len(walk.steps) - 1)
    last, following = walk.steps[max(after - 1, 0)], walk.steps[max(after, 1)]
    part = (at_s - last.at_s) / (following.at_s - last.at_s)
    distance = math.hypot(following.x_m - last.x_m, following.z_m - last.z_m)
    if walk.steps[0] is last:  # comes in at walking speed, slows down before the kiosk
        done = 1 - (1 - part) ** 2.2
        pace = min(1.0, 2 * (1 - part))
    elif walk.steps[-1] is following:  # sets off, leaves at walking speed
        done = part**2.0
        pace = min(1.0, 2 * part)
    else:
        done = part * part * (3 - 2 * part)
        pace = min(1.0, distance) * math.sin(math.pi * part)
    swing = 2 * math.pi * walk.tempo
    sway_m = 0.012 * math.sin(swing * 0.45 * at_s) + 0.02 * pace * math.sin(swing * 0.95 * at_s)
    bob_m = 0.004 * math.sin(swing * 0.6 * at_s) + 0.018 * pace * abs(math.sin(swing * 0.95 * at_s))
    z_m = last.z_m + (following.z_m - last.z_m) * done
    x_m = last.x_m + (following.x_m - last.x_m) * done + sway_m
    scale = FOCAL_PX / z_m
    return WIDTH_PX / 2 + x_m * scale, HORIZON_PX + (bob_m - walk.taller_m) * scale, FACE_M * scale, pace
