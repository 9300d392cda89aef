"""A1, and A20 for it: a kiosk, the broker, the collector and the database die again and again; every thanked punch is
in the register once, with its bytes.

The control takes the broker's PUBACK for delivery and must lose. bench/storm/ has the storm and its referee.
"""

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import storm
from tests.sync.postgres import Server

SHORT = storm.Plan(seed=0, punches=1200, kills=24)
FULL = storm.Plan(seed=0, punches=10_000, kills=200)

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _mosquitto(program: Callable[[str], str]) -> None:
    program("mosquitto")


def seeded(plan: storm.Plan, count: int = 1) -> list[storm.Plan]:
    """Return the plan with seeds nobody has chosen."""
    return [dataclasses.replace(plan, seed=random.SystemRandom().randrange(2**31)) for _ in range(count)]


def survives(plan: storm.Plan, folder: Path, url: str, kill_database: Callable[[], None] | None = None) -> storm.Result:
    """Return what the storm left, in which nothing is wrong."""
    folder.mkdir()
    result = storm.run(plan, folder=folder, register_url=url, kill_database=kill_database)
    print(result)
    assert result.problems() == []
    assert result.verdict.thanked >= plan.punches
    each = max(2, round(plan.kills * storm.SHARE))
    assert (result.broker_kills, result.collector_kills) == (each, each)
    return result


def loses(plan: storm.Plan, folder: Path) -> None:
    """The same storm loses punches when the broker's word is taken for the collector's."""
    folder.mkdir()
    control = dataclasses.replace(plan, at_puback=True)
    result = storm.run(control, folder=folder, register_url=f"sqlite:///{folder}/centre/register.sqlite")
    print(result)
    assert result.verdict.missing >= 1


def test_a1_a_storm_of_kills_loses_and_doubles_nothing_and_the_control_loses(tmp_path: Path) -> None:
    (plan,) = seeded(SHORT)
    survives(plan, tmp_path / "storm", f"sqlite:///{tmp_path}/storm/centre/register.sqlite")
    loses(plan, tmp_path / "control")


def test_a20_a_storm_that_kills_postgresql_too_loses_and_doubles_nothing(
    tmp_path: Path, postgres: Server, postgres_url: str
) -> None:
    (plan,) = seeded(SHORT)
    result = survives(plan, tmp_path / "storm", postgres_url, lambda: (postgres.kill(), postgres.start()))  # type: ignore[func-returns-value]
    assert result.database_kills == result.broker_kills


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a1_three_seeds_of_the_whole_storm(tmp_path: Path) -> None:
    plans = seeded(FULL, 3)
    for number, plan in enumerate(plans):
        folder = tmp_path / f"storm{number}"
        survives(plan, folder, f"sqlite:///{folder}/centre/register.sqlite")
    loses(plans[0], tmp_path / "control")


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a20_three_seeds_of_the_whole_storm_on_postgresql(tmp_path: Path, postgres: Server) -> None:
    for number, plan in enumerate(seeded(FULL, 3)):
        url = postgres.url(postgres.new_database())
        survives(plan, tmp_path / f"storm{number}", url, lambda: (postgres.kill(), postgres.start()))  # type: ignore[func-returns-value]
