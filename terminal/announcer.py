"""What the kiosk sounds and says as a visit goes on, as loud as the hour allows: the main thread's end of the voice."""

from datetime import datetime, tzinfo

import config
from terminal import quiet
from terminal.screens.look import Context
from terminal.screens.spoken import spoken_of
from terminal.visit.signals import Sound
from terminal.visit.states import Recording, State
from terminal.voice import Voice

PATIENCE_S = 2.5
"""Advice that changes as somebody moves is said at most this often: half a sentence helps nobody."""


class Announcer:
    """Follows the visit. Use it from one thread."""

    def __init__(self, settings: config.Sound, zone: tzinfo, voice: Voice) -> None:
        self._settings, self._zone, self._voice = settings, zone, voice
        self._heard: State | None = None
        self._about: object = None
        self._said_at_s = float("-inf")

    @property
    def speaking(self) -> bool:
        """Whether something is still being said, or about to be."""
        return self._voice.speaking

    def chime(self, sound: Sound, at: datetime) -> None:
        """The tone is sounding, as loud as it may be at `at`."""
        self._voice.chime(sound, quiet.loudness(self._settings, at, self._zone))

    def tell(self, told: tuple[str, str] | None, at: datetime, now_s: float) -> None:
        """These words of that language are being said, unless they were the last, or others a moment ago."""
        if told is None or told == self._about or now_s < self._said_at_s + PATIENCE_S:
            return
        if not quiet.speaks(self._settings, at, self._zone):
            return
        self._about, self._said_at_s = told, now_s
        self._voice.say(*told, quiet.loudness(self._settings, at, self._zone))

    def follow(self, state: State, context: Context) -> None:
        """What there is to say in `state` is being said; the next punch on its way ends what was said of the last."""
        if state is self._heard:
            return
        before, self._heard = self._heard, state
        if isinstance(state, Recording) and not isinstance(before, Recording):
            self._voice.hush()
        at, now_s = context.now.at, context.now.monotonic_s
        if not quiet.speaks(self._settings, at, self._zone):
            return
        words = spoken_of(state, context, guide=self._settings.prompts == "all", before=before)
        if words is None or words.about == self._about:
            return
        if words.patient and now_s < self._said_at_s + PATIENCE_S:
            return
        self._about, self._said_at_s = words.about, now_s
        language = context.say.locale.partition("_")[0]
        self._voice.say(words.text, language, quiet.loudness(self._settings, at, self._zone))
