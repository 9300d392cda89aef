"""The whole measurement: read, encode, compare, draw; what `run` returns is printed by `report` and `tables`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import config
from enroll.evaluate import curves
from enroll.evaluate.dataset import Dataset, DatasetRefused, read_aliases, read_dataset
from enroll.evaluate.decisions import Decisions, decide_all
from enroll.evaluate.encoding import EncodedPerson, encode_all
from enroll.evaluate.labels import Alike, probably_one
from enroll.evaluate.measure import GALLERIES, REPLICATES, Measured, measure
from enroll.evaluate.pairs import Pair, PairsReport, judge_pairs, read_pairs
from enroll.evaluate.trials import Counts, Trials, make_trials, only_mates, without
from terminal.calibration import NotCalibrated, calibrated, policy_for
from terminal.faces import Engine, open_engine
from terminal.matching import Policy

Progress = Callable[[str, int, int], None]
"""(what is done, so many done, of so many)."""
_LEAST_MATES = 10
"""People a group must have enrolled to be drawn as a curve of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be measured. `engines` are names as in the settings; none means the one that is set."""

    folder: Path
    engines: tuple[str, ...] = ()
    samples: tuple[int, ...] = (1, 3)
    galleries: tuple[int, ...] = GALLERIES
    aliases: Path | None = None
    pairs: Path | None = None
    curves: Path | None = None
    seed: int = 1
    replicates: int = REPLICATES


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReport:
    """Figures with so many enrolment photos a person. `cleared`: without the pairs of people who are probably one.
    `same_people`: as `cleared`, with the genuine comparisons of those alone who are enrolled with the most samples too,
    so that the two can be compared."""

    counts: Counts
    measured: Measured
    cleared: Measured | None
    same_people: Measured | None
    decisions: Decisions | None
    gallery_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReport:
    """What one engine gave. `unused` has (photo, its role, why) of each photograph it could not use."""

    name: str
    engine_id: str
    samples: Mapping[int, SampleReport]
    unused: tuple[tuple[str, str, str], ...]
    pairs: PairsReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything measured in one run."""

    wish: Wish
    data: Dataset
    engines: tuple[EngineReport, ...]
    alike: tuple[Alike, ...]
    written: tuple[Path, ...]


def run(
    settings: config.Config,
    wish: Wish,
    *,
    progress: Progress = lambda what, done, total: None,
    calibrate: Callable[[Trials, str], None] | None = None,
    open_: Callable[[config.Engine], Engine] = open_engine,
) -> Report:
    """Return what was measured of each engine; curves are written if wished.

    `calibrate` is given the trials of the first engine with the most samples, and its id. Pairs of people who are
    probably one are in them: leaving out what scores high would hide the very tail that is wanted, so only --aliases
    take them out. Raises DatasetRefused, ConfigError, ModelUnavailable.
    """
    aliases = read_aliases(wish.aliases) if wish.aliases else None
    data = read_dataset(wish.folder, aliases=aliases)
    pairs = read_pairs(wish.pairs, wish.folder) if wish.pairs else None
    names = tuple(dict.fromkeys(wish.engines or (settings.engine.name,)))
    chosen = {name: _settings_of(name, settings) for name in names}
    opened = {name: open_(its.engine) for name, its in chosen.items()}  # all before the first hour of work
    alike: tuple[Alike, ...] = ()
    reports = []
    for place, (name, engine) in enumerate(opened.items()):
        step = _step(progress, name)
        its, policy = _calibrated(chosen[name], engine.engine_id, anew=calibrate is not None)
        people = encode_all(data, engine, its, progress=step("photos"))
        if place == 0:
            alike = probably_one(people)
        samples, trials = _measured(people, engine, its, wish, alike=alike, policy=policy, step=step)
        if place == 0 and calibrate is not None:
            calibrate(trials, engine.engine_id)
        reports.append(
            EngineReport(
                name=name,
                engine_id=engine.engine_id,
                samples=samples,
                unused=_unused(people),
                pairs=_judged(pairs, engine, step("pairs")),
            )
        )
    written = _drawn(reports, wish.curves) if wish.curves else ()
    return Report(
        wish=wish,
        data=data,
        engines=tuple(reports),
        alike=alike,
        written=written,
    )


def _settings_of(name: str, settings: config.Config) -> config.Config:
    """Return the settings for that engine: scores that were set for another one say nothing of it."""
    if name == settings.engine.name:
        return settings
    unset = {"threshold": 0, "margin": 0, "calibration": ""}
    desk = {"same_person_score": 0, "duplicate_score": 0}
    return config.replace(settings, engine={"name": name}, match=unset, enroll=desk)


def _calibrated(settings: config.Config, engine_id: str, *, anew: bool) -> tuple[config.Config, Policy | None]:
    """Return the settings with the calibration's scores, and its policy, where there are any.

    `anew`: a calibration is being made, which must not depend on the one before it.
    """
    if anew:
        return settings, None
    try:
        policy = policy_for(engine_id, settings.match)
        return calibrated(settings, engine_id), policy
    except NotCalibrated:
        return settings, None


_Step = Callable[[str], Callable[[int, int], None]]


def _step(progress: Progress, engine: str) -> _Step:
    def of(what: str) -> Callable[[int, int], None]:
        return lambda done, total: progress(f"{engine}: {what}", done, total)

    return of


def _judged(pairs: Sequence[Pair] | None, engine: Engine, progress: Callable[[int, int], None]) -> PairsReport | None:
    return judge_pairs(pairs, engine, progress=progress) if pairs else None


def _measured(
    people: Sequence[EncodedPerson],
    engine: Engine,
    settings: config.Config,
    wish: Wish,
    *,
    alike: Sequence[Alike],
    policy: Policy | None,
    step: _Step,
) -> tuple[dict[int, SampleReport], Trials]:
    """Return the figures for each number of samples that anybody has photos for, and the trials with the most."""
    every = {count: make_trials(people, count, settings) for count in sorted(set(wish.samples))}
    trials = {count: each for count, each in every.items() if each.counts.enrolled}
    if not trials:
        raise DatasetRefused(
            f"nobody in {wish.folder} can be enrolled with {min(every)} photos and one left to be recognised by"
        )
    most = trials[max(trials)]
    left_out = [(each.first, each.second) for each in alike]
    report: dict[int, SampleReport] = {}
    figures = step("figures")
    for done, (count, each) in enumerate(trials.items()):
        figures(done, len(trials))

        def work(of: Trials, *, by_group: bool = True) -> Measured:
            return measure(
                of,
                decisions=decide_all(of, policy, engine.engine_id) if policy is not None else None,
                galleries=wish.galleries,
                replicates=wish.replicates,
                seed=wish.seed,
                by_group=by_group,
            )

        report[count] = SampleReport(
            counts=each.counts,
            measured=work(each),
            cleared=work(without(each, left_out)) if left_out else None,
            same_people=work(only_mates(without(each, left_out), most.enrolled), by_group=False)
            if each is not most
            else None,
            decisions=decide_all(each, policy, engine.engine_id) if policy is not None else None,
            gallery_size=int(each.known.sum()),
        )
    figures(len(trials), len(trials))
    return report, most


def _unused(people: Sequence[EncodedPerson]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (reading.photo.name, role, reading.why)
        for person in people
        for role, readings in (("enroll", person.enrol), ("probe", person.probes))
        for reading in readings
        if reading.why is not None
    )


def _drawn(reports: Sequence[EngineReport], folder: Path) -> tuple[Path, ...]:
    """Return the files that now show one drawing of all engines, and one for each with its groups."""
    drawings = [
        (
            "det-engines",
            curves.det(
                "Everybody, by engine and enrolment photos",
                [
                    curves.Curve(
                        name=f"{report.name}, {count} photo{'s' if count > 1 else ''}",
                        points=(sample.cleared or sample.measured).overall.det,
                    )
                    for report in reports
                    for count, sample in report.samples.items()
                ],
            ),
        )
    ]
    for report in reports:
        count = min(report.samples)
        measured = report.samples[count].cleared or report.samples[count].measured
        drawings.append(
            (
                f"det-{report.name}-groups",
                curves.det(
                    f"{report.name}: groups among themselves, {count} enrolment photo{'s' if count > 1 else ''}",
                    [
                        curves.Curve(name=name, points=figures.det)
                        for name, figures in measured.groups.items()
                        if figures.facts["people_with_genuine_comparisons"] >= _LEAST_MATES
                    ],
                ),
            )
        )
    return tuple(path for name, drawing in drawings for path in curves.write(drawing, folder, name))
