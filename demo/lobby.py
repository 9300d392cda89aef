"""An office lobby, painted: wooden back wall, glass door with daylight, ceiling lights, shining floor, a counter.

One-point perspective as a kiosk at eye height sees it: a point x metres to the right, y metres below the eyes and z
metres away is at `place(x, y, z)`.
"""

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH_PX, HEIGHT_PX = 1280, 720
FOCAL_PX = 900.0
HORIZON_PX = 350.0
"""Height of the eyes in the picture: every standing adult's face is near this line, however far away."""

FLOOR_M, CEILING_M = 1.6, -3.4
"""A tall hall: level edges above a head with upright ones beside it could be a picture's frame, which raises doubt."""
HALF_WIDTH_M = 3.4
BACK_M = 8.5

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]
_SCALE = 2  # painted twice as large, then shrunk: smooth edges


def place(x_m: float, y_m: float, z_m: float) -> tuple[float, float]:
    """Return the pixel at which the camera sees a point; z_m > 0."""
    return WIDTH_PX / 2 + x_m * FOCAL_PX / z_m, HORIZON_PX + y_m * FOCAL_PX / z_m


def paint(seed: int) -> Image:
    """Return the empty lobby, (HEIGHT_PX, WIDTH_PX, 3) BGR, a little out of focus as behind a person."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((HEIGHT_PX * _SCALE, WIDTH_PX * _SCALE, 3), np.float32)
    _room(canvas)
    _wood(canvas, rng)
    door = _door(canvas, rng)
    _lamps(canvas)
    _sign(canvas)
    _counter(canvas)
    _plant(canvas, rng)
    _reflect(canvas, door)
    small = cv2.resize(canvas, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 3.2)
    glow = cv2.GaussianBlur(np.clip(soft - 200, 0, 255), (0, 0), 28)
    return np.asarray(np.clip((soft + glow * 1.4) * _vignette()[..., None], 0, 255), np.uint8)


def _quad(canvas: NDArray[np.float32], corners: list[tuple[float, float, float]], bgr: tuple[int, int, int]) -> None:
    points = np.array([place(*corner) for corner in corners]) * _SCALE
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], [float(part) for part in bgr], cv2.LINE_AA)


def _room(canvas: NDArray[np.float32]) -> None:
    near, wide = 1.0, HALF_WIDTH_M
    steps = np.geomspace(near, BACK_M, 40)
    for close, far in itertools.pairwise(steps):
        light = 0.62 + 0.38 * far / BACK_M
        for side in (-1, 1):
            wall = [(side * wide, CEILING_M, close), (side * wide, CEILING_M, far)]
            wall += [(side * wide, FLOOR_M, far), (side * wide, FLOOR_M, close)]
            grey = light * (1.0 if side > 0 else 0.94)
            _quad(canvas, wall, (int(196 * grey), int(207 * grey), int(212 * grey)))
        floor = [(-wide, FLOOR_M, close), (wide, FLOOR_M, close), (wide, FLOOR_M, far), (-wide, FLOOR_M, far)]
        _quad(canvas, floor, (int(128 * light), int(140 * light), int(148 * light)))
        ceiling = [(x, CEILING_M, z) for x, _, z in floor]
        _quad(canvas, ceiling, (int(226 * light), int(228 * light), int(228 * light)))
    back = [(-wide, CEILING_M, BACK_M), (wide, CEILING_M, BACK_M), (wide, FLOOR_M, BACK_M), (-wide, FLOOR_M, BACK_M)]
    _quad(canvas, back, (186, 200, 206))
    for z in np.arange(1.5, BACK_M, 1.0):  # tile joints
        _quad(
            canvas,
            [(-wide, FLOOR_M, z), (wide, FLOOR_M, z), (wide, FLOOR_M, z + 0.02), (-wide, FLOOR_M, z + 0.02)],
            (104, 114, 120),
        )
    for x in np.arange(-3.0, 3.1, 1.0):
        _quad(
            canvas,
            [(x, FLOOR_M, 1.0), (x + 0.015, FLOOR_M, 1.0), (x + 0.015, FLOOR_M, BACK_M), (x, FLOOR_M, BACK_M)],
            (104, 114, 120),
        )


def _wood(canvas: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Wooden slats on the right part of the back wall."""
    for x in np.arange(0.95, 3.3, 0.16):
        tone = 1 + 0.12 * rng.standard_normal()
        slat = [
            (x, CEILING_M, BACK_M - 0.1),
            (x + 0.11, CEILING_M, BACK_M - 0.1),
            (x + 0.11, 1.6, BACK_M - 0.1),
            (x, 1.6, BACK_M - 0.1),
        ]
        _quad(canvas, slat, (int(72 * tone), int(112 * tone), int(150 * tone)))


def _door(canvas: NDArray[np.float32], rng: np.random.Generator) -> Plane:
    """A double glass door on the left of the back wall with a bright garden behind; returns where it shines."""
    z = BACK_M - 0.12
    left, right, top = -2.9, -0.7, CEILING_M
    outline = [(left, top, z), (right, top, z), (right, FLOOR_M, z), (left, FLOOR_M, z)]
    shine = np.zeros(canvas.shape[:2], np.float32)
    cv2.fillPoly(shine, [np.rint(np.array([place(*corner) for corner in outline]) * _SCALE).astype(np.int32)], 1.0)
    sky = np.interp(np.arange(canvas.shape[0]), (500, 760, 1000), (250, 246, 214)).astype(np.float32)
    outside = np.stack([sky, sky * 0.99, sky * 0.96], axis=1)[:, None, :]
    garden = canvas.copy()
    garden[:] = outside
    for _ in range(60):
        x, y = rng.uniform(left, right), rng.uniform(0.25, 1.3)
        green = rng.uniform(0.75, 1.15)
        point = np.rint(np.array(place(x, y, z)) * _SCALE).astype(int)
        cv2.circle(
            garden, point.tolist(), int(rng.uniform(16, 46)), (120 * green, 190 * green, 150 * green), -1, cv2.LINE_AA
        )
    blurred = cv2.GaussianBlur(garden, (0, 0), 14)
    canvas += (blurred - canvas) * shine[..., None]
    frame = (70, 74, 78)
    for x in (left, (left + right) / 2, right):
        _quad(canvas, [(x - 0.04, top, z), (x + 0.04, top, z), (x + 0.04, FLOOR_M, z), (x - 0.04, FLOOR_M, z)], frame)
    for y in (top, FLOOR_M - 0.06):
        _quad(canvas, [(left, y, z), (right, y, z), (right, y + 0.08, z), (left, y + 0.08, z)], frame)
    return shine


def _lamps(canvas: NDArray[np.float32]) -> None:
    for z in (2.6, 4.0, 5.6, 7.2):
        for x in (-1.7, 1.7):
            lamp = [(x - 0.45, CEILING_M + 0.02, z), (x + 0.45, CEILING_M + 0.02, z)]
            lamp += [(x + 0.45, CEILING_M + 0.02, z + 0.4), (x - 0.45, CEILING_M + 0.02, z + 0.4)]
            _quad(canvas, lamp, (252, 255, 255))


def _sign(canvas: NDArray[np.float32]) -> None:
    """The office's name on a board on the back wall."""
    z = BACK_M - 0.2
    _quad(canvas, [(1.2, -2.7, z), (3.3, -2.7, z), (3.3, -2.1, z), (1.2, -2.1, z)], (92, 62, 34))
    x, y = place(1.38, -2.43, z)
    place_px = (int(x * _SCALE), int(y * _SCALE))
    cv2.putText(canvas, "KANTOR", place_px, cv2.FONT_HERSHEY_DUPLEX, 1.5, (235, 238, 240), 4, cv2.LINE_AA)
    below = (place_px[0], place_px[1] + 46)
    cv2.putText(canvas, "PERCONTOHAN", below, cv2.FONT_HERSHEY_DUPLEX, 1.1, (215, 220, 225), 3, cv2.LINE_AA)


def _counter(canvas: NDArray[np.float32]) -> None:
    """A reception counter before the wooden wall."""
    near, far = 6.2, 7.0
    front = [(1.6, 0.65, near), (3.3, 0.65, near), (3.3, FLOOR_M, near), (1.6, FLOOR_M, near)]
    _quad(canvas, front, (150, 165, 172))
    _quad(canvas, [(1.6, 0.65, near), (3.3, 0.65, near), (3.3, 0.65, far), (1.6, 0.65, far)], (222, 228, 230))
    _quad(canvas, [(1.6, 1.45, near), (3.3, 1.45, near), (3.3, FLOOR_M, near), (1.6, FLOOR_M, near)], (70, 78, 84))
    _quad(canvas, [(2.0, 0.38, 6.5), (2.5, 0.38, 6.5), (2.5, 0.65, 6.5), (2.0, 0.65, 6.5)], (60, 58, 54))


def _plant(canvas: NDArray[np.float32], rng: np.random.Generator) -> None:
    """A pot with leaves by the left wall and one far right."""
    for x, z, size in ((-2.75, 5.2, 1.0), (2.95, 4.6, 1.15)):
        _quad(
            canvas,
            [(x - 0.2, 1.05, z), (x + 0.2, 1.05, z), (x + 0.15, FLOOR_M, z), (x - 0.15, FLOOR_M, z)],
            (188, 196, 200),
        )
        for _ in range(90):
            angle, length = rng.uniform(-1.25, 1.25), rng.uniform(0.35, 1.0) * size
            tip = place(x + np.sin(angle) * length * 0.6, 1.05 - np.cos(angle) * length, z)
            base = place(x + rng.uniform(-0.1, 0.1), 1.05, z)
            ends = [tuple(np.rint(np.array(end) * _SCALE).astype(int).tolist()) for end in (base, tip)]
            green = rng.uniform(0.5, 1.1)
            cv2.line(
                canvas, ends[0], ends[1], (58 * green, 118 * green, 70 * green), int(rng.uniform(5, 13)), cv2.LINE_AA
            )


def _reflect(canvas: NDArray[np.float32], shine: Plane) -> None:
    """Daylight lying on the floor, and the back wall mirrored in it."""
    foot = int(place(0, FLOOR_M, BACK_M)[1] * _SCALE)
    depth = canvas.shape[0] - foot
    mirrored = canvas[foot - depth : foot][::-1] if depth <= foot else canvas[:foot][::-1][:depth]
    soft = cv2.GaussianBlur(mirrored, (0, 0), 22)
    fade = np.linspace(0.34, 0.04, depth, dtype=np.float32)[:, None, None]
    canvas[foot:] = canvas[foot:] * (1 - fade) + soft * fade
    light = cv2.GaussianBlur(np.roll(shine, depth // 2, axis=0), (0, 0), 60)[foot:]
    canvas[foot:] += light[..., None] * np.array([46.0, 46, 42], np.float32)


def _vignette() -> Plane:
    y, x = np.mgrid[-1 : 1 : HEIGHT_PX * 1j, -1 : 1 : WIDTH_PX * 1j]
    return np.asarray(1 - 0.22 * (x**2 + y**2) / 2 * np.sqrt(x**2 + y**2), np.float32)
