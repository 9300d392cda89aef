"""What the uplink tells of its kiosk, and when."""

from collections.abc import Callable
from pathlib import Path

import pytest

import config
import sync.uplink
from sync.messages import (
    ClockQuality,
    Presence,
    TerminalStatus,
    decode,
)
from sync.own_status import Condition
from sync.uplink import Uplink
from tests.fakes import FakeLink
from tests.sync.samples import SIGNER, ack_door, open_card
from tests.sync.uplink.desk import STATUS, Desk, FakeDoor


def test_the_status_is_told_at_connect_and_every_ten_seconds(desk: Desk) -> None:
    (first,) = desk.statuses()
    assert (first.presence, first.outbox_depth, first.last_seq, first.epoch) == (
        Presence.ONLINE,
        0,
        0,
        desk.outbox.epoch,
    )
    assert (first.gallery_version, first.camera, first.clock) == (3, "ok", ClockQuality.SYNCED)
    assert all(each.retain for each in desk.link.published if each.topic == STATUS)
    desk.turn(after_s=9)
    assert len(desk.statuses()) == 1
    desk.punch()
    desk.turn(after_s=1.1)
    desk.turn()
    assert [each.last_seq for each in desk.statuses()] == [0, 1]


@pytest.mark.parametrize(
    "change",
    [
        Condition(gallery_version=4, camera="ok"),
        Condition(gallery_version=3, camera="lost"),
        Condition(gallery_version=3, camera="ok", alarms=("camera_covered",)),
    ],
)
def test_what_matters_is_told_at_once(desk: Desk, change: Condition) -> None:
    desk.turn()
    desk.condition = change
    desk.uplink.wake()
    desk.turn()
    assert len(desk.statuses()) == 2
    told = desk.statuses()[-1]
    assert (told.gallery_version, told.camera, told.alarms) == (change.gallery_version, change.camera, change.alarms)


def test_what_does_not_matter_waits(desk: Desk) -> None:
    desk.turn()
    desk.condition = Condition(gallery_version=3, camera="ok", temperature_c=80.0, uptime_s=5)
    desk.uplink.wake()
    desk.turn()
    assert len(desk.statuses()) == 1


def test_an_unanswered_status_is_not_followed_by_more(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(answering=False)
    desk.link.connect()
    desk.turn()
    for _ in range(5):
        desk.turn(after_s=11)
    assert len(desk.statuses()) == 1
    assert desk.uplink._patience(1.0) == 1.0, "and does not spin meanwhile"


def test_the_last_will_says_offline_on_the_status_topic(tmp_path: Path) -> None:
    seen = []

    class Spy(FakeLink):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)  # type: ignore[arg-type]
            seen.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync.uplink, "Link", Spy)
        Uplink(
            config.Config(),
            open_card=lambda: open_card(tmp_path),
            signer=SIGNER,
            acks=ack_door,
            condition=Condition,
            releases=FakeDoor().door(),
            on_release=print,
        )
    will = seen[0].will
    assert will is not None
    assert (will.topic, will.retain, seen[0].client_id) == (STATUS, True, "lobby-1")
    assert decode(TerminalStatus, will.payload).presence is Presence.OFFLINE


def test_leaving_says_offline(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.uplink.open()
    desk.link.connect()
    desk.turn()
    desk.uplink.close()
    desk.card.close()
    assert [each.presence for each in desk.statuses()] == [Presence.ONLINE, Presence.OFFLINE]
