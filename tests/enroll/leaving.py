"""Somebody leaves the register, for tests of what comes afterwards: without a word of the kiosks."""

from datetime import UTC, datetime

import config
from sync.register import Register, enrolment
from sync.register.people import Employee


def withdraw(settings: config.Config, number: str) -> Employee:
    """Have no template and no PIN of the person in the register any more, and return what is left."""
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return enrolment.withdraw(register, number, at=datetime.now(UTC))
