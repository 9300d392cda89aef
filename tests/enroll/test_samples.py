"""A person's pictures become one template; what was left out is said, picture by picture."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import config
from enroll.samples import examine, fingerprint, study_photos, study_vectors
from terminal.faces import Encoding, Engine, Face, Picture


def written(tmp_path: Path, **photos: bytes) -> list[Path]:
    for name, content in photos.items():
        (tmp_path / f"{name}.png").write_bytes(content)
    return sorted(tmp_path.glob("*.png"))


def said(study) -> dict[str, tuple[bool, str]]:
    return {report.photo: (report.used, report.why) for report in study.photos}


def test_a_template_is_the_normalised_mean_of_its_pictures(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Callable[..., bytes], vector_of
) -> None:
    photos = written(tmp_path, a=painted(1, look=0), b=painted(1, look=1), c=painted(1, look=2))
    study = study_photos(photos, engine, settings)
    mean = np.mean([vector_of(1, look) for look in range(3)], axis=0)
    assert study.template == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert study.samples == 3
    assert engine.encoded == 6  # each one and its mirror image


def test_mirrored_copies_are_averaged_in(opencv: Engine, settings: config.Config, portrait) -> None:
    picture = cv2.cvtColor(cv2.imread(str(portrait("obama 2005"))), cv2.COLOR_BGR2RGB)
    vector, _ = examine(picture, opencv, settings)
    mirror, _ = examine(np.ascontiguousarray(picture[:, ::-1]), opencv, settings)
    assert float(vector @ mirror) > 0.94
    straight = opencv.encode(picture, opencv.detect(picture)[0]).vector
    assert 0.8 < float(vector @ straight) < 0.9999


def test_a_stranger_among_the_pictures_is_left_out(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Callable[..., bytes]
) -> None:
    photos = written(tmp_path, a=painted(1), b=painted(2), c=painted(1, look=1))
    study = study_photos(photos, engine, settings)
    assert said(study) == {
        "a.png": (True, ""),
        "b.png": (False, "the face does not resemble this person's other pictures"),
        "c.png": (True, ""),
    }
    assert study.samples == 2


def test_pictures_of_nobody_in_particular_give_nothing(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Callable[..., bytes]
) -> None:
    study = study_photos(written(tmp_path, a=painted(1), b=painted(2)), engine, settings)
    assert (study.template, study.samples) == (None, 0)
    assert study.why == "the pictures do not resemble each other: whose are they?"


def test_each_picture_that_is_left_out_has_its_reason_and_its_place(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Callable[..., bytes]
) -> None:
    dark = cv2.imdecode(np.frombuffer(painted(1, look=5), np.uint8), cv2.IMREAD_COLOR)
    dark[4:] //= 8
    photos = written(
        tmp_path,
        a=b"",
        b=painted(1),
        c=painted(1, faces=0),
        d=painted(1, faces=2),
        e=cv2.imencode(".png", dark)[1].tobytes(),
        f=b"no photo",
    )
    study = study_photos([*photos, tmp_path / "absent.png"], engine, settings)
    assert [report.photo for report in study.photos] == [*(f"{letter}.png" for letter in "abcdef"), "absent.png"]
    assert said(study) == {
        "a.png": (False, "it is empty"),
        "b.png": (True, ""),
        "c.png": (False, "no face was found in it"),
        "d.png": (False, "several faces are in it; cut out the one that is meant"),
        "e.png": (False, "the face is too dark"),
        "f.png": (False, "it is not a picture"),
        "absent.png": (False, "it is not a file"),
    }


def test_two_files_of_one_name_are_told_apart(
    tmp_path: Path, settings: config.Config, engine: Engine, painted: Callable[..., bytes]
) -> None:
    (tmp_path / "x").mkdir()
    photos = [*written(tmp_path, a=painted(1)), *written(tmp_path / "x", a=b"")]
    assert [report.used for report in study_photos(photos, engine, settings).photos] == [True, False]


def test_a_face_the_network_makes_nothing_of_is_a_reason(settings: config.Config, engine: Engine, paint) -> None:
    class Fails:
        engine_id, dimension, detect = engine.engine_id, engine.dimension, staticmethod(engine.detect)

        def encode(self, picture: Picture, face: Face) -> Encoding:
            raise cv2.error("assertion failed")

    assert examine(paint(1), Fails(), settings) == "not_encoded"


def test_no_pictures_are_no_template(settings: config.Config) -> None:
    assert study_vectors([], settings).why == "none of the pictures can be used"


def test_the_fingerprint_is_of_contents_and_rules_not_of_names(
    tmp_path: Path, settings: config.Config, painted: Callable[..., bytes]
) -> None:
    first = written(tmp_path, a=painted(1), b=painted(1, look=1))
    (tmp_path / "x").mkdir()
    renamed = written(tmp_path / "x", z=painted(1), y=painted(1, look=1))
    print_ = fingerprint(first, "painted", settings)
    assert fingerprint(renamed, "painted", settings) == print_
    assert len(print_) == 64
    others = [
        fingerprint(first[:1], "painted", settings),
        fingerprint(first, "other", settings),
        fingerprint(first, "painted", config.replace(settings, quality={"min_face_px": 100})),
        fingerprint([*first, tmp_path / "absent.png"], "painted", settings),
    ]
    (tmp_path / "a.png").write_bytes(painted(1, look=9))
    others.append(fingerprint(first, "painted", settings))
    assert len({print_, *others}) == 6


@pytest.mark.parametrize(
    ("enrolled", "probe"),
    [("macron 2014", "macron 2025"), ("ardern 2018", "ardern 2022"), ("obama 2005", "obama 2012")],
)
def test_people_are_known_years_later(
    opencv: Engine, settings: config.Config, portrait, enrolled: str, probe: str
) -> None:
    templates = {
        name: study_photos([portrait(name)], opencv, settings).template
        for name in ("macron 2014", "ardern 2018", "obama 2005", "biden", "sunak", "collins")
    }
    seen = study_photos([portrait(probe)], opencv, settings).template
    assert all(template is not None for template in (*templates.values(), seen))
    scores = {name: float(template @ seen) for name, template in templates.items()}
    assert max(scores, key=scores.__getitem__) == enrolled
    assert scores.pop(enrolled) >= settings.match.threshold + settings.match.margin
    assert max(scores.values()) < settings.enroll.same_person_score


def test_two_people_in_one_real_photo_are_refused_and_a_small_bystander_is_passed_over(
    tmp_path: Path, opencv: Engine, settings: config.Config, portrait
) -> None:
    large, small = (cv2.imread(str(portrait(name))) for name in ("obama 2005", "biden"))
    beside = np.hstack(
        [large, cv2.resize(small, (round(small.shape[1] * large.shape[0] / small.shape[0]), large.shape[0]))]
    )
    large = cv2.copyMakeBorder(large, 0, 0, 150, 150, cv2.BORDER_REPLICATE)
    large[:100, :100] = cv2.resize(small[:320], (100, 100))
    cv2.imwrite(str(tmp_path / "beside.jpg"), beside)
    cv2.imwrite(str(tmp_path / "bystander.jpg"), large)
    study = study_photos([tmp_path / "beside.jpg", tmp_path / "bystander.jpg"], opencv, settings)
    assert said(study) == {
        "beside.jpg": (False, "several faces are in it; cut out the one that is meant"),
        "bystander.jpg": (True, "2 faces are in it; the largest was taken"),
    }


def test_blurred_and_distant_real_faces_are_refused_by_reason(
    tmp_path: Path, opencv: Engine, settings: config.Config, portrait
) -> None:
    photo = cv2.imread(str(portrait("ardern 2018")))
    cv2.imwrite(str(tmp_path / "blurred.jpg"), cv2.GaussianBlur(photo, (0, 0), 14))
    cv2.imwrite(str(tmp_path / "far.jpg"), cv2.resize(photo, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA))
    study = study_photos(sorted(tmp_path.glob("*.jpg")), opencv, settings)
    assert said(study)["blurred.jpg"] == (False, "the face is blurred")
    assert said(study)["far.jpg"] == (False, "the face is too small; take a larger or closer picture")


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_photo_on_its_side_or_head_is_turned(
    tmp_path: Path, opencv: Engine, settings: config.Config, portrait, turns: int
) -> None:
    """With a control: as it lies, the detector finds a face in it whose encoding is nobody's."""
    photo = cv2.imread(str(portrait("sunak")))
    cv2.imwrite(str(tmp_path / "turned.png"), np.ascontiguousarray(np.rot90(photo, turns)))
    study = study_photos([tmp_path / "turned.png"], opencv, settings)
    assert said(study) == {"turned.png": (True, "it lay on its side or head and was turned" if turns else "")}
    right, _ = examine(cv2.cvtColor(photo, cv2.COLOR_BGR2RGB), opencv, settings)
    assert float(study.template @ right) > 0.999
    if turns:
        wrong, _ = examine(cv2.cvtColor(cv2.imread(str(tmp_path / "turned.png")), cv2.COLOR_BGR2RGB), opencv, settings)
        assert float(wrong @ right) < 0.3
