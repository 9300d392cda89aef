"""The whole kiosk once it has answered: corrected, looked back at, made larger, and opened by its administrator."""

import time
from datetime import timedelta

import pytest

from sync.messages import Change, Correction, DeskNote, Direction, Method
from terminal.visit.signals import (
    BACK_BUTTON,
    CANCEL,
    CHANGE_BUTTON,
    CONFIRM_BUTTON,
    DESK_BUTTON,
    EASE_BUTTON,
    ENTER,
    LANGUAGE_BUTTON,
    NOT_ME_BUTTON,
    PAGE_BUTTON,
    TODAY_BUTTON,
)
from tests.terminal.living import Watched, live
from tests.terminal.made import PIN, Kit

pytestmark = pytest.mark.slow
PATIENT = {"result_s": 20.0}


def to_the_menus_pin(kit: Kit, watched: Watched) -> None:
    """The administrator is recognised, looks at their day, and goes on to the PIN that opens the menu."""
    kit.camera.show(1)
    watched.until_screen("Recorded")
    watched.tap(TODAY_BUTTON)
    watched.until_screen("History")
    watched.tap(DESK_BUTTON)
    watched.until_screen("PinCode")


def test_the_direction_is_changed_by_one_tap_and_the_next_punch_knows(kit: Kit, watched: Watched) -> None:
    first: list[Direction] = []

    def director() -> None:
        kit.camera.show(2)
        watched.until_screen("Recorded")
        first.append(kit.events()[0].punch.direction)
        other = "Pulang" if first[0] is Direction.IN else "Masuk"
        watched.tap(CHANGE_BUTTON)
        watched.until(lambda: f"| {other} |" in watched.said[-1], "not changed")
        watched.until_screen("Recorded")
        watched.tap(TODAY_BUTTON)
        watched.until_screen("History")
        watched.until(lambda: f"| {other} |" in watched.said[-1], "the day does not know")
        watched.tap(BACK_BUTTON)

    live(kit, director, visit=PATIENT)
    (event,) = kit.events()
    (made,) = (entry for entry in kit.entries() if isinstance(entry, Correction))
    assert (made.of, made.employee, made.change) == (event.seq, "1002", Change.DIRECTION)
    assert made.direction is not first[0]
    assert event.punch.direction is first[0], "what was signed stays as it was"


def test_not_me_takes_the_punch_back_before_anything_else_and_opens_the_keypad(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        kit.camera.show(2)
        watched.until_screen("Recorded")
        kit.camera.show()
        watched.tap(NOT_ME_BUTTON)
        watched.until_screen("PinNumber")
        watched.until(lambda: "Sudah dibatalkan" in watched.said[-1], "not said")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until_screen("Recorded")

    live(kit, director, visit=PATIENT)
    taken, own = kit.events()
    (made,) = (entry for entry in kit.entries() if isinstance(entry, Correction))
    assert (made.of, made.employee, made.change) == (taken.seq, "1002", Change.NOT_ME)
    assert (own.punch.employee, own.punch.method, own.seq) == ("1001", Method.PIN, 3)
    assert own.punch.first_seen_at == pytest.approx(taken.punch.first_seen_at, abs=timedelta(milliseconds=1)), (
        "they had stood there since then"
    )


def test_whoever_was_taken_for_somebody_leaves_no_trace_in_their_day(kit: Kit, watched: Watched) -> None:
    """The person of that name comes later, and is not told that they had punched already."""

    def director() -> None:
        kit.camera.show(2)
        watched.until_screen("Recorded")
        kit.camera.show()
        watched.tap(NOT_ME_BUTTON)
        watched.until_screen("PinNumber")
        watched.type(CANCEL)
        watched.until_screen("Idle")
        kit.camera.show(1)
        watched.until(lambda: "Suharto" in watched.said[-1], "not the next one")
        kit.camera.show(2)
        watched.until(lambda: "Siti" in watched.said[-1], "not Siti herself")

    live(kit, director, visit=PATIENT)
    assert "AlreadyRecorded" not in watched.screens
    assert [(event.punch.employee, event.repeat_of) for event in kit.events()] == [
        ("1002", None), ("1001", None), ("1002", None),
    ]  # fmt: skip


def test_an_administrators_face_and_pin_open_the_menu_and_each_use_is_in_the_chain(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        to_the_menus_pin(kit, watched)
        watched.type(*PIN, ENTER)
        watched.until_screen("Desk")
        for page in ("network", "camera", "storage", "language"):
            watched.tap(f"{PAGE_BUTTON}{page}")
            watched.until(lambda: "Kembali" in watched.said[-1], page)
            if page != "language":
                watched.tap(BACK_BUTTON)
                watched.until(lambda: "Tutup" in watched.said[-1], "no menu")
        watched.tap(f"{LANGUAGE_BUTTON}en")
        watched.until(lambda: "Back" in watched.said[-1], "not English")
        watched.tap(BACK_BUTTON)
        watched.until(lambda: "Administrator's menu" in watched.said[-1], "no menu")
        watched.tap(BACK_BUTTON)
        watched.until(lambda: "Please face the camera" in watched.said[-1], "not closed")

    live(kit, director, visit=PATIENT)
    notes = [(entry.employee, entry.action) for entry in kit.entries() if isinstance(entry, DeskNote)]
    assert notes == [("1001", "opened"), ("1001", "language_changed"), ("1001", "closed")]
    assert (kit.card / "language").read_text() == "en"


def test_who_is_no_administrator_finds_no_way_to_the_menu(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        kit.camera.show(2)
        watched.until_screen("Recorded")
        watched.tap(TODAY_BUTTON)
        watched.until_screen("History")
        assert watched.screen is not None
        assert DESK_BUTTON not in {button.id for button in watched.screen.buttons}

    live(kit, director, visit=PATIENT)


def test_a_wrong_pin_before_the_menu_is_noted_and_opens_nothing(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        to_the_menus_pin(kit, watched)
        watched.type(*"111222", ENTER)
        watched.until(lambda: "Nomor atau PIN salah" in watched.said[-1], "not refused")

    live(kit, director, visit=PATIENT)
    assert "Desk" not in watched.screens
    assert [entry.action for entry in kit.entries() if isinstance(entry, DeskNote)] == ["refused"]


def test_the_administrator_has_the_kiosk_start_again(kit: Kit, watched: Watched) -> None:
    def director() -> None:
        to_the_menus_pin(kit, watched)
        watched.type(*PIN, ENTER)
        watched.until_screen("Desk")
        watched.tap(f"{PAGE_BUTTON}restart")
        watched.until(lambda: "Mulai ulang sekarang" in watched.said[-1], "no question")
        watched.tap(CONFIRM_BUTTON)
        watched.until(lambda: "STOPPING=1" in watched.told, "not restarted")

    live(kit, director, visit=PATIENT)
    assert [entry.action for entry in kit.entries() if isinstance(entry, DeskNote)] == ["opened", "restarted"]


def test_large_letters_and_more_time_come_and_go_by_one_tap(kit: Kit, watched: Watched) -> None:
    shown_s: list[float] = []

    def size() -> float:
        assert watched.screen is not None
        return max(text.size for text in watched.screen.texts if "Silakan" in text.words)

    def director() -> None:
        watched.until_screen("Idle")
        small = size()
        watched.tap(EASE_BUTTON)
        watched.until(lambda: size() > small, "not larger")
        kit.camera.show(2)
        watched.until_screen("Recorded")
        began_s = time.monotonic()
        kit.camera.show()
        watched.until_screen("Idle")
        shown_s.append(time.monotonic() - began_s)
        watched.tap(EASE_BUTTON)
        watched.until(lambda: size() == small, "not as before")

    live(kit, director, visit={"result_s": 0.5, "slowness": 4})
    assert shown_s[0] > 1.8, "four times half a second"


@pytest.mark.parametrize(("who", "method", "review"), [(1, Method.FACE_AND_PIN, ()), (2, Method.PIN, ("face_unlike",))])
def test_the_face_beside_a_pin_is_compared_with_whom_it_claims_to_be(
    kit: Kit, watched: Watched, who: int, method: Method, review: tuple[str, ...]
) -> None:
    def director() -> None:
        kit.camera.show(who)
        watched.until_screen("Recorded")
        watched.tap("pin")
        watched.until_screen("PinNumber")
        watched.type(*"1001", ENTER, *PIN, ENTER)
        watched.until(lambda: len(kit.events()) == 2, "no second punch")
        watched.until(lambda: watched.screens[-1] in ("Recorded", "AlreadyRecorded"), "not said")

    live(kit, director, visit=PATIENT)
    typed = kit.events()[-1].punch
    assert (typed.employee, typed.method, typed.review) == ("1001", method, review)
    assert typed.score is not None
