"""The networks that liveness reads, on a kiosk: looked for at its start and, where some are missing, again and again.

Nothing waits for them: until they are there, everybody is asked to show that they are, and `liveness_unavailable` says
so to whoever watches the kiosks. Whoever stands there when they come is judged by the eye they began with.
"""

import logging
import random
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import config
from terminal.faces import models
from terminal.faces.models import Fetch, ModelUnavailable
from terminal.guard import Guard
from terminal.liveness import sources
from terminal.liveness.eye import Eye, OpenCvEye
from terminal.liveness.networks import LANDMARKS, PASSIVE, Landmarks, Passive
from terminal.liveness.policy import PadPolicy
from terminal.liveness.second import SecondCamera
from terminal.liveness.sources import Download
from terminal.liveness.two_eyes import TwoEyes

LIVENESS_UNAVAILABLE = "liveness_unavailable"
_FIRST_LOOK_S, _LAST_LOOK_S = 2.0, 60.0
_FIRST_FETCH_S, _LAST_FETCH_S = 60.0, 3600.0
"""A file that somebody copies there is used within a minute; a network is asked less and less often, by chance not by
all kiosks at once."""

_log = logging.getLogger("hadir.terminal.liveness")


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """What could be loaded; `lacking` has a sentence for each that could not, saying why and what to do."""

    landmarks: Landmarks | None = None
    passive: Passive | None = None
    lacking: tuple[str, ...] = ()

    def eye(self) -> OpenCvEye:
        """Return an eye that sees with what there is."""
        return OpenCvEye(self.landmarks, self.passive)


def networks(settings: config.Config, *, passive: Path | None = None) -> Networks:
    """Return the networks that are on this machine, checked and loaded; nothing is fetched.

    `passive` is a folder that has the published passive models, instead of what `liveness` in the settings says.
    """
    return _completed(Networks(), settings, passive)


def _completed(found: Networks, settings: config.Config, passive: Path | None = None) -> Networks:
    lacking = []
    landmarks, skin = found.landmarks, found.passive
    if landmarks is None:
        try:
            landmarks = Landmarks(models.kept(settings.engine.models, LANDMARKS))
        except ModelUnavailable as error:
            lacking.append(str(error))
    if skin is None:
        try:
            own = None if passive is None else sources.Source(models=PASSIVE, folder=passive)
            skin = Passive(sources.read(own or sources.source_of(settings)))
        except ModelUnavailable as error:
            lacking.append(str(error))
    return Networks(landmarks=landmarks, passive=skin, lacking=tuple(lacking))


class LivenessModels:
    """The thread body that gets the networks, and whose alarms and guard are asked for from other threads."""

    def __init__(
        self,
        settings: config.Config,
        *,
        second: SecondCamera | None = None,
        download: Download | None = None,
        landmarks_from: Fetch | None = None,
    ) -> None:
        """Nothing is loaded yet. `second` is a camera beside the first, if there is one; `download` and
        `landmarks_from` take the place of the network."""
        self._settings, self._second = settings, second
        self._download, self._landmarks_from = download, landmarks_from
        self._wanted = settings.liveness.mode != "off"
        self._lock = threading.Lock()
        self._found = Networks()
        self._unfetched = ""
        self._said = ""
        self._guard: Guard | None = None

    def load(self) -> None:
        """What is on this machine is loaded, within moments; the log says what is not, and why."""
        if not self._wanted:
            return
        with self._lock:
            before = self._found
            self._found = _completed(before, self._settings)
            self._say()
            if self._guard is not None and (self._found.landmarks, self._found.passive) != (
                before.landmarks,
                before.passive,
            ):
                self._guard.equip(self._eye(), self._policy())

    def alarms(self) -> tuple[str, ...]:
        """Return the code of what is missing."""
        return (LIVENESS_UNAVAILABLE,) if self._found.lacking else ()

    def guard(self, *, attended: bool = False) -> Guard | None:
        """Return a guard with what is loaded, which gets what comes later; None where nobody is to be guarded
        against. `attended` as in Guard."""
        if not self._wanted:
            return None
        with self._lock:
            policy = self._policy()
            self._guard = Guard(
                self._eye(),
                always=policy.always,
                reads=policy.reads,
                cues_alone=policy.cues_alone,
                attended=attended,
            )
            return self._guard

    def run(self, stop: threading.Event) -> None:
        """What is missing is looked for, and fetched where the settings say so, until it is there or `stop` is set."""
        look_s, fetch_s, due_s = _FIRST_LOOK_S, _FIRST_FETCH_S, 0.0
        while self._wanted and not stop.is_set():
            self.load()
            if not self._found.lacking:
                break
            if time.monotonic() >= due_s:
                self._fetch(stop)
                due_s = time.monotonic() + random.uniform(0.5, 1) * fetch_s  # noqa: S311 - no secret
                fetch_s = min(2 * fetch_s, _LAST_FETCH_S)
                continue
            stop.wait(look_s)
            look_s = min(2 * look_s, _LAST_LOOK_S)
        stop.wait()

    def _fetch(self, stop: threading.Event) -> None:
        why = []
        try:
            sources.fetch(sources.source_of(self._settings), through=self._download, ended=stop.is_set)
        except ModelUnavailable as error:
            why.append(str(error))
        try:
            models.contents(self._settings.engine.models, (LANDMARKS,), fetch=self._landmarks_from)
        except ModelUnavailable as error:
            why.append(str(error))
        self._unfetched = "; ".join(why)

    def _eye(self) -> Eye:
        return self._found.eye() if self._second is None else TwoEyes(self._found.eye(), self._second)

    def _policy(self) -> PadPolicy:
        mode, reads = self._settings.liveness.mode, self._found.passive is not None
        cues_alone = mode == "cues" and not reads and self._found.landmarks is not None
        always = mode == "always" or self._found.landmarks is None or (not reads and not cues_alone)
        return PadPolicy(always=always, reads=reads, cues_alone=cues_alone)

    def _say(self) -> None:
        """Log what changed: what is missing once, however often it is looked for."""
        missing = "; ".join(dict.fromkeys((*self._found.lacking, *filter(None, [self._unfetched]))))
        if self._found.lacking and missing != self._said:
            so = "whoever shows no relief" if self._policy().cues_alone else "everybody"
            _log.error("alarm %s: %s is asked to show that they are there: %s", LIVENESS_UNAVAILABLE, so, missing)
            self._said = missing
        elif not self._found.lacking and self._said:
            _log.info("%s no longer: everything is there now", LIVENESS_UNAVAILABLE)
            self._said = ""
