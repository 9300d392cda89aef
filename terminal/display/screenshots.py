"""Every screen of the kiosk with believable content, for eyes and for tests: `write` puts them all into a folder."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

import config
from errors import HadirError
from terminal.display import Display
from terminal.display.specimens import NAMES, NOW, Specimen, specimens
from terminal.faces import Picture
from terminal.policy import schedule_of
from terminal.screens import screen_of
from terminal.screens.catalogue import LOCALES, language
from terminal.screens.look import Context

__all__ = [
    "NAMES",
    "NOW",
    "SIZES",
    "WIDE",
    "ScreenshotsRefused",
    "Specimen",
    "ordinary",
    "silhouette",
    "specimens",
    "write",
]

WIDE = ((800, 480), (1280, 720))
SIZES = (*WIDE, (480, 800), (720, 1280))


class ScreenshotsRefused(HadirError):
    """The pictures cannot be made; the text says why."""


def ordinary(display: Display, code: str) -> Context:
    """Return the context of an ordinary morning on this display."""
    width_px, height_px = display.size
    return Context(
        width_px=width_px,
        height_px=height_px,
        measure=display.measure,
        now=NOW,
        zone=ZoneInfo("Asia/Jakarta"),
        say=language(code),
        office="Dinas Pendidikan dan Kebudayaan Kabupaten Jember",
        gallery_version=12,
        gallery_people=240,
        schedule=schedule_of(config.Config()),
    )


def write(
    folder: Path,
    *,
    sizes: Sequence[tuple[int, int]] = WIDE,
    languages: Collection[str] = tuple(LOCALES),
    only: Collection[str] = (),
) -> Iterator[Path]:
    """Yield each picture as it is written: every specimen in every language and size. Nobody's face is in them.

    `only` are beginnings of specimens' names, all of them without. Raises ScreenshotsRefused.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScreenshotsRefused(f"{folder} cannot be made: {error.strerror}; name another folder") from error
    chosen = [found for found in specimens() if not only or found.name.startswith(tuple(only))]
    if not chosen:
        raise ScreenshotsRefused("no screen begins with that name; leave --only out to see all of them")
    for width_px, height_px in sizes:
        for code in languages:
            path = folder / "screen.png"
            settings = config.Display(driver="dummy", width_px=width_px, height_px=height_px, picture_file=str(path))
            display = Display(settings)
            try:
                for specimen in chosen:
                    context = replace(ordinary(display, code), **specimen.changes)  # type: ignore[arg-type]
                    display.show(screen_of(specimen.state, context), silhouette(), at_once=True)
                    kept = folder / f"{width_px}x{height_px}-{code}-{specimen.name}.png"
                    path.replace(kept)
                    yield kept
            finally:
                display.close()


def silhouette(width_px: int = 1280, height_px: int = 720) -> Picture:
    """Return a picture of head and shoulders of nobody."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    unit = height_px / 720
    across, light = (x - width_px / 2) / unit, y / height_px
    picture = np.stack([150 - 60 * light, 158 - 60 * light, 160 - 55 * light], axis=2)
    shoulders = np.hypot(across / 330, (y / unit - 760) / 260) < 1
    head = np.hypot(across / 118, (y / unit - 330) / 158) < 1
    neck = (np.abs(across) < 62) & (y / unit > 420) & (y / unit < 560)
    picture[shoulders] = (58, 78, 96)
    picture[neck | head] = (176, 140, 116)
    return np.ascontiguousarray(np.clip(picture, 0, 255).astype(np.uint8))
