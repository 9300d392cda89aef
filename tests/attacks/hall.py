"""Living heads, and photos of them on paper, before a kiosk's camera in the demo's hall.

The heads have the depth of heads (`demo.heads`), so that they turn as nobody's photo does. What a camera sees of them
is drawn, not filmed: it shows what the kiosk does with a head and with a sheet, not how often it is right.
"""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from demo import lobby, photo, scene, walk
from demo.heads import Turn
from terminal.camera import Frame
from terminal.faces.models import contents
from terminal.liveness.networks import LANDMARKS, Landmarks
from tests.terminal.portraits import MODELS, engine

Image = NDArray[np.uint8]
Draw = Callable[[Image, float], None]

_BEGAN = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)


@cache
def landmarks() -> Landmarks:
    return Landmarks(contents(MODELS, (LANDMARKS,))[0])


@cache
def person(portrait: Path) -> scene.Actor:
    """Return who is in the portrait, with the depth of a head."""
    return scene.actor(portrait, engine(), landmarks(), mirrored=False)


@cache
def sheet(portrait: Path) -> Image:
    """Return the portrait on paper."""
    return scene.printed(portrait, engine())


def pose(at_s: float, *, x_m: float, z_m: float, yaw_deg: float | None = None, pitch_deg: float = 0.0) -> walk.Pose:
    """Return how somebody stands `z_m` before the camera and `x_m` to its right, who looks about unless `yaw_deg` says
    which way they look."""
    scale = lobby.FOCAL_PX / z_m
    x_m += 0.012 * math.sin(2.8 * at_s)
    about = 9 * math.sin(3.5 * at_s) + 2 * math.sin(5.7 * at_s + 1)
    return walk.Pose(
        x_px=lobby.WIDTH_PX / 2 + x_m * scale,
        y_px=lobby.HORIZON_PX + 0.004 * math.sin(3.8 * at_s) * scale,
        face_px=walk.FACE_M * scale,
        lean_deg=1.6 * math.sin(2.2 * at_s),
        light=1.0,
        smear_px=(0.0, 0.0),
        turn=Turn(yaw_deg=about if yaw_deg is None else yaw_deg, pitch_deg=pitch_deg),
    )


def hold_up(frame: Image, paper: Image, at_s: float, *, x_m: float = 0.0, z_m: float = 0.9) -> None:
    """Draw `paper` into `frame` where the face of somebody who stands there would be, as a hand holds it."""
    held = pose(at_s, x_m=x_m, z_m=z_m)
    photo.hold(frame, paper, place_px=(held.x_px, held.y_px), z_m=z_m, at_s=at_s, light=1.0)


def film(draw: Draw, *, seconds: float, seed: int, hz: float = 10.0) -> Iterator[Frame]:
    """Yield what the camera sees of what `draw` puts into the hall at each moment."""
    rng = np.random.default_rng(seed)
    room, noise = _room(), _noise()
    for number in range(round(seconds * hz)):
        at_s = number / hz
        frame = room.copy()
        draw(frame, at_s)
        seen = scene.taken(frame, noise, rng, light=walk.brightness(at_s))
        yield Frame(
            picture=np.ascontiguousarray(seen[..., ::-1]),
            taken_at=_BEGAN + timedelta(seconds=at_s),
            monotonic_ns=round((100 + at_s) * 1e9),
        )


@cache
def _room() -> Image:
    return lobby.paint(scene.SEED)


@cache
def _noise() -> scene.Noise:
    return scene.grain(np.random.default_rng(scene.SEED))


def hold_cut_out(frame: Image, paper: Image, at_s: float, *, x_m: float = 0.0, z_m: float = 0.9) -> None:
    """Draw the face of `paper` alone, cut out along its outline: it has no straight edge."""
    with_it = frame.copy()
    hold_up(with_it, paper, at_s, x_m=x_m, z_m=z_m)
    held = pose(at_s, x_m=x_m, z_m=z_m - photo.BEFORE_M)
    middle = (round(held.x_px), round(held.y_px - 0.1 * held.face_px))
    cover = np.zeros(frame.shape[:2], np.uint8)
    cv2.ellipse(
        cover, middle, (round(0.42 * held.face_px), round(0.62 * held.face_px)), 0, 0, 360, 255, -1, cv2.LINE_AA
    )
    np.copyto(frame, with_it, where=cover[..., None] > 127)
