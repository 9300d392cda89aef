"""`hadir verify-chain`: whole chains are called whole, of any other the first bad entry is named (acceptance E4)."""

import os
import random
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

import sync.verify
from sync import chain
from sync.export import export
from sync.messages import ClockQuality
from sync.register import Register, devices
from sync.register.arrivals import add_events, arrival, row_of
from sync.register.evidence import NAMES, columns_of
from sync.register.intake import take
from tests.sync import made_chains
from tests.sync.samples import SEVEN, SIGNER, event, open_card, payload_of
from tests.sync.tampering import another_employee, opened
from tests.sync.verify.chains import (
    GAP,
    HEADS_KEY,
    bad_of,
    heads_of,
    look,
    make_card,
    make_register,
    run,
    spki,
    spki_raw,
)


def test_e4_an_untouched_register_is_whole_and_says_what_is_on_its_way(whole: Path) -> None:
    ran = run(whole / "register.sqlite", *heads_of(whole, "register"))
    assert (ran.code, ran.found["bad"]) == (0, [])
    assert (ran.found["entries"], ran.found["chains"]) == (40 + 15 + 30 + 18, 4)
    (gap,) = ran.found["incomplete"]
    assert gap == {"terminal": GAP[0], "epoch": GAP[1], "upto": 10, "highest": 20, "missing": 2}
    assert "103 entries of 4 chains are as they were made" in ran.words


def test_e4_an_untouched_card_is_whole_also_where_it_has_forgotten_what_was_acknowledged(whole: Path) -> None:
    for where in (whole / "card", whole / "card" / "card.sqlite"):
        ran = run(where, *heads_of(whole, "card"))
        assert (ran.code, ran.found["bad"]) == (0, [])
        assert (ran.found["entries"], ran.found["chains"]) == (18 + 25, 2)


def test_a_register_on_postgresql_is_verified_alike(postgres_url: str) -> None:
    make_register(postgres_url)
    assert (look(postgres_url).entries, look(postgres_url).bad) == (103, ())
    with Register.open(postgres_url) as register, register.write() as connection:
        connection.exec_driver_sql("UPDATE events SET employee = '1' WHERE terminal = 'lobby-2' AND seq = 17")
        connection.exec_driver_sql(
            "UPDATE events SET counted_at = counted_at - interval '1 minute' WHERE terminal = 'lobby-1' AND seq = 9"
        )
    found = {(bad.terminal, bad.seq) for bad in look(postgres_url).bad}
    assert found == {("lobby-1", 9), ("lobby-2", 17)}


def test_what_tests_write_straight_into_a_register_is_what_the_collector_writes(tmp_path: Path) -> None:
    """Column by column, but for the times that are the centre's own."""
    key = ("lobby-1", "1" * 32)
    with Register.open(f"sqlite:///{tmp_path}/real.sqlite") as register:
        batch = [arrival(payload, SEVEN) for _, payload in made_chains.made(*key, 30)]
        add_events(register, batch)
    made_chains.new_register(tmp_path / "made.sqlite", ("lobby-1",))
    made_chains.fill(tmp_path / "made.sqlite", *key, 30)
    rows = []
    for name in ("real", "made"):
        with closing(sqlite3.connect(tmp_path / f"{name}.sqlite")) as connection:
            connection.row_factory = sqlite3.Row
            events = [dict(row) for row in connection.execute("SELECT * FROM events ORDER BY seq")]
            heads = [dict(row) for row in connection.execute("SELECT * FROM heads")]
        for row in (*events, *heads):
            row.pop("received_at", None)
            row.pop("changed_at", None)
        rows.append((events, heads))
    assert rows[0] == rows[1]


def test_the_columns_have_the_names_that_arrivals_gives_them(whole: Path) -> None:
    entry, payload = next(made_chains.made("lobby-1", "1" * 32, 1))
    assert (*row_of(entry), "payload_sha256", "counted_at") == NAMES
    assert len(columns_of(entry, chain.digest(payload))) == len(NAMES)


def test_it_looks_beside_a_kiosk_and_a_collector_at_work_and_leaves_nothing_behind(tmp_path: Path) -> None:
    make_card(tmp_path / "card")
    with closing(open_card(tmp_path / "card")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE outbox SET employee = '0' WHERE seq = 13")
        assert look(tmp_path / "card").bad == (), "what is not committed is not there"
        connection.execute("ROLLBACK")
    make_register(f"sqlite:///{tmp_path}/register.sqlite")
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register, register.write():
        assert look(f"sqlite:///{tmp_path}/register.sqlite").bad == ()


def test_a_copy_is_left_exactly_as_it_was(tmp_path: Path) -> None:
    make_card(tmp_path / "card")
    before = {path.name: path.read_bytes() for path in (tmp_path / "card").iterdir()}
    assert look(tmp_path / "card").entries == 43
    assert {path.name: path.read_bytes() for path in (tmp_path / "card").iterdir()} == before


def test_a_register_whose_times_the_centre_worked_out_is_whole(register: Register) -> None:
    """As the collector takes them: kiosks that did not know the time, jumps, a clock set in the middle of a visit."""
    devices.admit(register, terminal="lobby-1", office="demo", public_key=SIGNER.public, at=SEVEN)
    entries = [arrival(payload, SEVEN + timedelta(days=1)) for _, payload in made_chains.made("lobby-1", "1" * 32, 90)]
    entry = msgspec.structs.replace(
        event(1), prev_hash=chain.GENESIS, clock=ClockQuality.SYNCED, recorded_at=SEVEN + timedelta(days=3)
    )
    entries.append(arrival(payload_of(entry), SEVEN + timedelta(days=3)))
    for start in range(0, len(entries), 13):
        take(register, events=entries[start : start + 13])
    with register.read() as connection:
        kinds = {row[0] for row in connection.exec_driver_sql("SELECT DISTINCT timed_by FROM events")}
        strange = connection.exec_driver_sql("SELECT timed_by FROM events WHERE counted_at = recorded_at").fetchall()
    assert {"clock", "boot"} <= kinds
    assert ("boot",) in [tuple(row) for row in strange]
    url = register.file or register._engine.url.render_as_string(hide_password=False)
    assert (look(str(url)).entries, look(str(url)).bad) == (91, ())


@pytest.mark.parametrize("timed_by", ["boot", "bounds", "clock"])
def test_a_punch_of_a_kiosk_that_knew_the_time_counts_at_no_other(
    edited: sqlite3.Connection, tmp_path: Path, timed_by: str
) -> None:
    """Whatever is said of how that time was found."""
    edited.execute(
        "UPDATE events SET counted_at = '2026-03-02 00:00:00.000000', timed_by = ? WHERE id = "
        "(SELECT id FROM events WHERE terminal = 'lobby-2' AND clock = 'synced' AND employee IS NOT NULL LIMIT 1)",
        (timed_by,),
    )
    (named,) = bad_of(tmp_path)
    assert named[2] == "has another counted_at in its column than in its signed bytes"


def test_a_chain_that_is_known_to_fork_stays_checkable(edited: sqlite3.Connection, tmp_path: Path) -> None:
    edited.execute("UPDATE heads SET forked = 1")
    assert bad_of(tmp_path) == []
    edited.execute("UPDATE events SET direction = 'both' WHERE terminal = 'lobby-3' AND seq = 15")
    assert [(terminal, seq) for terminal, seq, _ in bad_of(tmp_path)] == [("lobby-3", 15)]


def test_chains_from_before_kiosks_signed_are_counted_apart_and_take_nothing_signed(
    edited: sqlite3.Connection, tmp_path: Path
) -> None:
    """As the migration leaves them: no hash of their head. A chain that has one can never lose its signatures."""
    cut = "substr(payload, 1, instr(payload, x'0a') - 1)"
    edited.execute(f"UPDATE events SET payload = {cut} WHERE terminal = 'lobby-2'")  # noqa: S608
    assert bad_of(tmp_path) == [("lobby-2", 1, "is not signed")]
    edited.execute("UPDATE heads SET upto_hash = '' WHERE terminal = 'lobby-2'")
    ran = run(tmp_path / "register.sqlite")
    assert (ran.code, ran.found["unsigned"], ran.found["chains"], ran.found["entries"]) == (0, 30, 3, 73)
    assert "Unsigned: 30 entries are from before kiosks signed" in ran.words
    with Register.open(f"sqlite:///{tmp_path}/register.sqlite") as register:
        assert export(register, tmp_path / "x.export", at=SEVEN) == (73, 3)
    edited.execute("DELETE FROM events WHERE terminal = 'lobby-2' AND seq = 11")
    assert bad_of(tmp_path) == [("lobby-2", 11, "is not there")]
    edited.execute("UPDATE heads SET upto_hash = '' WHERE terminal = 'lobby-3'")
    assert [(terminal, seq) for terminal, seq, _ in bad_of(tmp_path)] == [("lobby-2", 11), ("lobby-3", 10)]


def test_what_cannot_be_verified_is_said_in_one_sentence_with_its_own_code(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" + bytes(5000))
    (tmp_path / "torn.sqlite").write_bytes((whole / "register.sqlite").read_bytes()[:9000])
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as connection:
        connection.execute("CREATE TABLE people (name)")
        connection.commit()
    (tmp_path / "lonely").mkdir()
    shutil.copy(whole / "card" / "card.sqlite", tmp_path / "lonely")
    for name in ("absent", "empty", "picture.png", "torn.sqlite", "other.sqlite", "lonely"):
        ran = run(tmp_path / name)
        assert ran.code == 2, (name, ran.words)
        assert len(ran.words.strip().splitlines()) == 1, ran.words
    for url in ("postgresql+psycopg://nobody@127.0.0.1:9/none", "postgresql+psycopg://a:b@c@d/e"):
        ran = run(url)
        assert (ran.code, len(ran.words.strip().splitlines())) == (2, 1), ran.words


def test_the_keys_to_trust_may_be_given(whole: Path, tmp_path: Path) -> None:
    pem = whole / "card" / "device.pub"
    assert run(whole / "register.sqlite", "--keys", pem).code == 0
    (tmp_path / "both.pem").write_text(f"-----BEGIN PUBLIC KEY-----\n{spki(HEADS_KEY)}\n-----END PUBLIC KEY-----\n"
                                       + pem.read_text())  # fmt: skip
    assert run(whole / "card", "--keys", tmp_path / "both.pem").code == 0
    (tmp_path / "list").write_text(f"# of the lobby\nlobby-1 {spki_raw(SIGNER.public)}\n\nlobby-2 {spki(HEADS_KEY)}\n")
    ran = run(whole / "register.sqlite", "--keys", tmp_path / "list")
    assert {(bad["terminal"], bad["seq"]) for bad in ran.found["bad"]} == {("lobby-2", 1), ("lobby-3", 1)}
    for number, text in enumerate(("", "lobby-1", "lobby-1 x", f"lobby-1 {'A' * 60}", "a b c", "\xff")):
        (tmp_path / "wrong").write_bytes(text.encode("latin-1"))
        ran = run(whole / "card", "--keys", tmp_path / "wrong")
        assert (ran.code, len(ran.words.strip().splitlines())) == (2, 1), (number, ran.words)


def timed(path: Path, entries: int) -> None:
    began, busy = time.monotonic(), sum(os.times()[:4])
    report = look(path)
    took, busy = time.monotonic() - began, sum(os.times()[:4]) - busy
    print(f"{report.entries:,} entries in {took:.1f} s, {busy:.1f} s of processors, {1e6 * busy / entries:.0f} us each")
    assert (report.entries, report.bad, report.incomplete) == (entries, (), ())


@pytest.mark.slow
def test_very_many_are_looked_at_by_processes_with_the_same_result(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    monkeypatch.setattr(sync.verify, "_MANY", 10)
    shutil.copy(whole / "register.sqlite", tmp_path / "register.sqlite")
    assert (look(tmp_path / "register.sqlite").entries, look(tmp_path / "register.sqlite").bad) == (103, ())
    with opened(tmp_path / "register.sqlite") as store:
        done = another_employee(store, random.Random(5))
    assert [(bad.terminal, bad.epoch, bad.seq) for bad in look(tmp_path / "register.sqlite").bad] == [done.first]
    assert (look(whole / "card").entries, look(whole / "card").bad) == (43, ())
    make_register(postgres_url)
    assert (look(postgres_url).entries, look(postgres_url).bad) == (103, ())
    with Register.open(postgres_url) as register:
        export(register, tmp_path / "x.export", at=SEVEN)
    assert (look(tmp_path / "x.export").entries, look(tmp_path / "x.export").bad) == (103, ())


def end_at_once(_: object) -> None:
    """What a process does that has no memory left."""
    os._exit(9)


@pytest.mark.slow
def test_a_process_that_is_ended_while_it_looks_is_no_verdict(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync.verify, "_MANY", 10)
    monkeypatch.setattr(sync.verify, "_look_at", end_at_once)
    ran = run(whole / "register.sqlite")
    assert (ran.code, "a process that looked at entries was ended" in ran.words) == (2, True)


@pytest.mark.slow
def test_e4_20000_entries_are_verified(tmp_path: Path) -> None:
    made_chains.large_register(tmp_path / "register.sqlite", 2, 10_000)
    timed(tmp_path / "register.sqlite", 20_000)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_e4_a_million_entries_are_verified_within_a_minute(tmp_path: Path) -> None:
    made_chains.large_register(tmp_path / "register.sqlite", 2, 500_000)
    began = time.monotonic()
    timed(tmp_path / "register.sqlite", 1_000_000)
    assert time.monotonic() - began <= 60
