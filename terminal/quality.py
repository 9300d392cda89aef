"""Whether a face is worth encoding, and if not, the one thing its owner can do about it."""

from enum import StrEnum


class Reason(StrEnum):
    """What is wrong with a face in a frame; `screens` has the words for it."""

    TOO_FAR = "too_far"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    HOLD_STILL = "hold_still"
    TURN_TO_SCREEN = "turn_to_screen"
    OUT_OF_VIEW = "out_of_view"
