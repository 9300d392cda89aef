"""One small picture, sealed so that this kiosk cannot read it back, or the reason why there is none.

Of who typed a PIN, and of attacks (terminal/attacks.py). Pictures lie in the folder that the kiosk empties first when
its card fills (terminal/storage.py), for `picture_days` at most. A punch, or the note of an attack, carries the
reference of its picture, or one of the reasons; neither says anything about the picture.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

import config
from errors import HadirError, where
from sync import keys, sealing
from sync.durable import sweep, write_whole
from sync.releases import Person
from terminal.faces import Box, Picture
from terminal.storage import EVIDENCE

NO_CAMERA = "none:no_camera"
COVERED = "none:covered"
POLICY = "none:policy"
NO_PHOTO = "none:no_photo"
NO_KEY = "none:no_key"
NO_ROOM = "none:no_room"
FAILED = "none:failed"
REASONS = (NO_CAMERA, COVERED, POLICY, NO_PHOTO, NO_KEY, NO_ROOM, FAILED)

MAX_BYTES = 11_000  # sealed, it still travels with the note that names it: sync.chain.MAX_ENCLOSED_BYTES
MAX_WIDTH_PX = 320
_AROUND = 3.0
"""Times the face's box that are kept, where there is a face: who it is, and little of who stands behind."""
_QUALITIES = (80, 65, 50, 35, 20)
_COARSE = (32, 18)  # so coarse that a sensor's noise is gone
_DARK, _FLAT = 8, 2.0  # of 255: a hand or a cap before the lens leaves less
_TIDY_EVERY_S = 3600.0
_DAY_S = 86_400

_log = logging.getLogger("hadir.terminal.evidence")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glimpse:
    """What the camera saw last; `box` is the face of whoever is served, in the picture's pixels.

    Without a `picture` there was nothing to be seen, as when something is held before the lens.
    """

    picture: Picture | None
    box: Box | None = None


class Glimpses:
    """How the last people looked who were served, by their track: the next one's face is not taken for theirs."""

    def __init__(self) -> None:
        self._seen: dict[int, Glimpse] = {}

    def saw(self, track_id: int, glimpse: Glimpse) -> None:
        """That track looked so last; of those before, one is remembered."""
        before = [(each, seen) for each, seen in self._seen.items() if each != track_id]
        self._seen = {**dict(before[-1:]), track_id: glimpse}

    def of(self, track_id: int) -> Glimpse | None:
        """Return how that track looked, None where that is not known any more."""
        return self._seen.get(track_id)

    def forget(self) -> None:
        """Nobody is remembered."""
        self._seen = {}


def seal_picture(picture: Picture, *, key: bytes, folder: Path, box: Box | None = None) -> str:
    """Have `picture` sealed in `folder`, through any power cut from now on, and return its reference.

    It is shrunk to MAX_WIDTH_PX and MAX_BYTES at most: what is around `box`, if there is one. `key` are the 32 bytes of
    the public key. Raises OSError.
    """
    ref, sealed = sealing.seal(key, jpeg_of(picture, box))
    write_whole(folder / sealing.name_of(ref), sealed)
    return ref


def jpeg_of(picture: Picture, box: Box | None = None) -> bytes:
    """Return what is around `box` of the RGB `picture`, all of it without one, as a small JPEG."""
    part = _around(picture, box) if box is not None else picture
    scale = min(1.0, MAX_WIDTH_PX / part.shape[1], MAX_WIDTH_PX / part.shape[0])
    while True:
        size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
        for quality in _QUALITIES:
            _, found = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if len(found) <= MAX_BYTES:
                return found.tobytes()
        scale /= 2  # noise alone is that large


def is_covered(picture: Picture) -> bool:
    """Return whether nothing can be seen in `picture`, as when something is held before the lens."""
    coarse = cv2.resize(picture, _COARSE, interpolation=cv2.INTER_AREA).reshape(-1, 3)
    return float(coarse.mean()) < _DARK or float(coarse.std(axis=0).max()) < _FLAT


class Drawer:
    """The kiosk's pictures of one kind, for the one thread that keeps them."""

    def __init__(
        self,
        settings: config.Config,
        *,
        rules: config.Pin | config.Liveness | None = None,
        folder: str = EVIDENCE,
        now: Callable[[], float] = time.time,
    ) -> None:
        """They lie in that `folder` of the kiosk's by `rules`, those of PINs without. `now` is the time in seconds, as
        of files."""
        self._rules, self._key_file = rules or settings.pin, settings.terminal.evidence_key
        self._folder = settings.terminal.state / folder
        self._now = now
        self._key: bytes | None = None
        self._said = ""
        self._tidied_s: float | None = None

    def keep(self, seen: Glimpse | None, person: Person | None) -> str:
        """Return the reference of the picture that is kept now, or the reason why none is. Nobody's face is None."""
        if self._rules.picture == "never":
            return POLICY
        if self._rules.picture == "unless_refused" and person is not None and not person.photo:
            return NO_PHOTO
        if seen is None:
            return NO_CAMERA
        try:
            if seen.picture is None or is_covered(seen.picture):
                return COVERED
            self._key = self._key or keys.load_sealing(self._key_file)
            ref = seal_picture(seen.picture, key=self._key, folder=self._folder, box=seen.box)
        except HadirError as error:
            self._say(f"no picture is kept: {error}")
            return NO_KEY
        except OSError as error:
            self._say(f"no picture is kept: {error.strerror}")
            return NO_ROOM
        except (cv2.error, ValueError) as error:  # whatever is wrong with a picture, the punch goes on
            self._say(f"no picture is kept: {type(error).__name__} at {where(error)}")
            return FAILED
        self._said = ""
        return ref

    def crowd_out(self, most: int, last: Callable[[str], bool]) -> None:
        """No more than `most` pictures are left: the oldest go first, and those of the references that are `last` last.

        What cannot be deleted stays, which is logged.
        """
        try:
            if self._folder.is_symlink() or not self._folder.is_dir():
                return
            found = [(path, path.lstat().st_mtime_ns) for path in self._folder.glob(f"*{sealing.SUFFIX}")]
            order = sorted(found, key=lambda each: (last(sealing.SEALED + each[0].stem), each[1], each[0].name))
            for path, _ in order[: max(0, len(order) - most)]:
                path.unlink(missing_ok=True)
        except OSError as error:
            self._say(f"old pictures cannot be deleted: {error.strerror}")

    def tidy(self) -> None:
        """Pictures older than `picture_days` are gone, and what was being written when the power went; once an hour."""
        now_s = self._now()
        if self._tidied_s is not None and 0 <= now_s - self._tidied_s < _TIDY_EVERY_S:
            return
        self._tidied_s = now_s
        try:
            if self._folder.is_symlink() or not self._folder.is_dir():
                return
            sweep(self._folder)
            old = [
                path
                for path in self._folder.glob(f"*{sealing.SUFFIX}")
                if now_s - path.lstat().st_mtime > self._rules.picture_days * _DAY_S
            ]
            for path in old:
                path.unlink(missing_ok=True)
        except OSError as error:
            self._say(f"old pictures cannot be deleted: {error.strerror}")
            return
        if old:
            _log.info("%d pictures older than %d days deleted", len(old), self._rules.picture_days)

    def _say(self, what: str) -> None:
        if what != self._said:
            _log.error("%s", what)
        self._said = what


def _around(picture: Picture, box: Box) -> Picture:
    height, width = picture.shape[:2]
    side = _AROUND * max(box.width, box.height, 1.0)
    x, y = box.centre
    left, right = max(0, round(x - side / 2)), min(width, round(x + side / 2))
    top, bottom = max(0, round(y - side / 2)), min(height, round(y + side / 2))
    return picture[top:bottom, left:right] if right > left and bottom > top else picture
