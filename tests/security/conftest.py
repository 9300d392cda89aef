"""A kiosk and a desk to be robbed: the fixtures of both rooms."""

from tests.enroll.conftest import settings
from tests.terminal.conftest import kit, pin_hash, watched

__all__ = ["kit", "pin_hash", "settings", "watched"]
