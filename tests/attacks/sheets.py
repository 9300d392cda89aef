"""Attacks made of somebody's pictures: a sheet or a screen that shows them, held before a kiosk's camera.

Everything is drawn from one seed. A sheet is a plane or a piece of a cylinder in front of a pinhole camera, so that its
picture moves as a real one's does; what paper, ink, glass, a display's cells, a lamp and a sensor add is drawn on it.
None of it comes from a real attack: it shows whether a cue sees what it claims to, not how often it is right.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]

WIDTH, HEIGHT = 640, 480
FOCAL_PX = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Species:
    """One kind of attack. `size_m` is the sheet's, `face_m` the width of the face on it; `replays` shows the clip, not
    one picture; `waved` is how many degrees it is turned about while it is held; `still` stands on a table."""

    size_m: tuple[float, float]
    face_m: float
    screen: bool = False
    replays: bool = False
    bend_m: float = 0.0
    cut_out: bool = False
    waved: float = 0.0
    still: bool = False


SPECIES = {
    "print": Species(size_m=(0.21, 0.297), face_m=0.13),
    "print_waved": Species(size_m=(0.21, 0.297), face_m=0.13, waved=12),
    "bent_print": Species(size_m=(0.21, 0.297), face_m=0.13, bend_m=0.11, waved=10),
    "cut_out": Species(size_m=(0.19, 0.26), face_m=0.14, cut_out=True, waved=6),
    "phone_photo": Species(size_m=(0.075, 0.155), face_m=0.05, screen=True, waved=5),
    "tablet_photo": Species(size_m=(0.17, 0.24), face_m=0.11, screen=True, waved=8),
    "phone_replay": Species(size_m=(0.075, 0.155), face_m=0.05, screen=True, replays=True, waved=3),
    "tablet_replay": Species(size_m=(0.17, 0.24), face_m=0.11, screen=True, replays=True, waved=3),
    "monitor_replay": Species(size_m=(0.53, 0.30), face_m=0.13, screen=True, replays=True, still=True),
}


def attack(
    name: str, source: Sequence[Picture], face: tuple[float, float, float], *, seed: int, frames: int, fps: float = 15.0
) -> Iterator[Picture]:
    """Yield `frames` BGR pictures of the attack `name` made of `source`, in which a face of width `face[2]` px has its
    centre at `face[:2]`. A photo is the first of `source`; a replay is all of it, again from the start when it ends."""
    kind, rng = SPECIES[name], np.random.default_rng(seed)
    room = _room(rng)
    lamp = _Look.draw(rng, kind)
    path = _Path.draw(rng, kind)
    photo = _sheet(source[0], face, kind, lamp)
    for index in range(frames):
        shown = _sheet(source[index % len(source)], face, kind, lamp) if kind.replays else photo
        turn, at = path.pose(index / fps)
        yield lamp.camera(_held(shown, room, kind, lamp, turn, at), rng)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    """Where the sheet is held, and how the hand moves it."""

    at: Floats
    tilt: Floats
    swing: Floats
    phase: Floats
    speed: Floats
    comes_from: Floats
    still: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, kind: Species) -> "_Path":
        depth = FOCAL_PX * kind.face_m / rng.uniform(110, 220)
        steady = 0.0 if kind.still else 1.0
        waved = math.radians(kind.waved)
        return cls(
            at=np.float32([rng.uniform(-0.08, 0.08) * depth, rng.uniform(-0.06, 0.06) * depth, depth]),
            tilt=np.float32(np.radians(rng.uniform(-8, 8, 3) * (1, 1, 0.6))),
            swing=np.float32(
                [
                    *(waved * rng.uniform(0.5, 1, 2) + 0.008 * steady),
                    0.012 * steady,
                    *(0.012 * depth * steady * rng.uniform(0.5, 2, 3)),
                ]
            ),
            phase=np.float32(rng.uniform(0, 2 * math.pi, (6, 2))),
            speed=np.float32(rng.uniform(0.3, 0.9, (6, 1)) * (1.0, 5.0)),
            comes_from=np.float32([rng.choice([-1, 0, 1]) * 1.2 * depth, rng.uniform(0.5, 1.2) * depth, 0]),
            still=kind.still,
        )

    def pose(self, t_s: float) -> tuple[Floats, Floats]:
        waves = np.sin(2 * math.pi * self.speed * t_s + self.phase) @ np.float32([0.85, 0.15])
        moved = self.swing * waves
        away = 0.0 if self.still else max(0.0, 1 - t_s / 0.6) ** 2
        return self.tilt + moved[:3], self.at + moved[3:] + away * self.comes_from


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What paper, glass, lamp and camera do to the picture."""

    contrast: float
    gamma: float
    cast: Floats
    black: float
    halftone: float
    cells: float
    glare: float
    glare_at: tuple[float, float]
    glare_px: float
    border: float
    noise: float
    blur: float
    jpeg: int
    light: float

    @classmethod
    def draw(cls, rng: np.random.Generator, kind: Species) -> "_Look":
        screen = kind.screen
        return cls(
            contrast=float(rng.uniform(0.75, 1.0) if screen else rng.uniform(0.6, 0.9)),
            gamma=float(rng.uniform(0.85, 1.25)),
            cast=np.float32(rng.uniform(0.93, 1.07, 3)),
            black=float(rng.uniform(5, 25) if screen else rng.uniform(20, 45)),
            halftone=0.0 if screen else float(rng.choice([0, 0.1, 0.25])),
            cells=float(rng.choice([0, 0.08, 0.2])) if screen else 0.0,
            glare=float(rng.choice([0, 60, 140])) if screen else float(rng.choice([0, 0, 50])),
            glare_at=(float(rng.uniform(0.2, 0.8) * WIDTH), float(rng.uniform(0.1, 0.8) * HEIGHT)),
            glare_px=float(rng.uniform(25, 90)),
            border=float(rng.uniform(0.03, 0.1)),
            noise=float(rng.uniform(1.0, 4.0)),
            blur=float(rng.uniform(0.3, 1.0)),
            jpeg=int(rng.integers(70, 96)),
            light=float(rng.uniform(0.8, 1.1)),
        )

    def camera(self, linear: Floats, rng: np.random.Generator) -> Picture:
        """Return what a sensor and its compression make of `linear`."""
        seen = cv2.GaussianBlur(linear * self.light, (0, 0), self.blur)
        seen += rng.normal(0, 1, seen.shape).astype(np.float32) * (self.noise * np.sqrt(0.3 + seen.clip(0) / 180))
        taken = np.clip(seen, 0, 255).astype(np.uint8)
        _, packed = cv2.imencode(".jpg", taken, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _room(rng: np.random.Generator) -> Floats:
    """Return a lobby: a wall in uneven light, edges of doors and boards, and some texture."""
    wall = np.float32(rng.uniform(90, 190, 3) * rng.uniform(0.9, 1.1))
    x, y = np.meshgrid(np.linspace(-1, 1, WIDTH, dtype=np.float32), np.linspace(-1, 1, HEIGHT, dtype=np.float32))
    room = wall * (1 + 0.25 * (rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y))[..., None]
    for _ in range(int(rng.integers(3, 8))):
        left, top = int(rng.integers(-100, WIDTH)), int(rng.integers(-100, HEIGHT))
        size = (int(rng.integers(40, 260)), int(rng.integers(60, 400)))
        cv2.rectangle(
            room, (left, top), (left + size[0], top + size[1]), tuple(float(v) for v in rng.uniform(40, 220, 3)), -1
        )
    grain = cv2.resize(
        rng.normal(0, 1, (HEIGHT // 3, WIDTH // 3, 1)).astype(np.float32),
        (WIDTH, HEIGHT),
        interpolation=cv2.INTER_CUBIC,
    )
    return np.asarray(cv2.GaussianBlur(room + 4 * grain[..., None], (0, 0), 1.2), np.float32)


def _sheet(picture: Picture, face: tuple[float, float, float], kind: Species, look: _Look) -> Floats:
    """Return (rows, columns, 4) what is on the sheet, and where it is opaque."""
    per_m = 1400.0 if max(kind.size_m) > 0.4 else 2600.0 if kind.size_m[0] > 0.1 else 5600.0
    columns, rows = round(kind.size_m[0] * per_m), round(kind.size_m[1] * per_m)
    scale = face[2] / kind.face_m / per_m
    centre = (columns / 2, rows * (0.48 if kind.size_m[0] < kind.size_m[1] else 0.5))
    onto = np.float32([[scale, 0, face[0] - scale * centre[0]], [0, scale, face[1] - scale * centre[1]]])
    way = cv2.WARP_INVERSE_MAP | (cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC)
    drawn = cv2.warpAffine(picture, onto, (columns, rows), flags=way, borderMode=cv2.BORDER_REPLICATE).astype(
        np.float32
    )
    drawn = 255 * (drawn.clip(0, 255) / 255) ** look.gamma
    drawn = (look.black + drawn * (255 - look.black) / 255 * look.contrast) * look.cast
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    if look.halftone:
        drawn *= (1 + look.halftone * np.sin(x * 1.1 + y * 0.6) * np.sin(y * 1.1 - x * 0.6))[..., None]
    if look.cells:
        drawn *= (1 - look.cells * ((x % 3 < 1) | (y % 3 < 1)))[..., None]
    opaque = np.ones((rows, columns, 1), np.float32)
    edge = round(look.border * columns)
    if kind.cut_out:
        opaque[:] = 0
        middle = (int(centre[0]), int(centre[1] - 0.02 * rows))
        axes = (int(0.62 * kind.face_m * per_m), int(0.85 * kind.face_m * per_m))
        cv2.ellipse(opaque, middle, axes, 0, 0, 360, 1.0, -1)
    elif kind.screen:
        for at in (np.s_[:edge], np.s_[-edge:], np.s_[:, :edge], np.s_[:, -edge:]):
            drawn[at] = 18
    elif look.border > 0.06:
        for at in (np.s_[:edge], np.s_[-edge:], np.s_[:, :edge], np.s_[:, -edge:]):
            drawn[at] = 225
    return np.concatenate([drawn, opaque], axis=2)


def _held(sheet: Floats, room: Floats, kind: Species, look: _Look, turn: Floats, at: Floats) -> Floats:
    """Return the room with the sheet in it: each pixel's ray meets the plane or the cylinder that the sheet is."""
    rows, columns = sheet.shape[:2]
    way, _ = cv2.Rodrigues(turn.astype(np.float64))
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    rays = np.stack([(x - WIDTH / 2) / FOCAL_PX, (y - HEIGHT / 2) / FOCAL_PX, np.ones_like(x)], axis=-1)
    rays = rays @ way.astype(np.float32)
    eye = (-at @ way).astype(np.float32)
    if kind.bend_m:  # axis upright, the middle of the sheet nearest to the camera
        radius = kind.bend_m
        a = rays[..., 0] ** 2 + rays[..., 2] ** 2
        b = rays[..., 0] * eye[0] + rays[..., 2] * (eye[2] - radius)
        c = eye[0] ** 2 + (eye[2] - radius) ** 2 - radius**2
        inside = b * b - a * c
        distance = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, -1)
        meets = eye + rays * distance[..., None]
        along = radius * np.arctan2(meets[..., 0], radius - meets[..., 2])
    else:
        distance = -eye[2] / rays[..., 2]
        meets = eye + rays * distance[..., None]
        along = meets[..., 0]
    to_x = (along / kind.size_m[0] + 0.5) * columns - 0.5
    to_y = (meets[..., 1] / kind.size_m[1] + 0.5) * rows - 0.5
    step = max(1.0, float(np.median(np.abs(np.diff(to_x, axis=1)))))
    if step > 1.3:  # a lens sees the mean of several of a display's cells, and a little of their pattern
        less = cv2.resize(sheet, None, fx=1.3 / step, fy=1.3 / step, interpolation=cv2.INTER_AREA)
        to_x, to_y = (to_x + 0.5) * less.shape[1] / columns - 0.5, (to_y + 0.5) * less.shape[0] / rows - 0.5
        sheet = less
    to_x[distance <= 0] = -10
    seen = cv2.remap(
        sheet, to_x.astype(np.float32), to_y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    if look.glare:
        gx, gy = look.glare_at[0] + 900 * float(turn[1]), look.glare_at[1] - 900 * float(turn[0])
        seen[..., :3] += (
            look.glare * np.exp(-(((x - gx) / look.glare_px) ** 2 + ((y - gy) / (1.6 * look.glare_px)) ** 2))[..., None]
        )
    cover = seen[..., 3:]
    held = _hand(room, at) if not kind.still else room
    return np.asarray(seen[..., :3] * cover + held * (1 - cover), np.float32)


def _hand(room: Floats, at: Floats) -> Floats:
    """Return the room with the arm that holds the sheet."""
    x, y = FOCAL_PX * at[0] / at[2] + WIDTH / 2, FOCAL_PX * at[1] / at[2] + HEIGHT / 2
    arm = room.copy()
    cv2.line(arm, (int(x + 60), int(y + 40)), (int(x + 140), HEIGHT + 200), (70.0, 75.0, 90.0), 90, cv2.LINE_AA)
    return arm
