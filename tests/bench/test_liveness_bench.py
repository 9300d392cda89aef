"""What liveness adds to a visit is counted from sightings: who waited how long, who was asked, who never passed."""

from dataclasses import replace

from bench.liveness import Visits
from sync.messages import PadVerdict
from terminal.sighting import Challenge, Sighting
from tests.terminal.stage import Actor, gallery_of, play


def seen(frames: int) -> list[Sighting]:
    return play([[Actor(who=1)]] * frames, gallery_of(1))


def judged(sighting: Sighting, pad: PadVerdict, *, challenge: Challenge | None = None) -> Sighting:
    assert sighting.served is not None
    return replace(sighting, served=replace(sighting.served, pad=pad, challenge=challenge))


def test_a_visit_ends_when_its_person_is_known_and_believed() -> None:
    sightings = [each for each in seen(20) if each.served is not None]
    without, including = Visits(), Visits()
    for number, each in enumerate(sightings):
        without.saw(each)
        late = number >= len(sightings) - 3
        verdict = PadVerdict.BONA_FIDE if late else PadVerdict.UNDECIDED
        including.saw(judged(each, verdict, challenge=None if late else Challenge.TURN_LEFT))
    assert list(without.waited_s) == list(including.waited_s) == [("1", 1)]
    assert without.waited_s[("1", 1)] < including.waited_s[("1", 1)]
    assert (len(without.asked), len(including.asked)) == (0, 1)


def test_an_attack_is_no_visit_that_was_believed() -> None:
    visits = Visits()
    for each in seen(20):
        if each.served is not None:
            visits.saw(judged(each, PadVerdict.ATTACK))
    assert visits.waited_s == {}
