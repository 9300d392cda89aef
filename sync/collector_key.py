"""Whose word a kiosk takes for the collector's: a public key in a file, read when it is first needed and found."""

from collections.abc import Callable
from pathlib import Path

from sync import keys
from sync.chain import opened
from sync.messages import Ack, MessageRefused, decode


class CollectorKeyMissing(MessageRefused):
    """There is no key to check an acknowledgement with; until there is, nothing is marked and nothing is lost."""


def ack_door(path: Path) -> Callable[[bytes], Ack]:
    """Return a function from bytes to the acknowledgement they are, signed with the private half of the key in `path`.

    It raises CollectorKeyMissing while the file is not there or no key, MessageRefused for anything else than that.
    """
    verified: Callable[[bytes, bytes], bool] | None = None

    def door(payload: bytes) -> Ack:
        nonlocal verified
        if verified is None:
            try:
                verified = keys.verifier([keys.raw(keys.load_public(path))])
            except keys.KeyRefused as error:
                raise CollectorKeyMissing(str(error)) from error
        return decode(Ack, opened(payload, verified))

    return door
