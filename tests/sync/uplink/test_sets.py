"""Encoding sets that come by the uplink: checked, kept, used and told, or refused with the one before in use."""

from collections.abc import Callable

import pytest

from sync.own_status import ALARM_KEPT_S
from tests.sync.uplink.desk import GALLERY, Desk, FakeDoor


def test_a_new_set_is_checked_kept_used_and_told(desk: Desk) -> None:
    desk.link.deliver(GALLERY, b"5", retained=True)
    desk.turn()
    assert desk.door.kept == b"5"
    assert [content.version for content in desk.taken] == [5]
    desk.link.deliver(GALLERY, b"5", retained=True)
    desk.turn()
    assert len(desk.taken) == 1, "the same again, as at every connect, is no news"
    assert desk.door.asked == [0]


@pytest.mark.parametrize(
    ("blob", "alarm"), [(b"torn", "release_torn"), (b"evil", "release_forged"), (b"4", "release_older")]
)
def test_a_bad_set_changes_nothing_and_raises_its_alarm_until_a_good_one_comes(
    desk: Desk, blob: bytes, alarm: str
) -> None:
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    desk.link.deliver(GALLERY, blob)
    desk.turn()
    desk.turn()
    assert desk.door.kept == b"5"
    assert len(desk.taken) == 1
    assert desk.statuses()[-1].alarms == (alarm,)
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    assert desk.statuses()[-1].alarms == (alarm,), "the good old one coming again does not hide it"
    desk.link.deliver(GALLERY, b"6")
    desk.turn()
    desk.turn()
    assert desk.statuses()[-1].alarms == ()


def test_an_alarm_ends_after_its_time(desk: Desk) -> None:
    desk.link.deliver(GALLERY, b"torn")
    desk.turn()
    desk.turn()
    assert desk.statuses()[-1].alarms
    desk.turn(after_s=ALARM_KEPT_S + 1)
    desk.turn()
    assert desk.statuses()[-1].alarms == ()


def test_a_set_that_cannot_be_kept_is_not_used(desk: Desk) -> None:
    desk.door.full = True
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    desk.turn()
    assert desk.taken == []
    assert desk.statuses()[-1].alarms == ("release_not_kept",)
    desk.door.full = False
    desk.link.deliver(GALLERY, b"5")
    desk.turn()
    assert len(desk.taken) == 1


def test_a_cleared_topic_is_no_set(desk: Desk) -> None:
    desk.link.deliver(GALLERY, b"")
    desk.turn()
    assert desk.door.asked == []


def test_the_set_on_the_card_is_remembered(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(door=FakeDoor(kept=b"7"))
    desk.link.connect()
    for blob in (b"7", b"6", b"8"):
        desk.link.deliver(GALLERY, blob)
        desk.turn()
    assert [content.version for content in desk.taken] == [8]
    assert desk.door.asked == [-1, 7, 7]


def test_a_damaged_set_on_the_card_is_told_and_replaced_by_the_next(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(door=FakeDoor(kept=b"torn"))
    desk.link.connect()
    desk.turn()
    assert desk.statuses()[-1].alarms == ("release_torn",)
    desk.link.deliver(GALLERY, b"1")
    desk.turn()
    desk.turn()
    assert len(desk.taken) == 1
    assert desk.statuses()[-1].alarms == ()
