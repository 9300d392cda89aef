"""An enrolment at a whole kiosk, from the administrator's menu to the card, with the real engine and real screens."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import config
from enroll.sitting import at_kiosk
from sync.messages import DeskNote
from sync.releases import EncodingSet, Person
from terminal import app, store
from terminal.faces import Engine
from terminal.ledger import Ledger
from terminal.pin import check_pin, hash_pin
from terminal.provisional import EnrolmentKept, KeepEnrolment, NewEnrolment
from terminal.visit.signals import DESK_BUTTON, ENROL_BUTTON, ENTER, TODAY_BUTTON, CommitFailed
from tests.enroll.sittings import NINE, RULES
from tests.enroll.webcams import Webcam
from tests.terminal.living import Watched, directed
from tests.terminal.made import PEPPER, PIN, Kit, settings_in
from tests.terminal.portraits import MODELS, PEOPLE, encoding

pytestmark = pytest.mark.slow

ADMIN, ADMIN_LATER = PEOPLE["obama"]
COLLEAGUE, COLLEAGUE_LATER = PEOPLE["macron"]
NEWCOMER, NEWCOMER_LATER = PEOPLE["ardern"]
OWN_PIN = "482915"


def person(number: str, name: str, face: Path | None = None, **more: object) -> Person:
    templates = () if face is None else (encoding(face).astype("<f4").tobytes(),)
    return Person(employee=number, name=name, templates=templates, **more)  # type: ignore[arg-type]


class Stage:
    """A kiosk, its camera, its screen, and what its card was asked to keep."""

    def __init__(self, settings: config.Config, watched: Watched, engine: Engine) -> None:
        self.settings, self.watched, self.engine, self.camera = settings, watched, engine, Webcam()
        self.asked: list[NewEnrolment] = []
        self.fails = 0

    def watch_the_card(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the card is asked to keep is noted, and refused as often as `fails` says."""
        enrol = Ledger.enrol

        def noting(ledger: Ledger, asked: KeepEnrolment) -> EnrolmentKept | CommitFailed:
            self.asked.append(asked.enrolment)
            if self.fails:
                self.fails -= 1
                return CommitFailed()
            return enrol(ledger, asked)

        monkeypatch.setattr(Ledger, "enrol", noting)

    def live(self, director: Callable[[], None]) -> None:
        directed(
            director,
            lambda stop: app.run(
                self.settings, stop=stop, camera=self.camera.open, engine=self.engine, errand=at_kiosk.begin
            ),
        )

    def tap(self, *buttons: str) -> None:
        for button in buttons:
            self.watched.tap(button)

    def to_the_purpose(self, number: str = "1005") -> None:
        """The administrator walks up, opens the menu, and types who is to be enrolled; who then steps up."""
        self.camera.show(ADMIN_LATER)
        self.watched.until_screen("Recorded")
        self.tap(TODAY_BUTTON)
        self.watched.until_screen("History")
        self.tap(DESK_BUTTON)
        self.watched.until_screen("PinCode")
        self.tap(*PIN, ENTER)
        self.watched.until_screen("Desk")
        self.tap(ENROL_BUTTON)
        self.watched.until_screen("EnrolFindEmployee")
        self.watched.type(*number, ENTER)
        self.watched.until_screen("EnrolPurpose")

    def notes(self) -> list[str]:
        kit = Kit(settings=self.settings, camera=self.camera, engine=self.engine)  # type: ignore[arg-type]
        return [entry.action for entry in kit.entries() if isinstance(entry, DeskNote)]

    def punched(self) -> list[str]:
        kit = Kit(settings=self.settings, camera=self.camera, engine=self.engine)  # type: ignore[arg-type]
        return [event.punch.employee for event in kit.events()]


@pytest.fixture
def stage(tmp_path: Path, opencv: Engine, monkeypatch: pytest.MonkeyPatch) -> Stage:
    store._checked.clear()
    store._broken.clear()
    content = EncodingSet(
        office="demo",
        version=3,
        engine_id=opencv.engine_id,
        dimension=opencv.dimension,
        created_at=NINE,
        people=(
            person("1001", "Adi Admin", ADMIN, pin=hash_pin("1001", PIN, pepper=PEPPER), administrator=True),
            person("1002", "Budi Rahasia", COLLEAGUE),
            person("1005", "Siti Rahasia"),
        ),
    )
    settings = config.replace(
        settings_in(tmp_path, content),
        engine={"models": str(MODELS)},
        visit={"result_s": 20.0},
        camera={"frame_rate_hz": 30},
        sound={"voice": "off"},
    )
    monkeypatch.setattr(at_kiosk, "rules_of", lambda settings, engine_id: RULES)
    made = Stage(settings, Watched(monkeypatch), opencv)
    made.watch_the_card(monkeypatch)
    return made


def test_b7_somebody_is_enrolled_at_the_kiosk_from_the_menu_to_the_card(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminal.visit.desk._SPARED_S", 0.0)  # nobody waits before they come back

    def director() -> None:
        stage.to_the_purpose()
        stage.camera.show(NEWCOMER)
        stage.tap("agree")
        stage.watched.until_screen("EnrolChoosePin")
        stage.tap(*OWN_PIN, ENTER, *OWN_PIN, ENTER)
        stage.watched.until_screen("EnrolSelfTest")
        stage.camera.show(None)
        stage.camera.look()
        stage.camera.show(NEWCOMER_LATER)
        stage.watched.until_screen("EnrolDone")
        stage.camera.show(None)
        stage.watched.type(ENTER)
        stage.watched.until_screen("Idle")
        stage.camera.show(NEWCOMER_LATER)
        stage.watched.until_screen("Recorded")

    with caplog.at_level(logging.DEBUG):
        stage.live(director)
    (kept,) = stage.asked
    assert (kept.administrator, kept.employee, kept.basis, kept.language) == ("1001", "1005", "consent", "id")
    assert (kept.engine_id, kept.photo, len(kept.id)) == (stage.engine.engine_id, False, 32)
    (template,) = kept.templates
    vector = np.frombuffer(template.vector, "<f4")
    assert (template.look, template.samples) == ("", RULES.poses.__len__())
    assert float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5)
    assert float(vector @ encoding(NEWCOMER_LATER)) > float(vector @ encoding(ADMIN)) + 0.2
    assert kept.pin_hash is not None
    assert check_pin(kept.pin_hash, "1005", OWN_PIN, peppers={PEPPER.key_id: PEPPER})
    assert stage.notes() == ["opened", "enrolment_opened", "closed"]
    assert stage.punched() == ["1001", "1005"], "the newcomer only when they walked up by themselves, at once"
    for secret in ("Rahasia", OWN_PIN, kept.pin_hash):
        assert secret not in caplog.text


def test_the_face_of_a_colleague_under_a_new_number_is_refused_and_the_card_is_asked_for_nothing(stage: Stage) -> None:
    def director() -> None:
        stage.to_the_purpose()
        stage.camera.show(COLLEAGUE_LATER)
        stage.tap("agree")
        stage.watched.until_screen("EnrolDuplicate")
        stage.tap("cancel")
        stage.watched.until_screen("EnrolCancelled")
        stage.camera.show(None)
        stage.watched.type(ENTER)
        stage.watched.until_screen("Idle")

    stage.live(director)
    assert stage.asked == []


def test_a_card_that_fails_is_said_and_the_same_is_kept_at_the_second_try(stage: Stage) -> None:
    stage.fails = 1

    def director() -> None:
        stage.to_the_purpose()
        stage.tap("refuse")
        stage.watched.until_screen("EnrolChoosePin")
        stage.tap(*OWN_PIN, ENTER, *OWN_PIN, ENTER)
        stage.watched.until_screen("EnrolNotEnrolled")
        stage.tap("again")
        stage.watched.until_screen("EnrolDone")

    stage.live(director)
    first, second = stage.asked
    assert first.id == second.id, "once, whatever the first one left"
    assert (second.basis, second.templates, second.photo) == ("no_face", (), False)
    assert second.pin_hash is not None


def test_a_camera_lost_in_the_middle_comes_back_and_a_kiosk_stopped_before_the_end_has_kept_nothing(
    stage: Stage,
) -> None:
    def director() -> None:
        stage.to_the_purpose()
        stage.camera.show(None)
        stage.tap("agree")
        stage.watched.until_screen("EnrolCapture")
        stage.camera.unplug()
        stage.watched.until_screen("EnrolNoCamera")
        stage.camera.show(NEWCOMER)
        stage.camera.unplug(False)
        stage.watched.until_screen("EnrolChoosePin")
        stage.tap(*OWN_PIN, ENTER, *OWN_PIN, ENTER)
        stage.watched.until_screen("EnrolSelfTest")

    stage.live(director)
    assert stage.asked == []
    samples = encoding(NEWCOMER).astype("<f4").tobytes()[:16]
    for path in stage.settings.terminal.state.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert OWN_PIN.encode() not in content, path
            assert samples not in content, path
