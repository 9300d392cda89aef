"""What chronyd knows of the clock, asked over its command port on loopback, which answers everybody on the machine.

One datagram each way, by hand (chrony's candm.h, protocol 6): `chronyc tracking` asks the same, and a kiosk that starts
no programs cannot be made to start one. Only the question is known here; nothing can be changed with it.
"""

import logging
import secrets
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass

PORT = 323
ASK_EVERY_S = 10.0
_TIMEOUT_S = 1.0
_REQUEST, _REPLY, _VERSION = 1, 2, 6
_TRACKING, _TRACKING_REPLY, _SUCCESS = 33, 5, 0
_HEAD = struct.Struct("!BBxxHHH6xI8x")  # version, kind, command, reply, status, sequence
# ref id, address, stratum, leap status, time of reference (high, low, ns), nine numbers
_BODY = struct.Struct("!I20xHHIIi9I")
_ASKED = struct.Struct("!BBxxHHI8x")  # version, kind, command, attempt, sequence
_NO_HIGH_SECONDS = 0x7FFFFFFF
_UNSYNCHRONISED = 3
_ITSELF = 0x7F7F0101  # `local`: it serves its own clock, which nobody vouches for

_log = logging.getLogger("hadir.terminal.chrony")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A time service's word: it last heard the time at `at_s` (seconds since 1970 by this clock).

    The clock is off by `error_s` at most, as far as the service knows; None where it does not say.
    """

    at_s: float
    error_s: float | None = None


class Watch:
    """What a thread runs that asks chronyd now and then, so that nobody else ever waits for it."""

    def __init__(self, *, port: int = PORT, every_s: float = ASK_EVERY_S) -> None:
        self._port, self._every_s = port, every_s
        self.heard: Heard | None = None
        """Its last word, None while there is none or chronyd itself knows nothing."""

    def run(self, stop: threading.Event) -> None:
        """Ask until `stop` is set."""
        while not stop.is_set():
            before, self.heard = self.heard, ask(self._port)
            if (before is None) != (self.heard is None):
                _log.info("chronyd %s the time", "knows" if self.heard else "no longer knows")
            stop.wait(self._every_s)


def ask(port: int = PORT) -> Heard | None:
    """Return what the chronyd of this machine last heard; None without one, or while it has heard nothing.

    Waits a second at most. Only 127.0.0.1 itself is listened to, and only the answer to this question.
    """
    sequence = secrets.randbits(32)
    question = _ASKED.pack(_VERSION, _REQUEST, _TRACKING, 0, sequence)
    # An answer is never longer than its question (candm.h): no stranger can be flooded through chronyd.
    question = question.ljust(_HEAD.size + _BODY.size + 4, b"\0")
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_TIMEOUT_S)
        asking.connect(("127.0.0.1", port))
        asking.send(question)
        answer = asking.recv(1024)
        if _is_answer(answer, sequence):
            return read_tracking(answer[_HEAD.size :])
    return None


def read_tracking(body: bytes) -> Heard | None:
    """Return what the body of a tracking reply says, None where chronyd knows no time or the body is none."""
    if len(body) < _BODY.size:
        return None
    ref_id, _stratum, leap, high, low, nanoseconds, *numbers = _BODY.unpack_from(body)
    if leap >= _UNSYNCHRONISED or ref_id in (0, _ITSELF):
        return None
    correction, _last, _rms, _frequency, _residual, _skew, delay, dispersion, _interval = map(_real, numbers)
    seconds = low if high == _NO_HIGH_SECONDS else (high << 32) + low
    return Heard(at_s=seconds + nanoseconds / 1e9, error_s=abs(correction) + delay / 2 + dispersion)


def _is_answer(answer: bytes, sequence: int) -> bool:
    if len(answer) < _HEAD.size:
        return False
    return _HEAD.unpack_from(answer) == (_VERSION, _REPLY, _TRACKING, _TRACKING_REPLY, _SUCCESS, sequence)


def _real(raw: int) -> float:
    """Return chrony's 32-bit number: 7 bits of exponent, 25 of coefficient, both signed."""
    exponent, coefficient = raw >> 25, raw & 0x1FFFFFF
    exponent -= 128 if exponent >= 64 else 0
    coefficient -= 1 << 25 if coefficient >= 1 << 24 else 0
    return coefficient * 2.0 ** (exponent - 25)
