"""What happens on a link to the broker: as values, and in words for a human. Knows no MQTT library."""

import math
import random
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import config
from errors import HadirError

LONGEST_WAIT_S = 300.0
SHORT_OUTAGE_S = 8.0
"""Up to here a wait may be longer than the outage was, so that 300 kiosks do not all come back at once."""

FIRST_TAKEOVER_WAIT_S = (20.0, 40.0)
NEXT_TAKEOVER_WAIT_S = (60.0, 120.0)
TAKEOVER_FORGOTTEN_S = 3600.0

TAKEN_OVER = "Session taken over"
"""What MQTT 5 calls it (reason code 0x8E) when another client came with the same id."""


class LinkFailed(HadirError):
    """The link cannot be made with these settings, or cannot carry this message."""


class LinkDown(LinkFailed):
    """There is no connection at this moment; publish again after the next `Connected`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says for us when the connection is lost without a goodbye, `delay_s` after the loss."""

    topic: str
    payload: bytes
    retain: bool = True
    delay_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The broker took us in. Without `session_present` it has forgotten us: subscriptions and what it held for us."""

    session_present: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The connection ended, or an attempt at one failed; `reason` is for a human.

    `taken_over` when the broker ended it because another client came with the same id.
    """

    reason: str
    taken_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message came. `retained` when it lay at the broker before we subscribed."""

    topic: str
    payload: bytes
    retained: bool
    mid: int = 0
    qos: int = 0
    connection: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The broker answered publish or subscribe number `mid`: taken (`ok`) or refused. Its word only, not delivery."""

    mid: int
    ok: bool
    reason: str


Event = Connected | Disconnected | Received | Sent


def reconnect_wait(attempt: int, rng: random.Random, *, away_s: float = math.inf) -> float:
    """Return the seconds to wait before reconnecting for the `attempt`-th time (from 0) in a row: full jitter.

    `away_s` is how long there has been no connection. Nobody waits longer than that again, or, simulated with 300
    kiosks, the last would be back four minutes after an outage of one.
    """
    return rng.uniform(0, min(LONGEST_WAIT_S, 2.0 ** min(attempt, 30), max(SHORT_OUTAGE_S, away_s)))


def takeover_wait(rng: random.Random, *, since_last_s: float | None) -> float:
    """Return the seconds to wait before coming back to a broker that gave our id to another client.

    `since_last_s` is how long ago that happened before, None for never. Two machines with one identity would else take
    it from each other several times a second, and neither would get anything through.
    """
    again = since_last_s is not None and since_last_s < TAKEOVER_FORGOTTEN_S
    return rng.uniform(*(NEXT_TAKEOVER_WAIT_S if again else FIRST_TAKEOVER_WAIT_S))


def tls_context(settings: config.Mqtt) -> ssl.SSLContext:
    """Return the TLS the settings ask for; the broker must prove its name. Raises LinkFailed for unusable files."""
    for key in ("tls_ca", "tls_certificate", "tls_key"):
        name = getattr(settings, key)
        if name and not Path(name).is_file():
            raise LinkFailed(f"{name}: there is no such file; see mqtt.{key}")
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.tls_certificate:
            context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
    except (ssl.SSLError, OSError) as error:
        raise LinkFailed(f"the TLS files cannot be used: {error}; see mqtt.tls_ca and those beside it") from error
    return context


def words(error: OSError, address: str) -> str:
    """Return why there is no connection to `address`, and what to look at."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {address} is not trusted: {error.verify_message}; see mqtt.tls_ca"
        case ssl.SSLError():
            return f"no TLS with {address}: {error.reason or error}; see mqtt.tls_ca and mqtt.port"
        case ConnectionRefusedError():
            return f"nobody listens at {address}; is the broker running?"
        case socket.gaierror():
            return f"the name in {address} is not known; see mqtt.host"
        case TimeoutError():
            return f"no answer from {address}; see the network"
        case _:
            return f"no connection to {address}: {error.strerror or error}"


def refusal(name: str) -> str:
    """Return what a broker's reason code of that name means here."""
    match name:
        case reason if reason == TAKEN_OVER:
            return "another client uses the same id; see that each terminal.id exists once"
        case "Not authorized" | "Bad user name or password":
            return f"{name}; see mqtt.username and mqtt.password"
        case _:
            return name
