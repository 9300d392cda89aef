"""What an enrolment says aloud, and that its pictures show what its screens are."""

import re

import cv2
import numpy as np
import pytest

from enroll.screens import spoken_of
from enroll.wizard import signals
from terminal.quality import Reason
from terminal.screens.catalogue import LOCALES, language
from terminal.visit.signals import ENTER
from tests.enroll.make_pictures import FOLDER, pictures
from tests.enroll.make_reference_screens import FILE, KEPT, tiles
from tests.enroll.wizard_life import NOBODY, Life, saw
from tests.enroll.wizard_specimens import ROSTER, specimens
from tests.terminal.make_reference_screens import TILE, tile_of
from tests.terminal.test_reference_screens import MOST, difference

# --- spoken ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LOCALES)
def test_nothing_spoken_names_anybody_or_a_digit(code: str) -> None:
    for specimen in specimens(code):
        spoken = spoken_of(specimen.wizard, language(code))
        if spoken is None:
            continue
        assert spoken.strip(), specimen.name
        assert not re.search(r"[0-9]{2}|\{", spoken), specimen.name
        assert not any(entry.name in spoken for entry in ROSTER), specimen.name


def test_each_step_of_a_willing_persons_enrolment_is_said_once_in_order() -> None:
    words = language("en")
    life = Life()
    heard: list[str] = []

    def listen() -> None:
        spoken = spoken_of(life.wizard, words)
        if spoken is not None and (not heard or heard[-1] != spoken):
            heard.append(spoken)

    life.tap(f"{signals.EMPLOYEE_BUTTON}1001")
    listen()
    life.tap(signals.AGREE_BUTTON)
    for yaw in (0.0, 0.05, 0.2, 0.0, -0.2):
        listen()
        life.give(saw(yaw), after_s=1.0)
    life.search()
    for key in ("7", "3", "9", "2", "0", "6", ENTER, "7", "3", "9", "2", "0", "6", ENTER):
        listen()
        life.type(key)
    listen()
    life.give(NOBODY, after_s=1.0)
    listen()
    life.walk_up()
    life.store()
    listen()
    say = words.wizard
    assert heard == [
        words.purpose_title,
        say["pose_front"],
        say["pose_left"],
        say["pose_right"],
        say["pin_choose"],
        say["pin_repeat"],
        say["test_step_back"],
        say["test_walk_up"],
        f"{say['done']}. {say['done_face']}",
    ]


def test_a_person_is_told_why_it_stalls_and_a_known_face_is_not_called_out() -> None:
    words = language("id")
    spoken = {found.name: spoken_of(found.wizard, words) for found in specimens("id")}
    assert spoken["stalled-too_dark"] == f"{words.wizard['stalled']}. {words.hints[Reason.TOO_DARK]}"
    assert spoken["duplicate"] is None
    assert spoken["find"] is None


# --- pictures -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_kept_screen_looks_as_when_it_was_last_looked_at() -> None:
    kept = cv2.imread(str(FILE))
    assert kept is not None
    found = dict(tiles())
    assert len(found) == sum(len(names) for names in KEPT.values()), "a name in KEPT is nobody's"
    wrong = {
        name: round(apart)
        for index, (name, picture) in enumerate(found.items())
        if (apart := difference(picture, tile_of(np.asarray(kept), index))) > MOST
    }
    assert wrong == {}, "if they were meant to change: python -m tests.enroll.make_reference_screens"


@pytest.mark.slow
def test_the_pictures_of_the_documents_are_of_these_screens() -> None:
    made = dict(pictures())
    assert {path.stem for path in FOLDER.glob("*.jpg")} == set(made), "python -m tests.enroll.make_pictures"
    for name, picture in made.items():
        kept = cv2.imread(str(FOLDER / f"{name}.jpg"))
        assert kept is not None
        one, other = (np.asarray(cv2.resize(each, TILE, None, 0, 0, cv2.INTER_AREA)) for each in (picture, kept))
        assert difference(one, other) <= MOST, name
