"""Entries as a file that anybody can check: one line about it, then two lines an entry, its signed body and signature.

    $ ./hadir events export punches.export
    $ ./hadir verify-chain punches.export --heads heads-2026-03-02.json

It takes no Hadir to check one, only what every machine has. Here is entry number 7, signed by kiosk lobby-1:

    $ sed -n "$((2 * 7))p" punches.export | tr -d '\\n' > body
    $ sed -n "$((2 * 7 + 1))p" punches.export | base64 -d > signature
    $ key=$(sed -n 1p punches.export | grep -o '"terminal":"lobby-1","key_id":"[^"]*","public_key":"[^"]*"')
    $ (echo -----BEGIN PUBLIC KEY-----; echo "$key" | cut -d '"' -f 12; echo -----END PUBLIC KEY-----) > key
    $ openssl pkeyutl -verify -rawin -pubin -inkey key -sigfile signature -in body
    Signature Verified Successfully
    $ sed -n "$((2 * 7)),$((2 * 7 + 1))p" punches.export | head -c -1 | sha256sum

The last is what the next entry of its chain has as "prev_hash". The first line is nobody's word: its keys are those the
centre approved, and whoever doubts the centre compares them with `./hadir keys device` on each kiosk.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Struct

from sync import chain, keys
from sync.chain import Bad
from sync.durable import writing_whole
from sync.keyring import Keyring, KeysRefused, read, written
from sync.look import Looker, Row
from sync.messages import MAX_MESSAGE_BYTES, Entry
from sync.register import Register, RegisterError
from sync.register.evidence import exporting
from sync.verify import EvidenceUnusable
from sync.walk import Claim, Key

_MOST_HEADER_BYTES = 64_000_000
_ROWS = 256

Count = Annotated[int, Meta(ge=0)]


class ExportedKey(Struct, frozen=True, kw_only=True):
    """A key that a kiosk signs or signed with; `public_key` is the middle line of its PEM file."""

    office: str
    terminal: str
    key_id: str
    public_key: str
    state: str


class ExportedChain(Struct, frozen=True, kw_only=True):
    """A chain in the file: from seq `first` on, whole up to `upto`, whose hash it names, nothing above `highest`."""

    office: str
    terminal: str
    epoch: str
    first: Annotated[int, Meta(ge=1)]
    upto: Count
    upto_hash: str
    highest: Count


class Header(Struct, frozen=True, kw_only=True, tag="export"):
    """The first line."""

    v: Annotated[int, Meta(ge=1, le=1)] = msgspec.field(default_factory=lambda: 1)
    made_at: datetime
    keys: tuple[ExportedKey, ...]
    chains: tuple[ExportedChain, ...]


_headers = msgspec.json.Decoder(Header)


def export(
    register: Register,
    path: Path,
    *,
    at: datetime,
    office: str | None = None,
    terminal: str | None = None,
    since: datetime | None = None,
) -> tuple[int, int]:
    """Have `path` hold the entries asked for, whole, and return how many of how many chains; or it is what it was.

    Raises RegisterError, also where the file cannot be written.
    """
    entries = 0
    try:
        with exporting(register, office=office, terminal=terminal, since=since) as (parts, known, payloads):
            header = Header(
                made_at=at,
                keys=tuple(
                    ExportedKey(
                        office=key.office,
                        terminal=key.terminal,
                        key_id=keys.id_of_raw(key.key),
                        public_key=written(key.key),
                        state=key.state.value,
                    )
                    for key in known
                ),
                chains=tuple(
                    ExportedChain(
                        office=part.office,
                        terminal=part.terminal,
                        epoch=part.epoch,
                        first=part.first,
                        upto=part.upto,
                        upto_hash=part.upto_hash,
                        highest=part.highest,
                    )
                    for part in parts
                ),
            )
            with writing_whole(path) as file:
                file.write(msgspec.json.encode(header) + b"\n")
                for payload in payloads:
                    file.write(payload + b"\n")
                    entries += 1
    except OSError as error:
        raise RegisterError(f"{path}: the export cannot be written ({error.strerror}); name another file") from error
    return entries, len(parts)


class ExportFile:
    """An exported file as a place where entries lie. Raises EvidenceUnusable for what is none."""

    partial = True

    def __init__(self, path: Path, ring: Keyring | None) -> None:
        self._path = path
        with path.open("rb") as file:
            line = file.readline(_MOST_HEADER_BYTES)
        try:
            header = _headers.decode(line)
            own = ring or Keyring((each.office, each.terminal, read(each.public_key)) for each in header.keys)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeysRefused):
            raise EvidenceUnusable(
                f"{path} is neither a database nor an export of Hadir; name one, or export again"
            ) from None
        self.looker = Looker(names=(), columns_of=_no_columns, ring=own)
        self.claims: Mapping[Key, Claim] = {
            (each.terminal, each.epoch): Claim(
                first=each.first,
                before=chain.GENESIS if each.first == 1 else None,
                upto=each.upto,
                upto_hash=each.upto_hash,
                highest=each.highest,
            )
            for each in header.chains
        }

    def rows(self) -> Iterator[Sequence[Row]]:
        with self._path.open("rb") as file:
            file.readline(_MOST_HEADER_BYTES)
            rows: list[Row] = []
            while payload := _next(file):
                rows.append((payload,))
                if len(rows) == _ROWS:
                    yield rows
                    rows = []
            yield rows

    def miscounted(self) -> Sequence[Bad]:
        """Nothing is said there beside the entries themselves."""
        return ()


def _no_columns(entry: Entry, digest: bytes) -> Row:
    return ()


def _next(file: BinaryIO) -> bytes:
    """Return the next signed message, b"" at the end; a line too long for one is cut, and then cannot be read."""
    body = file.readline(MAX_MESSAGE_BYTES)
    return body + file.readline(MAX_MESSAGE_BYTES).rstrip(b"\n")
