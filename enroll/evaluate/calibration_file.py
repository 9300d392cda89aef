"""A calibration becomes a file, with what it was made from: a digest of the photographs, names that are one person."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from enroll.evaluate.calibrate import make_calibration
from enroll.evaluate.dataset import Dataset, DatasetRefused, read_aliases, read_dataset
from enroll.evaluate.evaluation import Wish
from enroll.evaluate.held_out import foretell
from enroll.evaluate.tail import TooFewScores
from enroll.evaluate.trials import Trials
from enroll.photos import PhotoRefused, read_file
from sync.durable import write_whole
from terminal import calibration
from terminal.calibration import Calibration, suspected_from
from terminal.matching import Policy, Step


def writer(wish: Wish, file: Path, *, say: Callable[[str], None] = lambda words: None) -> Callable[[Trials, str], None]:
    """Return what writes the calibration of the trials it is given to `file`. Raises DatasetRefused.

    `say` hears what it holds, and whether thresholds made from half of the people held for the other half.
    """

    def write(trials: Trials, engine_id: str) -> None:
        try:
            made = make_calibration(
                trials,
                engine_id=engine_id,
                dataset=described(wish.folder, wish.aliases, trials),
                made_on=f"{datetime.now(UTC):%Y-%m-%d}",
                replicates=wish.replicates,
                seed=wish.seed,
            )
        except TooFewScores as few:
            raise DatasetRefused(f"{wish.folder} is too small for a calibration: {few}") from few
        try:
            write_whole(file, as_text(made))
        except OSError as error:
            raise DatasetRefused(
                f"{file} cannot be written ({error.strerror}); give another --calibrate FILE"
            ) from error

        for line in (*_summary(made), *_doubles(trials, made), *_held_out(trials)):
            say(line)

    return write


def as_text(made: Calibration) -> bytes:
    """Return the bytes of the file, the same for the same calibration."""
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def _summary(made: Calibration) -> Iterator[str]:
    yield (
        f"{made.engine_id}: {made.comparisons.impostor} comparisons of {made.comparisons.pairs} pairs of people, "
        f"{made.comparisons.genuine} of {made.comparisons.mates} people with themselves."
    )
    for size in made.sizes:
        row = next(row for row in made.rows if row.threshold == size.threshold)
        yield (
            f"{size.templates} templates at FPIR {made.fpir:.2%}: threshold {size.threshold:.4f} "
            f"(fit {row.estimate:.4f}), FNMR {size.fnmr:.1%} [{row.fnmr_low:.1%}, {row.fnmr_high:.1%}], "
            f"needs FMR {size.fmr:.2g}, {'observed' if size.observed else 'extrapolated'}"
        )


def _doubles(trials: Trials, made: Calibration) -> Iterator[str]:
    """Say how often the desk would notice a face that comes under a second number, and how often it would be wrong."""
    templates = int(trials.known.sum())
    policy = Policy(
        threshold=0,
        margin=made.margin,
        fpir=made.fpir,
        steps=tuple(Step(fmr=row.fmr, threshold=row.threshold) for row in made.rows),
    )
    suspect = suspected_from(made, policy, templates)
    again = trials.genuine[np.isfinite(trials.genuine)]
    others = np.max(np.where(np.isfinite(trials.scores), trials.scores, -1.0), axis=1)
    yield (
        f"the same face under a second number, {templates} templates: {np.mean(again >= suspect):.1%} pointed out from "
        f"{suspect:.3f} on, {np.mean(again >= made.desk.duplicate):.1%} refused from {made.desk.duplicate:.3f} on "
        f"({len(again)} photographs); of new people {np.mean(others >= suspect):.1%} are pointed out, "
        f"{np.mean(others >= made.desk.duplicate):.1%} refused"
    )


def _held_out(trials: Trials) -> Iterator[str]:
    try:
        for each in foretell(trials):
            yield (
                f"held out, {each.templates} templates: FPIR {each.wanted:.1%} asked, {each.observed:.3%} found "
                f"(at worst {each.worst:.3%}; by the fit without its bound {each.by_fit:.3%})"
            )
    except TooFewScores as few:
        yield f"held out: not done, {few}"


def described(folder: Path, aliases: Path | None, trials: Trials) -> calibration.Dataset:
    """Return what the trials were made from. Raises DatasetRefused."""
    names = read_aliases(aliases) if aliases else {}
    data = read_dataset(folder, aliases=names)
    return calibration.Dataset(
        name=folder.resolve().name,
        sha256=digest_of(data),
        photos=trials.counts.photos,
        people=trials.counts.people,
        enrolled=trials.counts.enrolled,
        strangers=trials.counts.strangers,
        aliases=tuple(sorted(names.items())),
    )


def digest_of(data: Dataset) -> str:
    """Return the SHA-256, in hex, of every photograph by its name; one that cannot be read counts by its reason."""
    lines = []
    for person in data.people:
        for photo in person.photos:
            try:
                content = hashlib.sha256(read_file(photo.path)).hexdigest() if photo.why is None else photo.why
            except PhotoRefused as refusal:
                content = str(refusal)
            lines.append(f"{content}  {photo.name}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
