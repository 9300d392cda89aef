"""Writes reference_screens.png anew: run `python -m tests.terminal.make_reference_screens` after a screen was meant to
change, and look at what it wrote before keeping it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.display import screenshots

FILE = Path(__file__).with_name("reference_screens.png")
TILE = (160, 96)
COLUMNS = 10


def tiles() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield every screen of a panel of 800x480 in Indonesian, small: its name and its pixels, (96, 160, 3) BGR."""
    with tempfile.TemporaryDirectory() as folder:
        for path in screenshots.write(Path(folder), sizes=((800, 480),), languages=("id",)):
            picture = cv2.imread(str(path))
            assert picture is not None
            yield (
                path.stem.removeprefix("800x480-id-"),
                np.asarray(cv2.resize(picture, TILE, None, 0, 0, cv2.INTER_AREA)),
            )


def sheet_of(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the pictures in rows of COLUMNS."""
    rows = -(-len(pictures) // COLUMNS)
    sheet = np.zeros((rows * TILE[1], COLUMNS * TILE[0], 3), np.uint8)
    for index, picture in enumerate(pictures):
        y, x = index // COLUMNS * TILE[1], index % COLUMNS * TILE[0]
        sheet[y : y + TILE[1], x : x + TILE[0]] = picture
    return sheet


def tile_of(sheet: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
    """Return the picture at that place of a sheet."""
    y, x = index // COLUMNS * TILE[1], index % COLUMNS * TILE[0]
    return sheet[y : y + TILE[1], x : x + TILE[0]]


if __name__ == "__main__":
    cv2.imwrite(str(FILE), sheet_of([picture for _, picture in tiles()]), [cv2.IMWRITE_PNG_COMPRESSION, 9])
