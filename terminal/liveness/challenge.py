"""What to ask of somebody in doubt. *Pure*: chance is an argument.

A turn proves a head, and a film does not know which way it will be asked to turn. A blink or coming closer proves only
that it is no photo (closer, not even that): they are for who cannot turn, and never for who may be a film.
"""

from collections.abc import Collection

from terminal.sighting import Challenge

TURNS = (Challenge.TURN_LEFT, Challenge.TURN_RIGHT)
_STIRS = (Challenge.BLINK, Challenge.COME_CLOSER)


def pick(
    *, draw: int, last: Challenge | None, cannot: Collection[Challenge] = (), film: bool = False
) -> Challenge | None:
    """Return what to ask next, by `draw`, any random number of 0 or more; None when only the PIN is left.

    Never what was asked `last`, by this kiosk of whomever; never what the person `cannot` do; only turns where the
    doubt is a `film`.
    """
    possible = [each for each in TURNS if each not in cannot]
    if not possible and not film:
        possible = [each for each in _STIRS if each not in cannot]
    fresh = [each for each in possible if each is not last]
    if not fresh:
        return None
    return fresh[draw % len(fresh)]
