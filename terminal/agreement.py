"""What the encodings of one track say together: a person, nobody, two people too alike, or two different faces. *Pure*.

A match needs the mean of the best frames to match and several of these frames, each alone, to name the same person. A
track that has its answer keeps it, and is looked at again now and then for a face that was exchanged on the way.
"""

from dataclasses import dataclass, replace

import numpy as np

from config import Match as MatchSettings
from terminal.faces import Vector
from terminal.gallery import Gallery
from terminal.matching import Identification, Outcome, Policy, decide, identify
from terminal.search import Nearest, nearest_to

SAME_FACE = 0.3
"""Least cosine score of a good frame to the mean of its own track's, where the policy has no steps: with them it is the
first one's, that of 1 % of different people. Measured with SFace, where that is 0.30 too: of 680 good frames in the
bench's clips, against the mean of the first three, one was below it (looking up)."""
DIFFERENT_FACES = 4
"""Frames in a row that are somebody else's end the track: fewer may be a hand before the face."""
DOUBT_EVERY_S = 0.15
VERIFY_EVERY_S = 1.0
REFRESH_EVERY_S = 0.3
_NAMING_SLACK = 0.6
"""One frame alone may miss the threshold by this part of the margin and still say whom it is most like."""
_CLEARLY_BETTER = 0.03
_OLD_S = 1.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One encoded frame of a track. `quality` 0 to 1."""

    vector: Vector
    quality: float
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What is known of one track. `samples` and `began_s` are of the running round, which an answer or a miss ends.

    `reference` is the mean of the frames that gave the last answer. `doubts`: frames in a row of somebody else.
    """

    identification: Identification | None = None
    misses: int = 0
    samples: tuple[Sample, ...] = ()
    began_s: float | None = None
    encoded_s: float | None = None
    encoded_in_round: int = 0
    reference: Vector | None = None
    doubts: int = 0

    @property
    def answered(self) -> bool:
        found = self.identification
        return found is not None and found.outcome is not Outcome.NO_MATCH

    @property
    def probe(self) -> Vector | None:
        """The mean of the frames that gave the last answer, else of those so far; None before the first."""
        return self.reference if self.reference is not None else mean_of(self.samples)

    @property
    def exchanged(self) -> bool:
        """Whether the track's face is no longer the one it began with."""
        return self.doubts >= DIFFERENT_FACES


def worth_encoding(
    evidence: Evidence, quality: float, *, now_s: float, settings: MatchSettings, doubtful: bool = False
) -> bool:
    """Say whether a good frame of `quality` would tell more than is known. `doubtful`: the track had a gap."""
    if evidence.encoded_s is None:
        return True
    waited_s = now_s - evidence.encoded_s
    if evidence.doubts:
        return waited_s >= DOUBT_EVERY_S
    if evidence.answered:
        return doubtful or waited_s >= VERIFY_EVERY_S
    if len(evidence.samples) < _kept(settings) or waited_s >= REFRESH_EVERY_S:
        return True
    return quality > min(sample.quality for sample in evidence.samples) + _CLEARLY_BETTER


def add(evidence: Evidence, sample: Sample, gallery: Gallery, settings: MatchSettings, policy: Policy) -> Evidence:
    """Return what is known with one more frame. If it is then `exchanged`, the track has ended.

    Raises ProbeRefused, and GalleryTooLarge for a gallery that `policy` has no threshold for.
    """
    evidence = replace(evidence, encoded_s=sample.at_s)
    if _somebody_else(evidence, sample, gallery, policy):
        if evidence.reference is not None or len(evidence.samples) > 1:
            return replace(evidence, doubts=evidence.doubts + 1)
        # Which of two frames is the odd one, nobody can say: the newer is the face that is here now.
        evidence = replace(evidence, samples=(), encoded_in_round=0, began_s=None)
    evidence = replace(evidence, doubts=0)
    if evidence.answered:
        return evidence
    return _weighed(
        replace(
            evidence,
            samples=_best(evidence.samples, sample, _kept(settings)),
            began_s=evidence.began_s if evidence.began_s is not None else sample.at_s,
            encoded_in_round=evidence.encoded_in_round + 1,
        ),
        gallery,
        settings,
        policy,
        sample.at_s,
    )


def mean_of(samples: tuple[Sample, ...]) -> Vector | None:
    """Return the normalised mean of the samples' vectors; None without samples, or where they cancel out."""
    if not samples:
        return None
    total = np.stack([sample.vector for sample in samples]).sum(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(total))
    return np.asarray(total / norm, np.float32) if norm > 1e-6 else None


def unlike(vector: Vector, reference: Vector, policy: Policy) -> bool:
    """Return whether a frame's encoding is hardly that of the face `reference` was made of."""
    return float(vector @ reference) < (policy.steps[0].threshold if policy.steps else SAME_FACE)


def _somebody_else(evidence: Evidence, sample: Sample, gallery: Gallery, policy: Policy) -> bool:
    reference = evidence.probe
    if reference is None:
        return False
    if unlike(sample.vector, reference, policy):
        return True
    found = evidence.identification
    if found is None or found.outcome is not Outcome.MATCH:
        return False
    now = identify(sample.vector, gallery, policy)
    return now.outcome is Outcome.MATCH and now.employee != found.employee


def _weighed(evidence: Evidence, gallery: Gallery, settings: MatchSettings, policy: Policy, now_s: float) -> Evidence:
    """Return `evidence` with what its samples come to, which may be nothing yet."""
    probe = mean_of(evidence.samples)
    if probe is None or len(evidence.samples) < settings.agreeing_frames:
        return evidence
    vectors = np.stack([probe, *(sample.vector for sample in evidence.samples)])
    nearest = nearest_to(vectors, gallery)
    found = decide(nearest[0] if nearest else None, policy, gallery)
    single, enough = nearest[1:], policy.threshold_for(gallery.rows) - _NAMING_SLACK * policy.margin
    over_s = now_s - (evidence.began_s if evidence.began_s is not None else now_s)
    last_call = over_s >= settings.unknown_after_s and evidence.encoded_in_round >= settings.agreeing_frames
    if found.outcome is Outcome.MATCH and _naming(single, found.employee, enough) >= settings.agreeing_frames:
        return _answer(evidence, found, probe)
    # Better frames may still tell two people apart, so this waits for as many as there will be.
    patient = last_call or len(evidence.samples) >= _kept(settings)
    if found.outcome is Outcome.AMBIGUOUS and patient and _naming(single, None, enough) >= settings.agreeing_frames:
        return _answer(evidence, found, probe)
    if last_call:
        nobody = replace(found, outcome=Outcome.NO_MATCH, employee=None)
        return replace(_answer(evidence, nobody, probe), misses=evidence.misses + 1)
    return evidence


def _answer(evidence: Evidence, found: Identification, probe: Vector) -> Evidence:
    return Evidence(identification=found, misses=evidence.misses, encoded_s=evidence.encoded_s, reference=probe)


def _naming(single: list[Nearest], employee: str | None, enough: float) -> int:
    """Return how many frames are most like `employee`, or like anybody at all for None, with a score of `enough`."""
    return sum(each.score >= enough and employee in (None, each.employee) for each in single)


def _kept(settings: MatchSettings) -> int:
    return max(settings.best_frames, settings.agreeing_frames)


def _best(samples: tuple[Sample, ...], new: Sample, count: int) -> tuple[Sample, ...]:
    """Return at most `count` of all samples: one out of date leaves first, else the worst, the new one always stays."""
    if len(samples) < count:
        return (*samples, new)
    oldest = min(samples, key=lambda sample: sample.at_s)
    leaves = oldest if new.at_s - oldest.at_s > _OLD_S else min(samples, key=lambda sample: sample.quality)
    return (*(sample for sample in samples if sample is not leaves), new)
