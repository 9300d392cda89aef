"""Somebody's portrait on a sheet of paper, held before a face: what a kiosk must refuse."""

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from demo import lobby
from terminal.faces import Engine

SHEET_M = (0.21, 0.297)
FACE_M = 0.135
"""Width of the face on it: life size."""
BEFORE_M = 0.2
"""How far before the holder's face it is held."""
_PX_PER_M = 2400
_MARGIN_M, _SOFT_M = 0.012, 0.003

Image = NDArray[np.uint8]


def printed(portrait: Image, engine: Engine) -> Image | None:
    """Return the BGR `portrait` as an office's printer puts it on paper, pale and soft; None without a face."""
    faces = engine.detect(np.ascontiguousarray(portrait[..., ::-1]))
    if not faces:
        return None
    columns, rows = (round(each * _PX_PER_M) for each in SHEET_M)
    box = faces[0].box
    scale = FACE_M * _PX_PER_M / box.width
    onto = np.array(
        [[scale, 0, columns / 2 - scale * box.centre[0]], [0, scale, 0.48 * rows - scale * box.centre[1]]], np.float64
    )
    drawn = cv2.warpAffine(portrait, onto, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(drawn, (0, 0), _SOFT_M * _PX_PER_M).astype(np.float32)
    sheet = np.asarray((60 + 0.6 * soft) * np.array([1.05, 1, 0.95], np.float32), np.float32)
    margin = round(_MARGIN_M * _PX_PER_M)
    for edge in (np.s_[:margin], np.s_[-margin:], np.s_[:, :margin], np.s_[:, -margin:]):
        sheet[edge] = 232
    return np.asarray(np.clip(sheet, 0, 255), np.uint8)


def hold(frame: Image, sheet: Image, *, place_px: tuple[float, float], z_m: float, at_s: float, light: float) -> None:
    """Draw `sheet` into `frame`, `z_m` from the camera where its holder's face is seen at `place_px`, as a hand moves
    it at `at_s`, with the thumbs that hold it."""
    z_m -= BEFORE_M
    x_m = (place_px[0] - lobby.WIDTH_PX / 2) / lobby.FOCAL_PX * z_m + 0.008 * math.sin(2.9 * at_s)
    y_m = (place_px[1] - lobby.HORIZON_PX) / lobby.FOCAL_PX * z_m + 0.010 * math.sin(2.1 * at_s + 1)
    turn, _ = cv2.Rodrigues(
        np.radians([4 * math.sin(1.7 * at_s), 6 * math.sin(2.3 * at_s + 0.5), 2.5 * math.sin(1.3 * at_s)])
    )

    def seen(right_m: float, down_m: float) -> tuple[float, float]:
        x, y, z = turn @ np.array([right_m, down_m, 0.0]) + np.array([x_m, y_m, z_m])
        return lobby.place(float(x), float(y), float(z))

    half_x, half_y = SHEET_M[0] / 2, SHEET_M[1] / 2
    corners = [seen(-half_x, -half_y), seen(half_x, -half_y), seen(half_x, half_y), seen(-half_x, half_y)]
    rows, columns = sheet.shape[:2]
    flat = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    shrink = min(1.0, 1.5 * math.dist(corners[0], corners[1]) / columns)
    less = cv2.resize(sheet, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    onto = cv2.getPerspectiveTransform(flat * np.float32(shrink), np.array(corners, np.float32))
    size = (frame.shape[1], frame.shape[0])
    drawn = cv2.warpPerspective(cv2.convertScaleAbs(less, alpha=light), onto, size)
    cover = cv2.warpPerspective(np.full(less.shape[:2], 255, np.uint8), onto, size, flags=cv2.INTER_LINEAR)
    clear = cv2.merge([255 - np.asarray(cover, np.uint8)] * 3)
    frame[:] = cv2.add(cv2.multiply(frame, clear, scale=1 / 255), drawn)
    thumb = max(2, round(0.011 * lobby.FOCAL_PX / z_m))
    for side in (-1, 1):
        tip, root = seen(side * 0.085, 0.085), seen(side * 0.102, 0.1)
        ends = [(round(x), round(y)) for x, y in (tip, root)]
        cv2.line(frame, ends[0], ends[1], (118 * light, 146 * light, 188 * light), 2 * thumb, cv2.LINE_AA)


def read(path: Path) -> Image | None:
    """Return the BGR picture in the file, None where it is none. Raises OSError."""
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, np.uint8)
