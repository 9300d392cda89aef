"""The referee of a storm: outside of every program in it, it hears what was thanked for and looks at what is there."""

import hashlib
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sync.register import Register


@dataclass(frozen=True, slots=True, kw_only=True)
class Thanks:
    """One punch the kiosk has thanked for, as it told after record() had returned."""

    epoch: str
    seq: int
    sha256: str
    receipt: str


class Ear:
    """Hears what kiosks tell, all on one pipe; a line is shorter than PIPE_BUF, so a kill never cuts one in two."""

    def __init__(self, heard: Connection) -> None:
        self.thanked: list[Thanks] = []
        self._heard = heard
        self._thread = threading.Thread(target=self._listen, name="referee", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Have heard everything; the writing ends must be closed."""
        self._thread.join()
        self._heard.close()

    def _listen(self) -> None:
        with open(self._heard.fileno(), encoding="ascii", closefd=False) as lines:
            for line in lines:
                epoch, seq, sha256, receipt = line.split()
                self.thanked.append(Thanks(epoch=epoch, seq=int(seq), sha256=sha256, receipt=receipt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of everything thanked for.

    `missing` is not in the register, `altered` is there with other bytes, `duplicated` rows are there besides the one.
    `unthanked` punches are there that were committed, but whose kiosk was killed before it could say thank you.
    `quarantined` and `rejected` messages are none of either. `card_ok` and `register_ok` are the integrity checks.
    """

    thanked: int
    missing: int
    altered: int
    duplicated: int
    unthanked: int
    epochs: int
    quarantined: int
    rejected: int
    card_ok: bool
    register_ok: bool


def judge(thanked: list[Thanks], *, terminal: str, register_url: str, card: Path) -> Verdict:
    """Return what the register and the card hold of what was thanked for. Raises RegisterError."""
    with Register.open(register_url) as register, register.read() as connection:
        rows = connection.exec_driver_sql("SELECT terminal, epoch, seq, receipt, payload FROM events").all()
        quarantined = connection.exec_driver_sql("SELECT count(*) FROM quarantine").scalar_one()
        rejected = connection.exec_driver_sql("SELECT count(*) FROM rejected").scalar_one()
        check = "PRAGMA integrity_check" if register.dialect == "sqlite" else "SELECT 'ok'"
        register_ok = connection.exec_driver_sql(check).scalar_one() == "ok"
    there = {(row.epoch, row.seq): hashlib.sha256(row.payload).hexdigest() for row in rows if row.terminal == terminal}
    keys = Counter((row.terminal, row.epoch, row.seq) for row in rows)
    # A punch that came twice under two numbers is a punch too many as well.
    receipts = Counter(row.receipt for row in rows)
    wanted = {(each.epoch, each.seq): each for each in thanked}
    found = [there.get(key) for key in wanted]
    return Verdict(
        thanked=len(thanked),
        missing=found.count(None),
        altered=sum(
            sha256 is not None and sha256 != each.sha256 for sha256, each in zip(found, wanted.values(), strict=True)
        ),
        duplicated=max(_beyond_one(keys), _beyond_one(receipts)) + len(thanked) - len(wanted),
        unthanked=len(there.keys() - wanted.keys()),
        epochs=len({epoch for epoch, _ in wanted}),
        quarantined=quarantined,
        rejected=rejected,
        card_ok=_card_is_whole(card),
        register_ok=register_ok,
    )


def waiting(card: Path) -> int:
    """Return how many rows on the card the collector has not acknowledged."""
    with closing(sqlite3.connect(f"file:{card}?mode=ro", uri=True, timeout=5)) as connection:
        return int(connection.execute("SELECT count(*) FROM outbox WHERE acknowledged_us IS NULL").fetchone()[0])


def collected(register_url: str) -> int:
    """Return how many rows the register holds. Raises RegisterError."""
    with Register.open(register_url) as register, register.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one())


def _beyond_one(counted: "Counter[Any]") -> int:
    return sum(times - 1 for times in counted.values())


def _card_is_whole(card: Path) -> bool:
    with closing(sqlite3.connect(f"file:{card}?mode=ro", uri=True, timeout=5)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
