"""Cameras made of files: a clip, or a folder of pictures, at their own pace or as fast as they go."""

import logging
import math
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import cv2
import numpy as np

from terminal.camera import CameraEnded, Frame, SourceRefused
from terminal.camera.pictures import MAX_PIXELS, PictureRefused, read
from terminal.faces import Picture

log = logging.getLogger("hadir.terminal.camera")

_FALLBACK_RATE_HZ = 25.0
_MOST_SKIPPED_S = 2.0
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
# Pictures too, but none that is taken: each is passed over by name, instead of silently.
_OTHER_SUFFIXES = frozenset({".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jpe", ".apng"})

# FFmpeg writes its complaints about a bad clip to stderr, past any log; ours say the same in words.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class _Pace:
    """When frame `n` of a source is due: by the clock where it plays in real time, else by counting."""

    def __init__(self, rate_hz: float, *, real_time: bool) -> None:
        self._rate_hz = rate_hz
        self._real_time = real_time
        self._began_ns: int | None = None
        self._began_at = datetime.now(UTC)

    def late(self, number: int) -> bool:
        """Say whether frame `number` should have been shown already and another is due."""
        if not self._real_time:
            return False
        if self._began_ns is None:  # it plays from the first look, not from the opening
            self._began_ns = time.monotonic_ns()
        behind_s = (time.monotonic_ns() - self._began_ns) / 1e9 - number / self._rate_hz
        if behind_s > _MOST_SKIPPED_S:
            self._began_ns += round(behind_s * 1e9)  # nobody looked for so long: go on where it stopped
            return False
        return behind_s * self._rate_hz >= 1

    def frame(self, picture: Picture, number: int) -> Frame:
        """Return frame `number`, waiting until it is due."""
        due_s = number / self._rate_hz
        if not self._real_time:
            taken_at = self._began_at + timedelta(seconds=due_s)
            return Frame(picture=picture, taken_at=taken_at, monotonic_ns=round(due_s * 1e9))
        if self._began_ns is not None:
            time.sleep(max(0.0, due_s - (time.monotonic_ns() - self._began_ns) / 1e9))
        return Frame(picture=picture, taken_at=datetime.now(UTC), monotonic_ns=time.monotonic_ns())


class ClipCamera:
    """The frames of a video file."""

    def __init__(self, path: Path, *, real_time: bool = True, loop: bool = False) -> None:
        """Raises SourceRefused for what is absent, empty, no video, or of more than 50 million pixels."""
        self._path = path
        self._loop = loop
        self._clip = _opened(path)
        rate_hz = self._clip.get(cv2.CAP_PROP_FPS)
        # A damaged header says 0, NaN or 90000: then a usual rate is nearer the truth.
        self.frame_rate_hz = rate_hz if math.isfinite(rate_hz) and 1 <= rate_hz <= 240 else _FALLBACK_RATE_HZ
        self._pace = _Pace(self.frame_rate_hz, real_time=real_time)
        self._number = 0  # of the next frame, counted over all rounds
        self._decoded_in_round = 0

    def read(self) -> Frame:
        """Return the next frame that is not late. Raises CameraEnded at the end of a clip that does not loop."""
        while True:
            if not self._clip.grab():
                self._rewind()
                continue
            number, self._number = self._number, self._number + 1
            if self._decoded_in_round and self._pace.late(number):
                continue
            decoded, picture = self._clip.retrieve()
            if decoded and picture is not None:
                self._decoded_in_round += 1
                self._pace.late(number)
                frame = self._pace.frame(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8), number)
                if self._decoded_in_round == 1:  # whoever knows what is in the clip can tell from this what was when
                    log.info("clip begins taken_at=%s", frame.taken_at.isoformat(timespec="milliseconds"))
                return frame

    def _rewind(self) -> None:
        if not self._decoded_in_round:
            raise SourceRefused(f"{self._path} has no frame that can be decoded; give another clip")
        if not self._loop or not self._clip.isOpened():
            raise CameraEnded(f"the clip {self._path.name} is over")
        self._clip.release()
        self._clip = _opened(self._path)
        self._decoded_in_round = 0

    def close(self) -> None:
        self._clip.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class FolderCamera:
    """The pictures of a folder in the order of their names, one a frame; `skipped` counts those that were none."""

    def __init__(self, folder: Path, *, frame_rate_hz: float, real_time: bool = True, loop: bool = False) -> None:
        """Raises SourceRefused where there is no folder, or no JPEG or PNG in it."""
        try:
            pictures = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES | _OTHER_SUFFIXES]
        except OSError as error:
            raise SourceRefused(f"{folder} is no folder that can be read ({error.strerror}); give another") from error
        if not any(path.suffix.lower() in _SUFFIXES for path in pictures):
            raise SourceRefused(f"{folder} holds no .jpg, .jpeg or .png; give a folder of pictures")
        _quiet()
        self._files = sorted(pictures)
        self._folder = folder
        self._loop = loop
        self._pace = _Pace(frame_rate_hz, real_time=real_time)
        self._ahead = iter(self._files)
        self._number = 0
        self._good_in_round = 0
        self._rounds = 0
        self.frame_rate_hz = frame_rate_hz
        self.skipped = 0

    def read(self) -> Frame:
        """Return the next picture. Raises CameraEnded after the last, SourceRefused where none could be read."""
        while True:
            path = next(self._ahead, None)
            if path is None:
                self._rewind()
                continue
            try:
                picture = read(path)
            except PictureRefused as error:
                if not self._rounds:
                    self.skipped += 1
                    log.warning("skipped: %s", error)
                continue
            self._good_in_round += 1
            while self._pace.late(self._number):  # no picture is skipped; the time it should have come is
                self._number += 1
            number, self._number = self._number, self._number + 1
            return self._pace.frame(picture, number)

    def _rewind(self) -> None:
        if not self._good_in_round:
            raise SourceRefused(f"none of the {len(self._files)} pictures in {self._folder} can be read; give others")
        if not self._loop:
            raise CameraEnded(f"the pictures of {self._folder.name} are over")
        self._ahead = iter(self._files)
        self._rounds += 1
        self._good_in_round = 0

    def close(self) -> None:
        self._loop = False
        self._ahead = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _quiet() -> None:
    """OpenCV's own warnings about bad files are not written: ours say the same in words."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def _opened(path: Path) -> cv2.VideoCapture:
    if not path.is_file():
        raise SourceRefused(f"there is no clip {path}; give the path of a video file")
    if path.stat().st_size == 0:
        raise SourceRefused(f"{path} is empty; give another clip")
    _quiet()
    clip = cv2.VideoCapture(os.fspath(path), cv2.CAP_FFMPEG)
    if not clip.isOpened():
        clip.release()
        raise SourceRefused(f"{path} is not a video that can be decoded; give an MP4 (H.264) or MKV file")
    if clip.get(cv2.CAP_PROP_FRAME_WIDTH) * clip.get(cv2.CAP_PROP_FRAME_HEIGHT) > MAX_PIXELS:
        clip.release()
        raise SourceRefused(f"{path} has frames of more than {MAX_PIXELS // 10**6} million pixels; make it smaller")
    return clip
