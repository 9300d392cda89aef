"""Two processes write at once, one reads for long: ids in the order of commits, nothing lost, nobody kept waiting."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.register import Register
from sync.register.arrivals import Outcome, add_events
from sync.register.events import all_heads, count_events, events_since
from sync.register.schema import events
from tests.sync.samples import arrival

EACH = 150
WRITER = """
import json, random, sys
from sync.register import Register
from sync.register.arrivals import add_events
from tests.sync.samples import arrival
url, own, seed, each = json.loads(sys.stdin.readline())
dice = random.Random(seed)
wanted = [(own, seq) for seq in range(1, each + 1)] + [("shared-1", seq) for seq in range(1, each + 1)]
dice.shuffle(wanted)
outcomes = []
with Register.open(url) as register:
    print("ready", flush=True)
    sys.stdin.readline()
    while wanted:
        batch = [wanted.pop() for _ in range(min(len(wanted), dice.randint(1, 9)))]
        added = add_events(register, [arrival(seq, terminal=terminal) for terminal, seq in batch])
        outcomes += [(*key, str(outcome)) for key, outcome in zip(batch, added.outcomes)]
print(json.dumps(outcomes))
"""


@contextmanager
def writer(project: Path, url: str, own: str, seed: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps([url, own, seed, EACH]), file=process.stdin, flush=True)
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_two_processes_that_write_at_once_store_each_event_once_in_the_order_of_commits(
    register_url: str, project: Path
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    seen: list[int] = []
    with (
        Register.open(register_url) as register,
        writer(project, register_url, "one-1", seed) as one,
        writer(project, register_url, "two-1", seed + 1) as two,
    ):
        said: dict[str, str] = {}

        def finish(name: str, process: subprocess.Popen[str]) -> None:
            said[name] = process.communicate("go\n", timeout=90)[0]

        threads = [threading.Thread(target=finish, args=pair) for pair in (("one", one), ("two", two))]
        for thread in threads:
            thread.start()
        while True:
            writing_on = any(thread.is_alive() for thread in threads)
            fresh = events_since(register, seen[-1] if seen else 0)
            seen += [each.id for each in fresh]
            if not fresh and not writing_on:
                break
        stored = [
            (terminal, seq)
            for text in said.values()
            for terminal, seq, outcome in json.loads(text)
            if outcome == Outcome.STORED
        ]
        every = sorted((name, seq) for name in ("one-1", "shared-1", "two-1") for seq in range(1, EACH + 1))
        assert sorted(stored) == every, "each key was new to exactly one of the two"
        kept = events_since(register, 0, limit=10**6)
        assert sorted((each.terminal, each.seq) for each in kept) == every
        assert seen == [each.id for each in kept], "whoever asked for news after the last id has missed none"
        assert sorted((head.terminal, head.upto, head.highest) for head in all_heads(register)) == [
            ("one-1", EACH, EACH),
            ("shared-1", EACH, EACH),
            ("two-1", EACH, EACH),
        ]


@pytest.mark.slow
def test_a18_a_reader_that_stays_open_keeps_nobody_from_writing(register_url: str, tmp_path: Path) -> None:
    wal = tmp_path / "centre/register.sqlite-wal"
    count = sa.select(sa.func.count()).select_from(events)
    with Register.open(register_url) as console, Register.open(register_url) as collector:
        add_events(collector, [arrival(1)])
        slowest_s = 0.0
        with console.read() as reader:
            assert reader.scalar(count) == 1
            for seq in range(2, 302):
                began = time.monotonic()
                assert add_events(collector, [arrival(seq)]).outcomes == (Outcome.STORED,)
                slowest_s = max(slowest_s, time.monotonic() - began)
                assert reader.scalar(count) == 1, "its state does not change meanwhile"
            grown = wal.stat().st_size if collector.dialect == "sqlite" else 0
        assert slowest_s < 5
        assert count_events(console) == 301
        add_events(collector, [arrival(302), arrival(303)])
        add_events(collector, [arrival(304)])
        assert [(head.upto, head.highest) for head in all_heads(console)] == [(304, 304)]
        if collector.dialect == "sqlite":
            print(f"slowest {1000 * slowest_s:.1f} ms; log {grown} bytes, then {wal.stat().st_size}")
            assert wal.stat().st_size <= 4 * 2**20 < grown


def test_a_reader_that_came_before_sees_nothing_of_what_is_half_done(register: Register) -> None:
    count = sa.select(sa.func.count()).select_from(events)
    add_events(register, [arrival(1)])
    with register.write() as connection:
        connection.execute(sa.delete(events))
        assert count_events(register) == 1
        with register.read() as reader:
            assert reader.scalar(count) == 1
    assert count_events(register) == 0
