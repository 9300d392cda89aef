"""The kiosk's screen, keys and tones: the only folder that imports pygame, which must be told to be quiet first."""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

from terminal.display.events import Closed, Event, Pressed, Touched
from terminal.display.window import Display, DisplayFailed, driver_of

__all__ = ["Closed", "Display", "DisplayFailed", "Event", "Pressed", "Touched", "driver_of"]
