"""The root of every room's error tree."""

import traceback
from pathlib import Path

_FRAMES = 12


def where(error: BaseException) -> str:
    """Return where `error` was raised, innermost first, without its text, which may hold a name or a PIN."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))


class HadirError(Exception):
    """One sentence for the person at the keyboard: what is wrong and what to do next.

    Rooms derive their own short trees from it and translate foreign errors at their rim, so that the command
    line can print any of them without a traceback.
    """
