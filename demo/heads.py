"""A figure with the depth of a person, so that its head turns as a head does and not as a sheet.

How far each pixel of a portrait stands out is what 468 landmarks of its face say; behind the face the head rounds off,
and the body is a flat barrel. The camera's rays are then followed to that surface (relief mapping after Policarpo,
Oliveira and Comba 2005), which hides what a turned head hides. What a portrait never showed, such as an ear, is drawn
out from what is beside it: enough for the few degrees that people look about, not for a profile.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from demo import cutout, lobby

Plane = NDArray[np.float32]
Floats = NDArray[np.float64]
Mesh = NDArray[np.float64]

_CELL_PX = 4
"""Of the figure, to one cell of its relief."""
_ACROSS, _LEAST_STEP_PX = 32, 3.0
"""A picture's rays are followed for every 32nd part of a face, and between them the surface is taken for smooth."""
_STEPS, _NEAREST, _FARTHEST = 22, 0.85, -0.75
"""How many steps a ray is followed in, from where to where, in widths of the face from the plane of its ears."""
_ROUNDS_OFF = ((1.15, 0.15), (1.4, 0.5))
"""Behind the face's outline: at so many times its size, so many widths farther back."""
_NECK = 0.62
"""Where a head nods, in face heights below its middle."""
_TWIST = (0.42, 1.15)
"""In face heights below its middle: above the one all turns with the head, below the other nothing does."""
_FACING = 0.85
"""How much of the way somebody turns their body to the kiosk they walk to."""
# MediaPipe's outline of the face, in order, and the landmarks beside the ears.
_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
_EARS = (234, 454)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relief:
    """How far a figure stands out: `height` (rows, columns) in its pixels from the plane of the ears towards who looks,
    one value for 4x4 of its pixels; `width_px` of its face; `eyes_px` how far the face as a whole stands out."""

    height: Plane
    width_px: float
    eyes_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How a head is held: `yaw_deg` grows to the picture's right, `pitch_deg` when the chin goes down."""

    yaw_deg: float
    pitch_deg: float


def relief_of(mesh: Mesh, middle: tuple[float, float], shape: tuple[int, int]) -> Relief:
    """Return the relief of a figure of `shape` (rows, columns), its face's `middle` and landmarks in its pixels."""
    width = float(np.hypot(*(mesh[_EARS[1], :2] - mesh[_EARS[0], :2])))
    stands = mesh[list(_EARS), 2].mean() - mesh[:, 2]
    outline, centre = mesh[list(_OVAL), :2], mesh[list(_OVAL), :2].mean(axis=0)
    points, heights = [mesh[:, :2]], [stands]
    for times, back in _ROUNDS_OFF:
        points.append(centre + times * (outline - centre))
        heights.append(stands[list(_OVAL)] - back * width)
    rows, columns = shape[0] // _CELL_PX, shape[1] // _CELL_PX
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64) * _CELL_PX + (_CELL_PX - 1) / 2
    away = (x - middle[0]) / width
    body = width * np.clip(0.15 - 0.08 * away**2, -0.5, 1)
    head = np.full(y.shape, -2 * width)
    upper = slice(0, int((middle[1] + 1.1 * cutout.FACE_PX) / _CELL_PX))
    where = np.stack([x[upper].ravel(), y[upper].ravel()], axis=1)
    smooth = _thin_plate(np.concatenate(points) / width, np.concatenate(heights), where / width)
    reach = np.hypot(*((where - centre) / np.ptp(outline, axis=0) * 2).T)
    head[upper] = (smooth - width * np.maximum(0, reach - 1.4)).reshape(y[upper].shape)
    height = np.maximum(np.clip(head, -0.7 * width, _NEAREST * width), np.where(y > middle[1], body, -0.7 * width))
    return Relief(
        height=np.asarray(cv2.GaussianBlur(height.astype(np.float32), (0, 0), 0.8), np.float32),
        width_px=width,
        eyes_px=float(stands.mean()),
    )


def seen(
    relief: Relief,
    middle: tuple[float, float],
    *,
    place_px: tuple[float, float],
    face_px: float,
    lean_deg: float,
    turn: Turn,
    corner_px: tuple[int, int],
    size_px: tuple[int, int],
) -> tuple[Plane, Plane]:
    """Return which pixel of the figure the camera sees at each of `size_px` (columns, rows) pixels from `corner_px` on;
    far outside the figure where it sees none. Its face's middle is seen at `place_px`, `face_px` high."""
    step = max(face_px / _ACROSS, _LEAST_STEP_PX)
    columns, rows = (int(np.ceil(each / step)) + 1 for each in size_px)
    v, u = np.mgrid[0:rows, 0:columns].astype(np.float32)
    u, v = u * step + corner_px[0] - place_px[0], v * step + corner_px[1] - place_px[1]
    lean = np.radians(lean_deg)
    u, v = np.cos(lean) * u - np.sin(lean) * v, np.sin(lean) * u + np.cos(lean) * v
    away = lobby.FOCAL_PX * cutout.FACE_PX / face_px
    aside = (place_px[0] - lobby.WIDTH_PX / 2) / lobby.FOCAL_PX, (place_px[1] - lobby.HORIZON_PX) / lobby.FOCAL_PX
    ray_x, ray_y = aside[0] + u.ravel() / lobby.FOCAL_PX, aside[1] + v.ravel() / lobby.FOCAL_PX
    out = np.linspace(_NEAREST, _FARTHEST, _STEPS, dtype=np.float32)[:, None] * relief.width_px
    far = away - (out - relief.eyes_px)
    x, y = ray_x * far - aside[0] * away, ray_y * far - aside[1] * away
    x, y, z = _untwisted(x, y, out, v.ravel() * cutout.FACE_PX / face_px, turn, -_FACING * float(np.arctan(aside[0])))
    to_x, to_y = x + middle[0], y + middle[1]
    surface = cv2.remap(
        relief.height,
        ((to_x + 0.5) / _CELL_PX - 0.5).astype(np.float32),
        ((to_y + 0.5) / _CELL_PX - 0.5).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    above = z - surface
    hit = np.maximum(np.argmax(above <= 0, axis=0), 1)
    ray = np.arange(hit.size)
    before, after = above[hit - 1, ray], above[hit, ray]
    part = np.clip(before / np.maximum(before - after, 1e-3), 0, 1)
    missed = after > 0
    found = []
    for each in (to_x, to_y):
        at = each[hit - 1, ray] * (1 - part) + each[hit, ray] * part
        coarse = np.where(missed, -1e4, at).reshape(rows, columns).astype(np.float32)
        onto = np.array([[1 / step, 0, 0], [0, 1 / step, 0]], np.float64)
        way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        found.append(np.asarray(cv2.warpAffine(coarse, onto, size_px, flags=way), np.float32))
    return found[0], found[1]


def _untwisted(x: Plane, y: Plane, z: Plane, level: Plane, turn: Turn, facing_rad: float) -> tuple[Plane, Plane, Plane]:
    """Return where points were before the body faced the kiosk and the head turned and nodded on it; `level` is how far
    below the face's middle each ray passes, which says how much of that it follows."""
    first, last = (each * cutout.FACE_PX for each in _TWIST)
    part = np.clip((last - level) / (last - first), 0, 1)
    with_head = part * part * (3 - 2 * part)
    yaw = facing_rad + np.radians(turn.yaw_deg) * with_head
    sine, cosine = np.sin(yaw), np.cos(yaw)
    x, z = x * cosine - z * sine, x * sine + z * cosine
    nod = np.radians(turn.pitch_deg) * with_head
    sine, cosine = np.sin(nod), np.cos(nod)
    neck = _NECK * cutout.FACE_PX
    y, z = (y - neck) * cosine - z * sine + neck, (y - neck) * sine + z * cosine
    return x, y, z


def _thin_plate(points: Floats, values: Floats, where: Floats, *, stiff: float = 1e-3) -> Floats:
    """Return the thin-plate spline through `values` at `points` (n, 2), nearly, at `where` (m, 2)."""

    def kernel(square: Floats) -> Floats:
        return np.asarray(0.5 * square * np.log(np.maximum(square, 1e-12)))

    count = len(points)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = kernel(((points[:, None] - points[None]) ** 2).sum(axis=-1)) + stiff * np.eye(count)
    system[:count, count], system[:count, count + 1 :] = 1, points
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.concatenate([values, np.zeros(3)]))
    bent = kernel(((where[:, None] - points[None]) ** 2).sum(axis=-1)) @ weights[:count]
    return np.asarray(bent + weights[count] + where @ weights[count + 1 :])
