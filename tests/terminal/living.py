"""A whole kiosk that lives in a test: what it showed and told, fingers and keys for it, and an end."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pygame
import pytest

import config
from sync import notify
from terminal import app
from terminal.display import Display
from terminal.errand import Begin
from terminal.screens.drawing import Screen
from terminal.visit.signals import BACKSPACE, CANCEL, ENTER
from tests.terminal.made import Kit

KEYS = {ENTER: pygame.K_RETURN, CANCEL: pygame.K_ESCAPE, BACKSPACE: pygame.K_BACKSPACE}


class Watched:
    """What the kiosk showed and told, and where the test waits for it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._changed = threading.Condition()
        self.screens: list[str] = []
        self.said: list[str] = []
        self.told: list[str] = []
        self.screen: Screen | None = None
        self.on_show: Callable[[], object] | None = None
        show, tell = Display.show, notify.tell

        def shown(display: Display, screen: Screen, *rest: Any, **more: Any) -> None:
            show(display, screen, *rest, **more)
            with self._changed:
                self.screen = screen
                if not self.screens or self.screens[-1] != screen.name:
                    self.screens.append(screen.name)
                words = " | ".join(text.words for text in screen.texts).replace("\N{NO-BREAK SPACE}", " ")
                if not self.said or self.said[-1] != words:
                    self.said.append(words)
                self._changed.notify_all()
            if self.on_show is not None:
                self.on_show()

        def heard(words: str) -> None:
            tell(words)
            with self._changed:
                self.told.append(words)
                self._changed.notify_all()

        monkeypatch.setattr(Display, "show", shown)
        monkeypatch.setattr(notify, "tell", heard)

    def until(self, what: Callable[[], bool], why: str, timeout_s: float = 20) -> None:
        with self._changed:
            assert self._changed.wait_for(what, timeout_s), f"{why}; screens: {self.screens}, said: {self.said[-3:]}"

    def until_screen(self, name: str) -> None:
        self.until(lambda: self.screen is not None and self.screen.name == name, f"no {name}")

    def type(self, *keys: str) -> None:
        for key in keys:
            code = KEYS.get(key, pygame.key.key_code(key) if key not in KEYS else 0)
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=code, unicode=key if len(key) == 1 else "", mod=0))

    def tap(self, button: str) -> None:
        assert self.screen is not None
        box = next(found.box for found in self.screen.buttons if found.id == button)
        x, y = box.x + box.width / 2, box.y + box.height / 2
        pygame.event.post(
            pygame.event.Event(pygame.FINGERDOWN, x=x, y=y, finger_id=0, touch_id=1, dx=0, dy=0, pressure=1)
        )


def directed(director: Callable[[], None], program: Callable[[threading.Event], None]) -> float:
    """Run `program` here, with the event that stops it, while `director` acts on another thread and then stops it.

    Returns how long it took to stop; raises what the director raised.
    """
    stop = threading.Event()
    failures: list[BaseException] = []
    ended_s = [0.0]

    def act() -> None:
        try:
            director()
        except BaseException as failure:  # noqa: BLE001 - told to the test below
            failures.append(failure)
        ended_s[0] = time.monotonic()
        stop.set()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    try:
        program(stop)
    finally:
        thread.join(30)
    if failures:
        raise failures[0]
    return time.monotonic() - ended_s[0]


def live(
    kit: Kit,
    director: Callable[[], None],
    *,
    engine_given: bool = True,
    errand: Begin | None = None,
    **changes: Any,
) -> float:
    """Run the kiosk here while `director` acts on another thread; return how long it took to stop."""
    settings = config.replace(kit.settings, **changes)
    engine = kit.engine if engine_given else None
    return directed(
        director, lambda stop: app.run(settings, stop=stop, camera=kit.camera.open, engine=engine, errand=errand)
    )
