"""The fakes have the interface of what they stand for, and complain."""

import inspect
import threading

import pytest

from sync.mqtt import Connected, Link, LinkDown, Sent
from tests.fakes import FakeLink


def test_fake_link_has_the_interface_of_link() -> None:
    for name, real in inspect.getmembers(Link, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(FakeLink, name)) == inspect.signature(real), name
    real_arguments = set(inspect.signature(Link.__init__).parameters)
    assert real_arguments <= set(inspect.signature(FakeLink.__init__).parameters)
    for name, member in inspect.getmembers(Link):
        if not name.startswith("_"):
            assert type(getattr(FakeLink, name)) is type(member), name


def test_fake_link_complains_when_misused() -> None:
    link = FakeLink()
    with pytest.raises(AssertionError, match="used while new"):
        link.next(0)
    link.start()
    with pytest.raises(LinkDown):
        link.publish("a", b"x")
    link.connect()
    assert link.next(1) == Connected(session_present=False)
    mid = link.publish("a", b"x")
    assert link.next(1) == Sent(mid=mid, ok=True, reason="Success")
    with pytest.raises(AssertionError, match="filter"):
        link.publish("a/+", b"x")
    complaints: list[AssertionError] = []

    def stranger() -> None:
        try:
            link.next(0)
        except AssertionError as error:
            complaints.append(error)

    thread = threading.Thread(target=stranger)
    thread.start()
    thread.join()
    assert "one owner thread" in str(complaints[0])
    link.stop()
    with pytest.raises(AssertionError, match="used while stopped"):
        link.publish("a", b"x")
