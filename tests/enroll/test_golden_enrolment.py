"""Enrolments that must come out as they always have: who does not turn, and real people's clips where those are.

`hadir bench desk` measures the same on all of them; this is what it may not fall below.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import config
from bench.desk.sittings import clips_of, enrol, gallery_of
from enroll.sitting.policy import rules_of
from enroll.wizard.signals import AGREE_BUTTON, EMPLOYEE_BUTTON
from enroll.wizard.states import Capture, ChoosePin, Stalled
from enroll.wizard.values import Pose, WizardRules
from terminal.faces import Engine, Picture
from terminal.gallery import Gallery
from tests.enroll.sittings import NotingPlace, Played
from tests.terminal.portraits import EVERYBODY, PEOPLE, before_camera, encoding

SETTINGS = config.replace(config.Config(), quality={"min_sharpness": 0})
OBAMA, _ = PEOPLE["obama"]


def somebody() -> Iterator[Picture]:
    """A portrait that sways by a few pixels, and never turns its head."""
    pictures = [before_camera(OBAMA, shift_px=shift) for shift in (0, 4, 8)]
    return itertools.cycle(pictures)


def shipped(engine: Engine) -> WizardRules:
    return replace(rules_of(config.Config(), engine.engine_id), looks=())


def stood(engine: Engine, rules: WizardRules) -> Played:
    """Somebody has stood before the camera until the machine wanted no more pictures of them, or for half a minute."""
    played = Played(NotingPlace(Gallery.empty(engine.engine_id)), engine, SETTINGS, rules=rules)
    played.tap(f"{EMPLOYEE_BUTTON}1001", AGREE_BUTTON)
    played.show(itertools.islice(somebody(), 300), until=lambda state: not isinstance(state, Capture))
    return played


def test_somebody_who_cannot_turn_their_head_is_enrolled_within_twenty_seconds(opencv: Engine) -> None:
    played = stood(opencv, shipped(opencv))
    assert isinstance(played.state, ChoosePin)
    samples = played.state.draft.samples
    assert [sample.pose for sample in samples] == [Pose.FRONT] * 3
    assert played.at_s <= 20
    turning = stood(opencv, replace(shipped(opencv), poses=(Pose.FRONT,) * 3))
    assert turning.at_s < 3, "who does as they are asked is not waited for"


def test_control_a_machine_that_waits_for_ever_lets_them_stall(opencv: Engine) -> None:
    played = stood(opencv, replace(shipped(opencv), patience_s=float("inf")))
    assert isinstance(played.state, Stalled)


@pytest.mark.slow
@pytest.mark.bench_data
@pytest.mark.timeout(180)
@pytest.mark.parametrize("who", ["asl_C", *(pytest.param(f"asl_{each}", marks=pytest.mark.nightly) for each in "ABDE")])
def test_f5_golden_whoever_is_enrolled_before_one_clip_is_known_in_the_other(
    opencv: Engine, bench_data: Path, who: str
) -> None:
    """asl_C is turned away a little in the clip they are enrolled from, and not in the other one."""
    settings = config.Config()
    others = {f"9{place}": encoding(path) for place, path in enumerate(EVERYBODY)}
    (clips,) = [each for each in clips_of(bench_data) if each.who == who]
    found = enrol(opencv, settings, gallery_of(opencv, others), clips)
    print(found)
    assert (found["ends"], found["known"]) == ("Done", "right")
    assert found["pictures_s"] <= 20
    assert found["score"] >= 0.6
