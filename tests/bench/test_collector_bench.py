"""The collector's bench: a table, one JSON line with the promised keys, and a run that refuses what is no figure."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import collector as bench
from bench import postgres
from bench.centre import Centre, Sample
from bench.load import Kiosk, Seen
from bench.stages import measure as stages
from sync import chain, keys
from sync.messages import decode_entry

PROMISED = {
    "sqlite_events_per_s", "postgresql_events_per_s", "ack_p50_ms", "ack_p99_ms", "backlog_drain_s", "peak_rss_mb",
    "ack_p50_ms_30", "ack_p99_ms_500", "ack_p99_ms_backlog", "soak_rss_slope_mb_per_h", "soak_fds", "soak_wal_mb",
    "stage_us",
}  # fmt: skip
SHORT = bench.Wanted(events=3000, speed_events=3000, rate_s=2.0, soak_min=0.1)


@pytest.mark.slow
def test_the_bench_prints_a_table_and_every_promised_figure(
    program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program("mosquitto")
    program("initdb")
    monkeypatch.setattr(bench, "KIOSKS", 30)
    bench.run(SHORT, as_json=True)
    *table, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert figures.keys() >= PROMISED
    assert [name for name in PROMISED if figures[name] is None] == []
    assert figures["backlog_events"] == 3000
    assert figures["stage_us"].keys() == {"inspect", "signature", "commit", "answer"}
    assert any("punch to signed word at 500/s" in line for line in table)
    bench.Console().print(bench._table({**figures, "postgresql_events_per_s": None}))
    assert "not installed" in capsys.readouterr().out


def test_without_postgresql_only_the_file_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "programs", lambda: None)
    assert list(bench._databases()) == [("sqlite", None)]


@pytest.fixture
def place() -> Centre:
    """A centre that the tests below do not get as far as to use."""
    return Centre.__new__(Centre)


@pytest.mark.parametrize(
    ("there", "whole", "seen", "words"),
    [
        (9, 9, Seen(acknowledged=10, checked=1), "10 were acknowledged, 9 are there"),
        (10, 9, Seen(acknowledged=10, checked=1), "9 of them without a gap"),
        (10, 10, Seen(acknowledged=10, checked=0), "no acknowledgement was checked"),
        (10, 10, Seen(acknowledged=10, checked=1, punched=1), "never acknowledged"),
    ],
)
def test_a_run_that_lost_something_gives_no_figure(
    place: Centre, monkeypatch: pytest.MonkeyPatch, there: int, whole: int, seen: Seen, words: str
) -> None:
    head = type("Head", (), {"upto": whole})()
    place.register = None  # type: ignore[assignment]
    monkeypatch.setattr(bench, "count_events", lambda _: there)
    monkeypatch.setattr(bench, "all_heads", lambda _: [head])
    with pytest.raises(bench.BenchFailed, match=words):
        bench._count(place, seen)


def test_what_a_kiosk_sends_is_a_chain_signed_with_its_key() -> None:
    kiosk = Kiosk("bench", "bench-1", random.Random(1))
    kiosk.prepare(50)
    kiosk.begin(50)
    sent = []
    while kiosk.next_seq <= kiosk.waited:
        places, message = kiosk.parcel()
        assert len(places) == len(chain.unpack(message))
        sent += chain.unpack(message)
    sent.append(kiosk.punch()[1])
    kept = [
        chain.Kept(terminal="bench-1", epoch=kiosk.epoch, seq=seq, payload=payload)
        for seq, payload in enumerate(sent, 1)
    ]
    assert [each for each in chain.links(kept) if isinstance(each, chain.Bad)] == []
    trusted = keys.verifier([kiosk.signer.public])
    assert {decode_entry(chain.opened(payload, trusted)).terminal for payload in sent} == {"bench-1"}


def test_a_slope_is_that_of_the_line_through_the_samples() -> None:
    samples = [Sample(at=at, rss_mb=100 + at / 3600, descriptors=9, wal_mb=0) for at in range(0, 600, 7)]
    assert bench.slope_mb_per_h(samples) == pytest.approx(1.0)
    assert bench.slope_mb_per_h(samples[:1]) == 0


def test_options_shorten_the_bench() -> None:
    assert bench.wanted() == bench.Wanted()
    assert bench.wanted(quick=True, soak_min=2).soak_min == 2
    assert bench.wanted(events=3100) == bench.Wanted(events=3000, speed_events=3100)


def test_every_stage_costs_something() -> None:
    assert all(took_us > 0 for took_us in stages().values())


def test_the_newest_postgresql_is_found(program: Callable[[str], str]) -> None:
    program("initdb")
    found = postgres.programs()
    assert found is not None
    assert Path(found, "initdb").exists()
