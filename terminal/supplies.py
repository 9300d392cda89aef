"""What a kiosk cannot recognise anybody without: the models and the release key. It starts all the same, by PIN.

Both are looked for on a thread of their own, again and again and quietly, until they are there: a file somebody copies
onto the card is used without a restart, and a registry that does not answer keeps nobody from a screen. While it is not
even known which engine this is (a manifest or calibration that cannot be read), sets of any are let in, for their PINs.
"""

import logging
import threading
import time
from collections.abc import Callable

import config
from errors import HadirError
from sync import keys, releases
from sync.received_sets import ReleaseDoor, release_door
from sync.releases import EncodingSet, ReleaseRefused
from terminal.calibration import policy_for, supported
from terminal.faces import Engine
from terminal.gallery import check_templates
from terminal.lasting import Body
from terminal.sighting import CameraState

MODELS_UNAVAILABLE = "models_unavailable"
RELEASE_KEY_UNAVAILABLE = "release_key_unavailable"
_FIRST_RETRY_S, _LAST_RETRY_S = 2.0, 60.0
_PATIENCE_S = 8.0
"""Loading takes a second; models that take longer are being fetched, and the PIN is offered meanwhile."""
_LOOK_EVERY_S = 1.0

_log = logging.getLogger("hadir.terminal.supplies")


class Supplies:
    """The thread body that gets them. Its results are read from any thread, one reference at a time."""

    def __init__(
        self,
        settings: config.Config,
        *,
        reader: keys.PrivateKey | None = None,
        identify: Callable[[], str],
        open_engine: Callable[[], Engine],
        door_changed: Callable[[], None],
    ) -> None:
        """Engine id, which `identify` returns or raises HadirError, and key have been looked for once.

        `door_changed` is called when one of them is found later. `reader` is the kiosk's own key, for sealed sets.
        """
        self._settings, self._reader = settings, reader
        self._identify, self._open_engine, self._door_changed = identify, open_engine, door_changed
        self.engine_id = ""
        """The id of the engine that runs here, empty until it is known."""
        self._check: Callable[[EncodingSet], None] = check_templates
        self._engine: Engine | None = None
        self._door: ReleaseDoor | None = None
        self._loaded = threading.Event()
        self._problems: dict[str, str] = {}
        self._look_who_runs_here()
        self._look_for_key()

    @property
    def engine(self) -> Engine | None:
        """The engine, loaded; None until then."""
        return self._engine

    @property
    def problem(self) -> str | None:
        """Why there is no engine, a sentence for a technician."""
        return self._problems.get(MODELS_UNAVAILABLE)

    def alarms(self) -> tuple[str, ...]:
        """Return the codes of what is missing."""
        return tuple(self._problems)

    def door(self) -> ReleaseDoor:
        """Return the door for encoding sets, which lets none in while there is no key to check them with."""

        def check(blob: bytes, newer_than: int) -> EncodingSet:
            if self._door is None:
                why = self._problems.get(RELEASE_KEY_UNAVAILABLE, "there is no release key")
                raise ReleaseRefused(RELEASE_KEY_UNAVAILABLE, why)
            return self._door.check(blob, newer_than)

        folder = self._settings.terminal.state
        return ReleaseDoor(
            check=check, keep=lambda blob: releases.keep_set(folder, blob), kept=lambda: releases.kept_set(folder)
        )

    def await_engine(self, timeout_s: float) -> Engine | None:
        """Return the engine as soon as it is there, None if it is not after `timeout_s`."""
        self._loaded.wait(timeout_s)
        return self._engine

    def run(self, stop: threading.Event) -> None:
        """Both are looked for until they are there; then there is nothing to do until `stop` is set."""
        retry_s = _FIRST_RETRY_S
        while not stop.is_set() and not self._complete():
            known = self._look_who_runs_here()
            if (self._door is None or known) and self._look_for_key():
                self._door_changed()
            if self._engine is None:
                self._look_for_engine()
            if not self._complete():
                stop.wait(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
        stop.wait()

    def _complete(self) -> bool:
        return self._engine is not None and self._door is not None

    def _look_who_runs_here(self) -> bool:
        """Return whether the engine id has become known, and that it can be told how sure is sure enough."""
        if self.engine_id:
            return False
        try:
            engine_id = self._identify()
            self._check = supported(policy_for(engine_id, self._settings.match), check_templates)
        except HadirError as error:
            self._lack(MODELS_UNAVAILABLE, "nobody is recognised, PIN only", error)
            return False
        self.engine_id = engine_id
        return True

    def _look_for_engine(self) -> None:
        if not self.engine_id:
            return
        try:
            self._engine = self._open_engine()
        except HadirError as error:
            self._lack(MODELS_UNAVAILABLE, "nobody is recognised, PIN only", error)
            return
        self._have(MODELS_UNAVAILABLE)
        self._loaded.set()

    def _look_for_key(self) -> bool:
        try:
            self._door = release_door(
                self._settings, self.engine_id or None, reader=self._reader, check_templates=self._check
            )
        except HadirError as error:
            self._lack(RELEASE_KEY_UNAVAILABLE, "no encoding set can be checked, so nobody is known", error)
            return False
        self._have(RELEASE_KEY_UNAVAILABLE)
        return True

    def _lack(self, code: str, so: str, error: HadirError) -> None:
        if self._problems.get(code) != str(error):
            _log.error("alarm %s: %s: %s", code, so, error)
        self._problems = {**self._problems, code: str(error)}

    def _have(self, code: str) -> None:
        if code in self._problems:
            _log.info("%s no longer: it is there now", code)
        self._problems = {known: why for known, why in self._problems.items() if known != code}


class Awaiting:
    """The vision thread's body: it says that there are no eyes until `supplies` has an engine, then becomes them."""

    def __init__(
        self,
        supplies: Supplies,
        *,
        make_eyes: Callable[[Engine], Body],
        publish: Callable[[CameraState], None],
    ) -> None:
        self._supplies, self._make_eyes, self._publish = supplies, make_eyes, publish

    def run(self, stop: threading.Event) -> None:
        """The eyes run until `stop` is set, from the moment there is an engine."""
        began_s = time.monotonic()
        while (engine := self._supplies.engine) is None and not stop.is_set():
            problem = self._supplies.problem
            if problem is None and time.monotonic() < began_s + _PATIENCE_S:
                self._publish(CameraState(state="starting"))
            else:
                self._publish(CameraState(state="lost", problem=problem or "the models are still being fetched"))
            self._supplies.await_engine(_LOOK_EVERY_S)
        if engine is not None:
            self._make_eyes(engine).run(stop)
