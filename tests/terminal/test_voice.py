"""The voice: newest words first, heard by nobody but the lobby, and a kiosk that works without any.

espeak-ng is a small program that keeps what it was given; the loudspeaker is one that only writes down.
"""

import logging
import os
import queue
import resource
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from terminal import espeak
from terminal.visit.signals import Sound
from terminal.voice import Voice

LATEST_S = 20.0
NAME = "Siti Nurhaliza"
SPEECH = b"\x00\x10" * 500
FORMAT = struct.pack("<IHHIIHH", 16, 1, 1, 22_050, 44_100, 2, 16)
WAV = b"RIFF\xff\xff\xff\x7fWAVEfmt " + FORMAT + b"data\xff\xff\xff\x7f"
VOICES = "Pty Language Age/Gender VoiceName File\n 5  id  --/M  Indonesian poz/id\n 2  en-gb  --/M  English gmw/en\n"
SPEAKS = 'cat "$here/sound.wav"'


class Speakers:
    """A loudspeaker that keeps what it was made to do, and says so at once to whoever waits."""

    def __init__(self, *, problem: str = "", tone_s: float = 0.0) -> None:
        self.problem, self.tone_s = problem, tone_s
        self.opened = self.closed = 0
        self.happened: queue.Queue[tuple[str, object]] = queue.Queue()

    def open(self) -> str:
        assert self.opened <= self.closed, "opened twice"
        if not self.problem:
            self.opened += 1
        return self.problem

    def chime(self, sound: Sound, loudness: float) -> float:
        self.happened.put(("chime", sound))
        return self.tone_s

    def prepared(self, samples: bytes, rate_hz: int, loudness: float) -> Callable[[], None]:
        assert self.opened > self.closed, "words for a loudspeaker that is not open"
        assert len(samples) % 2 == 0
        return lambda: self.happened.put(("words", (samples, rate_hz, loudness)))

    def hush(self) -> None:
        self.happened.put(("hush", None))

    def close(self) -> None:
        self.closed = self.opened

    def wait_for(self, kind: str) -> object:
        until_s = time.monotonic() + LATEST_S
        while True:
            happened, what = self.happened.get(timeout=max(0.01, until_s - time.monotonic()))
            if happened == kind:
                return what


class Program:
    """An espeak-ng whose behaviour is one line of shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "voices").write_text(VOICES)
        (folder / "sound.wav").write_bytes(WAV + SPEECH)
        os.mkfifo(folder / "started")
        self.does(SPEAKS)

    def does(self, line: str) -> None:
        """From now on it keeps its arguments and its text, and then does `line`."""
        script = self.folder / "script"
        script.write_text(
            f'#!/bin/sh\nhere="{self.folder}"\n'
            'if [ "$1" = --voices ]; then cat "$here/voices"; exit; fi\n'
            f'printf "%s\\n" "$@" > "$here/arguments"\ncat > "$here/text"\n{line}\n'
        )
        script.chmod(0o755)
        script.replace(self.folder / "espeak-ng")

    def remove(self) -> None:
        (self.folder / "espeak-ng").unlink()

    def hangs(self) -> None:
        """It tells its own number and that of its child through `started`, and then stays for ever."""
        self.does('sleep 600 & echo "$$ $!" > "$here/started"; wait')

    def started(self) -> list[int]:
        """Return the numbers of the processes of a program that hangs, when it does."""
        return [int(word) for word in (self.folder / "started").read_text().split()]

    @property
    def text(self) -> str:
        return (self.folder / "text").read_text()

    @property
    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().splitlines()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(espeak, "PROGRAM", str(folder / "espeak-ng"))  # never the machine's own
    return Program(folder)


def test_a_program_is_heard_in_a_process_with_many_files_open(program: Program) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    held: list[int] = []
    try:
        while not held or held[-1] < 1100:
            held.append(os.open(os.devnull, os.O_RDONLY))
        assert espeak.spoken("Siti", "id", lambda: False) == (SPEECH, 22_050)
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert program.text == "Siti"


@contextmanager
def speaking(speaker: Speakers, *, needed: bool = False, retry_s: float = 0.0) -> Iterator[Voice]:
    voice, stop = Voice(speaker, needed=needed, retry_s=retry_s), threading.Event()
    thread = threading.Thread(target=voice.run, args=(stop,))
    thread.start()
    try:
        yield voice
    finally:
        stop.set()
        thread.join(LATEST_S)
        assert not thread.is_alive()
        assert speaker.closed == speaker.opened


def until(holds: Callable[[], bool]) -> None:
    until_s = time.monotonic() + LATEST_S
    while not holds():
        assert time.monotonic() < until_s
        time.sleep(0.005)


def gone(pid: int) -> bool:
    """Return whether a process has ended; one that nobody asked after yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


# --- what is said ---------------------------------------------------------------------------------------------------


def test_words_go_to_the_programs_input_and_its_sound_to_the_loudspeaker(program: Program) -> None:
    text = "--version; $(touch x) `id` 'Siti' \"é\" -w y"
    speaker = Speakers()
    with speaking(speaker) as voice:
        voice.say(text, "id", 0.64)
        assert speaker.wait_for("words") == (SPEECH, 22_050, 0.64)
    assert program.text == text
    assert program.arguments == ["-v", "id", "-s", "165", "-b", "1", "-z", "--stdin", "--stdout"]


@pytest.mark.parametrize(("language", "chosen"), [("id", "id"), ("en", "en-gb"), ("jv", "id")])
def test_each_language_has_its_voice_or_the_nearest(program: Program, language: str, chosen: str) -> None:
    speaker = Speakers()
    with speaking(speaker) as voice:
        voice.say("satu", language, 1)
        speaker.wait_for("words")
    assert program.arguments[:2] == ["-v", chosen]


def test_javanese_is_spoken_in_its_own_voice_once_there_is_one(program: Program) -> None:
    (program.folder / "voices").write_text(VOICES + " 5  jv  --/M  Javanese poz/jv\n")
    speaker = Speakers()
    with speaking(speaker) as voice:
        voice.say("setunggal", "jv", 1)
        speaker.wait_for("words")
    assert program.arguments[:2] == ["-v", "jv"]


def test_no_phonemes_no_line_breaks_and_no_novels_reach_the_program(program: Program) -> None:
    speaker = Speakers()
    with speaking(speaker) as voice:
        voice.say("[[_^_]]a\n\x00\x1b[2J" + "x" * 10_000, "id", 1)
        speaker.wait_for("words")
    assert program.text.startswith(" _^_]]a   [2Jxxx")
    assert len(program.text) <= espeak.MOST_TEXT


def test_words_wait_for_the_end_of_the_tone(program: Program) -> None:
    speaker = Speakers(tone_s=0.3)
    with speaking(speaker) as voice:
        began_s = time.monotonic()
        voice.chime(Sound.RECORDED, 1)
        voice.say("satu", "id", 1)
        speaker.wait_for("words")
        assert time.monotonic() >= began_s + 0.3


# --- the newest wins ------------------------------------------------------------------------------------------------


def test_the_next_ones_words_do_not_wait_for_a_program_that_is_busy(program: Program) -> None:
    program.hangs()
    speaker = Speakers()
    with speaking(speaker) as voice:
        voice.say("the one before", "id", 1)
        pids = program.started()
        program.does(SPEAKS)
        voice.say("the next one", "id", 1)
        speaker.wait_for("words")
        assert program.text == "the next one"
        until(lambda: all(gone(pid) for pid in pids))
        assert voice.alarms() == ()


def test_words_that_are_sounding_are_cut_off_before_say_and_hush_return(program: Program) -> None:
    speaker = Speakers()
    with speaking(speaker) as voice:
        for cut_off in (lambda: voice.say("dua", "id", 1), voice.hush):
            voice.say("satu", "id", 1)
            speaker.wait_for("words")
            while not speaker.happened.empty():
                speaker.happened.get()
            cut_off()
            assert speaker.happened.get_nowait() == ("hush", None)
            until(lambda: voice._wanted is None)


def test_of_many_words_at_once_only_the_last_are_said(program: Program) -> None:
    speaker = Speakers(tone_s=0.6)
    with speaking(speaker) as voice:
        voice.chime(Sound.KEY, 1)
        for number in range(200):
            voice.say(str(number), "id", 1)
        speaker.wait_for("words")
        assert program.text == "199"
        assert [what for kind, what in list(speaker.happened.queue) if kind == "words"] == []


def test_hushed_words_are_never_said(program: Program) -> None:
    speaker = Speakers(tone_s=0.2)
    with speaking(speaker) as voice:
        voice.chime(Sound.RECORDED, 1)
        voice.say("satu", "id", 1)
        voice.hush()
        voice.say("dua", "id", 1)
        speaker.wait_for("words")
        assert program.text == "dua"


def test_the_kiosk_ends_while_a_program_hangs(program: Program) -> None:
    program.hangs()
    with speaking(Speakers()) as voice:
        voice.say("satu", "id", 1)
        pids = program.started()
    until(lambda: all(gone(pid) for pid in pids))


# --- without a voice ------------------------------------------------------------------------------------------------


def silence(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said about silence; nobody's name is in the log."""
    assert NAME not in caplog.text
    return [record.getMessage() for record in caplog.records if "nothing is spoken" in record.getMessage()]


def say_in_vain(voice: Voice, times: int = 3) -> None:
    for _ in range(times):
        voice.say(NAME, "id", 1)
        until(lambda: voice._wanted is None)


@pytest.mark.parametrize("needed", [False, True])
def test_without_the_program_it_is_silent_and_an_alarm_only_where_words_are_needed(
    program: Program, caplog: pytest.LogCaptureFixture, needed: bool
) -> None:
    program.remove()
    speaker = Speakers()
    with caplog.at_level(logging.DEBUG), speaking(speaker, needed=needed) as voice:
        say_in_vain(voice)
        until(lambda: bool(silence(caplog)))
        assert voice.alarms() == (("voice_unavailable",) if needed else ())
        program.does(SPEAKS)
        voice.say(NAME, "id", 1)
        speaker.wait_for("words")
        assert voice.alarms() == ()
    assert len(silence(caplog)) == 1
    assert silence(caplog)[0].endswith("is not installed; tried again every 0 s")
    assert "words are spoken again" in caplog.text


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("exit 7", "ended with status 7"),
        ("kill -9 $$", "ended with status -9"),
        ("echo hello", "gave no sound"),
        ("head -c 44 $here/sound.wav", "gave no sound"),
        ("exit 0", "gave no sound"),
        ("cat /dev/zero", "gave more sound than any sentence has"),
        ("sleep 600", "did not end within 0.3 s"),
        ("exec >&-; sleep 600", "did not end within 0.3 s"),
        (
            "sed 's/WAVEfmt \\x10\\x00\\x00\\x00\\x01/WAVEfmt \\x10\\x00\\x00\\x00\\x03/' $here/sound.wav",
            "another kind",
        ),
    ],
)
def test_a_program_that_fails_is_an_alarm_and_no_more(
    program: Program, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, line: str, problem: str
) -> None:
    monkeypatch.setattr(espeak, "_LONGEST_S", 0.3 if "sleep" in line else 10.0)
    program.does(line)
    speaker = Speakers()
    with caplog.at_level(logging.DEBUG), speaking(speaker) as voice:
        say_in_vain(voice, times=2)
        until(lambda: voice.alarms() == ("voice_unavailable",))
        monkeypatch.setattr(espeak, "_LONGEST_S", 10.0)
        program.does(SPEAKS)
        voice.say(NAME, "id", 1)
        speaker.wait_for("words")
        until(lambda: voice.alarms() == ())
    assert len(silence(caplog)) == 1
    assert problem in silence(caplog)[0]


def test_a_program_without_the_language_says_so(program: Program, caplog: pytest.LogCaptureFixture) -> None:
    (program.folder / "voices").write_text("Pty Language\n 2 en-gb --/M English gmw/en\n")
    with speaking(Speakers()) as voice:
        voice.say(NAME, "jv", 1)
        until(lambda: bool(silence(caplog)))
    assert "no voice for the language jv" in silence(caplog)[0]


def test_after_a_failure_the_program_is_left_alone_for_a_while(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    program.does("exit 1")
    with speaking(Speakers(), retry_s=3600) as voice:
        voice.say(NAME, "id", 1)
        until(lambda: bool(silence(caplog)))
        program.does(SPEAKS)
        (program.folder / "text").unlink()
        say_in_vain(voice)
    assert not (program.folder / "text").exists()


def test_without_a_sound_device_no_program_is_started_until_there_is_one(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = Speakers(problem="no sound device")
    with caplog.at_level(logging.INFO), speaking(speaker, needed=True) as voice:
        say_in_vain(voice)
        assert not (program.folder / "text").exists()
        until(lambda: voice.alarms() == ("voice_unavailable",))
        speaker.problem = ""
        until(lambda: speaker.opened == 1)
        until(lambda: voice.alarms() == ())
        voice.say("satu", "id", 1)
        speaker.wait_for("words")
    assert caplog.text.count("no sound: no sound device") == 1
    assert caplog.text.count("there is sound") == 1


def test_the_voice_speaks_from_when_it_is_told_until_the_last_word_is_over(program: Program) -> None:
    speaker = Speakers()
    with speaking(speaker) as voice:
        assert not voice.speaking
        program.does('sleep 600 & echo "$$ $!" > "$here/started"; wait')
        until(lambda: speaker.opened == 1)
        voice.say(NAME, "id", 1.0)
        until(lambda: voice.speaking)
        program.started()
        assert voice.speaking, "it is still being made"
        voice.hush()
        assert not voice.speaking
        program.does(SPEAKS)
        voice.say(NAME, "id", 1.0)
        speaker.wait_for("words")
        until(lambda: not voice.speaking)


def test_a_kiosk_without_a_loudspeaker_never_speaks(program: Program) -> None:
    speaker = Speakers(problem="no sound device")
    with speaking(speaker) as voice:
        voice.say(NAME, "id", 1.0)
        assert not voice.speaking
