"""The kiosk's short tones as samples, so that no sound file has to be shipped."""

import numpy as np
from numpy.typing import NDArray

from terminal.visit.signals import Sound

RATE_HZ = 44_100

# (frequency in Hz, 0 for silence; length in seconds), one after another. The rhythms differ as well as the pitches, for
# who hears high tones badly or not at all: short-long, short short, one long, three quick.
_NOTES: dict[Sound, tuple[tuple[float, float], ...]] = {
    Sound.RECORDED: ((784.0, 0.06), (0.0, 0.02), (1174.7, 0.17)),
    Sound.ALREADY: ((659.3, 0.07), (0.0, 0.08), (659.3, 0.07)),
    Sound.REFUSED: ((311.1, 0.25),),
    Sound.ALARM: ((880.0, 0.045), (0.0, 0.055), (880.0, 0.045), (0.0, 0.055), (880.0, 0.045)),
    Sound.KEY: ((1568.0, 0.02),),
}
_LOUDNESS = {Sound.KEY: 0.12}


def samples(sound: Sound) -> NDArray[np.int16]:
    """Return the tone as (frames, 2) int16 at RATE_HZ; it starts and ends in silence, so that it does not click."""
    parts = [_note(frequency, seconds) for frequency, seconds in _NOTES[sound]]
    wave = np.concatenate(parts) * _LOUDNESS.get(sound, 0.4)
    mono = np.round(wave * 32_767).astype(np.int16)
    return np.ascontiguousarray(np.stack([mono, mono], axis=1))


def _note(frequency: float, seconds: float) -> NDArray[np.float64]:
    at = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    swell = np.clip(np.minimum(at / 0.005, (seconds - at) / min(0.06, seconds / 2)), 0, 1)
    return np.asarray((np.sin(2 * np.pi * frequency * at) + 0.25 * np.sin(4 * np.pi * frequency * at)) / 1.25 * swell)
