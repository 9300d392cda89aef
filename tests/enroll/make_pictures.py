"""Writes the screens that docs/enrolment.md shows into docs/pictures/enrolment: run
`python -m tests.enroll.make_pictures` when a screen was meant to change. Before the camera is one of the demo's people,
whose portrait may be shared; the names are nobody's."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.faces import Picture
from tests.enroll.make_reference_screens import drawn
from tests.terminal.portraits import PEOPLE, engine, photo

FOLDER = Path(__file__).resolve().parents[2] / "docs/pictures/enrolment"
WIDE, UPRIGHT = (800, 480), (480, 800)
SHOWN: dict[tuple[tuple[int, int], str], tuple[str, ...]] = {
    (WIDE, "id"): (
        "find-many-typed", "purpose", "capture-front", "capture-left", "capture-hint-too_dark", "stalled-too_dark",
        "looks", "duplicate", "pin-typed", "pin-no-face", "test-step_back", "test-walk_up", "test-failed-3",
        "not-enrolled-face-failed", "done-face", "done-pin",
    ),
    (WIDE, "en"): ("purpose", "capture-right"),
    (WIDE, "jv"): ("purpose",),
    (UPRIGHT, "id"): ("purpose", "capture-right"),
}  # fmt: skip


@cache
def somebody() -> Picture:
    """Return what a camera sees of one of the demo's people, in a room out of focus."""
    portrait = photo(PEOPLE["ardern"][0])
    face = engine().detect(portrait)[0]
    scale, (x, y) = 250 / face.box.width, face.box.centre
    move = np.array([[scale, 0, 640 - scale * x], [0, scale, 330 - scale * y]], np.float64)
    room = cv2.GaussianBlur(cv2.resize(portrait, (1280, 720)), (0, 0), 60)
    seen = cv2.warpAffine(portrait, move, (1280, 720), flags=cv2.INTER_AREA)
    edge = cv2.warpAffine(np.ones(portrait.shape[:2], np.float32), move, (1280, 720))
    edge = cv2.erode(edge, np.ones((3, 121), np.uint8), borderType=cv2.BORDER_REPLICATE)
    edge = cv2.blur(edge, (121, 1), borderType=cv2.BORDER_REPLICATE)[..., None]
    return np.asarray(seen * edge + room * (1 - edge), np.uint8)


def pictures() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and pixels, BGR, of each picture that is shown."""
    for (size, code), names in SHOWN.items():
        for name, pixels in drawn(size, code, names, somebody()):
            yield f"{code}-{name}" if size == WIDE else f"{code}-upright-{name}", pixels


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, pixels in pictures():
        cv2.imwrite(str(FOLDER / f"{name}.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, 82])
