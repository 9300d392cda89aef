"""What comes from a screen: touches, keys, somebody closing the window."""

from dataclasses import dataclass
from typing import assert_never

import pygame

from terminal.visit import signals

_KEYS = {
    pygame.K_RETURN: signals.ENTER,
    pygame.K_KP_ENTER: signals.ENTER,
    pygame.K_BACKSPACE: signals.BACKSPACE,
    pygame.K_DELETE: signals.BACKSPACE,
    pygame.K_ESCAPE: signals.CANCEL,
    **{getattr(pygame, f"K_KP{digit}"): str(digit) for digit in range(10)},
}
_SILENT = (pygame.K_TAB, pygame.K_CAPSLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A finger or the mouse, in fractions of the screen."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A key: a printable character, or one of the names in `signals`, FOREIGN for characters that are not printable."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Somebody closed the window."""


Event = Touched | Pressed | Closed


def send(event: Touched | Pressed) -> None:
    """The event waits in SDL's queue, as if a panel or a keyboard had sent it. Any thread."""
    match event:
        case Touched():
            found = pygame.Event(
                pygame.FINGERDOWN, x=event.x, y=event.y, finger_id=0, touch_id=1, dx=0, dy=0, pressure=1
            )
        case Pressed():
            code = next((code for code, key in _KEYS.items() if key == event.key and len(key) > 1), None)
            key = pygame.key.key_code(event.key) if code is None else code
            found = pygame.Event(pygame.KEYDOWN, key=key, unicode=event.key if code is None else "", mod=0)
        case _:
            assert_never(event)
    pygame.event.post(found)


def event_of(found: pygame.Event, size: tuple[int, int]) -> Event | None:
    """Return what pygame's event means to a kiosk whose window has `size`, None for what means nothing."""
    if found.type == pygame.QUIT:
        return Closed()
    if found.type == pygame.FINGERDOWN:
        return Touched(x=found.x, y=found.y)
    if found.type == pygame.MOUSEBUTTONDOWN and found.button == 1 and not getattr(found, "touch", False):
        return Touched(x=found.pos[0] / size[0], y=found.pos[1] / size[1])
    if found.type == pygame.KEYDOWN and (key := _key_of(found)):
        return Pressed(key=key)
    return None


def _key_of(event: pygame.Event) -> str | None:
    """Return the key as the visit knows it; keys with Ctrl, Alt and the like are none."""
    if event.mod & (pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META):
        return None
    if event.key in _KEYS and not (event.unicode.isprintable() and event.unicode):
        return _KEYS[event.key]
    if len(event.unicode) == 1 and event.unicode.isprintable():
        return str(event.unicode)
    if event.key not in _KEYS and event.unicode and event.key not in _SILENT:
        return signals.FOREIGN  # as a direction mark in a QR code: it may not vanish and leave a sound number behind
    return _KEYS.get(event.key)
