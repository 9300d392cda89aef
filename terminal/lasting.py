"""Threads that last: a body that crashes is made anew, and so is one that is told to begin again."""

import logging
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from errors import HadirError, where

_RESTART_AFTER_S = 1.0
_JOIN_S = 1.8

_log = logging.getLogger("hadir.terminal.lasting")


class Body(Protocol):
    """What a thread runs."""

    def run(self, stop: threading.Event) -> None: ...


B = TypeVar("B", bound=Body)


class Lasting(Generic[B]):
    """A thread whose body is made anew when it crashes; `crashed` is told each time."""

    def __init__(self, name: str, make: Callable[[], B], *, crashed: Callable[[], None]) -> None:
        """The first body is made here, so that what is wrong with the settings is said before anything starts."""
        self._name, self._make, self._crashed = name, make, crashed
        self._ending = threading.Event()
        self._enough = threading.Event()
        self.body = make()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """The body runs until `end`."""
        self._thread.start()

    def renew(self) -> None:
        """The body has been asked to end, and another one follows it. Any thread."""
        self._enough.set()

    def end(self) -> None:
        """The body has been asked to end, and none follows it. Any thread."""
        self._ending.set()
        self._enough.set()

    def join(self) -> None:
        """The thread has ended; one that does not end in time is left behind, and said so."""
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            _log.warning("the %s thread did not end in time", self._name)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self.body.run(self._enough)
            except Exception as error:  # noqa: BLE001 - a thread that dies alone would take its half of the kiosk along
                _log.error(
                    "the %s thread crashed (%s) and starts again: %s", self._name, type(error).__name__, where(error)
                )
                self._crashed()
            if not self._ending.wait(_RESTART_AFTER_S):
                self._enough.clear()
                if self._ending.is_set():  # end() came between the two, and its word must not be taken back
                    return
                self._renew()

    def _renew(self) -> None:
        try:
            self.body = self._make()
        except HadirError as error:
            _log.error("the %s thread cannot start again yet: %s", self._name, error)
