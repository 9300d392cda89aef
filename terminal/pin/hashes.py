"""What is kept of a PIN: "k=ID$argon2id$...", argon2id of the HMAC that the office's pepper ID makes of number and PIN.

Six digits are a million guesses, minutes of work for who has nothing but the hash; without the pepper there is nothing
to guess with. The number is mixed in, so that a hash copied to somebody else's row opens nothing. Hashes without "k="
are from before there were peppers, and still right for their PINs.
"""

import re
from collections.abc import Mapping

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error

from sync.peppers import NONE, Pepper
from terminal.pin.policy import acceptable

MEMORY_KIB = 19_456
_MAX_MEMORY_KIB = 24_576  # with what a check needs besides, under the 25 MiB it may have
_MAX_PASSES = 10
# OWASP's password storage parameters for argon2id; 19 MiB.
_hasher = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
_PEPPERED = re.compile(r"k=([0-9a-f]{8})(\$argon2id\$.*)", re.DOTALL)
_NOBODY = "nobody"


def hash_pin(employee: str, pin: str, *, pepper: Pepper) -> str:
    """Return the hash that belongs to this employee and this PIN together. Raises PinRefused for poor PINs."""
    acceptable(pin, employee=employee)
    return _hashed(pepper.mixed(employee, pin), pepper)


def nobodys_hash(pepper: Pepper | None) -> str:
    """Return a hash that takes the work of anybody's and is right for nothing that can be typed."""
    return _hashed(pepper.mixed(_NOBODY, "") if pepper else b"\0", pepper)


def pepper_id_of(stored: str) -> str | None:
    """Return the id of the pepper that `stored` was made with, None for a hash without one."""
    found = _PEPPERED.fullmatch(stored)
    return found.group(1) if found else None


def is_sound(stored: str) -> bool:
    """Return whether `stored` can be compared with a PIN, and asks for no more than a kiosk has to give."""
    found = _PEPPERED.fullmatch(stored)
    try:
        asked = extract_parameters(found.group(2) if found else stored)
    except (Argon2Error, ValueError):
        return False
    return asked.memory_cost <= _MAX_MEMORY_KIB and asked.time_cost <= _MAX_PASSES


def check_pin(stored: str, employee: str, pin: str, *, peppers: Mapping[str, Pepper] = NONE) -> bool:
    """Return whether `pin` is the one `stored` was made from for `employee`; never where `peppers` lacks its pepper.

    A sound hash is compared once, with the whole work, whatever comes of it.
    """
    if not is_sound(stored):
        return False
    found = _PEPPERED.fullmatch(stored)
    pepper = peppers.get(found.group(1)) if found else None
    try:
        # Without the pepper the work is done all the same, so that nobody learns from the time who has a PIN here.
        secret = pepper.mixed(employee, pin) if pepper else f"{employee}\n{pin}".encode()
        right = bool(_hasher.verify(found.group(2) if found else stored, secret))
    except (Argon2Error, ValueError):  # a wrong PIN, or text that is not Unicode
        return False
    return right and (found is None or pepper is not None)


def _hashed(secret: bytes, pepper: Pepper | None) -> str:
    made = _hasher.hash(secret)
    return f"k={pepper.key_id}{made}" if pepper else made
