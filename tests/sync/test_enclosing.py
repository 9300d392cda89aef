"""A sealed picture goes with the note that names it, is nothing signed, and holds up nothing when it cannot."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import chain, sealing
from sync.enclosing import with_picture
from sync.inspection import inspect
from sync.messages import MAX_MESSAGE_BYTES, AttackNote, ClockQuality, MessageRefused, PadVerdict, decode_entry, encode
from sync.register.arrivals import Arrival
from sync.sealing import ref_of
from tests.sync.samples import EPOCH, SEVEN, SIGNER, event, payload_of
from tests.sync.uplink.desk import EVENTS

LARGEST = secrets.token_bytes(chain.MAX_ENCLOSED_BYTES)


def put(folder: Path, box: bytes) -> str:
    folder.mkdir(exist_ok=True)
    (folder / sealing.name_of(ref_of(box))).write_bytes(box)
    return ref_of(box)


def note(seq: int = 1, **more: Any) -> AttackNote:
    values: dict[str, Any] = {
        "terminal": "l" * 40, "epoch": EPOCH, "seq": seq, "office": "o" * 40, "prev_hash": "f" * 64,
        "clock": ClockQuality.ESTIMATED, "recorded_at": SEVEN.replace(microsecond=123456), "boot_id": "b" * 32,
        "boottime_ns": 2**63 - 1, "clock_jump_ms": -(2**53), "id": "a" * 32, "employee": "9" * 32,
        "verdict": PadVerdict.UNDECIDED, "cues": ("passive", "relief", "edge", "frame", "repeats", "arrival", "twin"),
        "score": -0.12345678901234567, "held": True, "made_at": SEVEN - timedelta(microseconds=1),
        "moved_from": (EPOCH, 2**53 - 1),
    }  # fmt: skip
    return AttackNote(**(values | more))


def signed(entry: AttackNote) -> bytes:
    return chain.seal(encode(entry), SIGNER.sign)


def test_the_longest_note_goes_with_the_largest_picture(tmp_path: Path) -> None:
    payload = signed(note(evidence_ref=put(tmp_path, LARGEST)))
    both = with_picture(payload, tmp_path)
    assert len(payload) + 15_000 < len(both) <= MAX_MESSAGE_BYTES
    assert chain.unpack(both) == [payload]
    assert chain.enclosed(both) == {ref_of(LARGEST): LARGEST}


def test_the_centre_has_the_picture_beside_the_entry_and_the_chain_is_of_the_entry_alone(tmp_path: Path) -> None:
    entry = note(terminal="lobby-1", office="demo", evidence_ref=put(tmp_path, b"box"))
    payload = signed(entry)
    after = payload_of(event(2))
    whole = chain.pack([with_picture(payload, tmp_path), after])
    found = inspect(EVENTS, whole, retained=False, at=SEVEN)
    assert [(each.payload, each.box) for each in found if isinstance(each, Arrival)] == [
        (payload, b"box"),
        (after, None),
    ]
    assert found[0].digest == chain.digest(payload)  # type: ignore[union-attr]


def test_a_note_goes_alone_where_its_picture_is_gone_exchanged_or_too_large(tmp_path: Path) -> None:
    for ref in (None, "none:policy", "sealed:../../x", ref_of(b"never kept")):
        payload = signed(note(evidence_ref=ref))
        assert with_picture(payload, tmp_path) == payload
    too_large = signed(note(evidence_ref=put(tmp_path, LARGEST + b"x")))
    assert with_picture(too_large, tmp_path) == too_large
    exchanged = signed(note(evidence_ref=put(tmp_path, b"box")))
    (tmp_path / sealing.name_of(ref_of(b"box"))).write_bytes(b"another")
    assert with_picture(exchanged, tmp_path) == exchanged
    wordy = signed(note(evidence_ref=put(tmp_path, LARGEST), cues=("x" * 200,) * 8))
    assert with_picture(wordy, tmp_path) == wordy
    not_one = payload_of(event(1))
    assert with_picture(not_one, tmp_path) == not_one


def test_a_picture_nobody_names_or_that_is_another_is_passed_over() -> None:
    payload = signed(note(terminal="lobby-1", office="demo", evidence_ref=ref_of(b"box")))
    for ref, box in (
        (ref_of(b"box"), b"another"),
        (ref_of(b"another"), b"another"),
        (ref_of(LARGEST + b"x"), LARGEST + b"x"),
    ):
        if len(box) > chain.MAX_ENCLOSED_BYTES:
            assert chain.enclosed(chain.enclose(ref, box)) == {}
            continue
        (found,) = inspect(EVENTS, chain.pack([payload, chain.enclose(ref, box)]), retained=False, at=SEVEN)
        assert isinstance(found, Arrival)
        assert found.box is None


@given(st.binary(max_size=400), st.binary(max_size=60))
def test_no_bytes_after_a_note_harm_it(signs: bytes, ref: bytes) -> None:
    payload = signed(note(terminal="lobby-1", office="demo"))
    lines = [part.replace(b"\n", b"") for part in (b"sealed:" + ref, signs)]
    found = inspect(EVENTS, payload + b"\n" + b"\n".join(lines), retained=False, at=SEVEN)
    assert [type(each) for each in found] == [Arrival]


@pytest.mark.parametrize("verdict", ["bona_fide", "not_checked", "other"])
def test_a_note_is_of_an_attack_or_a_near_miss_and_nothing_else(verdict: str) -> None:
    body = encode(note()).replace(b'"undecided"', f'"{verdict}"'.encode())
    with pytest.raises(MessageRefused):
        decode_entry(body)
    with pytest.raises(MessageRefused):
        encode(note(score=float("nan")))
