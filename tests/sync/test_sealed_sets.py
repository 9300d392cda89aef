"""Sets that are sealed for the kiosks of an office: read by those alone, and nothing of anybody is readable in them."""

import base64
import math
import random
import struct
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import config
from sync import keys, releases, sealing
from sync.received_sets import ReceivedSets, release_door
from sync.releases import EncodingSet, Person, ReleaseRefused, open_set, seal_set, sign_set

CENTRE = keys.PrivateKey.generate()
LOBBY, ANNEX, STRANGER = (keys.PrivateKey.generate() for _ in range(3))
PIN = "k=0f0f0f0f$argon2id$v=19$canary-of-the-pin"


def public(key: keys.PrivateKey) -> bytes:
    return keys.raw(key.public_key())


def template(seed: int, dimension: int = 16) -> bytes:
    values = [random.Random(f"{seed}/{place}").gauss(0, 1) for place in range(dimension)]
    norm = math.hypot(*values)
    return struct.pack(f"<{dimension}f", *(value / norm for value in values))


def a_set(count: int = 3, **changes: Any) -> EncodingSet:
    base = EncodingSet(
        office="demo",
        version=3,
        engine_id="test-engine",
        dimension=16,
        created_at=datetime(2025, 1, 2, tzinfo=UTC),
        people=tuple(
            Person(employee=f"{number:05}", name=f"Pegawai Canary {number}", templates=(template(number),), pin=PIN)
            for number in range(count)
        ),
    )
    return msgspec.structs.replace(base, **changes)


def opened(blob: bytes, reader: keys.PrivateKey | bytes | None, **changes: Any) -> EncodingSet:
    asked: dict[str, Any] = {"office": "demo", "engine_id": None, "newer_than": 2, **changes}
    return open_set(blob, trusted=CENTRE.public_key(), reader=reader, **asked)


def refusal(blob: bytes, reader: keys.PrivateKey | bytes | None, **changes: Any) -> ReleaseRefused:
    with pytest.raises(ReleaseRefused) as caught:
        opened(blob, reader, **changes)
    return caught.value


def written(trace: bytes) -> list[bytes]:
    """Return how `trace` may lie about: raw, backwards, in hex, in base64 wherever it starts."""
    encoded = [base64.b64encode(b"\0" * before + trace)[4:-4] for before in range(3)]
    return [trace, trace[::-1], trace.hex().encode(), trace.hex().upper().encode(), *encoded]


@pytest.mark.parametrize("people", [0, 1, 127, 128, 129, 700])
def test_c5_every_kiosk_it_is_sealed_for_reads_it_and_the_centre_by_its_own_key(people: int) -> None:
    content = a_set(people)
    sealed = seal_set(content, CENTRE, [public(LOBBY), public(ANNEX)])
    for reader in (LOBBY, ANNEX, sealed.key):
        assert opened(sealed.blob, reader) == content


def test_c5_a_kiosk_that_is_not_among_its_readers_says_what_to_do() -> None:
    sealed = seal_set(a_set(), CENTRE, [public(LOBBY)])
    refused = refusal(sealed.blob, STRANGER)
    assert (refused.alarm, "publish again after approving" in str(refused)) == ("release_not_for_us", True)
    assert refusal(sealed.blob, None).alarm == "release_not_for_us"
    assert refusal(seal_set(a_set(), CENTRE, []).blob, LOBBY).alarm == "release_not_for_us"
    assert refusal(sealed.blob, sealing.new_key()).alarm == "release_torn"


def test_c5_nothing_of_anybody_is_readable_in_a_sealed_set() -> None:
    content = a_set(300)
    traces = [each for number in (0, 150, 299) for each in written(template(number))]
    traces += [*written(b"Pegawai Canary 150"), *written(PIN.encode())]
    sealed = seal_set(content, CENTRE, [public(LOBBY)]).blob
    assert [trace for trace in traces if trace in sealed] == []
    in_clear = sign_set(content, CENTRE)
    assert sum(trace in in_clear for trace in traces) >= 5, "the search would find what is not sealed"


def test_c5_a_kiosk_keeps_a_set_as_it_came_and_the_one_before_when_it_is_not_among_the_readers(tmp_path: Path) -> None:
    (tmp_path / "release.pub").write_bytes(keys._public_pem(CENTRE))
    settings = config.replace(
        config.Config(),
        terminal={"state": str(tmp_path / "card"), "release_key": str(tmp_path / "release.pub")},
    )
    in_use: list[int] = []

    def kiosk() -> ReceivedSets:
        sets = ReceivedSets(release_door(settings, None, reader=LOBBY), lambda content: in_use.append(content.version))
        sets.remember()
        return sets

    first = seal_set(a_set(), CENTRE, [public(LOBBY)]).blob
    assert kiosk().take(first) == a_set()
    with pytest.raises(ReleaseRefused) as refused:
        kiosk().take(seal_set(a_set(version=4), CENTRE, [public(ANNEX)]).blob)
    assert refused.value.alarm == "release_not_for_us"
    assert releases.kept_set(tmp_path / "card") == first
    again = seal_set(a_set(version=5), CENTRE, [public(ANNEX), public(LOBBY)]).blob
    assert kiosk().take(again) is not None
    assert releases.kept_set(tmp_path / "card") == again
    assert kiosk().take(again) is None, "no news"
    assert in_use == [3, 5]


def test_a_set_of_before_there_was_a_seal_is_taken_by_a_kiosk_of_now() -> None:
    assert opened(sign_set(a_set(), CENTRE), LOBBY) == a_set()


def test_f6_the_next_set_is_not_opened_by_a_kiosk_that_was_revoked_nor_by_the_key_of_the_one_before() -> None:
    before = seal_set(a_set(), CENTRE, [public(LOBBY), public(ANNEX)])
    after = seal_set(a_set(version=4), CENTRE, [public(ANNEX)])
    assert opened(before.blob, LOBBY).version == 3
    assert refusal(after.blob, LOBBY).alarm == "release_not_for_us"
    assert refusal(after.blob, before.key).alarm == "release_torn"
    assert opened(after.blob, ANNEX).version == 4


def test_f6_the_same_person_in_two_offices_cannot_be_linked_by_the_bytes_of_the_sets() -> None:
    person = a_set(1).people
    there = [
        seal_set(a_set(people=person, office=office), CENTRE, [public(LOBBY)]).blob for office in ("north", "south")
    ]

    def pieces(blob: bytes) -> set[bytes]:
        content = msgspec.msgpack.decode(msgspec.msgpack.decode(blob)[3])
        sealed = b"".join([*content["people"], *content["readers"].values()])
        return {sealed[at : at + 6] for at in range(len(sealed) - 5)}

    assert pieces(there[0]) & pieces(there[1]) == set()
    in_clear = [sign_set(a_set(people=person, office=office), CENTRE) for office in ("north", "south")]
    assert template(0) in in_clear[0]
    assert template(0) in in_clear[1], "without a seal they could"


def resigned(content: dict[str, Any]) -> bytes:
    inner = msgspec.msgpack.encode(content)
    signature = keys.sign(CENTRE, b"hadir encoding set 1\0" + inner)
    return msgspec.msgpack.encode([1, keys.key_id(CENTRE.public_key()), signature, inner])


def test_a_part_in_another_place_version_or_office_is_torn_even_when_it_is_signed() -> None:
    content = msgspec.msgpack.decode(msgspec.msgpack.decode(seal_set(a_set(300), CENTRE, [public(LOBBY)]).blob)[3])
    assert len(opened(resigned(content), LOBBY).people) == 300, "the signing here is right"
    first, second, third = content["people"]
    own = keys.key_id(LOBBY.public_key())
    for changed, alarm in (
        ({"people": [second, first, third]}, "release_torn"),
        ({"people": [first, second]}, "release_torn"),
        ({"people": [first, second, third, third]}, "release_torn"),
        ({"people": [first, second, third[:-1]]}, "release_torn"),
        ({"people": [first, second, b""]}, "release_torn"),
        ({"version": 4}, "release_torn"),
        ({"readers": {}}, "release_not_for_us"),
        ({"readers": {own: b"\0" * 80}}, "release_not_for_us"),
        ({"readers": {own: b"\0" * 79}}, "release_torn"),
        ({"readers": {"x": b"\0" * 80}}, "release_torn"),
    ):
        assert refusal(resigned({**content, **changed}), LOBBY).alarm == alarm, changed.keys()


def test_who_signs_for_which_office_and_how_old_it_is_are_told_before_anything_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sealed = seal_set(a_set(), CENTRE, [public(LOBBY)]).blob

    def complain(*_: object, **__: object) -> bytes:
        raise AssertionError("opened before it was known whether it is for this kiosk")

    monkeypatch.setattr(sealing, "open_for", complain)
    monkeypatch.setattr(sealing, "open_with", complain)
    assert refusal(sealed, LOBBY, office="other").alarm == "release_foreign"
    assert refusal(sealed, LOBBY, newer_than=3).alarm == "release_older"
    assert refusal(sealed, LOBBY, engine_id="dlib").alarm == "release_engine"
    assert refusal(sealed[:-1] + bytes([sealed[-1] ^ 1]), LOBBY).alarm == "release_forged"


def test_every_flipped_byte_and_every_cut_of_a_sealed_set_is_refused() -> None:
    blob = seal_set(a_set(1), CENTRE, [public(LOBBY)]).blob
    for place in range(len(blob)):
        bad = bytearray(blob)
        bad[place] ^= 0x55
        assert refusal(bytes(bad), LOBBY).alarm in ("release_torn", "release_forged")
        assert refusal(blob[:place], LOBBY).alarm in ("release_torn", "release_forged")


@pytest.mark.parametrize("what", ["twice", "norm"])
def test_unsound_people_are_not_sealed(what: str) -> None:
    one = Person(employee="1", name="A", templates=(template(1) if what == "twice" else b"\0" * 64,))
    with pytest.raises(ReleaseRefused, match=r"twice|norm"):
        seal_set(a_set(people=(one, one) if what == "twice" else (one,)), CENTRE, [public(LOBBY)])


def test_a_reader_that_is_no_key_is_named() -> None:
    with pytest.raises(keys.KeyRefused, match="no public key of a device"):
        seal_set(a_set(), CENTRE, [b"\0" * 32])


def test_a_sealed_set_is_little_larger_and_little_slower_to_open_than_one_in_clear() -> None:
    """Measured in turns in one run: the signature and the unpacking are most of the work."""
    content = a_set(20_000)
    plain, sealed = sign_set(content, CENTRE), seal_set(content, CENTRE, [public(LOBBY)]).blob
    assert len(sealed) - len(plain) < 100 * (20_000 / 128) + 1000
    took: dict[bytes, list[float]] = {plain: [], sealed: []}
    for _ in range(3):
        for blob, seconds in took.items():
            began = time.perf_counter()
            opened(blob, LOBBY)
            seconds.append(time.perf_counter() - began)
    assert min(took[sealed]) < 3 * min(took[plain])


def test_no_part_is_larger_than_what_is_opened_in_one_turn() -> None:
    content = a_set(1000, dimension=16)
    inner = msgspec.msgpack.decode(msgspec.msgpack.decode(seal_set(content, CENTRE, [public(LOBBY)]).blob)[3])
    assert max(map(len, inner["people"])) < 2 * len(msgspec.msgpack.encode(content.people[: releases._PEOPLE_A_PART]))
