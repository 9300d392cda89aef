"""Made attacks, as kiosks note them."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from sync import chain
from sync.messages import AttackNote, AttendanceEvent, ClockQuality, Entry, PadVerdict, encode
from sync.register.arrivals import Arrival, arrival
from sync.sealing import ref_of
from tests.sync.samples import EPOCH, SEVEN, SIGNER, event

BOX = b"a sealed picture"


class Kiosk:
    """One chain of a kiosk, entry by entry, as it arrives at the centre `late` after it was made."""

    def __init__(self, terminal: str = "lobby-1", office: str = "demo", *, epoch: str = EPOCH) -> None:
        self.terminal, self.office, self.epoch = terminal, office, epoch
        self.late = timedelta(seconds=5)
        self._before, self._seq = chain.GENESIS, 0

    def attack(
        self, employee: str | None = None, *, at: datetime = SEVEN, box: bytes | None = None, **more: Any
    ) -> Arrival:
        """Return an attack, or with `verdict` a near miss; with `box`, its picture came with it."""
        self._seq += 1
        values: dict[str, Any] = {
            "terminal": self.terminal, "office": self.office, "epoch": self.epoch, "seq": self._seq,
            "prev_hash": self._before, "clock": ClockQuality.SYNCED, "recorded_at": at, "boot_id": "b" * 32,
            "boottime_ns": self._seq, "id": hashlib.sha256(f"{self.terminal} {self._seq}".encode()).hexdigest()[:32],
            "employee": employee, "verdict": PadVerdict.ATTACK, "cues": ("edge", "relief"), "made_at": at,
            "evidence_ref": "none:policy" if box is None else ref_of(box),
        }  # fmt: skip
        return self._arrived(AttackNote(**(values | more)), at, box)

    def punch(self, employee: str, *, at: datetime = SEVEN, **more: Any) -> Arrival:
        """Return a punch by face, or what `more` says."""
        self._seq += 1
        made = event(
            1, employee=employee, terminal=self.terminal, office=self.office, at=at, epoch=self.epoch,
            receipt=f"{self._seq:010}",
        )  # fmt: skip
        entry = structs.replace(made, seq=self._seq, prev_hash=self._before, punch=structs.replace(made.punch, **more))
        assert isinstance(entry, AttendanceEvent)
        return self._arrived(entry, at)

    def _arrived(self, entry: Entry, at: datetime, box: bytes | None = None) -> Arrival:
        payload = chain.seal(encode(entry), SIGNER.sign)
        self._before = chain.digest(payload).hex()
        return structs.replace(arrival(payload, at + self.late), box=box)
