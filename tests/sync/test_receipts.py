"""Receipt codes: what is shown can be typed back however it was written down, and leads to one punch."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as some
import pytest
from click.testing import CliRunner, Result
from hypothesis import given

import hadir
from sync import receipts
from sync.messages import ClockQuality
from sync.outbox import Outbox
from sync.register import Register
from sync.register.arrivals import add_events
from tests.sync.samples import BOOT, SEVEN, SIGNER, arrival, event, open_card, punch

# --- the code ---------------------------------------------------------------------------------------------------------


@given(some.integers(0, 2**50 - 1))
def test_every_number_has_a_code_of_its_own_that_can_be_typed_back(number: int) -> None:
    code = receipts.from_number(number)
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{10}", code)
    assert receipts.typed(receipts.shown(code)) == code
    value = 0
    for sign in code:
        value = 32 * value + receipts.ALPHABET.index(sign)
    assert value == number, "no two numbers share one"


@pytest.mark.parametrize(
    "written", ["JBR-7K2-0931", "jbr7k20931", " jbr 7k2 O93I ", "JBR–7K2-o93l".replace("–", "-"), "j-b-r-7-k-2-0-9-3-1"]
)
def test_a_code_is_understood_however_it_was_written_down(written: str) -> None:
    assert receipts.typed(written) == "JBR7K20931"


@pytest.mark.parametrize("written", ["", "JBR-7K2-093", "JBR-7K2-09311", "JBR-7K2-093U", "JBR-7K2-093%", "０BR7K20931"])
def test_what_is_no_code_is_refused_in_one_sentence(written: str) -> None:
    with pytest.raises(receipts.ReceiptRefused, match="ten letters and digits"):
        receipts.typed(written)


# --- where it leads ---------------------------------------------------------------------------------------------------


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"office: {{timezone: Asia/Makassar}}\ncentre: {{register: 'sqlite:///{tmp_path}/register.sqlite'}}\n"
    )
    return path


@pytest.fixture
def register(config_file: Path) -> Iterator[Register]:
    with Register.open(f"sqlite:///{config_file.parent}/register.sqlite") as opened:
        yield opened


def ask(config_file: Path, *words: str) -> Result:
    return CliRunner().invoke(hadir.main, ["--config", str(config_file), "receipt", *words])


def answer(config_file: Path, *words: str) -> dict[str, str]:
    said = ask(config_file, *words)
    assert said.exit_code == 0, said.output
    first, *rest = said.output.splitlines()
    return {"receipt": first.removeprefix("Receipt ")} | {line[:14].strip(): line[14:] for line in rest}


def one_sentence(said: Result) -> str:
    assert said.exit_code == 1
    (line,) = said.output.splitlines()
    return line


def receipt_of(seq: int, **more: Any) -> str:
    return receipts.shown(event(seq, **more).receipt)


def test_a_receipt_leads_to_its_punch(config_file: Path, register: Register) -> None:
    add_events(register, [arrival(1), arrival(2, employee="2001"), arrival(1, terminal="lobby-2")])
    code = receipt_of(2)
    assert answer(config_file, code) == {
        "receipt": code,
        "office": "demo",
        "terminal": "lobby-1",
        "employee": "2001",
        "direction": "in",
        "method": "face",
        "counted at": "2026-03-02 08:00:00 WITA",
        "timed by": "the kiosk's clock, synced",
        "received": "2026-03-02 08:00:09 WITA",
        "entry": f"2 of epoch {'e' * 32}",
    }
    assert answer(config_file, *code.lower().split("-"))["employee"] == "2001", "in several words"


def test_a_repeat_says_of_which_and_a_jump_how_far(config_file: Path, register: Register) -> None:
    again = arrival(2, at=SEVEN + timedelta(seconds=20), repeat_of=1, clock_jump_ms=-10_800_000)
    add_events(register, [arrival(1), again])
    found = answer(config_file, receipt_of(2))
    assert found["repeats"] == f"entry 1, {receipt_of(1)}"
    assert found["timed by"] == "the kiosk's clock, synced, which had jumped -10800.0 s"


def test_a_punch_of_a_card_that_was_put_back_says_where_it_was(config_file: Path, register: Register) -> None:
    add_events(register, [arrival(1, moved_from=("c" * 32, 17))])
    assert answer(config_file, receipt_of(1))["moved"] == (
        f"was entry 17 of epoch {'c' * 32}, on a card that was copied or put back"
    )


def test_a_time_that_was_corrected_is_told_from_the_kiosks_own(config_file: Path, register: Register) -> None:
    add_events(register, [arrival(1, clock=ClockQuality.UNSYNCED), arrival(2, clock=ClockQuality.UNSYNCED)])
    register.close()
    with closing(sqlite3.connect(config_file.parent / "register.sqlite")) as connection:
        connection.execute(
            "UPDATE events SET timed_by = 'boot', counted_at = '2026-03-02 03:00:00.000000' WHERE seq = 1"
        )
        connection.execute(
            "UPDATE events SET timed_by = 'bounds', counted_at = '2026-03-02 04:00:00.000000', "
            "earliest_at = '2026-03-02 03:30:00.000000', latest_at = '2026-03-02 05:00:00.000000' WHERE seq = 2"
        )
        connection.commit()
    by_boot, by_bounds = (answer(config_file, receipt_of(seq)) for seq in (1, 2))
    assert by_boot["counted at"] == "2026-03-02 11:00:00 WITA"
    assert by_boot["timed by"] == (
        "the same start's clock, once it was right; the kiosk's said 2026-03-02 08:00:00 WITA"
    )
    assert by_bounds["timed by"] == (
        "estimate, not before 2026-03-02 11:30:00 WITA, not after 2026-03-02 13:00:00 WITA"
    )


def test_a_code_nobody_has_and_one_that_is_none_are_one_sentence_each(config_file: Path, register: Register) -> None:
    add_events(register, [arrival(1)])
    assert "no punch has the receipt JBR-7K2-0931 in the register" in one_sentence(ask(config_file, "JBR7K20931"))
    assert "ten letters and digits" in one_sentence(ask(config_file, "JBR-7K2"))
    assert "ten letters and digits" in one_sentence(ask(config_file, "' OR 1=1"))


def test_a_kiosk_finds_it_on_its_own_card(config_file: Path, tmp_path: Path) -> None:
    card = tmp_path / "card"
    card.mkdir()
    with closing(open_card(card)) as connection:
        outbox = Outbox(connection, office="demo", terminal="lobby-1", signer=SIGNER)
        codes = [
            outbox.record(
                punch(str(2000 + number)),
                clock=ClockQuality.HOLDOVER,
                boot_id=BOOT,
                boottime_ns=1,
                recorded_at=SEVEN,
                repeat_of=1 if number == 2 else None,
            ).receipt
            for number in (1, 2)
        ]
        connection.execute("UPDATE outbox SET acknowledged_us = 5 WHERE seq = 1")
        first = answer(config_file, codes[0], "--card", str(card))
        second = answer(config_file, codes[1], "--card", str(card))
    assert first == {
        "receipt": receipts.shown(codes[0]),
        "office": "demo",
        "terminal": "lobby-1",
        "employee": "2001",
        "direction": "in",
        "method": "face",
        "arrived at": "2026-03-02 07:59:59 WITA",
        "timed by": "the kiosk's clock, holdover",
        "received": "by the centre",
        "entry": f"1 of epoch {first['entry'][-32:]}",
    }
    assert second["repeats"] == f"entry 1, {receipts.shown(codes[0])}"
    assert second["received"] == "not yet by the centre; it waits on this card"
    assert "no punch has the receipt" in one_sentence(ask(config_file, "JBR7K20931", "--card", str(card)))
    assert "there is no card" in one_sentence(ask(config_file, "JBR7K20931", "--card", str(tmp_path / "absent")))
    (tmp_path / "wrong").write_bytes(b"no database at all" * 100)
    assert "cannot be read" in one_sentence(ask(config_file, "JBR7K20931", "--card", str(tmp_path / "wrong")))
