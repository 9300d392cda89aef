"""`hadir verify-chain` of what was tampered with: the first bad entry is named (acceptance E4)."""

import random
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from sync import chain, keys
from sync.messages import encode
from tests.sync.samples import SIGNER
from tests.sync.tampering import EDITS, THIEF, Edit, Place, opened
from tests.sync.verify.chains import WITNESSED, bad_of, heads_of, look, run


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


@pytest.mark.parametrize("value", ["x'00ff'", "'text'", "1700", "zeroblob(20000)", "cast(x'ff' as text)"])
@pytest.mark.parametrize("column", ["payload", "employee", "occurred_at", "payload_sha256", "boottime_ns", "seq"])
def test_whatever_is_written_there_is_named_and_never_choked_on(
    edited: sqlite3.Connection, tmp_path: Path, column: str, value: str
) -> None:
    edited.execute(f"UPDATE events SET {column} = {value} WHERE terminal = 'lobby-2' AND seq = 30")  # noqa: S608
    assert [(terminal, seq) for terminal, seq, _ in bad_of(tmp_path)] == [("lobby-2", 30)]
