"""The machine's loudspeaker: one short tone and one utterance at a time, each as loud as it is told.

Tones and words go through one mixer: a sound card without a mixer of its own can be opened only once. Any thread.
"""

import io
import logging
import os
import threading
import wave
from collections.abc import Callable
from pathlib import Path

import pygame

from terminal.display import tones
from terminal.visit.signals import Sound

_BUFFER_FRAMES = 512  # 12 ms: so late is a tone, and so soon does an utterance that is cut off fall silent
_TONES, _WORDS = 0, 1
_log = logging.getLogger("hadir.terminal.display")


class Speaker:
    """Silent until `open` found a sound device; then close it."""

    def __init__(self, *, wanted: bool = True, devices: Path = Path("/dev/snd")) -> None:
        """Without `wanted` there is never one: a display that is none has no loudspeaker either."""
        self._wanted, self._devices = wanted, devices
        self._lock = threading.Lock()
        self._tones: dict[Sound, pygame.mixer.Sound] = {}

    def open(self) -> str:
        """Return "" when there is sound, else why there is none. May take as long as the sound server does."""
        if not self._wanted:
            return "no loudspeaker without a screen"
        if self._tones:
            return ""
        if not self._wired():
            return "no sound device"
        try:
            pygame.mixer.init(frequency=tones.RATE_HZ, size=-16, channels=2, buffer=_BUFFER_FRAMES)
            pygame.mixer.set_num_channels(2)
            made = {sound: pygame.mixer.Sound(buffer=tones.samples(sound).tobytes()) for sound in Sound}
        except pygame.error as error:
            return f"sound device not opened ({error})"
        with self._lock:
            self._tones = made
        return ""

    def chime(self, sound: Sound, loudness: float) -> float:
        """The tone is sounding in place of the one before, at an amplitude from 0 to 1; return how long it lasts."""
        with self._lock:
            if not self._tones or loudness <= 0:
                return 0.0
            tone = self._tones[sound]
            tone.set_volume(loudness)
            pygame.mixer.Channel(_TONES).play(tone)
            return tone.get_length()

    def prepared(self, samples: bytes, rate_hz: int, loudness: float) -> Callable[[], None]:
        """Return what makes the words (int16 mono) sound in place of those before; it takes no time."""
        file = io.BytesIO()
        with wave.open(file, "wb") as written:
            written.setnchannels(1)
            written.setsampwidth(2)
            written.setframerate(rate_hz)
            written.writeframes(samples)
        file.seek(0)
        words = pygame.mixer.Sound(file=file)
        words.set_volume(loudness)

        def start() -> None:
            with self._lock:
                if self._tones:
                    pygame.mixer.Channel(_WORDS).play(words)

        return start

    def hush(self) -> None:
        """No word is sounding."""
        with self._lock:
            if self._tones:
                pygame.mixer.Channel(_WORDS).stop()

    @property
    def uttering(self) -> bool:
        """Whether words are sounding now."""
        with self._lock:
            return bool(self._tones) and pygame.mixer.Channel(_WORDS).get_busy()

    def close(self) -> None:
        """The device is given back."""
        with self._lock:
            if self._tones:
                self._tones = {}
                pygame.mixer.quit()

    def _wired(self) -> bool:
        """Return whether there is a device or a sound server: ALSA would complain on the console if it were tried."""
        if os.environ.get("SDL_AUDIODRIVER") or os.environ.get("PULSE_SERVER"):
            return True
        if any(self._devices.glob("pcm*p")):
            return True
        session = os.environ.get("XDG_RUNTIME_DIR", "")
        return bool(session) and any(Path(session, name).exists() for name in ("pulse/native", "pipewire-0"))
