"""`hadir verify-chain`: whole chains are called whole, of any other the first bad entry is named (acceptance E4)."""

import json
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

import hadir
import sync.verify
from sync import chain, keys
from sync.export import export
from sync.heads import Heads, WrittenHead
from sync.keyring import Keyring, written
from sync.messages import ClockQuality, encode
from sync.outbox import Outbox
from sync.register import Register, devices
from sync.register.arrivals import add_events, arrival, row_of
from sync.register.evidence import NAMES, columns_of
from sync.register.intake import take
from sync.verify import Report, verify
from sync.verify_sources import open_source
from tests.sync import made_chains
from tests.sync.samples import SEVEN, SIGNER, event, open_card, payload_of
from tests.sync.tampering import EDITS, THIEF, Edit, Place, another_employee, opened

CHAINS = {("lobby-1", "1" * 32): 40, ("lobby-1", "2" * 32): 15, ("lobby-2", "3" * 32): 30}
GAP = ("lobby-3", "4" * 32)
HEADS_KEY = keys.PrivateKey.from_private_bytes(b"\5" * 32)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What the command said."""

    code: int
    words: str
    found: dict[str, Any]

    @property
    def first_bad(self) -> Place | None:
        bad = self.found["bad"]
        return Place(bad[0]["terminal"], bad[0]["epoch"], bad[0]["seq"]) if bad else None


def run(where: Path | str, *more: object) -> Ran:
    ran = CliRunner().invoke(hadir.main, ["verify-chain", str(where), "--json", *map(str, more)])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    lines = ran.output.splitlines()
    return Ran(code=ran.exit_code, words=ran.output, found=json.loads(lines[-1]) if ran.exit_code < 2 else {})


def look(where: Path | str, ring: Keyring | None = None) -> Report:
    with open_source(str(where), ring) as source:
        return verify(source)


def make_register(url: str) -> None:
    """Have a register with whole chains and one with a gap, written as the collector writes it, in batches."""
    with Register.open(url) as register:
        for terminal in ("lobby-1", "lobby-2", "lobby-3"):
            devices.admit(register, terminal=terminal, office="demo", public_key=SIGNER.public, at=SEVEN)
        for (terminal, epoch), count in {**CHAINS, GAP: 20}.items():
            payloads = [payload for _, payload in made_chains.made(terminal, epoch, count)]
            if (terminal, epoch) == GAP:
                del payloads[10:12]
            for start in range(0, len(payloads), 12):
                at = SEVEN + timedelta(hours=2, seconds=start)
                add_events(register, [arrival(payload, at) for payload in payloads[start : start + 12]])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with register.sqlite and card/, both whole, and the heads that a second party kept of each."""
    folder = tmp_path_factory.mktemp("whole")
    make_register(f"sqlite:///{folder}/register.sqlite")
    make_card(folder / "card")
    (folder / "heads.pub").write_text(f"-----BEGIN PUBLIC KEY-----\n{_spki(HEADS_KEY)}\n-----END PUBLIC KEY-----\n")
    for name in ("register.sqlite", "card/card.sqlite"):
        write_heads(folder, folder / name)
    return folder


def make_card(folder: Path) -> None:
    """Have a card with two epochs, the first of which has forgotten its beginning."""
    folder.mkdir()
    made_chains.card(folder, 30)
    with closing(open_card(folder)) as connection:
        connection.execute("UPDATE outbox SET acknowledged_us = 1 WHERE seq <= 12")
        connection.execute("UPDATE outbox_epochs SET closed = 1")
    with closing(open_card(folder)) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        assert outbox.forget_acknowledged(SEVEN) == 12
    made_chains.card(folder, 25)
    (folder / "device.pub").write_text(
        f"-----BEGIN PUBLIC KEY-----\n{_spki_raw(SIGNER.public)}\n-----END PUBLIC KEY-----\n"
    )


def _spki(key: keys.PrivateKey) -> str:
    return _spki_raw(keys.raw(key.public_key()))


def _spki_raw(raw: bytes) -> str:

    return written(raw)


WITNESSED = (5, 14, 15, 23, 100)


def write_heads(folder: Path, path: Path) -> None:
    """Have heads files as a second party may have kept them while the chains grew: at some seqs, and of the end."""
    with opened(path) as store:
        places = store.places()
        for number, most in enumerate(WITNESSED):
            found: dict[tuple[str, str], Place] = {}
            for place in places:
                if place.seq <= most:
                    found[place[:2]] = place
            heads = tuple(
                WrittenHead(
                    office="demo",
                    terminal=place.terminal,
                    epoch=place.epoch,
                    upto=place.seq,
                    upto_hash=chain.digest(store.payload(place)).hex(),
                    at=SEVEN,
                )
                for place in found.values()
            )
            body = msgspec.json.encode(Heads(made_at=SEVEN, heads=heads))
            (folder / f"{path.stem}-heads-{number}.json").write_bytes(chain.seal(body, HEADS_KEY.sign) + b"\n")


def heads_of(folder: Path, stem: str) -> list[object]:
    return [word for file in sorted(folder.glob(f"{stem}-heads-*")) for word in ("--heads", file)]


# --- what is whole ----------------------------------------------------------------------------------------------------


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


# --- what is not (E4) -------------------------------------------------------------------------------------------------


def tampered(whole: Path, folder: Path, rng: random.Random, number: int) -> tuple[Edit, Path, str]:
    """Have a fresh copy of the card or the register in `folder`, with one edit; return what, where and which."""
    edit = EDITS[number % len(EDITS)]
    name, stem = rng.choice((("register.sqlite", "register"), ("card/card.sqlite", "card")))
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole / Path(name).parent if stem == "card" else whole, folder, dirs_exist_ok=True)
    path = folder / Path(name).name
    with opened(path) as store:
        return edit(store, rng), path, stem


def expected_by_heads(whole: Path, path: Path, done: Edit) -> set[Place]:
    """Return what may be named where only the heads can tell: the first witnessed entry from there on."""
    if done.kind == "truncate in line":
        return {done.first}
    with opened(path) as store:
        last = store.chain_of(done.first)[-1]
    return {done.first._replace(seq=min(seq for seq in (*WITNESSED[:-1], last.seq) if done.first.seq <= seq))}


def e4(whole: Path, folder: Path, times: int) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    for number in range(times):
        rng = random.Random(f"{seed} {number}")
        done, path, stem = tampered(whole, folder, rng, number)
        alone = run(path)
        witnessed = run(path, *heads_of(whole, stem))
        told = f"seed {seed}, edit {number} of a {stem}: {done}: {alone.words} {witnessed.words}"
        if done.seen_by_heads_only:
            assert (alone.code, alone.first_bad) == (0, None), told
            assert witnessed.first_bad in expected_by_heads(whole, path, done), told
        else:
            assert (alone.code, alone.first_bad) == (1, done.first), told
            assert witnessed.first_bad == done.first, told
        assert witnessed.code == 1, told


@pytest.mark.slow
def test_e4_the_first_bad_entry_of_150_edits_is_named(whole: Path, tmp_path: Path) -> None:
    e4(whole, tmp_path / "edited", 150)


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_e4_the_first_bad_entry_of_1000_edits_is_named(whole: Path, tmp_path: Path) -> None:
    e4(whole, tmp_path / "edited", 1000)


def test_e4_without_signatures_the_control_fails(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a chain of hashes alone takes a tail that somebody else signed for whole."""
    monkeypatch.setattr(keys, "verifier", lambda trusted: lambda signature, message: True)
    shutil.copy(whole / "register.sqlite", tmp_path / "register.sqlite")
    with opened(tmp_path / "register.sqlite") as store:
        tail = store.chain_of(store.places()[20])[20:]
        store.sign_anew(tail, THIEF, lambda entry: entry)
    assert look(tmp_path / "register.sqlite").bad == ()
    monkeypatch.undo()
    assert [bad.seq for bad in look(tmp_path / "register.sqlite").bad] == [21]


@pytest.fixture
def edited(whole: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the register in `tmp_path`/register.sqlite, to be edited."""
    shutil.copy(whole / "register.sqlite", tmp_path / "register.sqlite")
    with closing(sqlite3.connect(tmp_path / "register.sqlite", isolation_level=None)) as connection:
        yield connection


def bad_of(tmp_path: Path) -> list[tuple[str, int, str]]:
    return [(bad.terminal, bad.seq, bad.why) for bad in look(tmp_path / "register.sqlite").bad]


def test_an_entry_signed_anew_alone_with_the_right_key_is_told_from_the_one_after_it(
    edited: sqlite3.Connection, tmp_path: Path
) -> None:
    with opened(tmp_path / "register.sqlite") as store:
        for place in (store.places()[6], store.places()[-1]):
            entry, _ = chain.read_entry(store.payload(place))
            store.put(place, chain.seal(encode(msgspec.structs.replace(entry, boottime_ns=1)), SIGNER.sign))
        place = store.chain_of(Place("lobby-2", "3" * 32, 1))[19]
        entry, _ = chain.read_entry(store.payload(place))
        store.put(place, chain.seal(encode(msgspec.structs.replace(entry, prev_hash="9" * 64)), SIGNER.sign))
    assert [(terminal, seq) for terminal, seq, _ in bad_of(tmp_path)] == [
        ("lobby-1", 7),
        ("lobby-2", 20),
        ("lobby-3", 10),
    ]


def test_the_first_of_every_chain_is_named(edited: sqlite3.Connection, tmp_path: Path) -> None:
    edited.execute("DELETE FROM events WHERE seq IN (9, 12)")
    edited.execute("UPDATE events SET office = 'other' WHERE seq = 3 AND terminal = 'lobby-2'")
    assert bad_of(tmp_path) == [
        ("lobby-1", 9, "is not there"),
        ("lobby-1", 9, "is not there"),
        ("lobby-2", 3, "has another office in its column than in its signed bytes"),
        ("lobby-3", 9, "is not there"),
    ]


def test_entries_of_a_chain_or_a_kiosk_nobody_knows_are_named(edited: sqlite3.Connection, tmp_path: Path) -> None:
    edited.execute("DELETE FROM heads WHERE terminal = 'lobby-2'")
    edited.execute("DELETE FROM device_keys WHERE terminal = 'lobby-3'")
    assert bad_of(tmp_path) == [
        ("lobby-3", 1, "is of terminal lobby-3 of office demo, of which no key is known"),
        ("lobby-2", 1, "belongs to no chain that the database knows of"),
    ]


def test_a_key_that_was_only_offered_is_not_trusted_and_a_revoked_one_still_is(
    edited: sqlite3.Connection, tmp_path: Path
) -> None:
    edited.execute("UPDATE device_keys SET state = 'revoked'")
    assert bad_of(tmp_path) == []
    edited.execute("UPDATE device_keys SET state = 'offered' WHERE terminal = 'lobby-2'")
    assert [(terminal, seq) for terminal, seq, _ in bad_of(tmp_path)] == [("lobby-2", 1)]


def test_a_head_that_stops_short_or_goes_too_far_is_named(edited: sqlite3.Connection, tmp_path: Path) -> None:
    edited.execute("UPDATE heads SET upto = 20 WHERE terminal = 'lobby-2'")
    assert [seq for _, seq, _ in bad_of(tmp_path)] == [20], "the hash is that of another"
    edited.execute("UPDATE heads SET upto_hash = (SELECT lower(hex(payload_sha256)) FROM events "
                   "WHERE events.terminal = 'lobby-2' AND seq = 20) WHERE terminal = 'lobby-2'")  # fmt: skip
    assert bad_of(tmp_path) == [("lobby-2", 21, "lies beyond 20, where its chain is said to end")]
    edited.execute("UPDATE heads SET upto = 40, highest = 40 WHERE terminal = 'lobby-2'")
    assert bad_of(tmp_path) == [("lobby-2", 31, "is not there")]
    edited.execute("UPDATE heads SET upto = 30, highest = 40 WHERE terminal = 'lobby-2'")
    assert [seq for _, seq, _ in bad_of(tmp_path)] == [30]


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


@pytest.mark.parametrize("value", ["x'00ff'", "'text'", "1700", "zeroblob(20000)", "cast(x'ff' as text)"])
@pytest.mark.parametrize("column", ["payload", "employee", "occurred_at", "payload_sha256", "boottime_ns", "seq"])
def test_whatever_is_written_there_is_named_and_never_choked_on(
    edited: sqlite3.Connection, tmp_path: Path, column: str, value: str
) -> None:
    edited.execute(f"UPDATE events SET {column} = {value} WHERE terminal = 'lobby-2' AND seq = 30")  # noqa: S608
    assert [(terminal, seq) for terminal, seq, _ in bad_of(tmp_path)] == [("lobby-2", 30)]


# --- what cannot be said ----------------------------------------------------------------------------------------------


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
    (tmp_path / "both.pem").write_text(f"-----BEGIN PUBLIC KEY-----\n{_spki(HEADS_KEY)}\n-----END PUBLIC KEY-----\n"
                                       + pem.read_text())  # fmt: skip
    assert run(whole / "card", "--keys", tmp_path / "both.pem").code == 0
    (tmp_path / "list").write_text(
        f"# of the lobby\nlobby-1 {_spki_raw(SIGNER.public)}\n\nlobby-2 {_spki(HEADS_KEY)}\n"
    )
    ran = run(whole / "register.sqlite", "--keys", tmp_path / "list")
    assert {(bad["terminal"], bad["seq"]) for bad in ran.found["bad"]} == {("lobby-2", 1), ("lobby-3", 1)}
    for number, text in enumerate(("", "lobby-1", "lobby-1 x", f"lobby-1 {'A' * 60}", "a b c", "\xff")):
        (tmp_path / "wrong").write_bytes(text.encode("latin-1"))
        ran = run(whole / "card", "--keys", tmp_path / "wrong")
        assert (ran.code, len(ran.words.strip().splitlines())) == (2, 1), (number, ran.words)


# --- how fast ---------------------------------------------------------------------------------------------------------


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
