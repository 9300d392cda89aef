"""Signed messages and the chain a terminal's entries form. Pure: keys come in as functions.

A signed message is its JSON body, a newline and the base64 of an Ed25519 signature (RFC 8032) over exactly that body:
anybody can check one with `openssl pkeyutl -verify -rawin`. JSON as written here has no newline of its own, so several
signed messages joined by newlines are still told apart: that is how a backlog travels, and what an export file is.
Behind a message that names a sealed picture, the picture itself may travel the same way, as its reference, a newline
and base64: it is nothing signed, is kept beside the chain, and can be deleted without breaking it.

Each entry names the SHA-256 of the whole signed message before it, so that no entry can be changed, taken out or put
between others without every later one being signed anew, and the heads kept by a second party then tell.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from msgspec import Struct

from sync.messages import MAX_MESSAGE_BYTES, Entry, MessageRefused, decode_entry

GENESIS = "0" * 64
"""What the first entry of an epoch names as the one before."""

Sign = Callable[[bytes], bytes]
"""From a body to the 64 bytes of its signature."""

Verify = Callable[[bytes, bytes], bool]
"""Whether the signature (first) was made over the body (second) by a key that is trusted for it."""

MAX_ENCLOSED_BYTES = 11_250
"""Of a sealed picture that travels with its entry: in base64 15,000 bytes, which leaves the entry 1,300."""

_ENCLOSED = b"sealed:"
_SIGNATURE_BYTES = 64
_SIGNATURE_SIGNS = 88  # of base64


class Sealed(Struct, frozen=True, kw_only=True):
    """A signed message taken apart; nothing of it is verified yet."""

    body: bytes
    signature: bytes


def seal(body: bytes, sign: Sign) -> bytes:
    """Return the signed message of `body`. Raises MessageRefused for a body with a newline in it."""
    if b"\n" in body:
        raise MessageRefused("a newline in a body that is to be signed")
    return body + b"\n" + base64.b64encode(sign(body))


def unseal(payload: bytes) -> Sealed:
    """Return body and signature of a signed message. Raises MessageRefused for what has no signature."""
    body, newline, signature = payload.rpartition(b"\n")
    if not newline or b"\n" in body or len(signature) != _SIGNATURE_SIGNS:
        raise MessageRefused("not signed")
    try:
        raw = binascii.a2b_base64(signature, strict_mode=True)
    except binascii.Error:
        raise MessageRefused("not signed: the signature is not base64") from None
    # Two spellings of one signature would be two different bytes under one key.
    if len(raw) != _SIGNATURE_BYTES or binascii.b2a_base64(raw, newline=False) != signature:
        raise MessageRefused("not signed: the signature is not 64 bytes")
    return Sealed(body=body, signature=raw)


def opened(payload: bytes, verify: Verify) -> bytes:
    """Return the body of a signed message whose signature `verify` takes. Raises MessageRefused."""
    sealed = unseal(payload)
    if not verify(sealed.signature, sealed.body):
        raise MessageRefused("the signature is not that of a trusted key")
    return sealed.body


def digest(payload: bytes) -> bytes:
    """Return the SHA-256 of a signed message, which the entry after it names in hexadecimal."""
    return hashlib.sha256(payload).digest()


def pack(payloads: Iterable[bytes]) -> bytes:
    """Return one message that carries all of `payloads`."""
    return b"\n".join(payloads)


def unpack(message: bytes) -> list[bytes]:
    """Return the signed messages that `message` carries, their exact bytes. Raises MessageRefused.

    Each alone may be as long as MAX_MESSAGE_BYTES, and so may all of them together.
    """
    return [pair for pair in _pairs(message) if not pair.startswith(_ENCLOSED)]


def enclose(ref: str, box: bytes) -> bytes:
    """Return the sealed picture `box`, which the message before it calls `ref`, as a part of `pack`."""
    return ref.encode() + b"\n" + base64.b64encode(box)


def enclosed(message: bytes) -> dict[str, bytes]:
    """Return the sealed pictures that `message` carries, by reference; one that is not what that names is passed over.

    Raises MessageRefused as `unpack` does.
    """
    found = {}
    for pair in _pairs(message):
        if pair.startswith(_ENCLOSED):
            ref, _, signs = pair.partition(b"\n")
            with suppress(binascii.Error):
                box = binascii.a2b_base64(signs, strict_mode=True)
                if len(box) <= MAX_ENCLOSED_BYTES and ref == _ENCLOSED + digest(box).hex()[:32].encode():
                    found[ref.decode()] = box
    return found


def _pairs(message: bytes) -> list[bytes]:
    if len(message) > MAX_MESSAGE_BYTES:
        raise MessageRefused(f"message of {len(message)} bytes; {MAX_MESSAGE_BYTES} are allowed")
    lines = message.split(b"\n")
    if len(lines) % 2:
        raise MessageRefused("not signed")
    return [lines[at] + b"\n" + lines[at + 1] for at in range(0, len(lines), 2)]


def read_entry(payload: bytes) -> tuple[Entry, Sealed]:
    """Return the entry in `payload` and what its signature must be checked against. Raises MessageRefused."""
    sealed = unseal(payload)
    return decode_entry(sealed.body), sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An entry as some database keeps it: the key it lies under and its exact bytes."""

    terminal: str
    epoch: str
    seq: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """The first entry of a chain that is not as it was made, and in which way."""

    terminal: str
    epoch: str
    seq: int
    why: str


def links(kept: Iterable[Kept]) -> Iterator[tuple[Kept, Entry, Sealed] | Bad]:
    """Yield each entry of ONE epoch, given in order of seq, until one is bad, which is yielded last.

    Checked is all but the signature: that it can be read, lies under its own key, follows the one before without a
    gap and names its hash. The first may have any seq: what was before it is the caller's to know.
    """
    before: tuple[int, str] | None = None
    for each in kept:
        try:
            entry, sealed = read_entry(each.payload)
        except MessageRefused as error:
            yield _bad(each, f"cannot be read: {error}")
            return
        if (entry.terminal, entry.epoch, entry.seq) != (each.terminal, each.epoch, each.seq):
            yield _bad(each, "holds an entry of another place")
            return
        if before is None and each.seq == 1 and entry.prev_hash != GENESIS:
            yield _bad(each, "is the first of its epoch and names one before it")
            return
        if before is not None and each.seq != before[0] + 1:
            yield Bad(terminal=each.terminal, epoch=each.epoch, seq=before[0] + 1, why="is not there")
            return
        if before is not None and entry.prev_hash != before[1]:
            yield _bad(each, "does not name the hash of the entry before it")
            return
        before = each.seq, digest(each.payload).hex()
        yield each, entry, sealed


def _bad(each: Kept, why: str) -> Bad:
    return Bad(terminal=each.terminal, epoch=each.epoch, seq=each.seq, why=why)
