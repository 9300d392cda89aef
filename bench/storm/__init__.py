"""A storm of kills: a kiosk, the broker and the collector die by SIGKILL again and again while people punch.

    result = run(Plan(seed=1, punches=10_000, kills=200), folder=..., register_url="sqlite:///...")

The kiosk is killed 120 to 450 ms into each life. At 4 % of these kills the broker dies too, at 4 % the collector, and
half of those times both, so that for a moment the broker alone holds what was sent. In the first half the broker
forgets everything when it dies, in the second it keeps its sessions and messages on the disk.
"""

import multiprocessing
import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from multiprocessing.process import BaseProcess
from pathlib import Path

import config
from bench.storm import lives
from bench.storm.referee import Ear, Thanks, Verdict, collected, judge, waiting
from demo import broker
from sync import keys
from sync.register import Register
from sync.register.devices import admit
from terminal import store

LIFE_S = (0.12, 0.45)
SHARE = 0.04
"""Of the kiosk's kills at which the broker dies too, and of those at which the collector does."""
DRAIN_S = 5.0
"""Acceptance A1: so long after the last kill the card is empty at the latest."""

_START_S = 0.08  # a life needs about so long to its first punch
_MOST_PACE_S = 0.05
_ENDLESS = 10**9  # every life is cut off in the midst of its punches, the last one too
_LONGEST_S = 60.0
_SILENCE_S = 2.0


class Victim(StrEnum):
    """Who dies beside the kiosk. `both` is the collector, and the broker before the collector is back."""

    BROKER = "broker"
    COLLECTOR = "collector"
    BOTH = "both"
    DATABASE = "database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One storm. With `at_puback` rows leave the card at the broker's word: the control, which must lose some."""

    seed: int
    punches: int
    kills: int
    at_puback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a storm left. `drained_s` is from the last kill to an empty card, None when that never came."""

    plan: Plan
    verdict: Verdict
    broker_kills: int
    collector_kills: int
    database_kills: int
    drained_s: float | None
    seconds: float

    @property
    def other_kills(self) -> int:
        """How often somebody else than the kiosk was killed."""
        return self.broker_kills + self.collector_kills + self.database_kills

    def problems(self) -> list[str]:
        """Return in words what is not as it must be: nothing, unless something is wrong or this is the control."""
        verdict = self.verdict
        wrong = [
            f"{count} {what}"
            for what, count in [
                ("missing", verdict.missing),
                ("altered", verdict.altered),
                ("duplicated", verdict.duplicated),
                ("quarantined", verdict.quarantined),
                ("rejected", verdict.rejected),
            ]
            if count
        ]
        if verdict.unthanked > self.plan.kills + 1:
            wrong.append(f"{verdict.unthanked} more than were thanked for, with {self.plan.kills} kills")
        if verdict.epochs > 1:
            wrong.append(f"{verdict.epochs} epochs of one card")
        if self.drained_s is None or self.drained_s > DRAIN_S:
            wrong.append(f"the card was not empty {DRAIN_S:g} s after the last kill, but after {self.drained_s} s")
        if not verdict.card_ok or not verdict.register_ok:
            wrong.append("an integrity check failed")
        return wrong


def run(plan: Plan, *, folder: Path, register_url: str, kill_database: Callable[[], None] | None = None) -> Result:
    """Return what a storm left in `folder`, which must be empty, and in the register, which must be new.

    `kill_database` has the register's server killed and started again; it is called as often as the broker dies.
    Raises BrokerFailed without mosquitto, and RegisterError.
    """
    began = time.monotonic()
    with ExitStack() as held:
        settings = _settings(folder, register_url, broker.free_port())
        storm = _Storm(plan, settings, folder, kill_database)
        held.callback(storm.end)
        storm.blow()
        drained_s = storm.drained()
    return Result(
        plan=plan,
        verdict=judge(
            storm.thanked,
            terminal=settings.terminal.id,
            register_url=register_url,
            card=settings.terminal.state / store.FILE,
        ),
        broker_kills=storm.kills[Victim.BROKER],
        collector_kills=storm.kills[Victim.COLLECTOR],
        database_kills=storm.kills[Victim.DATABASE],
        drained_s=drained_s,
        seconds=time.monotonic() - began,
    )


def victims(plan: Plan, rng: random.Random, *, database: bool) -> dict[int, Victim]:
    """Return who dies beside the kiosk at which of its kills; each half of the storm has its share."""
    each = max(2, round(plan.kills * SHARE))
    both = (each + 1) // 2
    kinds = [Victim.BOTH] * both + [Victim.BROKER] * (each - both) + [Victim.COLLECTOR] * (each - both)
    kinds += [Victim.DATABASE] * (each if database else 0)
    # Whoever trusts the broker loses what it forgets: at least one of the first half dies together with the collector.
    halves = (kinds[0::2], kinds[1::2])
    middle = plan.kills // 2
    places = (rng.sample(range(middle - 1), len(halves[0])), rng.sample(range(middle, plan.kills - 1), len(halves[1])))
    return {
        place: kind for here, half in zip(places, halves, strict=True) for place, kind in zip(here, half, strict=True)
    }


def _settings(folder: Path, register_url: str, port: int) -> config.Config:
    """Return the settings of kiosk and centre, which know each other's keys."""
    settings = config.replace(
        config.Config(),
        terminal={"state": str(folder / "kiosk"), "collector_key": str(folder / "keys" / "collector.pub")},
        centre={"register": register_url, "keys": str(folder / "keys"), "heads": str(folder / "heads")},
        mqtt={"port": port},
    )
    keys.new_centre_keys(settings.centre.keys)
    public = keys.raw(keys.device_key(settings.terminal.state).public_key())
    with Register.open(register_url) as register:
        admit(
            register,
            terminal=settings.terminal.id,
            office=settings.office.id,
            public_key=public,
            at=datetime.now(UTC),
        )
    return settings


class _Storm:
    """The storm's programs while it lasts. The main thread kills the kiosk, a second one everybody else."""

    def __init__(
        self, plan: Plan, settings: config.Config, folder: Path, kill_database: Callable[[], None] | None
    ) -> None:
        self._plan, self._settings, self._folder = plan, settings, folder
        self._kill_database = kill_database
        self._rng = random.Random(plan.seed)  # noqa: S311 - the same storm every time
        self._others_rng = random.Random(plan.seed + 1)  # noqa: S311
        self._born = multiprocessing.get_context("forkserver")
        self._born.set_forkserver_preload([lives.__name__, "click", "terminal.store"])
        heard, self._told = self._born.Pipe(duplex=False)
        self._ear = Ear(heard)
        self.kills = dict.fromkeys(Victim, 0)
        self._brokers = ExitStack()
        self._broker: broker.Broker | None = None
        self._collector: BaseProcess | None = None
        self._kiosk: BaseProcess | None = None
        self._others = ThreadPoolExecutor(1, thread_name_prefix="storm")
        self._strike: Future[None] | None = None
        self._last_kill_at = 0.0

    @property
    def thanked(self) -> list[Thanks]:
        """Every punch thanked for; whole after `end`."""
        return self._ear.thanked

    def blow(self) -> None:
        """Every kill is done and every punch made; everybody lives."""
        plan = self._plan
        fated = victims(plan, self._rng, database=self._kill_database is not None)
        self._start_broker(keeping=False)
        self._start_collector()
        for number in range(plan.kills):
            left = max(1, plan.punches - len(self._ear.thanked))
            alive_s = (plan.kills - number) * (sum(LIFE_S) / 2 - _START_S)
            last = number == plan.kills - 1
            self._kiosk = self._new_kiosk(_ENDLESS, min(_MOST_PACE_S, alive_s / left))
            ends = time.monotonic() + self._rng.uniform(*LIFE_S)
            if number in fated:
                self._await_others()
                self._strike = self._others.submit(self._kill, fated[number], keeping=number >= plan.kills // 2)
            time.sleep(max(0.0, ends - time.monotonic()))
            while last and len(self._ear.thanked) < plan.punches:
                time.sleep(0.01)
            _kill(self._kiosk)
            self._last_kill_at = time.monotonic()
        self._await_others()
        self._kiosk = self._new_kiosk(0, 0.0)

    def drained(self) -> float | None:
        """Return how many seconds after the last kill the card was empty, once the register grows no more."""
        drained_s = None
        while drained_s is None and time.monotonic() < self._last_kill_at + _LONGEST_S:
            if waiting(self._settings.terminal.state / store.FILE) == 0:
                drained_s = time.monotonic() - self._last_kill_at
            time.sleep(0.02)
        if self._plan.at_puback:
            self._await_silence()
        return drained_s

    def end(self) -> None:
        """Nothing of the storm runs any more, and everything told was heard."""
        self._others.shutdown()
        for process in (self._kiosk, self._collector):
            if process is not None:
                _kill(process)
        self._brokers.close()
        self._told.close()
        self._ear.close()

    def _new_kiosk(self, punches: int, pace_s: float) -> BaseProcess:
        orders = lives.Orders(settings=self._settings, punches=punches, pace_s=pace_s, at_puback=self._plan.at_puback)
        process = self._born.Process(target=lives.kiosk, args=(orders, self._told), daemon=True)
        process.start()
        return process

    def _start_collector(self) -> None:
        self._collector = self._born.Process(target=lives.centre, args=(self._settings,), daemon=True)
        self._collector.start()

    def _start_broker(self, *, keeping: bool) -> None:
        folder = self._folder / "broker"
        folder.mkdir(exist_ok=True)
        self._broker = self._brokers.enter_context(
            broker.mosquitto(self._settings.mqtt.port, folder=folder if keeping else None)
        )

    def _kill(self, victim: Victim, *, keeping: bool) -> None:
        """The victim was killed and is back."""
        rng = self._others_rng
        time.sleep(rng.uniform(0.05, LIFE_S[1]))
        collector_dies, broker_dies = victim in (Victim.COLLECTOR, Victim.BOTH), victim in (Victim.BROKER, Victim.BOTH)
        if collector_dies:
            assert self._collector is not None  # noqa: S101 - it is started first of all
            _kill(self._collector)
            self.kills[Victim.COLLECTOR] += 1
        if collector_dies and broker_dies:
            time.sleep(rng.uniform(0.2, 0.4))  # meanwhile the broker takes what nobody collects
        if broker_dies:
            assert self._broker is not None  # noqa: S101
            self._broker.kill()
            self.kills[Victim.BROKER] += 1
            self._brokers.close()
            self._start_broker(keeping=keeping)
        if collector_dies:
            self._start_collector()
        if victim is Victim.DATABASE and self._kill_database is not None:
            self._kill_database()
            self.kills[Victim.DATABASE] += 1

    def _await_others(self) -> None:
        if self._strike is not None:
            self._strike.result()
            self._strike = None

    def _await_silence(self) -> None:
        """Return when no punch has reached the register for a while: nobody says when the last one has."""
        before, since = -1, time.monotonic()
        while time.monotonic() < since + _SILENCE_S:
            found = collected(self._settings.centre.register)
            if found != before:
                before, since = found, time.monotonic()
            time.sleep(0.1)


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join()
    process.close()
