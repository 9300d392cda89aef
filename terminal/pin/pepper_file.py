"""The office's peppers on this kiosk: read when their file appears or changes, without a restart."""

import logging
from collections.abc import Mapping
from pathlib import Path

from errors import HadirError
from sync.peppers import NONE, Pepper, load_peppers

_log = logging.getLogger("hadir.terminal.pin")


class PepperFile:
    """What is in the file, for one thread. A file that is spoilt later leaves what it held before in use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._peppers = NONE
        self._said = ""

    def peppers(self) -> Mapping[str, Pepper]:
        """Return those of now by their ids, the newest last; none while there is no file that can be used."""
        try:
            found = self._path.stat()
        except OSError:
            self._seen = None
            return self._peppers
        state = (found.st_ino, found.st_mtime_ns, found.st_mode)
        if state != self._seen:
            self._seen = state
            try:
                self._peppers = load_peppers(self._path)
                self._said = ""
            except HadirError as error:
                if str(error) != self._said:
                    _log.error("%s", error)
                self._said = str(error)
        return self._peppers
