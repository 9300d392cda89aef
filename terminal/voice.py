"""The kiosk's voice: words and tones through the loudspeaker, on a thread of its own. Without either it is silent.

The newest words win: whoever stands there now does not wait for the last one's name. What is said is nowhere logged.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from terminal import espeak
from terminal.visit.signals import Sound

RETRY_S = 60.0
_LOOK_EVERY_S = 0.2
_AFTER_TONE_S = 0.02

_log = logging.getLogger("hadir.terminal.voice")


class Loudspeaker(Protocol):
    """What the voice needs of `display.speaker.Speaker`."""

    def open(self) -> str: ...
    def chime(self, sound: Sound, loudness: float) -> float: ...
    def prepared(self, samples: bytes, rate_hz: int, loudness: float) -> Callable[[], None]: ...
    def hush(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Utterance:
    text: str
    language: str
    loudness: float
    not_before_s: float


class Voice:
    """Says the newest of what it is told. `chime`, `say` and `hush` return at once; `run` is its thread."""

    def __init__(self, speaker: Loudspeaker, *, needed: bool = False, retry_s: float = RETRY_S) -> None:
        """`needed`: somebody depends on words, so that a kiosk without them is one to look at."""
        self._speaker, self._needed, self._retry_s = speaker, needed, retry_s
        self._news = threading.Condition()
        self._wanted: _Utterance | None = None
        self._turn = 0
        self._tone_until_s = 0.0
        self._unsaid: int | None = None
        self._sounds_until_s = 0.0
        self._audible = False
        self._open_at_s = self._speak_at_s = 0.0
        self._voices: frozenset[str] = frozenset()
        self._silent_because: str | None = None
        self._mute_because: str | None = None
        self._installed = True

    def chime(self, sound: Sound, loudness: float) -> None:
        """The tone is sounding; words wait until it has."""
        self._tone_until_s = time.monotonic() + self._speaker.chime(sound, loudness) + _AFTER_TONE_S

    def say(self, text: str, language: str, loudness: float) -> None:
        """These words, and nothing else, are sounding soon. `language` is id, en or jv, `loudness` from 0 to 1."""
        self._overtake(_Utterance(text=text, language=language, loudness=loudness, not_before_s=self._tone_until_s))

    def hush(self) -> None:
        """Nothing is being said."""
        self._overtake(None)

    @property
    def speaking(self) -> bool:
        """Whether words are being said, or are about to be. Any thread."""
        return self._audible and (self._unsaid is not None or time.monotonic() < self._sounds_until_s)

    def alarms(self) -> tuple[str, ...]:
        """Return voice_unavailable where words cannot be spoken that should be.

        A kiosk that was never given espeak-ng or a loudspeaker is as it was meant to be, unless words are needed.
        """
        failing = self._mute_because is not None and self._installed
        lacking = self._mute_because is not None or self._silent_because is not None
        return ("voice_unavailable",) if failing or (self._needed and lacking) else ()

    def run(self, stop: threading.Event) -> None:
        """Speak until `stop`."""
        try:
            while not stop.is_set():
                self._find_sound()
                with self._news:
                    if self._wanted is None:
                        self._news.wait(_LOOK_EVERY_S)
                    utterance, turn = self._wanted, self._turn
                    self._wanted = None
                if utterance is not None and self._audible and time.monotonic() >= self._speak_at_s:
                    self._utter(utterance, turn, stop)
                if self._unsaid == turn:
                    self._unsaid = None
        finally:
            self._audible, self._open_at_s = False, 0.0
            self._speaker.close()

    def _overtake(self, utterance: _Utterance | None) -> None:
        with self._news:
            self._turn += 1
            self._wanted = utterance
            self._unsaid = self._turn if utterance is not None else None
            self._sounds_until_s = 0.0
            self._news.notify()
        self._speaker.hush()

    def _utter(self, utterance: _Utterance, turn: int, stop: threading.Event) -> None:
        def overtaken() -> bool:
            return self._turn != turn or stop.is_set()

        try:
            self._voices = self._voices or espeak.voices(overtaken)
            voice = espeak.voice_of(utterance.language, self._voices)
            samples, rate_hz = espeak.spoken(utterance.text, voice, overtaken)
            start = self._speaker.prepared(samples, rate_hz, utterance.loudness)
        except espeak.Overtaken:
            return
        except espeak.VoiceUnavailable as error:
            self._voices = frozenset()
            self._speak_at_s = time.monotonic() + self._retry_s
            self._installed = not isinstance(error, espeak.NotInstalled)
            if self._mute_because is None:
                _log.warning("nothing is spoken: %s; tried again every %.0f s", error, self._retry_s)
            self._mute_because = str(error)
            return
        if self._mute_because is not None:
            _log.info("words are spoken again")
        self._mute_because = None
        with self._news:
            while not overtaken() and (wait_s := utterance.not_before_s - time.monotonic()) > 0:
                self._news.wait(wait_s)
            if not overtaken():
                self._sounds_until_s = time.monotonic() + len(samples) / 2 / rate_hz
                start()  # under the lock: who overtakes this hushes it afterwards, never before

    def _find_sound(self) -> None:
        """The loudspeaker is open, or is tried again later: somebody may plug one in."""
        now_s = time.monotonic()
        if self._audible or now_s < self._open_at_s:
            return
        problem = self._speaker.open()
        self._audible, self._open_at_s = not problem, now_s + self._retry_s
        if problem and self._silent_because is None:
            _log.info("no sound: %s; tried again every %.0f s", problem, self._retry_s)
        elif not problem and self._silent_because is not None:
            _log.info("there is sound")
        self._silent_because = problem or None
