"""The desk's own window with a real register: sign in by number, PIN and face, enrol, and who may not."""

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import config
from enroll.desk import add_person, list_people, set_administrator, set_pin
from enroll.sitting import webcam, window
from sync import peppers
from sync.register import Register
from sync.register.consents import Basis, basis_of
from sync.register.people import pin_hash_of, templates_of
from terminal.faces import Engine, Picture
from terminal.pin import PinAnswer, PinDesk, check_pin
from terminal.visit.signals import CANCEL, ENTER, PinVerdict
from tests.enroll.sittings import RULES
from tests.enroll.webcams import Webcam
from tests.terminal.living import Watched, directed
from tests.terminal.portraits import PEOPLE, STRANGERS

pytestmark = pytest.mark.slow

OBAMA, OBAMA_LATER = PEOPLE["obama"]
MACRON, MACRON_LATER = PEOPLE["macron"]
ADMIN_PIN, PIN = "739206", "482915"
NOBODY: Picture = np.full((720, 1280, 3), 128, np.uint8)


Desk = tuple[Watched, Webcam, Callable[..., None]]


@pytest.fixture
def here(settings: config.Config) -> config.Config:
    return config.replace(
        settings,
        display={"driver": "dummy"},
        quality={"min_sharpness": 0},
        sound={"voice": "off"},
        liveness={"mode": "off"},  # before this camera there are portraits, which do not turn
    )


@pytest.fixture
def office(here: config.Config, opencv: Engine) -> config.Config:
    """An administrator with face and PIN, and two people HR has listed."""
    add_person(here, "9", "Adi Admin", photos=[OBAMA], engine=opencv)
    set_pin(here, "9", ADMIN_PIN)
    set_administrator(here, "9", True)
    for number, name in (("1002", "Budi Rahasia"), ("1003", "Siti Rahasia")):
        add_person(here, number, name, engine=opencv)
    return here


@pytest.fixture
def desk(office: config.Config, opencv: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(window, "rules_of", lambda settings, engine_id: RULES)
    watched, camera = Watched(monkeypatch), Webcam()

    def live(director: Callable[[], None], ended: Callable[[], None] = lambda: None) -> None:
        def program(stop: threading.Event) -> None:
            webcam.run(office, stop=stop, camera=camera.open, engine=opencv)
            ended()

        directed(director, program)

    return watched, camera, live


def sign_in(watched: Watched, number: str = "9", pin: str = ADMIN_PIN) -> None:
    watched.until_screen("PinNumber")
    watched.type(*number, ENTER)
    watched.until_screen("PinCode")
    watched.type(*pin, ENTER)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[PinVerdict]:
    """What the PIN desk has answered, and the machine heard: too fast for a screen to be drawn in between."""
    heard: list[PinVerdict] = []
    answer = PinDesk.answer

    def noted(desk: PinDesk) -> PinAnswer | None:
        found = answer(desk)
        if found is not None:
            heard.append(found.verdict)
        return found

    monkeypatch.setattr(PinDesk, "answer", noted)
    return heard


def test_an_administrator_signs_in_and_enrols_somebody_from_the_register(
    desk: Desk, office: config.Config, opencv: Engine
) -> None:
    watched, camera, live = desk

    def director() -> None:
        camera.show(OBAMA_LATER)
        camera.look()
        sign_in(watched)
        watched.until_screen("EnrolFindEmployee")
        camera.show(MACRON)
        watched.type(*"1002", ENTER)
        watched.until_screen("EnrolPurpose")
        watched.tap("agree")
        watched.until_screen("EnrolChoosePin")
        for key in (*PIN, ENTER, *PIN, ENTER):
            watched.tap(key)
        watched.until_screen("EnrolSelfTest")
        camera.show(None)
        camera.look()
        camera.show(MACRON_LATER)
        watched.until_screen("EnrolDone")
        watched.type(ENTER)
        watched.until_screen("EnrolFindEmployee")  # for the next one, without signing in again
        watched.type(CANCEL)
        watched.until_screen("EnrolCancelled")
        watched.type(ENTER)
        watched.until_screen("PinNumber")

    live(director)
    (kept,) = [each for each in list_people(office) if each.number == "1002"]
    assert (kept.name, kept.templates, kept.samples, kept.has_pin) == ("Budi Rahasia", 1, 3, True)
    with Register.open(office.centre.register, office.centre.keys) as register:
        basis = basis_of(register, "1002")
        assert basis is not None
        assert (basis.basis, basis.desk) == (Basis.CONSENT, "demo desk, 9")
        hashed = pin_hash_of(register, "1002")
        assert hashed is not None
        pepper = peppers.newest_of(office.centre.keys, "demo")
        assert check_pin(hashed, "1002", PIN, peppers={pepper.key_id: pepper})
        vectors = {n: np.frombuffer(t.vector, "<f4") for n, t in templates_of(register, opencv.engine_id)}
    assert float(vectors["1002"] @ vectors["9"]) < 0.3


def test_the_right_pin_with_another_face_or_none_beside_it_opens_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    watched, camera, live = desk

    def director() -> None:
        camera.show(STRANGERS[0])
        camera.look()
        sign_in(watched)
        watched.until(lambda: "Nomor atau PIN salah" in watched.said[-1], "let in")

    live(director)
    assert not any(name.startswith("Enrol") for name in watched.screens)
    assert "employee 9 did not sign in: the PIN was right, but another face" in caplog.text


def test_who_is_no_administrator_finds_no_way_in_and_who_guesses_waits(
    desk: Desk, office: config.Config, answers: list[PinVerdict]
) -> None:
    watched, camera, live = desk
    set_pin(office, "1003", PIN)

    def director() -> None:
        camera.show(OBAMA)
        camera.look()
        sign_in(watched, "1003", PIN)
        watched.until(lambda: "Nomor atau PIN salah" in watched.said[-1], "let in")
        watched.type(CANCEL)
        sign_in(watched, "9", "000001")
        for tried in range(2, office.pin.free_tries + 2):
            watched.until(lambda: len(answers) == tried, "not answered")  # noqa: B023 - awaited at once
            watched.type(*"000001", ENTER)
        watched.until(lambda: "Coba lagi dalam" in watched.said[-1], "as many guesses as one likes")
        watched.type(*ADMIN_PIN, ENTER)
        watched.until_screen("PinCode")

    live(director)
    assert not any(name.startswith("Enrol") for name in watched.screens)
    assert answers[-1] is PinVerdict.WAIT
    assert (office.centre.keys.parent / "desk").is_dir(), "another start of the program does not forget it"


def test_without_an_administrator_the_way_to_the_first_one_is_said(here: config.Config, opencv: Engine) -> None:
    add_person(here, "9", "Adi Admin", photos=[OBAMA], engine=opencv)
    with pytest.raises(webcam.NobodyAdministers, match=r"\./hadir enroll administrator NUMBER"):
        webcam.run(here, stop=threading.Event(), engine=opencv)


def test_an_enrolment_that_fails_at_every_turn_is_left_and_the_next_can_begin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched, camera, live = desk
    monkeypatch.setattr("enroll.screens.screen_of", lambda wizard, context: {}["Siti Rahasia"])

    def director() -> None:
        camera.show(OBAMA)
        camera.look()
        sign_in(watched)
        watched.until(lambda: "a turn failed" in caplog.text, "nothing failed")
        watched.until_screen("PinNumber")

    live(director)
    assert "KeyError" in caplog.text
    assert "Rahasia" not in caplog.text


def test_leaving_the_keypad_ends_the_program(
    desk: Desk,
) -> None:
    watched, _, live = desk
    ended = threading.Event()

    def director() -> None:
        watched.until_screen("PinNumber")
        watched.type(CANCEL)
        assert ended.wait(10), "it goes on"

    live(director, ended.set)
