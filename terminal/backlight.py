"""The screen as a lamp for a face that is too dark; its backlight, where the kernel has one, is as bright as it gets
meanwhile, and then as it was."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from terminal import lighting
from terminal.quality import Reason
from terminal.sighting import Sighting

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

    def __init__(self, folder: str) -> None:
        """`folder` is "" where a backlight is to be left alone."""
        self._folder = Path(folder) if folder else None
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


class Lamp:
    """Lights whoever is served and too dark. The main thread's, but for `settling`."""

    def __init__(self, backlight: Backlight) -> None:
        self._backlight = backlight
        self._light = lighting.Light()

    @property
    def on(self) -> bool:
        return self._light.on

    @property
    def told(self) -> bool:
        """Whether it is to be said now that the face is being lit."""
        return lighting.told(self._light, time.monotonic())

    def settling(self) -> bool:
        """Return whether the camera is still getting used to the light. Any thread."""
        return lighting.settling(self._light, time.monotonic())

    def saw(self, sighting: Sighting | None) -> None:
        """The lamp is as it should be after this sighting, or after a while without one."""
        served = sighting.served if sighting is not None else None
        dark = served is not None and served.hint is Reason.TOO_DARK
        before = self._light
        self._light = lighting.lit(before, there=served is not None, dark=dark, now_s=time.monotonic())
        if self._light.on and not before.on:
            self._backlight.brighten()
        elif before.on and not self._light.on:
            self._backlight.put_back()

    def close(self) -> None:
        """The backlight is as it was."""
        self._backlight.put_back()


def _read(file: Path) -> int:
    with file.open("rb") as opened:
        return int(opened.read(_MOST_BYTES))
