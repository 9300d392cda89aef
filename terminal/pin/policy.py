"""Which PINs may be used: six digits that are on nobody's list of first tries. *Pure*."""

import re
from enum import StrEnum
from itertools import pairwise

from errors import HadirError

PIN_DIGITS = 6
_NIP_DIGITS = 18
# Besides patterns: rows of the keypad, and the years and words of published lists of leaked six-digit PINs.
_COMMON = frozenset(
    re.findall(
        "[0-9]{6}",
        """
    147258 147369 147852 159357 159753 246810 258369 258456 357159 369258 456852 741852 753159 789456 852456 963852
    123654 123789 789123 456123 112358 135790 314159 271828 123987 101010 102030 123450 159951 520131 131452 170845
    """,
    )
)


class PinFlaw(StrEnum):
    """What is wrong with a PIN, for screens that say it in their own words."""

    NOT_SIX_DIGITS = "not_six_digits"
    REPEATED = "repeated"
    IN_A_ROW = "in_a_row"
    PATTERN = "pattern"
    TOO_FEW_DIGITS = "too_few_digits"
    COMMON = "common"
    OWN_NUMBER = "own_number"
    BIRTHDAY = "birthday"


class PinRefused(HadirError):
    """The PIN may not be used; the text says what is wrong with it and what to choose, `flaw` the first in a word."""

    def __init__(self, words: str, flaw: PinFlaw) -> None:
        super().__init__(words)
        self.flaw = flaw


def acceptable(pin: str, *, employee: str = "") -> None:
    """Return when `pin` may be used by `employee`. Raises PinRefused saying why not."""
    if not re.fullmatch(rf"[0-9]{{{PIN_DIGITS}}}", pin):
        raise PinRefused(f"a PIN is {PIN_DIGITS} digits, 0 to 9; type {PIN_DIGITS} of them", PinFlaw.NOT_SIX_DIGITS)
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    if steps == {0}:
        raise PinRefused("one digit repeated is the first thing a stranger tries; choose another PIN", PinFlaw.REPEATED)
    if steps in ({1}, {9}):
        raise PinRefused("digits in a row are the first thing a stranger tries; choose another PIN", PinFlaw.IN_A_ROW)
    if pin[:3] == pin[3:] or pin[:2] * 3 == pin or pin[:3] == pin[:2:-1]:
        raise PinRefused("a pattern said twice is easily seen and guessed; choose another PIN", PinFlaw.PATTERN)
    if len(set(pin)) < 3:
        raise PinRefused("two different digits are too few; choose another PIN", PinFlaw.TOO_FEW_DIGITS)
    if pin in _COMMON:
        raise PinRefused("this PIN is on every list of common ones; choose another", PinFlaw.COMMON)
    digits = re.sub(r"[^0-9]", "", employee)
    if digits and (digits.endswith(pin) or (len(digits) >= 3 and pin.endswith(digits[-PIN_DIGITS:]))):
        raise PinRefused(
            "the end of the employee number is known to colleagues; choose another PIN", PinFlaw.OWN_NUMBER
        )
    if len(digits) == _NIP_DIGITS and pin in _birthdays(digits):
        raise PinRefused("the date of birth stands in the employee number; choose another PIN", PinFlaw.BIRTHDAY)


def _birthdays(nip: str) -> set[str]:
    """Return the six-digit ways to write the birth date with which an Indonesian civil servant's NIP begins."""
    year, month, day = nip[2:4], nip[4:6], nip[6:8]
    return {day + month + year, year + month + day, month + day + year, nip[:6], month + nip[:4], day + nip[:4]}
