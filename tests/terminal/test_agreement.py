"""What the encodings of one track say together."""

import numpy as np
import pytest

import config
from terminal.agreement import (
    DIFFERENT_FACES,
    DOUBT_EVERY_S,
    REFRESH_EVERY_S,
    VERIFY_EVERY_S,
    Evidence,
    Sample,
    add,
    mean_of,
    worth_encoding,
)
from terminal.faces import Vector
from terminal.gallery import Gallery
from terminal.matching import Outcome, Policy
from tests.terminal.stage import gallery_of, like, looks

POLICY = Policy(threshold=0.5, margin=0.08)
MATCH = config.Match(threshold=0.5, margin=0.08, agreeing_frames=3, best_frames=5, unknown_after_s=2.0)
CROWD = gallery_of(1, 2, 3)
STEP_S = 0.1


def after(
    *vectors: Vector, gallery: Gallery = CROWD, settings: config.Match = MATCH, known: Evidence | None = None
) -> Evidence:
    """Return what is known after these frames, STEP_S apart, all of the same quality."""
    evidence = known or Evidence()
    began_s = (evidence.encoded_s or 0.0) + STEP_S
    for number, vector in enumerate(vectors):
        evidence = add(
            evidence, Sample(vector=vector, quality=0.8, at_s=began_s + number * STEP_S), gallery, settings, POLICY
        )
    return evidence


def test_two_agreeing_frames_are_not_enough_and_three_are() -> None:
    assert after(*[looks(1)] * 2).identification is None
    found = after(*[looks(1)] * 3).identification
    assert found is not None
    assert (found.outcome, found.employee) == (Outcome.MATCH, "1")


def test_one_lucky_frame_among_strangers_names_nobody() -> None:
    stranger = like(1, 0.44, other=50)
    evidence = after(stranger, stranger, like(1, 0.9, other=50), stranger)
    assert evidence.identification is None or evidence.identification.outcome is not Outcome.MATCH


def test_frames_that_name_different_people_agree_on_nobody() -> None:
    between = [like(who, 0.72, other=other) for who, other in ((1, 2), (2, 1), (1, 2), (2, 1))]
    assert after(*between).identification is None


def test_the_mean_of_several_noisy_frames_scores_higher_than_the_best_of_them() -> None:
    """Noise differs from frame to frame and averages out; the face does not."""
    rng = np.random.default_rng(3)
    frames = []
    for _ in range(5):
        noisy = looks(1) + 1.3 * (noise := rng.standard_normal(len(looks(1)))) / np.linalg.norm(noise)
        frames.append(np.asarray(noisy / np.linalg.norm(noisy), np.float32))
    scores = [float(frame @ looks(1)) for frame in frames]
    assert min(scores) < 0.62
    found = after(*frames).identification
    assert found is not None
    assert found.employee == "1"
    assert found.score is not None
    assert found.score > max(scores)


def test_a_stranger_is_a_miss_only_after_a_while_and_then_the_next_round_begins() -> None:
    early = after(*[looks(60)] * 19)
    assert (early.identification, early.misses) == (None, 0)
    late = after(*[looks(60)] * 22)
    assert late.identification is not None
    assert (late.identification.outcome, late.identification.employee, late.misses) == (Outcome.NO_MATCH, None, 1)
    assert len(late.samples) < MATCH.best_frames
    assert after(*[looks(60)] * 44).misses == 2


def test_a_long_wait_with_hardly_a_good_frame_is_no_miss() -> None:
    evidence = add(Evidence(), Sample(vector=looks(60), quality=0.5, at_s=0.0), CROWD, MATCH, POLICY)
    evidence = add(evidence, Sample(vector=looks(60), quality=0.5, at_s=9.0), CROWD, MATCH, POLICY)
    assert evidence.misses == 0


def test_somebody_published_meanwhile_is_known_in_the_next_round() -> None:
    missed = after(*[looks(9)] * 22)
    assert missed.misses == 1
    known = after(*[looks(9)] * 4, gallery=gallery_of(1, 2, 3, 9), known=missed)
    assert known.identification is not None
    assert known.identification.employee == "9"
    assert known.misses == 1


def test_two_people_alike_are_ambiguous_once_there_are_no_better_frames_to_wait_for() -> None:
    twins = gallery_of(1, 2, twin=(3, like(1, 0.97, other=50)))
    assert after(*[looks(1)] * 4, gallery=twins).identification is None
    found = after(*[looks(1)] * 5, gallery=twins).identification
    assert found is not None
    assert (found.outcome, found.employee) == (Outcome.AMBIGUOUS, None)


def test_an_answer_stays_whatever_follows() -> None:
    known = after(*[looks(1)] * 3)
    for frame in (like(1, 0.35, other=50), like(1, 0.6, other=50)):
        known = after(frame, known=known)
        assert known.identification is not None
        assert known.identification.employee == "1"
    twins = gallery_of(1, 2, twin=(3, like(1, 0.97, other=50)))
    ambiguous = after(*[looks(1)] * 6, gallery=twins)
    later = after(*[looks(1)] * 5, gallery=gallery_of(1, 2), known=ambiguous)
    assert later.identification is not None
    assert later.identification.outcome is Outcome.AMBIGUOUS


def test_another_face_on_the_same_track_ends_it_after_a_few_frames() -> None:
    known = after(*[looks(1)] * 3)
    few = after(*[looks(60)] * (DIFFERENT_FACES - 1), known=known)
    assert not few.exchanged
    assert after(looks(60), known=few).exchanged
    assert not after(looks(1), known=few).exchanged


def test_a_colleague_a_little_alike_who_takes_the_place_is_noticed_by_name() -> None:
    """More like the one before than strangers are, but the gallery knows better."""
    colleague = like(1, 0.4, other=70)
    gallery = gallery_of(1, 2, twin=(3, colleague))
    known = after(*[looks(1)] * 3, gallery=gallery)
    assert known.identification is not None
    assert known.identification.employee == "1"
    assert after(*[colleague] * DIFFERENT_FACES, gallery=gallery, known=known).exchanged


def test_a_face_exchanged_before_any_answer_takes_nothing_along() -> None:
    mixed = after(looks(1), looks(1), *[looks(2)] * (DIFFERENT_FACES - 1))
    assert mixed.identification is None
    assert after(looks(2), known=mixed).exchanged
    assert after(looks(1), looks(2), looks(2)).identification is None
    found = after(looks(1), looks(2), looks(2), looks(2)).identification
    assert found is not None
    assert found.employee == "2"


def test_only_frames_that_tell_more_are_encoded() -> None:
    def worth(evidence: Evidence, quality: float, later_s: float, *, doubtful: bool = False) -> bool:
        now_s = (evidence.encoded_s or 0.0) + later_s
        return worth_encoding(evidence, quality, now_s=now_s, settings=MATCH, doubtful=doubtful)

    assert worth(Evidence(), 0.1, 0)
    assert worth(after(*[looks(60)] * 4), 0.1, 0.01)
    full = after(*[looks(60)] * 5)
    assert not worth(full, 0.8, 0.01)
    assert worth(full, 0.9, 0.01)
    assert worth(full, 0.1, REFRESH_EVERY_S)
    known = after(*[looks(1)] * 3)
    assert not worth(known, 1.0, 0.1)
    assert worth(known, 0.1, VERIFY_EVERY_S)
    assert worth(known, 0.1, 0.01, doubtful=True)
    doubted = after(looks(60), known=known)
    assert not worth(doubted, 1.0, DOUBT_EVERY_S / 2)
    assert worth(doubted, 0.1, DOUBT_EVERY_S)


def test_the_best_frames_are_kept_and_old_ones_leave_first() -> None:
    evidence = Evidence()
    for number, quality in enumerate([0.9, 0.2, 0.8, 0.7, 0.6, 0.5]):
        evidence = add(evidence, Sample(vector=looks(60), quality=quality, at_s=0.1 * number), CROWD, MATCH, POLICY)
    assert sorted(sample.quality for sample in evidence.samples) == [0.5, 0.6, 0.7, 0.8, 0.9]
    evidence = add(evidence, Sample(vector=looks(60), quality=0.1, at_s=1.9), CROWD, MATCH, POLICY)
    assert sorted(sample.quality for sample in evidence.samples) == [0.1, 0.5, 0.6, 0.7, 0.8]


def test_vectors_that_cancel_out_have_no_mean() -> None:
    opposite = tuple(Sample(vector=vector, quality=1, at_s=0) for vector in (looks(1), -looks(1)))
    assert mean_of(opposite) is None
    assert mean_of(()) is None
    mean = mean_of(opposite[:1])
    assert mean is not None
    assert float(mean @ looks(1)) == pytest.approx(1)


def test_fewer_best_frames_than_agreeing_ones_still_lead_to_an_answer() -> None:
    settings = config.Match(agreeing_frames=4, best_frames=1)
    found = after(*[looks(1)] * 4, settings=settings).identification
    assert found is not None
    assert found.employee == "1"


def test_an_empty_gallery_ends_in_a_miss_without_a_score() -> None:
    evidence = after(*[looks(1)] * 22, gallery=Gallery.empty("stage"))
    assert evidence.misses == 1
    assert evidence.identification is not None
    assert evidence.identification.score is None
