"""The heads a second party keeps: written once a day, signed, and what they catch that a chain alone cannot."""

import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import config
from sync import chain, heads, keys
from sync.collector import Collector
from sync.messages import Entry
from sync.register import Register, RegisterError, RegisterUnavailable, devices
from sync.register.arrivals import add_events, arrival
from tests.fakes import FakeLink
from tests.sync import made_chains
from tests.sync.samples import COLLECTOR, SEVEN, SIGNER, released
from tests.sync.tampering import opened
from tests.sync.verify.chains import Ran, run

LOBBY = ("lobby-1", "1" * 32)
GATE = ("gate-1", "2" * 32)


@pytest.fixture
def settings(tmp_path: Path) -> config.Config:
    """Settings of a centre in `tmp_path`, whose keys are there."""
    keys.new_centre_keys(tmp_path / "keys")
    return config.replace(
        config.Config(),
        centre={
            "register": f"sqlite:///{tmp_path}/register.sqlite",
            "keys": str(tmp_path / "keys"),
            "heads": str(tmp_path / "heads"),
        },
    )


@pytest.fixture
def register(settings: config.Config) -> Iterator[Register]:
    with Register.open(settings.centre.register) as found:
        for terminal in ("lobby-1", "gate-1"):
            devices.admit(found, terminal=terminal, office="demo", public_key=SIGNER.public, at=SEVEN)
        yield found


def grow(register: Register, key: tuple[str, str], first: int, last: int) -> None:
    """Have entries `first` to `last` of that chain in the register."""
    entries = [payload for _, payload in made_chains.made(*key, last)]
    add_events(register, [arrival(payload, SEVEN) for payload in entries[first - 1 :]])


def looked(settings: config.Config, *files: Path) -> Ran:
    """Return what verify-chain says of the register beside these files."""
    words = [word for file in files for word in ("--heads", file)]
    return run(settings.centre.register, *words, "--heads-key", settings.centre.keys / "heads.pub")


def test_the_heads_of_every_chain_are_written_signed(settings: config.Config, register: Register) -> None:
    grow(register, LOBBY, 1, 20)
    grow(register, GATE, 1, 7)
    path, count = heads.write(settings, register, SEVEN + timedelta(hours=23))
    assert (path, count) == (settings.centre.heads / "heads-2026-03-02.json", 2)
    found = heads.read(path, keys.load_public(settings.centre.keys / "heads.pub"))
    assert found.made_at == SEVEN + timedelta(hours=23)
    assert [(head.office, head.terminal, head.epoch, head.upto) for head in found.heads] == [
        ("demo", *GATE, 7),
        ("demo", *LOBBY, 20),
    ]
    *_, (_, last) = made_chains.made(*LOBBY, 20)
    assert found.heads[1].upto_hash == chain.digest(last).hex()
    ran = looked(settings, path)
    assert (ran.code, ran.found["witnessed"]) == (0, 2)
    assert "27 entries of 2 chains are as they were made, and as 2 heads kept elsewhere say." in ran.words


def test_anybody_can_check_the_file_with_openssl(
    settings: config.Config, register: Register, tmp_path: Path, program: Callable[[str], str]
) -> None:
    """With the commands that sync/heads.py gives, word for word."""
    openssl = Path(program("openssl")).parent
    grow(register, LOBBY, 1, 3)
    path, _ = heads.write(settings, register, SEVEN)
    shutil.copy(path, tmp_path)
    shutil.copy(settings.centre.keys / "heads.pub", tmp_path)
    assert heads.__doc__ is not None
    commands = [line.strip()[2:] for line in heads.__doc__.splitlines() if line.strip().startswith("$ ")]
    assert len(commands) == 3
    said = subprocess.run(
        ["sh", "-ec", "\n".join(commands)],
        cwd=tmp_path, capture_output=True, text=True, check=True, env={"PATH": f"{openssl}:/usr/bin:/bin"},
    )  # fmt: skip
    assert said.stdout == "Signature Verified Successfully\n"
    (tmp_path / path.name).write_bytes(path.read_bytes().replace(b'"upto":3', b'"upto":2'))
    said = subprocess.run(["sh", "-ec", "\n".join(commands)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode != 0


def _later(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, boottime_ns=entry.boottime_ns + 1)


def test_e4_a_tail_signed_anew_with_the_kiosks_own_key_is_caught_and_named(
    settings: config.Config, register: Register, tmp_path: Path
) -> None:
    files = []
    for day, last in enumerate((10, 20, 30)):
        grow(register, LOBBY, last - 9, last)
        files.append(heads.write(settings, register, SEVEN + timedelta(days=day))[0])
    with opened(tmp_path / "register.sqlite") as store:
        store.sign_anew(store.places()[13:], SIGNER, _later)
    assert looked(settings).code == 0, "control: the chain alone is whole"
    ran = looked(settings, *files)
    assert (ran.code, ran.first_bad) == (1, (*LOBBY, 20))
    (bad,) = ran.found["bad"]
    assert bad["why"] == (
        "is not the entry that heads-2026-03-03.json names: it or another from 11 on was signed anew"
    ), "entry 14 was: what was witnessed on the first day is in order"
    assert looked(settings, files[0]).code == 0


def test_a_whole_chain_that_was_taken_out_is_named(settings: config.Config, register: Register, tmp_path: Path) -> None:
    grow(register, LOBBY, 1, 10)
    grow(register, GATE, 1, 5)
    path, _ = heads.write(settings, register, SEVEN)
    with opened(tmp_path / "register.sqlite") as store:
        for table in ("events", "heads"):
            store.db.execute(f"DELETE FROM {table} WHERE terminal = 'gate-1'")  # noqa: S608
    assert looked(settings).code == 0, "control"
    ran = looked(settings, path)
    assert (ran.code, ran.first_bad) == (1, (*GATE, 1))


def test_heads_a_day_older_than_a_register_that_was_put_back_are_fine_and_newer_ones_name_what_lacks(
    settings: config.Config, register: Register, tmp_path: Path
) -> None:
    grow(register, LOBBY, 1, 10)
    yesterday, _ = heads.write(settings, register, SEVEN)
    grow(register, LOBBY, 11, 15)
    backup = tmp_path / "backup.sqlite"
    register.close()
    shutil.copy(tmp_path / "register.sqlite", backup)
    with Register.open(settings.centre.register) as again:
        grow(again, LOBBY, 16, 20)
        today, _ = heads.write(settings, again, SEVEN + timedelta(days=1))
    key = settings.centre.keys / "heads.pub"
    assert run(backup, "--heads", yesterday, "--heads-key", key).code == 0
    ran = run(backup, "--heads", yesterday, "--heads", today, "--heads-key", key)
    assert (ran.code, ran.first_bad) == (1, (*LOBBY, 16))
    assert ran.found["bad"][0]["why"] == "is not there, and heads-2026-03-03.json knows of all up to 20"


def test_a_file_that_cannot_be_relied_on_is_refused(
    settings: config.Config, register: Register, tmp_path: Path
) -> None:
    grow(register, LOBBY, 1, 10)
    path, _ = heads.write(settings, register, SEVEN)
    good = path.read_bytes()
    key = keys.load_private(settings.centre.keys / "heads.key")
    for number, content in enumerate(
        (
            b"",
            good[:-10],
            good.replace(b"2026", b"2027", 1),
            chain.seal(good.splitlines()[0], COLLECTOR.sign),
            chain.seal(b'{"type":"ack"}', key.sign),
            chain.seal(b"[" * 100_000, key.sign),
        )
    ):
        path.write_bytes(content)
        ran = looked(settings, path)
        assert (ran.code, len(ran.words.strip().splitlines())) == (2, 1), (number, ran.words)
    path.write_bytes(good.replace(b"\n", b"\r\n").replace(b"\r\n", b"\n", 1))
    assert looked(settings, path).code == 0, "a mail may have changed how the last line ends"
    ran = run(settings.centre.register, "--heads", path, "--heads-key", tmp_path / "absent.pub")
    assert (ran.code, len(ran.words.strip().splitlines())) == (2, 1)
    shutil.copy(settings.centre.keys / "heads.pub", path.parent)
    assert run(settings.centre.register, "--heads", path).code == 0, "its key is looked for beside it"


# --- once a day ------------------------------------------------------------------------------------------------------


def days(settings: config.Config) -> list[str]:
    return sorted(path.name for path in settings.centre.heads.glob("*"))


def test_each_day_by_utc_has_its_file_and_none_is_written_twice(settings: config.Config, register: Register) -> None:
    due = heads.daily(settings, register)
    due(SEVEN)
    assert days(settings) == [], "nothing is there to be said yet"
    grow(register, LOBBY, 1, 5)
    due(SEVEN + timedelta(seconds=59))
    assert days(settings) == [], "and it is not asked all the time"
    due(SEVEN + timedelta(seconds=61))
    assert days(settings) == ["heads-2026-03-02.json"]
    first = (settings.centre.heads / "heads-2026-03-02.json").read_bytes()
    grow(register, LOBBY, 6, 9)
    due(datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC))
    heads.daily(settings, register)(SEVEN + timedelta(hours=5))
    assert (settings.centre.heads / "heads-2026-03-02.json").read_bytes() == first, "nor by a collector started anew"
    due(datetime(2026, 3, 3, 0, 0, 0, tzinfo=UTC))
    assert days(settings) == ["heads-2026-03-02.json", "heads-2026-03-03.json"]
    (settings.centre.heads / "heads-2026-03-03.json").unlink()
    due(datetime(2026, 3, 3, 0, 0, 1, tzinfo=UTC))
    assert days(settings) == ["heads-2026-03-02.json"], "what was written is not looked after"


def test_without_its_key_it_is_said_once_and_written_when_the_key_has_come(
    settings: config.Config, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    grow(register, LOBBY, 1, 5)
    key = settings.centre.keys / "heads.key"
    key.rename(key.with_suffix(".away"))
    due = heads.daily(settings, register)
    for minutes in range(0, 60, 2):
        due(SEVEN + timedelta(minutes=minutes))
    said = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(said) == 1
    assert "alarm heads_unwritten" in said[0].getMessage()
    key.with_suffix(".away").rename(key)
    due(SEVEN + timedelta(hours=1))
    assert days(settings) == ["heads-2026-03-02.json"]


def test_a_register_that_is_away_is_asked_again(
    settings: config.Config, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(register, LOBBY, 1, 5)

    def away(_: Register) -> list[object]:
        raise RegisterUnavailable("away")

    due = heads.daily(settings, register)
    with monkeypatch.context() as patched:
        patched.setattr(heads, "all_heads", away)
        due(SEVEN)
    due(SEVEN + timedelta(minutes=2))
    assert days(settings) == ["heads-2026-03-02.json"]


def test_where_nothing_can_be_written_it_is_one_sentence(
    settings: config.Config, register: Register, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grow(register, LOBBY, 1, 5)
    (tmp_path / "heads").write_text("a file where the folder should be")
    with pytest.raises(RegisterError, match=r"see centre\.heads"):
        heads.write(settings, register, SEVEN)
    heads.daily(settings, register)(SEVEN)
    assert "alarm heads_unwritten" in caplog.text


@pytest.mark.parametrize("key_is_there", [True, False])
def test_the_collector_writes_them_by_itself_and_is_never_stopped_by_it(
    settings: config.Config, register: Register, key_is_there: bool
) -> None:
    if not key_is_there:
        (settings.centre.keys / "heads.key").unlink()
    link = FakeLink(settings.mqtt, client_id="collector", hold_receipts=True)
    clock = [1000.0]
    collector = Collector(
        settings,
        register=register,
        link=link,
        released=released({}),
        sign=COLLECTOR.sign,
        monotonic=lambda: clock[0],
        now=lambda: SEVEN + timedelta(seconds=clock[0]),
    )
    with closing(collector):
        link.start()
        link.connect()
        collector.turn(0)
        for _, payload in made_chains.made(*LOBBY, 5):
            link.deliver("hadir/v1/demo/lobby-1/event", payload)
        for _ in range(4):
            clock[0] += 70
            collector.turn(0)
        assert len(link.on("hadir/v1/demo/lobby-1/ack")) >= 1
    assert days(settings) == (["heads-2026-03-02.json"] if key_is_there else [])
