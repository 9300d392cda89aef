"""The file in which a picture of the screen is kept for whoever looks from afar: compressed and written by a thread.

A disk that is slow or full costs that picture, and never a moment of the screen.
"""

import logging
import threading
from pathlib import Path

import pygame

_CLOSING_S = 2.0

_log = logging.getLogger("hadir.terminal.display")


class PictureFile:
    """The newest picture of the screen, whole, in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.stem}.part{path.suffix or '.jpg'}")
        self._changed = threading.Condition()
        self._next: pygame.Surface | None = None
        self._closing = False
        self._writing = threading.Lock()
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="picture file", daemon=True)
        self._thread.start()

    def put(self, surface: pygame.Surface) -> None:
        """What the surface shows now will be in the file, unless the next one comes first. Returns at once."""
        copied = surface.copy()
        with self._changed:
            self._next = copied
            self._changed.notify()

    def put_now(self, surface: pygame.Surface) -> None:
        """What the surface shows is in the file, or a warning in the log."""
        with self._changed:
            self._next = None
        self._write(surface)

    def close(self) -> None:
        """The file is gone."""
        with self._changed:
            self._closing, self._next = True, None
            self._changed.notify()
        self._thread.join(_CLOSING_S)
        for path in (self._path, self._part):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("picture file not removed: %s", error)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._next is not None)
                surface, self._next = self._next, None
            if surface is None:
                return
            self._write(surface)

    def _write(self, surface: pygame.Surface) -> None:
        with self._writing:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                pygame.image.save(surface, self._part)
                self._part.replace(self._path)
                self._failed = False
            except (OSError, pygame.error) as error:
                if not self._failed:
                    _log.warning("picture of the screen not written: %s", error)
                self._failed = True
