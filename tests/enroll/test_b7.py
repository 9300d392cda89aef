"""B7: enrolments on kiosks beside a centre that goes on: none is lost, no leaver comes back, the later one wins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import config
from sync.messages import EnrolmentNote
from sync.outbox import Enrolled, Outbox
from sync.register import approvals
from sync.register.arrivals import Reached
from tests.enroll.enrolling_kiosk import Kiosk, prepared
from tests.enroll.provisional_life import Life, live


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("b7"))


@pytest.fixture
def lives(beginning: Path, tmp_path: Path) -> Callable[..., list[Life]]:
    def of(seeds: range, *, steps: int = 15) -> list[Life]:
        return [live(beginning, folder := tmp_path / str(seed), _settings(folder), seed, steps=steps) for seed in seeds]

    return of


def _settings(folder: Path) -> config.Config:
    return config.replace(
        config.Config(),
        match={"threshold": 0.5, "margin": 0.08},
        enroll={"same_person_score": 0.36, "duplicate_score": 0.6},
        centre={"register": f"sqlite:///{folder / 'register.sqlite'}", "keys": str(folder / "keys")},
    )


def test_b7_no_enrolment_is_lost_and_no_leaver_comes_back(lives: Callable[..., list[Life]]) -> None:
    lived = lives(range(8))
    assert sum(len(life.kept) for life in lived) > 15


@pytest.mark.slow
@pytest.mark.parametrize("first", [1000, 1050, 1100, 1150])
def test_b7_two_hundred_interleavings(lives: Callable[..., list[Life]], first: int) -> None:
    lived = lives(range(first, first + 50))
    print(f"seeds {first} to {first + 49}")
    assert sum(len(life.kept) for life in lived) > 80
    assert sum(len(life.gone) for life in lived) > 5


def test_b7_control_a_kiosk_that_forgets_with_the_acknowledgement_does_not_know_whom_it_enrolled(
    lives: Callable[..., list[Life]], monkeypatch: pytest.MonkeyPatch
) -> None:
    acknowledge = Life.acknowledge

    def forgetting(self: Life, kiosk: Kiosk, epoch: str, reached: Reached) -> None:
        acknowledge(self, kiosk, epoch, reached)
        kiosk.card.forget([each.id for each in kiosk.card.waiting()])
        kiosk.shelf._waiting = ()
        kiosk.shelf._lay_out()

    monkeypatch.setattr(Life, "acknowledge", forgetting)
    with pytest.raises(AssertionError, match="does not know whom it enrolled"):
        lives(range(12))


def test_b7_control_without_a_look_at_what_came_since_a_leaver_comes_back_or_an_older_one_wins(
    lives: Callable[..., list[Life]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(approvals, "_refuse_late", lambda *_: None)
    with pytest.raises(AssertionError, match=r"has left and is back|another enrolment of .* won"):
        lives(range(1000, 1040), steps=40)


def test_b7_control_two_transactions_lose_one(
    lives: Callable[..., list[Life]], monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol = Outbox.enrol

    def torn(self: Outbox, said: Enrolled, *, beside: Callable[..., bool], **more: Any) -> EnrolmentNote | None:
        with self._transaction():
            new = beside(self._connection)
        return enrol(self, said, beside=lambda _: new, **more)

    monkeypatch.setattr(Outbox, "enrol", torn)
    with pytest.raises(AssertionError, match="an enrolment was lost"):
        lives(range(1000, 1040), steps=30)
