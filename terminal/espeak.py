"""espeak-ng, the program that turns words into sound: text on its standard input, samples on its standard output.

It is started for each sentence, given little time and little room, and ended at once when nobody wants the sentence any
more. Words never reach a shell or its arguments.
"""

import os
import select
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from errors import HadirError

PROGRAM = "espeak-ng"
VOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"id": ("id", "ms"), "en": ("en-gb", "en"), "jv": ("jv", "id", "ms")}
)
"""Language -> voices, the first that the program has: it knows no Javanese yet, to which Indonesian is nearest."""
WORDS_A_MINUTE = 165
"""A little slower than the program's own 175: a name is heard once, in a lobby."""
MOST_TEXT = 300

_LONGEST_S = 3.0  # a sentence takes it well under a second on a Pi
_MOST_BYTES = 4_000_000  # a minute and a half of sound
_LOOK_MS = 20
_HEADER_BYTES = 44


class VoiceUnavailable(HadirError):
    """The program cannot speak; the text says why, and nothing of what was to be said."""


class NotInstalled(VoiceUnavailable):
    """There is no such program here."""


class Overtaken(Exception):
    """There is something newer to say."""


def voices(overtaken: Callable[[], bool]) -> frozenset[str]:
    """Return the voices the program has, as its `-v` takes them. Raises VoiceUnavailable and Overtaken."""
    lines = _output(["--voices"], "", overtaken).decode("utf-8", "replace").splitlines()[1:]
    found = frozenset(words[1] for line in lines if len(words := line.split()) > 1)
    if not found:
        raise VoiceUnavailable(f"{PROGRAM} lists no voices")
    return found


def voice_of(language: str, known: frozenset[str]) -> str:
    """Return the voice for a language (id, en, jv). Raises VoiceUnavailable."""
    for voice in VOICES[language]:
        if voice in known:
            return voice
    raise VoiceUnavailable(f"{PROGRAM} has no voice for the language {language}")


def spoken(text: str, voice: str, overtaken: Callable[[], bool]) -> tuple[bytes, int]:
    """Return `text` as int16 mono samples and their rate in Hz.

    Raises VoiceUnavailable, and Overtaken within some milliseconds of `overtaken` turning true.
    """
    # Two square brackets would make phonemes of what follows.
    plain = "".join(letter if letter.isprintable() else " " for letter in text).replace("[[", " ")[:MOST_TEXT]
    arguments = ["-v", voice, "-s", str(WORDS_A_MINUTE), "-b", "1", "-z", "--stdin", "--stdout"]
    sound = _output(arguments, plain, overtaken)
    whole = len(sound) >= _HEADER_BYTES + 2
    if not whole or sound[:4] != b"RIFF" or sound[8:12] != b"WAVE" or sound[36:40] != b"data":
        raise VoiceUnavailable(f"{PROGRAM} gave no sound")
    form, channels, rate_hz, _, _, bits = struct.unpack("<HHIIHH", sound[20:36])
    if (form, channels, bits) != (1, 1, 16) or not 4_000 <= rate_hz <= 96_000:
        raise VoiceUnavailable(f"{PROGRAM} gave sound of another kind")
    # Its header does not know the length of what is to come.
    samples = sound[_HEADER_BYTES:]
    return samples[: len(samples) // 2 * 2], rate_hz


def _output(arguments: Sequence[str], text: str, overtaken: Callable[[], bool]) -> bytes:
    """Return what the program writes. Raises VoiceUnavailable and Overtaken; the program has then ended."""
    try:
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that whatever it starts ends with it
        )
    except FileNotFoundError as error:
        raise NotInstalled(f"{PROGRAM} is not installed") from error
    except OSError as error:
        raise VoiceUnavailable(f"{PROGRAM} cannot be started ({error.strerror})") from error
    try:
        return _heard(process, text, overtaken)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()


def _heard(process: "subprocess.Popen[bytes]", text: str, overtaken: Callable[[], bool]) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise VoiceUnavailable(f"{PROGRAM} has no way in or out")
    until_s = time.monotonic() + _LONGEST_S
    with suppress(OSError):  # a program that ends without listening says so by its status
        process.stdin.write(text.encode())  # shorter than any pipe: never waits
        process.stdin.close()
    out, heard = process.stdout.fileno(), bytearray()
    ready = select.poll()  # select() knows no descriptor above 1023
    ready.register(out, select.POLLIN | select.POLLHUP)
    while True:
        if overtaken():
            raise Overtaken
        if time.monotonic() > until_s:
            raise VoiceUnavailable(f"{PROGRAM} did not end within {_LONGEST_S:g} s")
        if not ready.poll(_LOOK_MS):
            continue
        piece = os.read(out, 65_536)
        heard += piece
        if len(heard) > _MOST_BYTES:
            raise VoiceUnavailable(f"{PROGRAM} gave more sound than any sentence has")
        if not piece:
            break
    try:
        status = process.wait(max(0.0, until_s - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise VoiceUnavailable(f"{PROGRAM} did not end within {_LONGEST_S:g} s") from error
    if status:
        raise VoiceUnavailable(f"{PROGRAM} ended with status {status}")
    return bytes(heard)
