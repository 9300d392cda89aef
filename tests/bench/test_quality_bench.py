"""The bench of hints: what it counts as right, and a whole run over the demo's people."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import config
from bench import masks, quality
from bench.spoiling import SPOILINGS
from terminal.quality import Quality, Reason
from tests.terminal.portraits import MODELS, PEOPLE, before_camera, clip


def seen(value: float, scored: float | None, among: str = "a") -> quality._Seen:
    return quality._Seen(group="g", among=among, quality=Quality(value=value, reason=None), scored=scored)


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert quality._ranks(np.array([5.0, 1.0, 5.0, 9.0])).tolist() == [2.5, 1.0, 2.5, 4.0]


def test_a_value_that_orders_as_the_scores_do_correlates_wholly_and_gains() -> None:
    found = quality._agreement([seen(0.1 * n, 0.5 + 0.05 * n) for n in range(8)])
    assert found["rank_correlation"] == pytest.approx(1)
    assert found["best_quarter_gain"] == pytest.approx(0.15)
    assert (found["sets"], found["pictures"]) == (1, 8)


def test_pictures_are_compared_only_within_their_own_set_and_alone_they_say_nothing() -> None:
    good = [seen(0.9 - 0.1 * n, 0.9 - 0.1 * n, "good") for n in range(4)]
    bad = [seen(0.5 + 0.1 * n, 0.4 - 0.1 * n, "bad") for n in range(4)]
    assert quality._agreement([*good, *bad])["rank_correlation"] == pytest.approx(0)
    assert quality._agreement([seen(0.5, 0.5), seen(0.6, None, "b")])["sets"] == 0


def test_a_hint_is_right_when_it_names_what_was_done() -> None:
    (dark,) = [each for each in SPOILINGS if each.name == "light 0.12"]
    said = [Quality(value=0, reason=reason) for reason in (Reason.TOO_DARK, Reason.TOO_DARK, Reason.HOLD_STILL, None)]
    found = quality._right(dark, [quality._Seen(group="g", among="a", quality=each, scored=0.5) for each in said])
    assert (found["found"], found["right"]) == (4, 0.5)
    assert found["said"] == {"too_dark": 2, "hold_still": 1, "nothing": 1}


def test_the_fit_finds_what_parts_two_kinds_and_is_judged_by_people_it_has_not_seen() -> None:
    rng = np.random.default_rng(8)
    masked = np.arange(600) % 3 == 0
    apart = rng.normal(0, 1, (600, 3)) + np.where(masked, 3.0, -3.0)[:, np.newaxis] * np.array([-1.0, 0.0, 0.5])
    found = masks.fitted(masks.Crops(signs=apart, masked=masked, folds=np.arange(600) % 5))
    assert (found["masked"], found["bare"]) == (200, 400)
    assert found["right"] >= 190
    assert found["wrong"] <= 2
    mouth, relief, colour, _ = found["weights"]
    assert mouth < 0 < colour
    assert abs(relief) < abs(mouth) / 4


def test_a_fit_to_noise_finds_nothing() -> None:
    rng = np.random.default_rng(9)
    crops = masks.Crops(signs=rng.normal(0, 1, (400, 3)), masked=np.arange(400) % 2 == 0, folds=np.arange(400) % 5)
    assert masks.fitted(crops)["right"] == 0


@pytest.mark.slow
def test_a_run_over_photographs_and_a_clip_says_all_it_should(tmp_path: Path) -> None:
    for name, paths in PEOPLE.items():
        (tmp_path / name).mkdir()
        for number, path in enumerate(paths):
            shutil.copy(path, tmp_path / name / f"{number}.jpg")
    (tmp_path / "obama" / "2.jpg").write_bytes(b"")
    (tmp_path / "video").mkdir()
    pictures = [before_camera(PEOPLE["macron"][1], face_px=100 + n, shift_px=2 * n) for n in range(20)]
    clip(tmp_path / "video" / "walk.mp4", pictures)
    settings = config.replace(config.Config(), engine={"models": str(MODELS)})
    found = quality.measure(settings, tmp_path, people=2, say=lambda _: None)
    assert found["unspoiled"]["overall"] == {"photographs": 6}
    assert set(found["spoiled"]) == {spoiling.name for spoiling in SPOILINGS}
    masked = [each for name, each in found["spoiled"].items() if name.startswith("mask")]
    assert np.mean([each["right"] for each in masked]) > 0.8
    assert found["spoiled"]["light 0.12"]["right"] == 1
    assert found["spoiled"]["face 32 px"]["right"] == 1
    assert found["value"]["one photograph, as it is and made worse"]["rank_correlation"] > 0.3
    assert found["clips"] == {"walk.mp4": []}
    fit = masks.fitted(masks.collect(settings, tmp_path, people=2))
    assert (fit["bare"], fit["masked"]) == (6, 14)
