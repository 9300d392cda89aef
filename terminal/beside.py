"""The face that is there while a PIN is typed: remembered for seconds, compared once. The main thread's."""

import time
from collections.abc import Callable

import config
from errors import HadirError
from sync.messages import PadVerdict
from terminal.calibration import policy_for
from terminal.companion import Companion, companion_of, seen_as
from terminal.faces import Vector
from terminal.gallery import Gallery
from terminal.matching import Policy
from terminal.sighting import Sighting

_SEEN_S = 3.0
"""A face not seen for so long is not that of whoever types."""


class Beside:
    """Remembers the newest probe of whoever is served."""

    def __init__(
        self,
        settings: config.Match,
        *,
        gallery: Callable[[], Gallery],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._gallery, self._now_s = settings, gallery, now_s
        self._probe: Vector | None = None
        self._pad = PadVerdict.NOT_CHECKED
        self._seen_s = float("-inf")
        self._policy: Policy | None = None
        self.engine_id = ""
        """The engine whose probe was seen last."""

    def saw(self, sighting: Sighting) -> None:
        """Whoever is served now is who stands there."""
        if sighting.served is None or sighting.served.probe is None:
            return
        if sighting.engine_id != self.engine_id:
            self.engine_id = sighting.engine_id
            try:
                self._policy = policy_for(self.engine_id, self._settings)
            except HadirError:  # then vision has said so, and nobody is recognised by a face
                self._policy = None
        self._probe, self._pad, self._seen_s = sighting.served.probe, sighting.served.pad, self._now_s()

    def companion(self, employee: str) -> Companion:
        """Return what the face that stands there says of whoever typed that employee's PIN."""
        gallery = self._gallery()
        seen = self._now_s() <= self._seen_s + _SEEN_S
        if not seen or self._policy is None or gallery.engine_id != self.engine_id:
            return Companion()
        try:
            return seen_as(companion_of(self._probe, employee, gallery, self._policy), self._pad)
        except HadirError:
            return Companion()
