"""What becomes of punches while everything is killed again and again, with a control that must lose some.

Acceptance A1: a real kiosk's outbox and uplink, a real collector and mosquitto, each killed by SIGKILL in the middle of
10,000 punches (bench/storm/). The control is the same storm with rows leaving the card at the broker's PUBACK.
"""

import dataclasses
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import storm

PUNCHES, KILLS, SEEDS = 10_000, 200, 3
"""Of acceptance A1; a seed takes about a minute, and so does the control."""


def run(
    *, punches: int = PUNCHES, kills: int = KILLS, seeds: int = SEEDS, seed: int | None = None, as_json: bool = False
) -> bool:
    """A table was printed, and with `as_json` one JSON object as the last line; return whether all was as it must be.

    The first storm has `seed`, by default a drawn one, each further one the next. Raises BrokerFailed without
    mosquitto.
    """
    first = random.SystemRandom().randrange(2**31) if seed is None else seed
    plans = [storm.Plan(seed=first + number, punches=punches, kills=kills) for number in range(seeds)]
    plans.append(dataclasses.replace(plans[0], at_puback=True))
    console = Console(stderr=True)
    began = time.monotonic()
    results = []
    for plan in plans:
        console.print(f"{'control' if plan.at_puback else 'storm'}, seed {plan.seed} ...", highlight=False)
        results.append(blow(plan))
    figures = summary(results, time.monotonic() - began)
    (Console() if sys.stdout.isatty() else Console(width=140)).print(_table(results))
    for sentence in figures["problems"]:
        console.print(sentence, highlight=False)
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    return not figures["problems"]


def blow(plan: storm.Plan) -> storm.Result:
    """Return what the storm left, in a folder of its own that is gone afterwards. Raises BrokerFailed."""
    with tempfile.TemporaryDirectory(prefix="hadir-storm-") as folder:
        return storm.run(plan, folder=Path(folder), register_url=f"sqlite:///{folder}/centre/register.sqlite")


def summary(results: Sequence[storm.Result], seconds: float) -> dict[str, Any]:
    """Return the figures of all storms but the control, which is last, added up; `seeds` has each by itself."""
    *storms, control = results
    problems = [f"seed {each.plan.seed}: {what}" for each in storms for what in each.problems()]
    if not control.verdict.missing:
        problems.append(f"seed {control.plan.seed}: the control lost nothing, so the storm proves nothing")
    return {
        "thanked": sum(each.verdict.thanked for each in storms),
        "missing": sum(each.verdict.missing + each.verdict.altered for each in storms),
        "duplicated": sum(each.verdict.duplicated for each in storms),
        "kills": sum(each.plan.kills + each.other_kills for each in storms),
        "control_missing": control.verdict.missing,
        "seconds": round(seconds, 1),
        "seeds": [_details(each) for each in results],
        "problems": problems,
    }


def _details(result: storm.Result) -> dict[str, Any]:
    return {
        "seed": result.plan.seed,
        "control": result.plan.at_puback,
        "kiosk_kills": result.plan.kills,
        "broker_kills": result.broker_kills,
        "collector_kills": result.collector_kills,
        "drained_s": None if result.drained_s is None else round(result.drained_s, 3),
        "seconds": round(result.seconds, 1),
        **dataclasses.asdict(result.verdict),
    }


def _table(results: Sequence[storm.Result]) -> Table:
    table = Table(title="punches in a storm of kills, as the referee saw them")
    for name in ("seed", "thanked", "missing", "altered", "doubled", "kiosk", "broker", "collector"):
        table.add_column(f"{name} killed" if name in ("kiosk", "broker", "collector") else name, justify="right")
    table.add_column("card empty after", justify="right")
    table.add_column("integrity")
    table.add_column("took", justify="right")
    for each in results:
        verdict = each.verdict
        table.add_row(
            f"{each.plan.seed}{' (control)' if each.plan.at_puback else ''}",
            *map(str, (verdict.thanked, verdict.missing, verdict.altered, verdict.duplicated)),
            *map(str, (each.plan.kills, each.broker_kills, each.collector_kills)),
            "never" if each.drained_s is None else f"{each.drained_s:.2f} s",
            "ok" if verdict.card_ok and verdict.register_ok else "DAMAGED",
            f"{each.seconds:.0f} s",
        )
    return table
