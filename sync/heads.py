"""What a second party keeps of the register: once a day a signed file with the hash of every chain's last entry.

Whoever has a kiosk's key can sign a tail of its chain anew, and whoever has the register can put it there; what was
written down elsewhere before, nobody can change. So copy these files, as they are made, to somebody else: a daily mail,
a printed page, another agency's disk. Against them `hadir verify-chain --heads FILE` holds what the register says now.

A file is a signed message as sync/chain.py has it: one line of JSON, one of base64. Anybody can check it:

    $ sed -n 1p heads-2026-03-02.json | tr -d '\\n' > body
    $ sed -n 2p heads-2026-03-02.json | base64 -d > signature
    $ openssl pkeyutl -verify -rawin -pubin -inkey heads.pub -sigfile signature -in body
    Signature Verified Successfully
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

import config
from errors import HadirError
from sync import chain, keys
from sync.durable import write_whole
from sync.messages import Hex32, Hex64, Identifier, Instant, Message, MessageRefused
from sync.messages import Sequence as Seq
from sync.register import Register, RegisterError
from sync.register.events import all_heads
from sync.walk import Key, Witness

_AGAIN = timedelta(minutes=1)
_MOST_BYTES = 64_000_000

_log = logging.getLogger("hadir.sync.heads")


class HeadsRefused(HadirError):
    """The file is no list of heads that can be relied on; the text says why."""


class WrittenHead(msgspec.Struct, frozen=True, kw_only=True):
    """The entry at `upto` of a chain had that hash, and every one before it was there, as it has been since `at`."""

    office: Identifier
    terminal: Identifier
    epoch: Hex32
    upto: Seq
    upto_hash: Hex64
    at: Instant


class Heads(Message, tag="heads", frozen=True, kw_only=True):
    """The heads of every chain in the register at `made_at`; before `upto` 1 there is nothing to be said of one."""

    made_at: Instant
    heads: tuple[WrittenHead, ...]


_decoder = msgspec.json.Decoder(Heads)


def path_of(settings: config.Config, now: datetime) -> Path:
    """Return where the file of that day, by UTC, belongs."""
    return settings.centre.heads / f"heads-{now.astimezone(UTC):%Y-%m-%d}.json"


def write(settings: config.Config, register: Register, now: datetime, path: Path | None = None) -> tuple[Path, int]:
    """Have the heads of this moment in the file of the day (or `path`), whole, and return it with how many they are.

    Raises KeyRefused without the key that signs them, RegisterError, also where the file cannot be written.
    """
    signer = keys.signer(keys.load_private(settings.centre.keys / f"{keys.HEADS}.key"))
    written = tuple(
        WrittenHead(
            office=head.office,
            terminal=head.terminal,
            epoch=head.epoch,
            upto=head.upto,
            upto_hash=head.upto_hash,
            at=head.changed_at,
        )
        for head in all_heads(register)
        if head.upto and head.upto_hash
    )
    body = msgspec.json.encode(Heads(made_at=now, heads=written))
    path = path or path_of(settings, now)
    try:
        write_whole(path, chain.seal(body, signer.sign) + b"\n", mode=0o644)
    except OSError as error:
        raise RegisterError(f"{path}: the heads cannot be written ({error.strerror}); see centre.heads") from error
    return path, len(written)


def daily(settings: config.Config, register: Register) -> Callable[[datetime], None]:
    """Return a function that has the day's file written if it is not there yet; to be called often, it costs little.

    It raises nothing: what is wrong is logged once, and tried again every minute.
    """
    done: Path | None = None
    tried_at: datetime | None = None
    said = ""

    def write_if_due(now: datetime) -> None:
        nonlocal done, tried_at, said
        path = path_of(settings, now)
        if path == done or (tried_at is not None and timedelta(0) <= now - tried_at < _AGAIN):
            return
        tried_at = now
        try:
            if not path.exists():
                if not any(head.upto for head in all_heads(register)):
                    return  # a file that says nothing would stand for the whole day
                _, count = write(settings, register, now)
                _log.info("the heads of %d chains were written to %s: copy it to a second party", count, path)
            done, tried_at, said = path, None, ""
        except (HadirError, OSError) as error:
            if str(error) != said:
                _log.error("alarm heads_unwritten: %s", error)
            said = str(error)

    return write_if_due


def read(path: Path, public: keys.PublicKey) -> Heads:
    """Return the heads written in `path`, signed with the private half of `public`. Raises HeadsRefused."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise HeadsRefused(f"{path}: the heads cannot be read ({error.strerror})") from error
    try:
        return _decoder.decode(chain.opened(content.rstrip(b"\r\n"), keys.verifier([keys.raw(public)])))
    except MessageRefused:
        raise HeadsRefused(f"{path}: not signed with the heads key; name its public half with --heads-key") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HeadsRefused(f"{path}: signed, but no list of heads ({error}); update this machine") from None


def witnesses(files: Iterable[tuple[Path, keys.PublicKey]]) -> dict[Key, Sequence[Witness]]:
    """Return what the signed files say of each chain. Raises HeadsRefused for one that cannot be relied on."""
    found: dict[Key, list[Witness]] = {}
    for path, public in files:
        for head in read(path, public).heads:
            witness = Witness(upto=head.upto, upto_hash=head.upto_hash, name=path.name)
            found.setdefault((head.terminal, head.epoch), []).append(witness)
    return dict(found)
