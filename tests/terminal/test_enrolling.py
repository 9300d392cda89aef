"""An enrolment as the visit sees it: opened from the administrator's menu, noted, and back to nobody after it."""

from terminal.visit.desk import PAGES
from terminal.visit.signals import ENROL_BUTTON, ENTER, CommitFailed, ErrandOver, StartErrand, Tapped
from terminal.visit.states import CameraDown, Desk, Enrolling, Idle, NotRecorded
from tests.terminal.made import rules
from tests.terminal.visit_life import Life, camera, open_desk


def enrolling() -> Life:
    life = Life(rules(enrols=True))
    open_desk(life)
    life.give(Tapped(button=ENROL_BUTTON))
    return life


def test_the_menu_opens_an_enrolment_that_is_noted_and_comes_back_to_nobody() -> None:
    life = enrolling()
    assert life.state == Enrolling(employee="1001")
    assert life.wishes == [StartErrand(employee="1001")]
    life.see(7, "1002")
    life.type(*"1001", ENTER)
    life.wait(600)
    assert isinstance(life.state, Enrolling), "nobody is punched, and it lasts as long as the errand does"
    life.give(ErrandOver())
    assert isinstance(life.state, Idle)
    assert life.desk == [("1001", "opened"), ("1001", "enrolment_opened"), ("1001", "closed")]
    assert len(life.records) == 1, "that of the administrator's own face, before"


def test_a_kiosk_that_enrols_nobody_has_no_such_button() -> None:
    life = Life()
    open_desk(life)
    life.give(Tapped(button=ENROL_BUTTON))
    life.type(str(len(PAGES) + 1))
    assert isinstance(life.state, Desk)
    assert life.wishes == []


def test_the_key_after_the_pages_opens_the_enrolment() -> None:
    life = Life(rules(enrols=True))
    open_desk(life)
    life.type(str(len(PAGES) + 1))
    assert isinstance(life.state, Enrolling)


def test_an_enrolment_that_cannot_be_noted_is_not_allowed() -> None:
    life = enrolling()
    life.give(CommitFailed())
    assert isinstance(life.state, NotRecorded)


def test_a_camera_lost_during_an_enrolment_is_still_lost_after_it() -> None:
    life = enrolling()
    life.give(camera("lost"))
    life.give(ErrandOver())
    assert isinstance(life.state, CameraDown)


def test_who_still_stands_there_after_an_enrolment_is_not_punched_by_it() -> None:
    life = enrolling()
    life.give(ErrandOver(employee="1005"))
    before = len(life.records)
    for track, employee in ((11, "1001"), (12, "1005")):
        life.see(track)
        life.see(track, employee)
        assert isinstance(life.state, Idle)
        life.see(track, employee, after_s=30)
        assert isinstance(life.state, Idle), "for as long as they stand there"
        life.at_s -= 30
    life.see(13, "1002")
    assert len(life.records) == before + 1, "whoever else comes is"
    life.see(14, "1005", after_s=10)
    assert len(life.records) == before + 2, "and who comes back, too"
