"""Receipt codes: ten letters and digits on the thank-you screen that lead to one punch. Pure.

Crockford's base32 (no I, L, O or U, which people misread), 50 bits drawn at random: in ten million punches, one pair
has the same code with a probability of 4 %, and a given code is somebody else's too with one of 10^8.
"""

import re

from errors import HadirError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
BITS = 5 * LENGTH
_MISREAD = str.maketrans({"I": "1", "L": "1", "O": "0"})


class ReceiptRefused(HadirError):
    """What was typed cannot be a receipt code."""


def from_number(number: int) -> str:
    """Return the code of `number`, of which the lowest 50 bits count."""
    signs = []
    for _ in range(LENGTH):
        signs.append(ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(signs))


def shown(receipt: str) -> str:
    """Return the code as people see it: JBR-7K2-0931."""
    return f"{receipt[:3]}-{receipt[3:6]}-{receipt[6:]}"


def typed(text: str) -> str:
    """Return the code somebody typed, however they wrote it down. Raises ReceiptRefused."""
    signs = re.sub(r"[\s-]", "", text).upper().translate(_MISREAD)
    if len(signs) != LENGTH or any(sign not in ALPHABET for sign in signs):
        raise ReceiptRefused("a receipt code has ten letters and digits, such as JBR-7K2-0931; look at it again")
    return signs
