"""The sealed picture of an attack leaves the kiosk with its note."""

import hashlib
import secrets
from pathlib import Path

from sync import chain, sealing
from sync.messages import MAX_MESSAGE_BYTES, ClockQuality, PadVerdict
from sync.outbox import Attacked
from tests.sync.samples import BOOT, SEVEN
from tests.sync.uplink.desk import EVENTS, Desk


def test_from_the_kiosk_it_leaves_with_its_note_again_too_and_goes_without_once_it_is_deleted(
    desk: Desk, tmp_path: Path
) -> None:
    first = desk.punch()
    largest = secrets.token_bytes(chain.MAX_ENCLOSED_BYTES)
    ref = sealing.SEALED + hashlib.sha256(largest).hexdigest()[:32]
    picture = tmp_path / "evidence" / sealing.name_of(ref)
    picture.parent.mkdir()
    picture.write_bytes(largest)
    said = Attacked(
        id="a" * 32,
        employee=None,
        verdict=PadVerdict.ATTACK,
        cues=(),
        evidence_ref=ref,
        held=False,
        made_at=SEVEN,
    )
    desk.outbox.note_attack(said, clock=ClockQuality.SYNCED, boot_id=BOOT, boottime_ns=2, recorded_at=SEVEN)
    desk.punch()
    desk.turn()
    assert first.seq == 1
    assert desk.sent() == [1, 2, 3]
    assert [list(chain.enclosed(each)) for each in desk.link.on(EVENTS) if chain.enclosed(each)] == [[ref]]
    assert max(len(each) for each in desk.link.on(EVENTS)) <= MAX_MESSAGE_BYTES
    desk.turn(after_s=1000)
    assert sum(bool(chain.enclosed(each)) for each in desk.link.on(EVENTS)) == 2
    picture.unlink()
    desk.turn(after_s=1000)
    assert sum(bool(chain.enclosed(each)) for each in desk.link.on(EVENTS)) == 2
    assert desk.sent().count(2) == 3
    desk.acknowledge(3)
    assert desk.outbox.depth() == 0
