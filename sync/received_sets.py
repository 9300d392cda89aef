"""Encoding sets as they reach a kiosk: checked, kept on the card, and only then put to use.

A retained set comes again at every connect, so the one that is in use is recognised by its digest and is no news; any
other that is not newer is refused.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import config
from errors import HadirError
from sync import keys, releases
from sync.releases import EncodingSet, ReleaseRefused

NOT_KEPT = "release_not_kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDoor:
    """How an encoding set gets in: checked (raises ReleaseRefused), kept on the card, and found there again."""

    check: Callable[[bytes, int], EncodingSet]
    keep: Callable[[bytes], None]
    kept: Callable[[], bytes | None]


def release_door(
    settings: config.Config,
    engine_id: str | None,
    *,
    reader: keys.PrivateKey | None = None,
    check_templates: Callable[[EncodingSet], None] = releases.check_templates,
) -> ReleaseDoor:
    """Return the door for the sets of this office and engine, signed by the key in terminal.release_key.

    `engine_id` None lets the sets of any engine in; `reader` is the kiosk's own key, which sealed ones are opened with.
    `check_templates` is as open_set takes it. Raises HadirError when there is no such key.
    """
    trusted = keys.load_public(settings.terminal.release_key)
    folder = settings.terminal.state

    def check(blob: bytes, newer_than: int) -> EncodingSet:
        return releases.open_set(
            blob,
            trusted=trusted,
            office=settings.office.id,
            engine_id=engine_id,
            newer_than=newer_than,
            reader=reader,
            check_templates=check_templates,
        )

    return ReleaseDoor(
        check=check,
        keep=lambda blob: releases.keep_set(folder, blob),
        kept=lambda: releases.kept_set(folder),
    )


class ReceivedSets:
    """The sets one kiosk receives, on one thread."""

    def __init__(self, door: ReleaseDoor, on_release: Callable[[EncodingSet], None]) -> None:
        self._door, self._on_release = door, on_release
        self._version, self._digest = 0, b""

    @property
    def in_use(self) -> tuple[int, str] | None:
        """Version and SHA-256 (hex) of the set that is in use, None without one."""
        return (self._version, self._digest.hex()) if self._digest else None

    def remember(self) -> None:
        """Know version and digest of the set kept on the card. Raises ReleaseRefused for one that is not sound."""
        try:
            blob = self._door.kept()
        except ReleaseRefused:
            raise
        except HadirError as error:
            raise ReleaseRefused(NOT_KEPT, str(error)) from error
        if blob is not None:
            self._version = self._door.check(blob, -1).version
            self._digest = hashlib.sha256(blob).digest()

    def take(self, blob: bytes) -> EncodingSet | None:
        """Return the set in `blob`, kept on the card and in use, or None when it is no news.

        Raises ReleaseRefused; the set in use before stays.
        """
        digest = hashlib.sha256(blob).digest()
        if not blob or digest == self._digest:
            return None
        content = self._door.check(blob, self._version)
        try:
            self._door.keep(blob)
            self._on_release(content)
        except HadirError as error:
            raise ReleaseRefused(NOT_KEPT, str(error)) from error
        self._version, self._digest = content.version, digest
        return content
