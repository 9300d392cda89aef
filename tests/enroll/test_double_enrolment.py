"""The same face under a second number (F5): refused where it is sure, pointed out where it is likely."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fewer
from hypothesis import strategies as st

import config
from bench.desk import twice
from bench.desk.twice import Studied
from enroll.desk import Done, add_person
from enroll.faces import KnownFaces
from enroll.rules import WORDS
from enroll.samples import study_photos
from sync.register import Register, enrolment
from sync.register.people import Template
from terminal.calibration import calibrated, suspect_score
from terminal.faces import Engine, Picture, Vector, engine_id_of
from terminal.quality import Reason
from tests.enroll.test_lookalikes import AT, like
from tests.terminal.portraits import PEOPLE, photo

OPENCV = engine_id_of(config.Engine())
DIMENSION = 128


class NamedEngine:
    """As much of an engine as the desk's memory asks for."""

    engine_id = OPENCV
    dimension = DIMENSION


def looks(seed: int) -> Vector:
    vector = np.random.default_rng(seed).standard_normal(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@pytest.fixture
def office(tmp_path: Path) -> KnownFaces:
    """Forty people of one office, one of whom is 1001, and the shipped calibration."""
    register = Register.open(f"sqlite:///{tmp_path / 'register.sqlite'}", tmp_path / "keys")
    for number in range(1001, 1041):
        template = Template(
            engine_id=OPENCV, vector=looks(number).astype("<f4").tobytes(), samples=3, source="photos", made_at=AT
        )
        enrolment.upsert_employee(register, number=str(number), name="x", office="demo", at=AT, template=template)
    return KnownFaces(register, NamedEngine)  # type: ignore[arg-type, return-value]


@fewer(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(number=st.integers(1001, 1040))
def test_an_exact_duplicate_is_refused_always(office: KnownFaces, number: int) -> None:
    settings = calibrated(config.Config(), OPENCV)
    why, _ = office.compare(looks(number), number="9", source="photos", office="demo", settings=settings)
    assert f"the same face is enrolled as {number}" in str(why)


@fewer(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(score=st.floats(0.3, 0.99), seed=st.integers(2000, 10**6))
def test_whoever_resembles_somebody_enough_is_pointed_out_at_the_office(
    office: KnownFaces, score: float, seed: int
) -> None:
    settings = calibrated(config.Config(), OPENCV)
    suspect = suspect_score(OPENCV, settings.match, 40)
    face = like(looks(1001), score, seed, dimension=DIMENSION)
    why, warnings = office.compare(face, number="9", source="photos", office="demo", settings=settings)
    assert (why is not None) == (float(face @ looks(1001)) >= settings.enroll.duplicate_score)
    if why is None and score >= suspect + 1e-5:
        assert any("9 resembles 1001" in words for words in warnings)
    other_office = office.compare(face, number="9", source="photos", office="elsewhere", settings=settings)
    assert other_office[1] == ()


def test_one_picture_under_two_numbers_is_refused_and_the_first_stays(
    settings: config.Config, engine: Engine, painted: Callable[..., bytes], tmp_path: Path
) -> None:
    photo = tmp_path / "1.png"
    photo.write_bytes(painted(5))
    assert add_person(settings, "1001", "Siti", photos=[photo], engine=engine).done is Done.ADDED
    again = add_person(settings, "2002", "Tini", photos=[photo], engine=engine)
    assert again.done is Done.REFUSED
    assert "withdraw 1001 first" in str(again.why)


# --- F5 at the size of an office ------------------------------------------------------------------------------------


def studied(count: int, *, score: float) -> Studied:
    """Everybody enrolled once, and once more with a template that resembles their first by `score`."""
    first = {str(number): looks(number) for number in range(count)}
    second = {who: like(vector, score, 10**5 + int(who), dimension=DIMENSION) for who, vector in first.items()}
    return Studied(first=first, second=second, strangers={"x": looks(10**6)}, refused={})


def test_f5_every_exact_duplicate_of_an_office_is_refused_and_no_different_person() -> None:
    found = twice.measure(NamedEngine(), config.Config(), studied(400, score=0.9))["who"]  # type: ignore[arg-type]
    assert found["the same person, the same photos"]["refused"] == 400
    assert found["the same person, other photos"]["refused"] == 400
    assert found["different people"]["refused"] == 0
    assert found["different people"]["of"] == 401


def test_f5_control_whoever_does_not_resemble_themselves_passes_unseen() -> None:
    found = twice.measure(NamedEngine(), config.Config(), studied(200, score=0.1))["who"]  # type: ignore[arg-type]
    assert found["the same person, other photos"]["seen"] < 0.2


def test_a_rate_is_at_least_what_its_interval_says() -> None:
    assert twice.least_rate(0, 10) == 0
    assert twice.least_rate(160, 160) == pytest.approx(0.025 ** (1 / 160), abs=1e-6)
    assert twice.least_rate(154, 156) == pytest.approx(0.9545, abs=1e-4)  # R: binom.test(154, 156)$conf.int[1]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda picture: picture // 12, Reason.TOO_DARK),
        (lambda picture: cv2.GaussianBlur(picture, (0, 0), 14), Reason.HOLD_STILL),
        (lambda picture: cv2.resize(picture, None, fx=0.15, fy=0.15), Reason.TOO_FAR),
    ],
    ids=["dark", "blurred", "small"],
)
def test_f5_a_poor_picture_is_no_way_around_the_search(
    opencv: Engine, tmp_path: Path, spoil: Callable[[Picture], Picture], reason: Reason
) -> None:
    """A picture in which nobody is told apart would be nobody's duplicate: it is refused for what it is."""
    path = tmp_path / "poor.png"
    cv2.imwrite(str(path), spoil(photo(PEOPLE["obama"][1]))[:, :, ::-1])
    study = study_photos([path], opencv, calibrated(config.Config(), OPENCV))
    assert study.template is None
    assert study.photos[0].why == WORDS[reason]


@pytest.mark.nightly
@pytest.mark.slow
@pytest.mark.bench_data
@pytest.mark.timeout(900)
def test_f5_real_people_under_a_second_number_are_seen(opencv: Engine, bench_data: Path) -> None:
    """What `hadir bench desk` prints, on all of the research photographs."""
    found = twice.measure(opencv, config.Config(), twice.study(opencv, config.Config(), bench_data))
    print(found)
    again = found["who"]["the same person, other photos"]
    assert again["of"] >= 150
    assert again["seen"] >= 0.98
    assert found["who"]["the same person, the same photos"]["unseen"] == 0
    assert found["who"]["different people"]["refused"] == 0
