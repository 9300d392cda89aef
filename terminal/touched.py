"""What fingers and keys mean on the screen that is shown now."""

import time
from collections.abc import Callable, Iterator
from typing import assert_never

from terminal.display import Closed, Display, Pressed, Touched
from terminal.readers import Bursts
from terminal.screens.drawing import Screen
from terminal.visit.signals import Tapped, Typed


def touched(display: Display, bursts: Bursts, screen: Callable[[], Screen | None]) -> Iterator[Tapped | Typed | Closed]:
    """Yield what was done since the last call, in order; a button that was hit is shown as pressed.

    `screen` is asked at each touch: whoever draws in between has the next one hit what is shown then.
    """
    bursts.look(time.monotonic())
    for event in display.events():
        match event:
            case Closed():
                yield event
            case Pressed():
                if (typed := bursts.heard(event.key)) is not None:
                    yield typed
            case Touched():
                shown = screen()
                button = shown.button_at(event.x, event.y) if shown else None
                if button is not None:
                    display.press(button.box)
                    yield Tapped(button=button.id)
            case _:
                assert_never(event)
