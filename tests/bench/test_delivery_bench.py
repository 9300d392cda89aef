"""The delivery bench: a table, one JSON line with the promised keys, a control that loses, words without mosquitto."""

import dataclasses
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import hadir
from bench import delivery, storm
from bench.storm import Victim
from bench.storm.referee import Verdict

PROMISED = {"thanked", "missing", "duplicated", "kills", "control_missing", "seconds"}
GOOD = Verdict(
    thanked=100, missing=0, altered=0, duplicated=0, unthanked=3, epochs=1, quarantined=0, rejected=0,
    card_ok=True, register_ok=True,
)  # fmt: skip


def result(*, at_puback: bool = False, drained_s: float | None = 0.4, **found: object) -> storm.Result:
    return storm.Result(
        plan=storm.Plan(seed=5, punches=100, kills=10, at_puback=at_puback),
        verdict=dataclasses.replace(GOOD, **found),  # type: ignore[arg-type]
        broker_kills=2,
        collector_kills=2,
        database_kills=0,
        drained_s=drained_s,
        seconds=3.0,
    )


@pytest.mark.slow
def test_the_command_prints_a_table_and_the_promised_figures(project: Path, program: Callable[[str], str]) -> None:
    program("mosquitto")
    words = ["bench", "delivery", "--punches", "400", "--kills", "12", "--seeds", "1", "--json"]
    said = subprocess.run(
        [sys.executable, str(project / "hadir.py"), *words], capture_output=True, text=True, timeout=110, cwd=project
    )
    print(said.stdout, said.stderr)
    assert said.returncode == 0
    *table, last = said.stdout.splitlines()
    figures = json.loads(last)
    assert figures.keys() >= PROMISED
    assert (figures["missing"], figures["duplicated"]) == (0, 0)
    assert figures["thanked"] >= 400
    assert figures["kills"] == 12 + 2 + 2
    assert figures["control_missing"] >= 1
    assert [each["control"] for each in figures["seeds"]] == [False, True]
    assert any(str(figures["seeds"][0]["seed"]) in line for line in table)


def test_without_mosquitto_there_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.broker.shutil.which", lambda *_, **__: None)
    said = CliRunner().invoke(hadir.main, ["bench", "delivery", "--punches", "100", "--kills", "10"])
    assert said.exit_code == 1
    assert "mosquitto is not installed" in said.output
    assert "Traceback" not in said.output


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"missing": 1}, "1 missing"),
        ({"altered": 2}, "2 altered"),
        ({"duplicated": 1}, "1 duplicated"),
        ({"quarantined": 1}, "1 quarantined"),
        ({"unthanked": 12}, "12 more than were thanked for"),
        ({"epochs": 2}, "2 epochs"),
        ({"card_ok": False}, "integrity"),
        ({"drained_s": None}, "not empty"),
        ({"drained_s": 5.2}, "not empty"),
    ],
)
def test_whatever_is_wrong_is_a_problem(found: dict[str, object], words: str) -> None:
    (problem,) = delivery.summary([result(**found), result(at_puback=True, missing=9)], 7.0)["problems"]  # type: ignore[arg-type]
    assert words in problem


def test_a_control_that_loses_nothing_is_a_problem_too() -> None:
    assert delivery.summary([result(), result(at_puback=True, missing=9)], 7.0)["problems"] == []
    (problem,) = delivery.summary([result(), result(at_puback=True)], 7.0)["problems"]
    assert "proves nothing" in problem


@pytest.mark.parametrize(("kills", "each"), [(10, 2), (24, 2), (200, 8), (1000, 40)])
def test_four_in_a_hundred_kills_take_the_broker_along_and_as_many_the_collector(kills: int, each: int) -> None:
    for seed in range(50):
        plan = storm.Plan(seed=seed, punches=1000, kills=kills)
        fated = storm.victims(plan, random.Random(seed), database=True)
        counted = Counter(fated.values())
        assert counted[Victim.BROKER] + counted[Victim.BOTH] == each
        assert counted[Victim.COLLECTOR] + counted[Victim.BOTH] == each
        assert counted[Victim.DATABASE] == each
        assert all(0 <= place < kills for place in fated)
        assert Victim.BOTH in [victim for place, victim in fated.items() if place < kills // 2]
