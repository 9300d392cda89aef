"""Encoding sets: only a whole, sound, newer set of the trusted key for this office is ever taken or kept."""

import math
import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync import keys, releases
from sync.releases import EncodingSet, Person, ReleaseRefused, keep_set, kept_set, open_set, sign_set

PROJECT = Path(__file__).resolve().parents[2]
ENGINE = "test-engine"
KEY = keys.PrivateKey.generate()
TRUSTED = KEY.public_key()


def template(seed: int, dimension: int = 16) -> bytes:
    values = [random.Random(f"{seed}/{place}").gauss(0, 1) for place in range(dimension)]
    norm = math.hypot(*values)
    return struct.pack(f"<{dimension}f", *(value / norm for value in values))


def a_set(**changes: Any) -> EncodingSet:
    people = (
        Person(employee="1001", name="Siti Nurhaliza", templates=(template(1), template(2)), pin="$argon2id$x"),
        Person(employee="1002", name="Budi Śantoso 😀", templates=(template(3),)),
        Person(employee="1003", name="Tanpa Wajah", pin="$argon2id$y"),
    )
    base = EncodingSet(
        office="demo",
        version=3,
        engine_id=ENGINE,
        dimension=16,
        created_at=datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
        people=people,
    )
    return msgspec.structs.replace(base, **changes)


def opened(blob: bytes, **changes: Any) -> EncodingSet:
    asked = {"trusted": TRUSTED, "office": "demo", "engine_id": ENGINE, "newer_than": 2, **changes}
    return open_set(blob, **asked)


def alarm_of(blob: bytes, **changes: Any) -> str:
    with pytest.raises(ReleaseRefused) as caught:
        opened(blob, **changes)
    assert "\n" not in str(caught.value)
    return caught.value.alarm


def first_form(content: EncodingSet) -> dict[str, Any]:
    """Return the content of a file as it was before there were parts."""
    return {"v": 1, **msgspec.structs.asdict(content)}


def second_form(content: EncodingSet) -> dict[str, Any]:
    return {"v": 2, **msgspec.structs.asdict(content), "people": [msgspec.msgpack.encode([p]) for p in content.people]}


def signed_anyway(content: object, key: keys.PrivateKey = KEY) -> bytes:
    """Sign what `sign_set` would refuse, as a broken or captured centre might."""
    inner = msgspec.msgpack.encode(content)
    signature = keys.sign(key, b"hadir encoding set 1\0" + inner)
    return msgspec.msgpack.encode([1, keys.key_id(key.public_key()), signature, inner])


def test_a_signed_set_comes_back_as_it_was() -> None:
    assert opened(sign_set(a_set(), KEY)) == a_set()
    assert opened(sign_set(a_set(people=()), KEY)).people == ()
    assert opened(sign_set(a_set(), KEY), engine_id=None) == a_set()


def test_signing_is_repeatable() -> None:
    assert sign_set(a_set(), KEY) == sign_set(a_set(), KEY)


@pytest.mark.parametrize("form", [first_form, second_form])
def test_a_set_of_either_form_is_read(form: Callable[[EncodingSet], dict[str, Any]]) -> None:
    assert opened(signed_anyway(form(a_set()))) == a_set()


def test_people_in_many_parts_come_back_in_their_order() -> None:
    people = tuple(Person(employee=f"{number:05}", name="A", templates=(template(number),)) for number in range(1000))
    assert opened(sign_set(a_set(people=people), KEY)).people == people


def test_a_set_of_another_key_is_forged() -> None:
    stranger = keys.PrivateKey.generate()
    assert alarm_of(sign_set(a_set(), stranger)) == "release_forged"
    # ... also when it says it is signed by the trusted one
    _, _, signature, inner = msgspec.msgpack.decode(sign_set(a_set(), stranger))
    assert alarm_of(msgspec.msgpack.encode([1, keys.key_id(TRUSTED), signature, inner])) == "release_forged"


def test_a_signature_over_the_bare_content_is_forged() -> None:
    inner = msgspec.msgpack.encode(a_set())
    blob = msgspec.msgpack.encode([1, keys.key_id(TRUSTED), keys.sign(KEY, inner), inner])
    assert alarm_of(blob) == "release_forged"


def test_content_is_not_decoded_before_its_signature_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Complains:
        def decode(self, inner: bytes) -> EncodingSet:
            raise AssertionError("decoded before the signature was known to be good")

    blob = bytearray(sign_set(a_set(), KEY))
    blob[-1] ^= 1
    monkeypatch.setattr(releases, "_contents", Complains())
    assert alarm_of(bytes(blob)) == "release_forged"


@pytest.mark.parametrize(
    ("changes", "asked", "alarm"),
    [
        ({}, {"office": "other"}, "release_foreign"),
        ({}, {"engine_id": "dlib"}, "release_engine"),
        ({}, {"newer_than": 3}, "release_older"),
        ({}, {"newer_than": 4}, "release_older"),
        ({"version": 0}, {"newer_than": 0}, "release_older"),
    ],
)
def test_sets_for_others_and_of_yesterday_are_refused(
    changes: dict[str, Any], asked: dict[str, Any], alarm: str
) -> None:
    assert alarm_of(sign_set(a_set(**changes), KEY), **asked) == alarm


def with_values(*values: float) -> EncodingSet:
    padded = (*values, *(0.0,) * (16 - len(values)))
    return a_set(people=(Person(employee="1", name="A", templates=(struct.pack("<16f", *padded),)),))


UNSOUND = {
    "not a number": with_values(math.nan, 1.0),
    "infinite": with_values(math.inf),
    "minus infinite": with_values(-math.inf, 1.0),
    "too long": with_values(1.0, 0.5),
    "too short": with_values(0.9),
    "zero": with_values(),
    "huge": with_values(3e38, 3e38),
    "a byte short": a_set(people=(Person(employee="1", name="A", templates=(template(1)[:-1],)),)),
    "another dimension": a_set(people=(Person(employee="1", name="A", templates=(template(1, 32),)),)),
    "empty template": a_set(people=(Person(employee="1", name="A", templates=(b"",)),)),
    "the same number twice": a_set(people=(Person(employee="1", name="A"), Person(employee="1", name="B"))),
}


@pytest.mark.parametrize("what", UNSOUND)
def test_unsound_people_are_neither_signed_nor_taken(what: str) -> None:
    with pytest.raises(ReleaseRefused):
        sign_set(UNSOUND[what], KEY)
    for form in (first_form, second_form):
        with pytest.raises(ReleaseRefused, match=r"template|twice") as caught:
            opened(signed_anyway(form(UNSOUND[what])))
        assert caught.value.alarm == "release_torn"


def raw(**changes: Any) -> dict[str, Any]:
    return {**first_form(a_set()), **changes}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        raw(v=0),
        raw(v=2),
        raw(v=3),
        raw(v="1"),
        {key: value for key, value in raw().items() if key != "v"},
        raw(office="../etc"),
        raw(office="Demo"),
        raw(version=-1),
        raw(version="3"),
        raw(dimension=0),
        raw(dimension=10**9),
        raw(people=[{"employee": "1"}]),
        raw(people=[{"employee": "../1", "name": "A"}]),
        raw(people=[{"employee": "1", "name": ""}]),
        raw(people=[{"employee": "1", "name": "A" * 121}]),
        raw(v=2, people=[b"\x91"]),
        raw(v=2, people=[b""]),
        raw(v=2, people=[b"\x91\x80"]),
        raw(v=2, people=b""),
        raw(v=2, people=[msgspec.msgpack.encode([{"employee": "1", "name": "A"}]) + b"\0"]),
        raw(created_at="yesterday"),
        raw(created_at="2025-01-02T03:04:05"),
    ],
)
def test_signed_nonsense_is_refused(content: object) -> None:
    assert alarm_of(signed_anyway(content)) == "release_torn"


def test_content_cut_off_before_it_was_signed_is_refused() -> None:
    inner = msgspec.msgpack.encode(a_set())[:-5]
    signature = keys.sign(KEY, b"hadir encoding set 1\0" + inner)
    assert alarm_of(msgspec.msgpack.encode([1, keys.key_id(TRUSTED), signature, inner])) == "release_torn"


def test_a_set_over_the_cap_is_neither_signed_nor_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = sign_set(a_set(), KEY)
    monkeypatch.setattr(releases, "MAX_SET_BYTES", len(blob))
    opened(blob)
    assert alarm_of(blob + b"x") == "release_too_large"
    monkeypatch.setattr(releases, "MAX_SET_BYTES", len(blob) - 1)
    with pytest.raises(ReleaseRefused) as caught:
        sign_set(a_set(), KEY)
    assert caught.value.alarm == "release_too_large"


def test_a_length_that_lies_takes_no_memory() -> None:
    # An envelope that announces 4 GiB of content and has none.
    lie = b"\x94\x01\xb0" + b"0" * 16 + b"\xc4\x40" + b"s" * 64 + b"\xc6\xff\xff\xff\xff"
    assert alarm_of(lie) == "release_torn"
    assert alarm_of(b"\x91" * 100_000) == "release_torn"


def test_every_flipped_byte_and_every_cut_is_refused_and_the_kept_set_stays(tmp_path: Path) -> None:
    kept = sign_set(a_set(version=2), KEY)
    keep_set(tmp_path, kept)
    blob = sign_set(a_set(), KEY)
    damaged = [blob[:length] for length in range(len(blob))]
    for place in range(len(blob)):
        for mask in (0x01, 0x80, 0xFF):
            bad = bytearray(blob)
            bad[place] ^= mask
            damaged.append(bytes(bad))
    damaged += [blob + b"\0", blob + blob, b"\0" + blob, blob[:50] + blob[51:]]
    for bad in damaged:
        assert alarm_of(bad) in ("release_torn", "release_forged")
    assert kept_set(tmp_path) == kept
    assert [path.name for path in tmp_path.iterdir()] == ["current.hset"]
    assert opened(blob) == a_set()


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_bytes_of_a_stranger_are_refused_and_never_crash(blob: bytes) -> None:
    assert alarm_of(blob) in ("release_torn", "release_forged")


unit = st.integers(0, 2**32).map(template)
person = st.builds(
    Person,
    employee=st.from_regex(r"[0-9A-Za-z][0-9A-Za-z.\-]{0,31}", fullmatch=True),
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=120),
    templates=st.lists(unit, max_size=3).map(tuple),
    pin=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
)


@settings(deadline=None)
@given(
    people=st.lists(person, max_size=6, unique_by=lambda one: one.employee).map(tuple),
    version=st.integers(1, 2**63 - 1),
    at=st.datetimes(timezones=st.just(UTC)),
)
def test_whatever_people_there_are_the_set_carries_them(people: tuple[Person, ...], version: int, at: datetime) -> None:
    content = a_set(people=people, version=version, created_at=at)
    assert opened(sign_set(content, KEY), newer_than=version - 1) == content


def test_a_kept_set_is_private_and_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "terminal"
    assert kept_set(folder) is None
    keep_set(folder, b"old")
    keep_set(folder, b"new and longer")
    assert kept_set(folder) == b"new and longer"
    assert (folder / "current.hset").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["current.hset"]


def test_what_a_killed_write_left_is_cleared_at_the_next_start(tmp_path: Path) -> None:
    keep_set(tmp_path, b"old")
    (tmp_path / ".current.hset.abc123.unfinished").write_bytes(b"ne")
    (tmp_path / "card.sqlite").write_bytes(b"not ours")
    assert kept_set(tmp_path) == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.sqlite", "current.hset"]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "os.fchmod"])
def test_a_card_that_fails_keeps_the_old_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    keep_set(tmp_path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(releases.SetNotKept, match="No space left on device"):
            keep_set(tmp_path, b"new")
    assert kept_set(tmp_path) == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["current.hset"]


def test_a_full_device_is_one_sentence() -> None:
    with pytest.raises(releases.SetNotKept):
        keep_set(Path("/dev/full"), b"new")


@pytest.mark.slow
def test_killed_at_any_moment_the_set_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    """A process keeps two sets in turn and is killed again and again; `seed` makes the moments repeatable."""
    seed = 20250102
    print("seed", seed)
    dice = random.Random(seed)
    old, new = (sign_set(a_set(version=version), KEY) * 2000 for version in (2, 3))
    (tmp_path / "old").write_bytes(old)
    (tmp_path / "new").write_bytes(new)
    code = (
        "import sys; from pathlib import Path; from sync.releases import keep_set\n"
        "base = Path(sys.argv[1]); sets = [(base / n).read_bytes() for n in ('old', 'new')]\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    for blob in sets: keep_set(base / 'kept', blob)\n"
    )
    unfinished = 0
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"go\n"
            time.sleep(dice.uniform(0.0, 0.05))  # the moment of the kill is the experiment
            process.kill()
        left = list((tmp_path / "kept").glob(".*"))
        unfinished += bool(left)
        assert kept_set(tmp_path / "kept") in (old, new, None)
        assert not list((tmp_path / "kept").glob(".*"))
    assert kept_set(tmp_path / "kept") in (old, new)
    assert unfinished, "no kill fell into a write: the experiment shows nothing"


def test_fifty_thousand_people_with_three_templates_and_a_pin_fit_into_a_set() -> None:
    vectors = tuple(template(number, 128) for number in range(3))
    pin = "$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 66
    people = tuple(
        Person(
            employee=f"{number:018}",
            name="Dr. H. Nama Pegawai Yang Panjang Sekali, S.Sos., M.Si.",
            templates=vectors,
            pin=pin,
        )
        for number in range(500)
    )
    assert 100 * len(sign_set(a_set(dimension=128, people=people), KEY)) < releases.MAX_SET_BYTES


def test_fifty_thousand_people_come_back() -> None:
    vector = template(1, 128)
    people = tuple(Person(employee=str(number), name="A", templates=(vector,)) for number in range(50_000))
    assert opened(sign_set(a_set(dimension=128, people=people), KEY)).people == people


def test_the_brokers_settings_let_the_largest_set_through() -> None:
    said = (PROJECT / "sync" / "broker" / "mosquitto.conf").read_text()
    (line,) = [line for line in said.splitlines() if line.startswith("max_packet_size ")]
    assert int(line.split()[1]) >= releases.MAX_SET_BYTES + 2**20


class _PersonOfBefore(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A person as kiosks knew them before there were administrators."""

    employee: str
    name: str
    templates: tuple[bytes, ...] = ()
    pin: str | None = None


def test_a_set_with_administrators_is_read_by_kiosks_of_before_and_theirs_by_those_of_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, *others = a_set().people
    blob = sign_set(a_set(people=(msgspec.structs.replace(first, administrator=True), *others)), KEY)
    assert [person.administrator for person in opened(blob).people] == [True, False, False]
    of_before = sign_set(a_set(), KEY)
    assert b"administrator" not in of_before, "a set without any is the file it was"
    assert [person.administrator for person in opened(of_before).people] == [False, False, False]

    monkeypatch.setattr(releases, "_part", msgspec.msgpack.Decoder(tuple[_PersonOfBefore, ...]))
    assert [(person.employee, person.name) for person in opened(blob).people] == [
        (person.employee, person.name) for person in a_set().people
    ]
