"""Writes reference_screens.png of enrolments anew: run `python -m tests.enroll.make_reference_screens` after a screen
was meant to change, and look at what it wrote before keeping it."""

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import config
from enroll.screens import screen_of
from terminal.display import Display, screenshots
from terminal.faces import Picture
from tests.enroll.wizard_specimens import specimens
from tests.terminal.make_reference_screens import TILE, sheet_of

FILE = Path(__file__).with_name("reference_screens.png")
KEPT = {
    (800, 480): ("find", "find-many-typed", "purpose", "purpose-duty", "capture-left", "capture-hint-too_dark",
                 "stalled-too_dark", "looks", "duplicate", "pin-typed", "pin-birthday", "test-walk_up",
                 "no-camera-black", "not-enrolled-face-failed", "done-face", "cancelled-unanswered"),
    (480, 800): ("find-many", "purpose", "capture-right", "looks", "pin-repeat", "done-pin"),
}  # fmt: skip


def drawn(
    size: tuple[int, int], code: str, names: Collection[str], picture: Picture | None = None
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and pixels, BGR, of each of these screens; `picture` is what the camera sees, nobody without one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "screen.png"
        display = Display(config.Display(driver="dummy", width_px=size[0], height_px=size[1], picture_file=str(path)))
        try:
            for specimen in specimens(code):
                if specimen.name not in names:
                    continue
                context = replace(screenshots.ordinary(display, code), **specimen.changes)
                seen = screenshots.silhouette() if picture is None else picture
                display.show(screen_of(specimen.wizard, context), seen, at_once=True)
                pixels = cv2.imread(str(path))
                assert pixels is not None
                yield specimen.name, np.asarray(pixels)
        finally:
            display.close()


def tiles() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the screens in Indonesian, small: name and pixels, (96, 160, 3) BGR; upright ones lie on their side."""
    for size, names in KEPT.items():
        for name, pixels in drawn(size, "id", names):
            lying = pixels if size[0] > size[1] else cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE)
            yield f"{name} {size}", np.asarray(cv2.resize(lying, TILE, None, 0, 0, cv2.INTER_AREA))


if __name__ == "__main__":
    cv2.imwrite(str(FILE), sheet_of([picture for _, picture in tiles()]), [cv2.IMWRITE_PNG_COMPRESSION, 9])
