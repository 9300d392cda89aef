"""What is prepared before the curtain: once, and nothing twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import config
from demo import clip, stage
from enroll import desk
from sync import keys
from sync.register import Register

Said = tuple[list[str], Callable[[str], None]]


@pytest.fixture
def fresh(home: config.Config, tmp_path: Path) -> config.Config:
    """A machine without register, keys or card."""
    return config.replace(
        home,
        terminal={
            "state": str(tmp_path / "terminal"),
            "release_key": str(tmp_path / "keys" / "release.pub"),
            "collector_key": str(tmp_path / "keys" / "collector.pub"),
            "evidence_key": str(tmp_path / "keys" / "evidence.pub"),
            "enrolment_key": str(tmp_path / "keys" / "enrolment.pub"),
        },
        centre={
            "register": f"sqlite:///{tmp_path / 'register.sqlite'}",
            "keys": str(tmp_path / "keys"),
            "releases": str(tmp_path / "releases"),
            "heads": str(tmp_path / "heads"),
        },
    )


@pytest.mark.slow
def test_the_first_time_enrols_everybody_and_the_second_changes_nothing(
    fresh: config.Config, tmp_path: Path, said: Said
) -> None:
    words, say = said
    prepared = stage.prepare(fresh, tmp_path, with_clip=False, say=say)
    assert prepared == stage.Stage(clip=None, pin=("1001", "Barack Obama", "274913"))
    assert words == [f"Enrolled {each.employee} {each.name}." for each in clip.CAST.values() if each.employee]
    people = desk.list_people(fresh)
    assert [(person.number, person.name, person.has_pin) for person in people] == [
        (each.employee, each.name, True) for each in clip.CAST.values() if each.employee is not None
    ]
    assert [person.number for person in people if person.administrator] == ["1001"]
    assert keys.load_public(fresh.terminal.release_key)

    words.clear()
    assert stage.prepare(fresh, tmp_path, with_clip=False, say=say) == prepared
    assert words == []
    assert desk.list_people(fresh) == people


@pytest.mark.slow
def test_a_set_is_published_when_people_changed_and_not_otherwise(
    fresh: config.Config, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, say = said
    stage.prepare(fresh, tmp_path, with_clip=False, say=lambda _: None)
    monkeypatch.setattr(stage.publish, "_tell_broker", lambda *_: "no broker in this test")
    names = stage.release_if_changed(fresh, say)
    assert names == {each.employee: each.name for each in clip.CAST.values() if each.employee is not None}
    stage.release_if_changed(fresh, say)
    desk.set_pin(fresh, "1001", "918273")
    stage.release_if_changed(fresh, say)
    assert words == ["Published set 1 with 4 people.", "Published set 2 with 4 people."]
    with Register.open(fresh.centre.register, fresh.centre.keys) as register:
        released = stage.released_people(fresh, register)
    assert released is not None
    assert released.version == 2


@pytest.mark.slow
def test_a_pin_of_the_users_own_is_left_as_it_is(fresh: config.Config, tmp_path: Path) -> None:
    stage.prepare(fresh, tmp_path, with_clip=False, say=lambda _: None)
    desk.set_pin(fresh, "1002", "918273")
    with Register.open(fresh.centre.register, fresh.centre.keys) as register:
        before = stage.sets.build_set(
            register, office="demo", engine_id="e", dimension=128, at=datetime.now(UTC)
        ).people
    stage.prepare(fresh, tmp_path, with_clip=False, say=lambda _: None)
    with Register.open(fresh.centre.register, fresh.centre.keys) as register:
        after = stage.sets.build_set(register, office="demo", engine_id="e", dimension=128, at=datetime.now(UTC)).people
    assert [person.pin for person in before] == [person.pin for person in after]


def test_f3_without_the_passive_models_the_demos_liveness_is_on_all_the_same(
    fresh: config.Config, tmp_path: Path, said: Said
) -> None:
    words, say = said
    absent = config.replace(fresh, liveness={"models": str(tmp_path)})
    assert stage.liveness_of(absent, say) == "cues"
    assert len(words) == 1
    assert "relief of a head" in words[0]
