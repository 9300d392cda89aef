"""The same face under a second number (F5): refused where it is sure, pointed out where it is likely."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as fewer
from hypothesis import strategies as st

import config
from enroll.desk import Done, add_person
from enroll.faces import KnownFaces
from sync.register import Register, enrolment
from sync.register.people import Template
from terminal.calibration import calibrated, suspect_score
from terminal.faces import Engine, Vector, engine_id_of
from tests.enroll.test_lookalikes import AT, like

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
@given(score=st.floats(0.3, 0.99), seed=st.integers(0, 10**6))
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
