"""Whatever lands on a terminal's topic is an event, a status, or refused with the reason; never an exception."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import chain
from sync.inspection import inspect
from sync.messages import AttendanceEvent, encode
from sync.register.arrivals import Arrival
from sync.register.refusals import Rejected
from sync.register.statuses import HeardStatus
from tests.sync.samples import SEVEN, event, payload_of, status

EVENTS = "hadir/v1/demo/lobby-1/event"
STATUS = "hadir/v1/demo/lobby-1/status"


def look(topic: str, payload: bytes) -> Arrival | HeardStatus | Rejected:
    found = inspect(topic, payload, retained=False, at=SEVEN)
    assert len(found) == 1
    return found[0]


def test_an_event_is_an_arrival_with_its_exact_bytes() -> None:
    value = event(1)
    payload = payload_of(value)
    found = look(EVENTS, payload)
    assert isinstance(found, Arrival)
    assert (found.entry, found.payload, found.received_at) == (value, payload, SEVEN)


def test_a_message_of_several_entries_is_each_of_them_and_a_wrong_one_harms_no_other() -> None:
    one, two, three = (payload_of(event(seq)) for seq in (1, 2, 3))
    found = inspect(EVENTS, chain.pack([one, two.replace(b'"seq":2', b'"seq":0'), three]), retained=False, at=SEVEN)
    assert [type(each) for each in found] == [Arrival, Rejected, Arrival]
    assert [each.payload for each in found if isinstance(each, Arrival)] == [one, three]


def test_an_empty_message_that_clears_a_topic_is_nothing() -> None:
    assert inspect(EVENTS, b"", retained=True, at=SEVEN) == []


def test_a_status_is_heard() -> None:
    found = look(STATUS, encode(status()))
    assert isinstance(found, HeardStatus)
    assert found.status == status()


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"Sri\\n\\u001b[2Jalarm \' - at `x"}',
        encode(event(1)).replace(b'"face"', b'"Sri\\n\\u001b[2Jalarm"'),
    ],
)
def test_what_a_stranger_wrote_does_not_get_into_the_reason(payload: bytes) -> None:
    found = look(EVENTS, sealed(payload))
    assert isinstance(found, Rejected)
    assert "not a chain entry: Invalid" in found.reason
    assert found.reason.isprintable()
    assert "Sri" not in found.reason
    assert "alarm" not in found.reason


def sealed(body: bytes) -> bytes:
    """Return the body with a signature that has the right form."""
    return chain.seal(body, lambda _: bytes(64))


def changed(**values: Any) -> bytes:
    raw = msgspec.json.decode(encode(event(1)))
    raw.update(values)
    return json.dumps(raw).encode()


def punched(**values: Any) -> bytes:
    raw = msgspec.json.decode(encode(event(1)))
    raw["punch"].update(values)
    return json.dumps(raw).encode()


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (EVENTS, b"\n", "not signed"),
        (EVENTS, encode(event(1)), "not signed"),
        (EVENTS, encode(event(1)) + b"\n" + b"A" * 88, "not 64 bytes"),
        (EVENTS, encode(event(1)) + b"\n" + b"\xc3" * 88, "not base64"),
        (EVENTS, b"\xff\xfe\x00", "not a chain entry"),
        (EVENTS, b"[" * 16_000, "not a chain entry"),
        (EVENTS, b"x" * 16_385, "16384 are allowed"),
        (EVENTS, encode(status()), "not a chain entry"),
        (STATUS, encode(event(1)), "not a TerminalStatus"),
        (EVENTS, changed(v=2), "<= 1"),
        (EVENTS, changed(seq=0), ">= 1"),
        (EVENTS, changed(seq=2**53), "seq"),
        (EVENTS, changed(seq=1.5), "seq"),
        (EVENTS, changed(epoch="E" * 32), "epoch"),
        (EVENTS, changed(terminal="lobby-2"), "from lobby-2 of demo, but came on another topic"),
        (EVENTS, changed(office="other"), "from lobby-1 of other"),
        ("hadir/v1/demo/lobby-2/event", encode(event(1)), "came on another topic"),
        ("hadir/v1/demo/lobby-1/extra/event", encode(event(1)), "not a terminal's topic"),
        ("event", encode(event(1)), "not a terminal's topic"),
        ("hadir/v1/demo/lobby-1/command", b"{}", "not a topic the collector reads"),
        (EVENTS, punched(employee="Robert'); DROP TABLE"), "employee"),
        (EVENTS, punched(score="NaN"), "score"),
        (
            EVENTS,
            encode(event(1)).replace(b'"gallery_version":1', b'"gallery_version":1,"score":NaN'),
            "not a chain entry",
        ),
        (
            EVENTS,
            encode(event(1)).replace(b'"gallery_version":1', b'"gallery_version":1,"score":1e999'),
            "not a chain entry",
        ),
        (EVENTS, punched(occurred_at="2026-03-02T07:00:00"), "occurred_at"),
        (EVENTS, punched(occurred_at="0001-01-01T00:00:00+14:00"), "beyond the calendar"),
        (EVENTS, punched(first_seen_at="9999-12-31T23:59:59-14:00"), "beyond the calendar"),
        (EVENTS, punched(first_seen_at="1969-12-31T23:59:59Z"), "a time in the year 1969"),
        (STATUS, encode(status()).replace(b"2026-03-02", b"0001-01-01"), "a time in the year 1"),
    ],
)
def test_what_is_none_is_refused_with_the_reason(topic: str, payload: bytes, reason: str) -> None:
    if topic.endswith("event") and b"\n" not in payload and reason != "not signed":
        payload = sealed(payload)
    found = look(topic, payload)
    assert isinstance(found, Rejected)
    assert reason in found.reason
    assert (found.topic, found.payload) == (topic, payload)


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "2099-06-01T00:00:00+07:00", "2026-03-02T07:00:00.5+07:00"])
def test_a_clock_never_rejects_a_punch(moment: str) -> None:
    assert isinstance(look(EVENTS, sealed(punched(occurred_at=moment, first_seen_at=moment))), Arrival)


def test_fields_of_a_later_layout_are_passed_over() -> None:
    assert isinstance(look(EVENTS, sealed(changed(hat="JBR-7K2"))), Arrival)


@given(st.binary(max_size=400), st.text(max_size=60))
def test_no_bytes_and_no_topic_raise(payload: bytes, topic: str) -> None:
    for each in (topic, EVENTS, STATUS, topic + "/event", "hadir/v1/" + topic + "/status"):
        assert all(isinstance(found, Rejected) for found in inspect(each, payload, retained=False, at=SEVEN))


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20) | st.datetimes().map(str),
        nested,
        max_leaves=6,
    ),
    st.sampled_from([*msgspec.json.decode(encode(event(1))), *msgspec.json.decode(encode(event(1)))["punch"]]),
)
def test_no_value_in_any_place_raises(value: Any, key: str) -> None:
    for payload in (changed(**{key: value}), punched(**{key: value})):
        found = look(EVENTS, sealed(payload))
        assert isinstance(found, Arrival | Rejected)
        if isinstance(found, Arrival) and isinstance(found.entry, AttendanceEvent):
            assert found.entry.punch.occurred_at.astimezone(UTC) < datetime(9999, 1, 1, tzinfo=UTC) + timedelta(1)
