"""What the review desk looks at first."""

import itertools
import random
from datetime import timedelta

import pytest

from sync.messages import PadVerdict
from sync.ranking import FOLLOWED_WITHIN, Risk, ranked
from sync.register.attacks import Attack
from sync.register.events import TimedBy
from sync.register.reviews import PinPunch, Review
from tests.sync.samples import SEVEN

_number = itertools.count()
SECOND = timedelta(seconds=1)


def attack(employee: str | None = None, *, after_s: float = 0, near: bool = False) -> Attack:
    return Attack(
        id=f"{next(_number):032x}", office="demo", terminal="lobby-1", employee=employee,
        verdict=PadVerdict.UNDECIDED if near else PadVerdict.ATTACK, cues=(), score=None, evidence_ref=None, held=False,
        at=SEVEN + after_s * SECOND, timed_by=TimedBy.CLOCK, received_at=SEVEN, has_picture=False, decision=None,
        decided_at=None, decided_by=None, note=None,
    )  # fmt: skip


def pin(employee: str, *, after_s: float = 0) -> PinPunch:
    return PinPunch(at=SEVEN + after_s * SECOND, terminal="lobby-2", employee=employee, receipt="0" * 10)


def odd(employee: str = "1", *, after_s: float = 0) -> Review:
    return Review(
        at=SEVEN + after_s * SECOND, office="demo", terminal="lobby-1", employee=employee, receipt="0" * 10,
        review=("face_unlike",), cues=(), evidence_ref=None, score=None,
    )  # fmt: skip


WITHIN_S = FOLLOWED_WITHIN.total_seconds()


@pytest.mark.parametrize(
    ("near", "whose", "pins", "risk", "followed"),
    [
        (False, "1", [], Risk.CLAIMED, False),
        (False, "1", [pin("1", after_s=60)], Risk.CLAIMED, True),
        (False, None, [], Risk.NOBODYS, False),
        (False, None, [pin("1", after_s=60)], Risk.NOBODYS, False),
        (True, "1", [], Risk.NEAR_MISS, False),
        (True, None, [], Risk.NEAR_MISS, False),
        (True, None, [pin("1", after_s=60)], Risk.NEAR_MISS, False),
        (True, "1", [pin("1", after_s=0)], Risk.FOLLOWED, True),
        (True, "1", [pin("1", after_s=WITHIN_S)], Risk.FOLLOWED, True),
        (True, "1", [pin("1", after_s=WITHIN_S + 1)], Risk.NEAR_MISS, False),
        (True, "1", [pin("1", after_s=-1)], Risk.NEAR_MISS, False),
        (True, "1", [pin("2", after_s=60)], Risk.NEAR_MISS, False),
        (True, "1", [pin("2", after_s=6), pin("1", after_s=60)], Risk.FOLLOWED, True),
    ],
)
def test_the_truth_table(near: bool, whose: str | None, pins: list[PinPunch], risk: Risk, followed: bool) -> None:
    (case,) = ranked([attack(whose, near=near)], [], pins)
    assert (case.risk, case.followed_by is not None) == (risk, followed)


def test_the_first_pin_afterwards_is_named() -> None:
    (case,) = ranked([attack("1", near=True)], [], [pin("1", after_s=90), pin("1", after_s=30), pin("1", after_s=-5)])
    assert case.followed_by == pin("1", after_s=30)


def test_every_order_of_what_came_gives_the_same_list_risk_first_then_the_newest() -> None:
    claimed = [attack("1", after_s=1), attack("2", after_s=500)]
    nobodys = [attack(after_s=900), attack(after_s=2)]
    near = [attack("3", after_s=10, near=True), attack("4", after_s=990, near=True), attack("4", after_s=20, near=True)]
    odds = [odd(after_s=999), odd(after_s=998)]
    pins = [pin("3", after_s=40)]
    wanted = [claimed[1], claimed[0], *nobodys, near[0], *odds, near[1], near[2]]
    seed = 7
    print("seed", seed)
    rng = random.Random(seed)
    for _ in range(50):
        attacks, reviews = [*claimed, *nobodys, *near], list(odds)
        rng.shuffle(attacks)
        rng.shuffle(reviews)
        assert [case.what for case in ranked(attacks, reviews, pins)] == wanted


def test_nothing_is_nothing() -> None:
    assert ranked([], [], [pin("1")]) == []
