"""The collector lays encoding sets on their topics, whatever becomes of some of them."""

import pytest

from errors import HadirError
from sync.mqtt import LinkFailed
from sync.offers import RELEASES_EVERY_S, Offers
from sync.register import Register
from tests.sync.collector.desk import Desk
from tests.sync.samples import event, released


def offers(desk: Desk, office: str = "demo") -> list[bytes]:
    assert all(each.retain for each in desk.link.published if "/gallery/" in each.topic)
    return desk.link.on(f"hadir/v1/{office}/gallery/set")


def test_every_connect_publishes_every_set_again(desk: Desk) -> None:
    desk.sets.update(demo=b"one", other=b"two")
    for round_ in (1, 2):
        desk.link.disconnect()
        desk.turn()
        desk.link.connect()
        desk.turn()
        assert offers(desk) == [b"one"] * round_
        assert offers(desk, "other") == [b"two"] * round_


def test_a_new_set_is_published_by_and_by_and_an_old_one_not_twice(desk: Desk) -> None:
    desk.sets["demo"] = b"one"
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    assert offers(desk) == [b"one"]
    desk.sets["demo"] = b"two"
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    assert offers(desk) == [b"one", b"two"]


def test_a_set_that_waits_is_published_as_it_is_when_it_leaves(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False)
        desk.link.in_flight = 1
        desk.sets.update(demo=b"one", other=b"first")
        desk.link.connect()
        desk.turn()
        assert (offers(desk), offers(desk, "other")) == ([b"one"], [])
        desk.sets["other"] = b"second"
        desk.link.answer_all()
        desk.turn()
        assert offers(desk, "other") == [b"second"]


def test_a_set_released_while_an_older_one_was_on_its_way_follows_at_once(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False)
        desk.sets["demo"] = b"one"
        desk.link.connect()
        desk.turn()
        desk.sets["demo"] = b"two"
        for _ in range(3):
            desk.link.answer_all()
            desk.turn()
        assert offers(desk) == [b"one", b"two"]


def test_a_set_the_broker_refused_is_tried_again_by_and_by(url: str) -> None:
    with Register.open(url) as register:
        desk = Desk(register, answering=False)
        desk.sets["demo"] = b"one"
        desk.link.connect()
        desk.turn()
        desk.link.answer(desk.link.published[-1].mid, ok=False, reason="Quota exceeded")
        desk.turn()
        assert offers(desk) == [b"one"]
        desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
        assert offers(desk) == [b"one", b"one"]


def test_sets_that_cannot_be_read_or_published_do_not_stop_the_punches(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable(dict[str, bytes]):
        broken = True

        def items(self):  # type: ignore[no-untyped-def]
            if self.broken:
                raise HadirError("no sets today")
            return super().items()

    sets = Unreadable(demo=b"too large", other=b"fine")
    monkeypatch.setattr(desk.collector, "_offers", Offers(released(sets)))
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    desk.take(event(1))
    sets.broken = False
    publish = desk.link.publish

    def choosy(topic: str, payload: bytes, **more: object) -> int:
        if payload == b"too large":
            raise LinkFailed("MQTT cannot carry this message")
        return publish(topic, payload, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.link, "publish", choosy)
    desk.turn(after_ms=RELEASES_EVERY_S * 1000 + 1)
    desk.take(event(2))
    assert desk.acks() == [(1, ()), (2, ())]
    assert offers(desk, "other") == [b"fine"]
