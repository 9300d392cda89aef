"""A6: thirty days without a network on one card: everything is kept, the card stays small, and all of it drains."""

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from sync import chain
from sync.messages import Ack, ClockQuality, Direction, DirectionBy, Method, PadVerdict, Punch
from sync.outbox import Outbox
from terminal import storage, store
from tests.sync import faults
from tests.sync.samples import SEVEN, SIGNER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OFFICE, TERMINAL = "dinas-pendidikan", "lobby-utara-1"
EVENTS = 30_000
PEOPLE = 500
QUOTA_MB = 28
CARD_BYTES = 30_000_000
OPENING_S = 5.0


def punch(number: int) -> Punch:
    """Return the number-th punch of the month, as long as real ones are."""
    at = SEVEN + number * timedelta(days=30) / EVENTS
    return Punch(
        employee=str(198_001_012_005_010_000 + number % PEOPLE),
        method=Method.FACE,
        direction=Direction.IN if number % 2 else Direction.OUT,
        direction_by=DirectionBy.SCHEDULE,
        occurred_at=at + timedelta(microseconds=number),
        first_seen_at=at - timedelta(seconds=1, microseconds=number % 1000),
        gallery_version=37,
        engine_id="opencv-yunet2023mar-sface2021dec-int8bq",
        score=round(0.5 + number % 997 / 3001, 4),
        margin=round(0.1 + number % 1009 / 4001, 4),
        pad=PadVerdict.BONA_FIDE,
    )


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A card with a month's punches on it, and the alarms that stood one after the other on its quota."""
    folder = tmp_path_factory.mktemp("month")
    room = storage.Storage(folder, quota_mb=QUOTA_MB)
    alarms: list[str] = []
    with closing(store.open_card(folder)) as connection:
        # What a cut does is another test's; here 30,000 syncs would only take minutes.
        outbox = Outbox(connection, office=OFFICE, terminal=TERMINAL, signer=SIGNER)
        connection.execute("PRAGMA synchronous=OFF")
        for number in range(EVENTS):
            event = punch(number)
            outbox.record(
                event,
                clock=ClockQuality.SYNCED,
                boot_id="5f" * 16,
                boottime_ns=86_400_000_000_000 * number // 1000,
                recorded_at=event.occurred_at + timedelta(milliseconds=3),
            )
            if number % 500 == 499:
                room.look()
                alarms += [alarm for alarm in room.alarms() if [alarm] != alarms[-1:]]
    return folder, tuple(alarms)


def test_a6_a_month_offline_fits_and_opens_in_time_and_nothing_was_overwritten(
    month: tuple[Path, tuple[str, ...]],
) -> None:
    folder, _ = month
    store._checked.clear()
    began_s = time.monotonic()
    with closing(store.open_card(folder)) as connection:
        outbox = Outbox(connection, office=OFFICE, terminal=TERMINAL, signer=SIGNER)
        waiting = outbox.depth()
        opening_s = time.monotonic() - began_s
        rows = faults.rows(connection)
        checked = connection.execute("PRAGMA integrity_check").fetchall()
        links = list(chain.links(faults.chained(connection, TERMINAL)))
    size = sum(path.stat().st_size for path in folder.iterdir())
    payloads = sum(len(payload) for _, payload in rows)
    print(f"{size / EVENTS:.0f} bytes on the card and {payloads / EVENTS:.0f} of payload an event; {opening_s:.2f} s")
    assert waiting == EVENTS
    assert size <= CARD_BYTES
    assert opening_s <= OPENING_S
    assert checked == [("ok",)]
    assert [seq for seq, _ in rows] == list(range(1, EVENTS + 1))
    assert [link for link in links if isinstance(link, chain.Bad)] == []
    kept = [link[1] for link in links if not isinstance(link, chain.Bad)]
    assert [entry.punch for entry in kept] == [punch(number) for number in range(EVENTS)]  # type: ignore[union-attr]


def test_a6_alarms_came_one_after_the_other_as_the_quota_filled(month: tuple[Path, tuple[str, ...]]) -> None:
    assert month[1] == tuple(storage.ALARMS.values())


def test_a6_all_of_it_drains_exactly_once(month: tuple[Path, tuple[str, ...]]) -> None:
    folder, _ = month
    with closing(store.open_card(folder)) as connection:
        before = dict(faults.rows(connection))
        outbox = Outbox(connection, office=OFFICE, terminal=TERMINAL, signer=SIGNER)
        arrived = drained(outbox)
        assert arrived == before
        assert (outbox.depth(), outbox.acknowledged_to()) == (0, EVENTS)
        assert dict(faults.rows(connection)) == before, "acknowledged rows stay for a month"


def drained(outbox: Outbox) -> dict[int, bytes]:
    """Return what a collector got that acknowledges each batch of a hundred, by seq; complains about a repeat."""
    arrived: dict[int, bytes] = {}
    while waiting := outbox.pending(limit=100):
        for each in waiting:
            assert each.place.seq not in arrived
            arrived[each.place.seq] = each.payload
        last = waiting[-1]
        marked = outbox.acknowledge(
            Ack(
                office=OFFICE,
                terminal=TERMINAL,
                epoch=outbox.epoch,
                upto=last.place.seq,
                upto_hash=chain.digest(last.payload).hex(),
            )
        )
        assert marked.changed == len(waiting)
    return arrived
