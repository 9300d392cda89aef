"""Whose word a kiosk takes for the collector's: a public key in a file, read again whenever the file has changed."""

from collections.abc import Callable
from pathlib import Path

from sync import keys
from sync.chain import opened
from sync.messages import Ack, MessageRefused, decode


class CollectorKeyMissing(MessageRefused):
    """There is no key to check an acknowledgement with; until there is, nothing is marked and nothing is lost."""


def ack_door(path: Path) -> Callable[[bytes], Ack]:
    """Return a function from bytes to the acknowledgement they are, signed with the private half of the key in `path`.

    It raises CollectorKeyMissing while the file has never been a key, MessageRefused for anything else than that.
    """
    verified: Callable[[bytes, bytes], bool] | None = None
    seen: tuple[int, int, int] | None = None

    def door(payload: bytes) -> Ack:
        nonlocal verified, seen
        found = _identity(path)
        if verified is None or found not in (seen, None):
            try:
                verified = keys.verifier([keys.raw(keys.load_public(path))])
                seen = found
            except keys.KeyRefused as error:
                if verified is None:  # a key that is being replaced is trusted until another one is there
                    raise CollectorKeyMissing(str(error)) from error
        return decode(Ack, opened(payload, verified))

    return door


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
