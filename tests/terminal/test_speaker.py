"""The loudspeaker, and the machine's own program heard through it."""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from terminal import espeak
from terminal.display import tones
from terminal.display.speaker import Speaker
from terminal.visit.signals import Sound
from terminal.voice import Voice
from tests.terminal.test_voice import LATEST_S, until


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that SDL writes instead of a sound device, faster than time."""
    file = tmp_path / "sound.raw"
    monkeypatch.setenv("SDL_AUDIODRIVER", "disk")
    monkeypatch.setenv("SDL_DISKAUDIOFILE", str(file))
    monkeypatch.setenv("SDL_DISKAUDIODELAY", "1")
    return file


def wave(file: Path) -> NDArray[np.float64]:
    whole = file.read_bytes()
    return np.frombuffer(whole[: len(whole) // 4 * 4], dtype=np.int16).reshape(-1, 2).astype(float)


def test_tones_and_words_are_as_loud_as_they_are_told(recorded: Path) -> None:
    speaker = Speaker()
    assert speaker.open() == ""
    peaks = []
    try:
        for loudness in (1.0, 0.25):
            begun = len(wave(recorded))
            assert speaker.chime(Sound.REFUSED, loudness) == pytest.approx(0.25, abs=0.01)
            until(lambda begun=begun: len(wave(recorded)) > begun + tones.RATE_HZ)  # type: ignore[misc]
            peaks.append(np.abs(wave(recorded)[begun:]).max())
        samples = (np.sin(np.arange(22_050) / 5) * 20_000).astype(np.int16).tobytes()
        start = speaker.prepared(samples, 22_050, 0.25)
        assert not speaker.uttering
        begun = len(wave(recorded))
        start()
        until(lambda: len(wave(recorded)) > begun + 2 * tones.RATE_HZ)
        heard = np.flatnonzero(np.abs(wave(recorded)[begun:, 0]) > 500)
        assert 0.9 < (heard[-1] - heard[0]) / tones.RATE_HZ < 1.1, "as long as it was at its own rate"
        speaker.prepared(samples, 22_050, 1.0)()
        speaker.hush()
        assert not speaker.uttering
    finally:
        speaker.close()
    assert peaks[1] == pytest.approx(peaks[0] / 4, rel=0.1)
    assert speaker.chime(Sound.KEY, 1.0) == 0, "closed is silent"


def test_no_loudspeaker_is_tried_where_none_is_wanted_or_wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SDL_AUDIODRIVER", "PULSE_SERVER", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert Speaker(wanted=False).open() == "no loudspeaker without a screen"
    silent = Speaker(devices=tmp_path)
    assert silent.open() == "no sound device"
    silent.hush()
    assert silent.chime(Sound.KEY, 1) == 0
    monkeypatch.setenv("SDL_AUDIODRIVER", "no such driver")
    assert silent.open().startswith("sound device not opened")


needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None and not os.environ.get("CI"), reason="espeak-ng is not installed"
)


@needs_espeak
@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("id", "Siti Nurhaliza, masuk, tujuh dua belas"),
        ("en", "Siti Nurhaliza, in, seven twelve"),
        ("jv", "Siti Nurhaliza, rawuh, tabuh pitu langkung kalih welas"),
    ],
)
def test_the_machines_own_voice_says_a_result_in_a_few_seconds(language: str, text: str) -> None:
    voice = espeak.voice_of(language, espeak.voices(lambda: False))
    samples, rate_hz = espeak.spoken(text, voice, lambda: False)
    heard = np.frombuffer(samples, dtype=np.int16).astype(float)
    assert 1.5 < len(heard) / rate_hz < 6
    assert 0.1 < (np.abs(heard) > 1000).mean() < 0.95, "neither silence nor noise"
    shorter, _ = espeak.spoken(text.partition(",")[0], voice, lambda: False)
    assert len(shorter) < len(samples) / 1.5


@needs_espeak
@pytest.mark.slow
def test_a_result_is_heard_from_the_loudspeaker_after_its_tone(recorded: Path) -> None:
    """The whole way: tone, real program, mixer, device."""
    voice, stop = Voice(Speaker()), threading.Event()
    thread = threading.Thread(target=voice.run, args=(stop,))

    def loud_s() -> float:
        loud = np.flatnonzero(np.abs(wave(recorded)[:, 0]) > 1000)
        return (loud[-1] - loud[0]) / tones.RATE_HZ if len(loud) else 0.0

    thread.start()
    try:
        until(lambda: voice._audible)
        voice.chime(Sound.RECORDED, 0.64)
        voice.say("Siti Nurhaliza, masuk, tujuh dua belas", "id", 0.64)
        until(lambda: loud_s() > 1.5)
    finally:
        stop.set()
        thread.join(LATEST_S)
    assert voice.alarms() == ()
