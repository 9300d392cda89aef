"""Whatever lands on a terminal's topic is an event, a status, or refused with the reason; never an exception."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.inspection import inspect
from sync.messages import AttendanceEvent, encode
from sync.register.arrivals import Arrival
from sync.register.refusals import Rejected
from sync.register.statuses import HeardStatus
from tests.sync.samples import SEVEN, event, status

EVENTS = "hadir/v1/demo/lobby-1/event"
STATUS = "hadir/v1/demo/lobby-1/status"


def look(topic: str, payload: bytes) -> Arrival | HeardStatus | Rejected:
    return inspect(topic, payload, retained=False, at=SEVEN)


def test_an_event_is_an_arrival_with_its_exact_bytes() -> None:
    value = event(1)
    found = look(EVENTS, encode(value))
    assert isinstance(found, Arrival)
    assert (found.event, found.payload, found.received_at) == (value, encode(value), SEVEN)


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
    found = look(EVENTS, payload)
    assert isinstance(found, Rejected)
    assert "not a AttendanceEvent: Invalid" in found.reason
    assert found.reason.isprintable()
    assert "Sri" not in found.reason
    assert "alarm" not in found.reason


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
        (EVENTS, b"", "not a AttendanceEvent"),
        (EVENTS, b"\xff\xfe\x00", "not a AttendanceEvent"),
        (EVENTS, b"[" * 16_000, "not a AttendanceEvent"),
        (EVENTS, b"x" * 16_385, "16384 are allowed"),
        (EVENTS, encode(status()), "not a AttendanceEvent"),
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
        (EVENTS, encode(event(1)).replace(b'"score":null', b'"score":NaN'), "not a AttendanceEvent"),
        (EVENTS, encode(event(1)).replace(b'"score":null', b'"score":1e999'), "not a AttendanceEvent"),
        (EVENTS, punched(occurred_at="2026-03-02T07:00:00"), "occurred_at"),
        (EVENTS, punched(occurred_at="0001-01-01T00:00:00+14:00"), "beyond the calendar"),
        (EVENTS, punched(first_seen_at="9999-12-31T23:59:59-14:00"), "beyond the calendar"),
        (EVENTS, punched(first_seen_at="1969-12-31T23:59:59Z"), "a time in the year 1969"),
        (STATUS, encode(status()).replace(b"2026-03-02", b"0001-01-01"), "a time in the year 1"),
    ],
)
def test_what_is_none_is_refused_with_the_reason(topic: str, payload: bytes, reason: str) -> None:
    found = look(topic, payload)
    assert isinstance(found, Rejected)
    assert reason in found.reason
    assert (found.topic, found.payload) == (topic, payload)


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "2099-06-01T00:00:00+07:00", "2026-03-02T07:00:00.5+07:00"])
def test_a_clock_never_rejects_a_punch(moment: str) -> None:
    assert isinstance(look(EVENTS, punched(occurred_at=moment, first_seen_at=moment)), Arrival)


def test_fields_of_a_later_layout_are_passed_over() -> None:
    assert isinstance(look(EVENTS, changed(receipt="JBR-7K2")), Arrival)


@given(st.binary(max_size=400), st.text(max_size=60))
def test_no_bytes_and_no_topic_raise(payload: bytes, topic: str) -> None:
    for each in (topic, EVENTS, STATUS, topic + "/event", "hadir/v1/" + topic + "/status"):
        assert isinstance(look(each, payload), Rejected)


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
        found = look(EVENTS, payload)
        assert isinstance(found, Arrival | Rejected)
        if isinstance(found, Arrival):
            assert isinstance(found.event, AttendanceEvent)
            assert found.event.punch.occurred_at.astimezone(UTC) < datetime(9999, 1, 1, tzinfo=UTC) + timedelta(1)
