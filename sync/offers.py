"""The encoding sets the collector lays on the offices' retained topics, so that they lie there whatever brokers lose.

`hadir enroll publish` lays a new set there itself, after recording it. Should a publication from here overtake that
one, the register has the newer set by the time the broker answers: it is looked at once more then, and the newer set
follows at once.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from errors import HadirError
from sync.messages import gallery_topic
from sync.mqtt import Link, LinkDown, LinkFailed

RELEASES_EVERY_S = 30.0

_log = logging.getLogger("hadir.sync.offers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Where the current sets are: the digest of every office's, and (digest, signed set) of one. Raises HadirError."""

    digests: Callable[[], Mapping[str, str]]
    current: Callable[[str], tuple[str, bytes] | None]


class Offers:
    """What still has to be laid on the topics over one connection. One thread; times are of one monotonic clock."""

    def __init__(self, released: Released) -> None:
        self._released = released
        self._waiting: deque[str] = deque()
        self._offered: dict[str, str] = {}
        self._under_way: dict[int, str] = {}
        self._due = 0.0

    def begin_again(self) -> None:
        """Have every set laid down again: the broker may have lost what it retained."""
        self._offered.clear()
        self._waiting.clear()
        self._due = 0.0

    def send(self, link: Link, room: int, now: float) -> list[int]:
        """Publish up to `room` sets that differ from what lies there, and return their message numbers.

        Raises LinkDown; what did not leave then is still to be sent.
        """
        mids: list[int] = []
        try:
            if now >= self._due and not self._waiting:
                self._due = now + RELEASES_EVERY_S
                digests = self._released.digests()
                self._waiting.extend(office for office in digests if digests[office] != self._offered.get(office))
            while self._waiting and len(mids) < room:
                mid = self._publish(link, self._waiting[0])
                self._waiting.popleft()
                mids += [mid] if mid is not None else []
        except LinkDown:
            raise
        except HadirError as error:
            _log.error("the encoding sets cannot be read now: %s", error)
            self._waiting.clear()
        return mids

    def answered(self, mid: int, *, ok: bool) -> None:
        """Note the broker's answer to message `mid`, if it was one of these."""
        office = self._under_way.pop(mid, None)
        if office is None:
            return
        if ok:
            self._due = 0.0
        else:
            self._offered.pop(office, None)  # to be tried again at the next look

    def _publish(self, link: Link, office: str) -> int | None:
        """Publish the set of `office` as it is now, not as it was when it began to wait."""
        found = self._released.current(office)
        if found is None:
            return None
        digest, blob = found
        try:
            mid = link.publish(gallery_topic(office), blob, retain=True)
        except LinkDown:
            raise
        except LinkFailed as error:
            _log.error("the encoding set of %s cannot be published: %s", office, error)
            return None
        self._under_way[mid] = office
        self._offered[office] = digest
        return mid
