"""Shapes as smooth pixels: how much of each pixel a shape covers, from its distance to the edge."""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from terminal.screens.drawing import Ellipse, Panel, Rect, Shape, Stroke, Veil

Grid = NDArray[np.float32]
Coverage = NDArray[np.uint8]


def coverage(shape: Shape, width_px: int, height_px: int) -> tuple[int, int, Coverage]:
    """Return (left, top, alpha) of `shape` on a screen of that size; alpha is (rows, columns), 0 to 255.

    What lies beyond the screen is cut off; alpha may be empty.
    """
    size = (width_px, height_px)
    match shape:
        case Panel():
            x, y, width, height = _pixels(shape.box, size)
            left, top, columns, rows = _grid(x, y, x + width, y + height, size)
            inside = _panel_distance(columns - x - width / 2, rows - y - height / 2, width, height, shape, height_px)
        case Ellipse():
            line = shape.line * height_px
            x, y, width, height = _pixels(shape.box, size)
            reach = line / 2 + 1
            left, top, columns, rows = _grid(x - reach, y - reach, x + width + reach, y + height + reach, size)
            inside = _ellipse_distance(columns, rows, shape.box, size)
            if line:
                inside = np.asarray(np.abs(inside) - line / 2, dtype=np.float32)
        case Stroke():
            points = [(x * width_px, y * height_px) for x, y in shape.points]
            reach = shape.line * height_px / 2 + 1
            low = (min(x for x, _ in points) - reach, min(y for _, y in points) - reach)
            high = (max(x for x, _ in points) + reach, max(y for _, y in points) + reach)
            left, top, columns, rows = _grid(*low, *high, size)
            inside = _line_distance(columns, rows, points) - shape.line * height_px / 2
        case Veil():
            x, y, width, height = _pixels(shape.box, size)
            left, top, columns, rows = _grid(x, y, x + width, y + height, size)
            outside = np.clip(_ellipse_distance(columns, rows, shape.clear, size) + 0.5, 0, 1)
            return left, top, np.round(outside * shape.strength * 255).astype(np.uint8)
        case _:
            assert_never(shape)
    return left, top, np.round(np.clip(0.5 - inside, 0, 1) * 255).astype(np.uint8)


def _pixels(box: Rect, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the box in whole pixels, so that straight edges stay sharp."""
    left, top = round(box.x * size[0]), round(box.y * size[1])
    right, bottom = round((box.x + box.width) * size[0]), round((box.y + box.height) * size[1])
    return left, top, max(1, right - left), max(1, bottom - top)


def _grid(x0: float, y0: float, x1: float, y1: float, size: tuple[int, int]) -> tuple[int, int, Grid, Grid]:
    """Return left, top and the centres of the pixels between two corners, as a row and a column to broadcast."""
    left, top = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
    right, bottom = min(size[0], int(np.ceil(x1))), min(size[1], int(np.ceil(y1)))
    columns = np.arange(left, max(left, right), dtype=np.float32)[None, :] + 0.5
    rows = np.arange(top, max(top, bottom), dtype=np.float32)[:, None] + 0.5
    return left, top, columns, rows


def _panel_distance(x: Grid, y: Grid, width: float, height: float, shape: Panel, height_px: int) -> Grid:
    """Return the signed distance to a rounded rectangle around 0, 0."""
    radius = min(shape.radius * height_px, width / 2, height / 2)
    over_x = np.abs(x) - (width / 2 - radius)
    over_y = np.abs(y) - (height / 2 - radius)
    corner = np.hypot(np.maximum(over_x, 0), np.maximum(over_y, 0))
    return np.asarray(corner + np.minimum(np.maximum(over_x, over_y), 0) - radius, dtype=np.float32)


def _ellipse_distance(x: Grid, y: Grid, box: Rect, size: tuple[int, int]) -> Grid:
    """Return about the signed distance to an ellipse (first order: exact at the edge, which is what is drawn)."""
    half_x, half_y = max(box.width * size[0] / 2, 0.5), max(box.height * size[1] / 2, 0.5)
    across, down = x - (box.x * size[0] + half_x), y - (box.y * size[1] + half_y)
    out = np.hypot(across / half_x, down / half_y)
    slope = np.hypot(across / half_x**2, down / half_y**2)
    distance = np.where(slope > 1e-9, out * (out - 1) / np.maximum(slope, 1e-9), -min(half_x, half_y))
    return np.asarray(distance, dtype=np.float32)


def _line_distance(x: Grid, y: Grid, points: list[tuple[float, float]]) -> Grid:
    """Return the distance to the nearest of the segments between `points`."""
    nearest: Grid | None = None
    for (ax, ay), (bx, by) in zip(points, points[1:] or points, strict=False):
        along_x, along_y = bx - ax, by - ay
        length = max(along_x**2 + along_y**2, 1e-9)
        part = np.clip(((x - ax) * along_x + (y - ay) * along_y) / length, 0, 1)
        distance = np.hypot(x - ax - part * along_x, y - ay - part * along_y).astype(np.float32)
        nearest = distance if nearest is None else np.minimum(nearest, distance)
    assert nearest is not None  # noqa: S101 - a stroke has at least one point
    return nearest
