"""How an engine's scores are to be read: measured with `./hadir enroll evaluate DIR --calibrate FILE`, kept as data.

The files of the engines that come with Hadir lie in terminal/calibrations; match.calibration names another one. An
engine without any recognises nobody by itself: its scores mean nothing until somebody has measured them.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

import config
from errors import HadirError
from sync.releases import EncodingSet, ReleaseRefused
from terminal.matching import GalleryTooLarge, Policy, Step, fmr_for

FOLDER = Path(__file__).with_name("calibrations")
TOO_MANY = "release_too_many"
"""The alarm of a set with more templates than the calibration supports."""
_MAX_BYTES = 2**20
_SUSPECTED = 0.1
"""Of the people enrolled, how many may be said to resemble somebody whom they only resemble."""

Rate = Annotated[float, Meta(ge=0, le=1)]
Score = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=0)]


class NotCalibrated(HadirError):
    """It is not known what this engine's scores mean; the text says how to find out."""


class Dataset(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was measured on. `sha256` is of every photograph in it, by its name; `aliases` are pairs of names in it that
    somebody has found to be one person, and that were counted as such."""

    name: str
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    photos: Count
    people: Count
    enrolled: Count
    strangers: Count
    aliases: tuple[tuple[str, str], ...] = ()


class Comparisons(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`impostor` and `genuine` comparisons of one photograph with a template of `samples` photographs; `pairs` of two
    people were compared at all; `mates` are the people of the genuine ones."""

    impostor: Count
    pairs: Count
    genuine: Count
    mates: Count
    samples: Annotated[int, Meta(ge=1)]


class TailFit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The generalised Pareto tail of the impostor scores, as enroll/evaluate/tail.py has it, and how it was made."""

    start: Score
    share: Rate
    scale: float
    shape: float
    replicates: Count
    seed: Count


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At `threshold` FMR is `fmr` by the fit one standard error up; the fit itself reaches it at `estimate`. `fnmr` of
    the genuine comparisons were missed at `threshold`; the interval is of 95 %, by person."""

    fmr: Annotated[float, Meta(gt=0, lt=1)]
    estimate: Score
    threshold: Score
    fnmr: Rate
    fnmr_low: Rate
    fnmr_high: Rate


class Size(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gallery of so many templates asks for. `observed` where the comparisons were enough to show an FMR above
    the one needed; else it is extrapolated by the tail."""

    templates: Annotated[int, Meta(ge=1)]
    fmr: Annotated[float, Meta(gt=0, lt=1)]
    threshold: Score
    fnmr: Rate
    observed: bool


class Desk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scores for the enrolment desk: two pictures of one person reach `same_person`, and a face that reaches
    `duplicate` with another number's is refused."""

    same_person: Score
    duplicate: Score


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="calibration", tag=1):
    """One engine measured on one dataset. `rows` have ever lower FMR and thresholds that never fall; `sizes` repeat
    them for people, at FPIR `fpir`, up to the largest gallery supported."""

    engine_id: str
    made_on: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]
    dataset: Dataset
    comparisons: Comparisons
    tail: TailFit
    rows: Annotated[tuple[Row, ...], Meta(min_length=1, max_length=1000)]
    margin: Rate
    desk: Desk
    fpir: Rate
    sizes: tuple[Size, ...]


def file_for(engine_id: str) -> Path:
    """Return where the calibration of an engine that comes with Hadir lies, or would."""
    return FOLDER / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', engine_id)}.json"


def read_calibration(path: Path) -> Calibration:
    """Return the calibration in `path`, checked. Raises NotCalibrated."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise NotCalibrated(f"{path} cannot be read ({error.strerror}); see match.calibration") from error
    if len(content) > _MAX_BYTES:
        raise NotCalibrated(f"{path} is larger than {_MAX_BYTES} bytes; that is no calibration")
    try:
        found = msgspec.json.decode(content, type=Calibration)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotCalibrated(
            f"{path} is no calibration of this version ({error}); make it anew with "
            "./hadir enroll evaluate DIR --calibrate FILE"
        ) from error
    for before, after in zip(found.rows, found.rows[1:], strict=False):
        if after.fmr >= before.fmr or after.threshold < before.threshold:
            raise NotCalibrated(
                f"{path}: a lower FMR has a lower threshold; the file was changed by hand: make it anew"
            )
    return found


def calibration_of(engine_id: str, settings: config.Match) -> Calibration | None:
    """Return the engine's calibration, from match.calibration or as it comes with Hadir; None where there is none.

    Raises NotCalibrated for a file that is none, or another engine's.
    """
    path = Path(settings.calibration) if settings.calibration else file_for(engine_id)
    if not settings.calibration and not path.is_file():
        return None
    found = read_calibration(path)
    if found.engine_id != engine_id:
        raise NotCalibrated(f"{path} is for engine {found.engine_id}, but {engine_id} runs here; see match.calibration")
    return found


def policy_for(engine_id: str, settings: config.Match) -> Policy:
    """Return the policy for this engine.

    match.threshold and match.margin are the least that will do; the calibration asks for more where it must. Without a
    calibration they hold for galleries of any size, and have to be set. Raises NotCalibrated.
    """
    found = calibration_of(engine_id, settings)
    if found is None:
        if settings.threshold == 0 or settings.margin == 0:
            raise NotCalibrated(
                f"there is no calibration for engine {engine_id}: make one with ./hadir enroll evaluate DIR "
                "--calibrate FILE and name it in match.calibration, or set match.threshold and match.margin yourself"
            )
        return Policy(threshold=settings.threshold, margin=settings.margin, fpir=settings.fpir)
    return Policy(
        threshold=settings.threshold,
        margin=max(settings.margin, found.margin),
        fpir=settings.fpir,
        steps=tuple(Step(fmr=row.fmr, threshold=row.threshold) for row in found.rows),
    )


def calibrated(settings: config.Config, engine_id: str) -> config.Config:
    """Return the settings with the enrolment desk's scores filled in from the calibration where they are 0.

    Raises NotCalibrated where there is none.
    """
    if settings.enroll.same_person_score and settings.enroll.duplicate_score:
        return settings
    found = calibration_of(engine_id, settings.match)
    if found is None:
        raise NotCalibrated(
            f"there is no calibration for engine {engine_id}: make one with ./hadir enroll evaluate DIR "
            "--calibrate FILE and name it in match.calibration, or set enroll.same_person_score and "
            "enroll.duplicate_score yourself"
        )
    return config.replace(
        settings,
        enroll={
            "same_person_score": settings.enroll.same_person_score or found.desk.same_person,
            "duplicate_score": settings.enroll.duplicate_score or found.desk.duplicate,
        },
    )


def suspect_score(engine_id: str, settings: config.Match, templates: int) -> float:
    """Return the score from which the desk points out a colleague, in an office of so many templates.

    By the fit, not its bound, one new person in ten is then said to resemble somebody: a face under a second number
    must not pass unseen. Never above the score at which a kiosk holds two people for look-alikes. Raises NotCalibrated.
    """
    policy = policy_for(engine_id, settings)
    found = calibration_of(engine_id, settings)
    return policy.threshold - policy.margin if found is None else suspected_from(found, policy, templates)


def suspected_from(found: Calibration, policy: Policy, templates: int) -> float:
    """Return what `suspect_score` does, by this calibration and policy."""
    wanted = fmr_for(_SUSPECTED, max(1, templates))
    fitted = next((row.estimate for row in found.rows if row.fmr <= wanted), found.rows[-1].estimate)
    try:
        return min(fitted, policy.threshold_for(templates) - policy.margin)
    except GalleryTooLarge:
        return fitted


def supported(policy: Policy, check: Callable[[EncodingSet], None]) -> Callable[[EncodingSet], None]:
    """Return `check` and, before it, a look whether the set is small enough for `policy`; see `open_set`."""

    def both(content: EncodingSet) -> None:
        check_size(content, policy)
        check(content)

    return both


def check_size(content: EncodingSet, policy: Policy) -> None:
    """The policy has a threshold for so many templates. Raises ReleaseRefused (release_too_many)."""
    try:
        policy.threshold_for(sum(len(person.templates) for person in content.people))
    except GalleryTooLarge as error:
        raise ReleaseRefused(TOO_MANY, str(error)) from error
