"""The screen's backlight, where the kernel has one: as bright as it gets while a face is lit, then as it was."""

import logging
from dataclasses import dataclass
from pathlib import Path

_MOST_BYTES = 32
_log = logging.getLogger("hadir.terminal.backlight")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raised:
    """What a device was set to, before and by this kiosk."""

    file: Path
    before: int
    by_us: int


class Backlight:
    """The backlights in a folder such as /sys/class/backlight. A kiosk without one, or that may not, goes without."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._raised: list[_Raised] = []
        self._told = False

    def brighten(self) -> None:
        """Every backlight is as bright as it gets, as far as that can be."""
        if self._folder is None or self._raised:
            return
        for device in self._devices(self._folder):
            file = device / "brightness"
            try:
                before, most = _read(file), _read(device / "max_brightness")
                if 0 <= before < most:
                    file.write_text(f"{most}\n", encoding="ascii")
                    self._raised.append(_Raised(file=file, before=before, by_us=most))
            except (OSError, ValueError) as error:
                self._tell(error)

    def put_back(self) -> None:
        """Every backlight is as it was, but for one that somebody else has set meanwhile."""
        raised, self._raised = self._raised, []
        for each in raised:
            try:
                if _read(each.file) == each.by_us:
                    each.file.write_text(f"{each.before}\n", encoding="ascii")
            except (OSError, ValueError) as error:
                self._tell(error)

    def _devices(self, folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except OSError:  # most machines have none
            return []

    def _tell(self, error: Exception) -> None:
        if not self._told:
            _log.warning("the backlight stays as it is: %s", error)
        self._told = True


def _read(file: Path) -> int:
    with file.open("rb") as opened:
        return int(opened.read(_MOST_BYTES))
