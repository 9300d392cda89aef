"""Why somebody was not recognised: the last looks without a name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from terminal.matching import Identification, Outcome
from terminal.quality import Reason
from terminal.sighting import Sighting
from terminal.tries import KEPT, Cause, Tries, cause_of
from tests.terminal.made import SEVEN, served, sighting


def found(score: float | None, *, outcome: Outcome = Outcome.NO_MATCH, margin: float | None = 0.02) -> Identification:
    return Identification(outcome=outcome, employee=None, score=score, margin=margin, threshold=0.52, gallery_size=50)


def look(track: int, misses: int, score: float = 0.2, *, hint: Reason | None = None) -> Sighting:
    return sighting(replace(served(track, misses=misses, hint=hint), identification=found(score)))


@pytest.mark.parametrize(
    ("identification", "hint", "cause"),
    [
        (found(0.45), None, Cause.NEAR),
        (found(0.45), Reason.TOO_DARK, Cause.NEAR),
        (found(0.2), Reason.TOO_DARK, Cause.PICTURE),
        (found(0.2), None, Cause.FAR),
        (found(None, margin=None), None, Cause.NOBODY),
        (found(0.6, outcome=Outcome.AMBIGUOUS), None, Cause.ALIKE),
    ],
)
def test_each_look_without_a_name_has_a_cause(
    identification: Identification, hint: Reason | None, cause: Cause
) -> None:
    assert cause_of(identification, hint) is cause


def test_a_look_is_kept_once_however_many_frames_say_so() -> None:
    tries = Tries()
    for frame in range(20):
        tries.saw(look(1, 1), SEVEN + timedelta(seconds=frame / 10))
    tries.saw(look(1, 2, 0.47), SEVEN + timedelta(seconds=3))
    tries.saw(look(2, 1), SEVEN + timedelta(seconds=5))
    assert [(each.at.second, each.cause) for each in tries.newest()] == [
        (5, Cause.FAR), (3, Cause.NEAR), (0, Cause.FAR),
    ]  # fmt: skip


def test_whoever_is_recognised_or_still_being_looked_at_leaves_nothing() -> None:
    tries = Tries()
    tries.saw(sighting(served(1, "1001")), SEVEN)
    tries.saw(sighting(served(2)), SEVEN)
    tries.saw(sighting(None), SEVEN)
    assert tries.newest() == ()


def test_two_people_too_alike_are_noted_once() -> None:
    tries = Tries()
    for _ in range(5):
        tries.saw(sighting(served(1, ambiguous=True)), SEVEN)
    assert [each.cause for each in tries.newest()] == [Cause.ALIKE]


def test_only_the_last_few_are_kept_the_newest_first() -> None:
    tries = Tries()
    for track in range(30):
        tries.saw(look(track, 1), SEVEN + timedelta(seconds=track))
    assert [each.at.second for each in tries.newest()] == list(range(29, 29 - KEPT, -1))
