"""What the tests of cuts and failing disks share: one way to make an outbox, to punch and to read what a card holds."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sync import chain
from sync.messages import AttendanceEvent, ClockQuality
from sync.outbox import Outbox
from tests.sync.samples import BOOT, SEVEN, SIGNER, punch

OFFICE, TERMINAL = "demo", "lobby-1"


def outbox_on(connection: Any) -> Outbox:
    """Return the outbox on any connection that answers as sqlite3's do."""
    return Outbox(connection, office=OFFICE, terminal=TERMINAL, signer=SIGNER)


def record(outbox: Outbox, number: int) -> AttendanceEvent:
    """Return what was thanked for: the number-th punch of one of 200 people, 11 seconds after the one before."""
    at = SEVEN + timedelta(seconds=11 * number)
    return outbox.record(
        punch(str(1001 + number % 200), at=at),
        clock=ClockQuality.SYNCED,
        boot_id=BOOT,
        boottime_ns=11_000_000_000 * number,
        recorded_at=at,
    )


def rows(connection: Any) -> list[tuple[int, bytes]]:
    """Return (seq, payload) of everything on the card, in order."""
    return [
        (int(seq), bytes(payload))
        for seq, payload in connection.execute("SELECT seq, payload FROM outbox ORDER BY epoch, seq").fetchall()
    ]


def chained(connection: Any, terminal: str = TERMINAL) -> Iterator[chain.Kept]:
    """Yield everything on a card of one epoch, in order, as a verifier takes it."""
    for epoch, seq, payload in connection.execute(
        "SELECT outbox_epochs.epoch, seq, payload FROM outbox JOIN outbox_epochs ON number = outbox.epoch ORDER BY seq"
    ).fetchall():
        yield chain.Kept(terminal=terminal, epoch=str(epoch), seq=int(seq), payload=bytes(payload))


def problems(connection: Any, thanked: list[AttendanceEvent], *, cuts: int = 1) -> list[str]:
    """Return what is wrong with a card that thanked for these and was cut off so many times.

    Each cut may leave one punch that was committed but not thanked for any more.
    """
    found = []
    checked = [tuple(line) for line in connection.execute("PRAGMA integrity_check").fetchall()]
    if checked != [("ok",)]:
        found.append(f"corrupt: {checked[:3]}")
    kept = rows(connection)
    if [seq for seq, _ in kept] != list(range(1, len(kept) + 1)):
        found.append("gap")
    by_seq = {}
    for link in chain.links(chained(connection)):
        if isinstance(link, chain.Bad):
            found.append(f"chain broken: seq {link.seq} {link.why}")
        else:
            by_seq[link[0].seq] = link[1]
    lost = [event.seq for event in thanked if by_seq.get(event.seq) != event]
    if lost:
        found.append(f"lost: {len(lost)} of {len(thanked)} thanked, from seq {lost[0]} on")
    if len(kept) + len(lost) > len(thanked) + cuts:
        found.append(f"invented: {len(kept)} kept, {len(thanked)} thanked")
    return found
