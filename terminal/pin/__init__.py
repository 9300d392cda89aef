"""Employee number and PIN: argon2id on a thread of its own, delay instead of lock-out, one answer for every failure.

`policy` says which PINs are too poor, `hashes` what is kept of one, `throttle` how long whoever types must wait,
`tally` what of that outlives a restart, and `desk` answers. An unknown number, a person without a PIN and a wrong PIN
take the same work and get the same answer, so the keypad tells nobody who works here.
"""

from terminal.pin.desk import PEPPER_MISSING, PinAnswer, PinDesk
from terminal.pin.hashes import check_pin, hash_pin, pepper_id_of
from terminal.pin.pepper_file import PepperFile
from terminal.pin.policy import PIN_DIGITS, PinRefused, acceptable
from terminal.pin.tally import PinCounts, Tally
from terminal.pin.throttle import Throttle

__all__ = [
    "PEPPER_MISSING",
    "PIN_DIGITS",
    "PepperFile",
    "PinAnswer",
    "PinCounts",
    "PinDesk",
    "PinRefused",
    "Tally",
    "Throttle",
    "acceptable",
    "check_pin",
    "hash_pin",
    "pepper_id_of",
]
