"""What to ask of somebody in doubt. *Pure*: chance is an argument.

A turn proves a head, and a film does not know which way it will be asked to turn: of four ways, never the last one
again, so that it is right one time in three. A blink or coming closer proves only that it is no photo (closer, not even
that): they are for who cannot turn, and never for who may be a film.
"""

from collections.abc import Collection

from terminal.sighting import Challenge

TURNS = (Challenge.TURN_LEFT, Challenge.TURN_RIGHT, Challenge.LOOK_UP, Challenge.LOOK_DOWN)


def pick(
    *,
    draw: int,
    last: Challenge | None,
    cannot: Collection[Challenge] = (),
    film: bool = False,
    photo: bool = False,
    eyes: bool = True,
    near: bool = False,
) -> Challenge | None:
    """Return what to ask next, by `draw`, any random number of 0 or more; None when only the PIN is left.

    Never what was asked `last`, by this kiosk of whomever; never what the person `cannot` do; only turns where the
    doubt is a `film`, a blink where it may be a `photo` and the `eyes` are large enough to be read, and nobody is asked
    to come closer who is `near`.
    """
    possible = [each for each in TURNS if each not in cannot]
    if not possible and not film:
        stirs = ((Challenge.BLINK, eyes), (Challenge.COME_CLOSER, not (photo or near)))
        possible = [each for each, measurable in stirs if measurable and each not in cannot]
    fresh = [each for each in possible if each is not last]
    if not fresh:
        return None
    return fresh[draw % len(fresh)]


def declined(asked: Challenge) -> tuple[Challenge, ...]:
    """Return what else is not asked of somebody who says that they cannot do what was `asked`.

    Whoever declines one turn is asked for none: a film would decline those it does not show.
    """
    return TURNS if asked in TURNS else (asked,)
