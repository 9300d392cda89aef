"""Writes the screens that README.md and docs/kiosk.md show into docs/pictures/kiosk: run
`python -m tests.terminal.make_pictures` when a screen was meant to change."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from terminal.display import screenshots

FOLDER = Path(__file__).resolve().parents[2] / "docs/pictures/kiosk"
SHOWN = {
    "id": (
        "idle-message", "looking-too_far", "recorded-late", "history-1", "pin-code", "desk-camera", "idle-troubled",
        "recorded-2-large", "already-1", "challenged-turn_left", "camera-down-black", "not-recorded",
        "desk-tries", "desk-menu-enrols", "recorded-renew",
    ),
    "en": ("recorded-0",),
    "jv": ("recorded-1",),
}  # fmt: skip


def pictures() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield name and pixels, (480, 800, 3) BGR, of each picture that is shown."""
    with tempfile.TemporaryDirectory() as folder:
        for code, names in SHOWN.items():
            written = screenshots.write(Path(folder), sizes=((800, 480),), languages=(code,), only=names)
            for path in written:
                if path.stem.removeprefix(f"800x480-{code}-") in names:
                    picture = cv2.imread(str(path))
                    assert picture is not None
                    yield path.stem.removeprefix("800x480-"), np.asarray(picture)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures():
        cv2.imwrite(str(FOLDER / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])
