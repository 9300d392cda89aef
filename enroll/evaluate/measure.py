"""From trials to figures: everything that is printed, with its interval, for everybody and for each group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enroll.evaluate import metrics
from enroll.evaluate.bootstrap import intervals, resampled
from enroll.evaluate.decisions import Decisions
from enroll.evaluate.identification import Searches, fnir, fpir_curve, mates_found_first, searches
from enroll.evaluate.metrics import Genuine, Impostors, Reals, Weights, impostors
from enroll.evaluate.trials import Trials

FMRS = {"1e2": 1e-2, "1e3": 1e-3, "1e4": 1e-4}
FPIRS = {"1e2": 1e-2, "1e3": 1e-3}
GALLERIES = (50, 200, 500, 2000)
REPLICATES = 500
DET_FMRS: Reals = np.logspace(-5, -1, 81)
_KEPT_SHARE = 0.15
_MOST_KEPT = 2_000_000
_KEPT_FPIR = 0.4
"""So many comparisons are kept that FPIR at their lowest score would be about this in the smallest gallery."""
_LEAST_KEPT = 400

Values = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured of everybody, or of a group. `values` and `intervals` share their names; `facts` are counts and
    yes or no. `det` has (threshold, FMR, FNMR, lowest and highest FNMR) at DET_FMRS where FMR can be told."""

    values: Values
    intervals: dict[str, tuple[float, float]]
    facts: dict[str, int | bool]
    det: tuple[tuple[float, float, float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of one engine with so many enrolment photos a person."""

    overall: Figures
    groups: dict[str, Figures]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scope:
    """The comparisons that one set of figures is of. `within`: impostors among the group's own; `anybody`: the group's
    probes with everybody's templates. Overall these are the same."""

    name: str
    people: NDArray[np.bool_]
    genuine: Genuine
    within: Impostors
    anybody: Impostors
    searches: Searches
    probes: NDArray[np.bool_]


def measure(
    trials: Trials,
    *,
    decisions: Decisions | None = None,
    galleries: Sequence[int] = GALLERIES,
    replicates: int = REPLICATES,
    seed: int = 0,
    by_group: bool = True,
) -> Measured:
    """Return the figures of `trials`, for each group too if `by_group`; `decisions` add those of the policy in force.

    Every figure is computed anew on each of `replicates` resamplings of people, thresholds included.
    """
    galleries = sorted({*galleries, headline_gallery(trials, galleries)})
    scopes = _scopes(trials, galleries, by_group=by_group)
    once = np.ones(len(trials.identities), np.int64)
    work: Callable[[Weights], list[tuple[Values, Reals]]] = lambda weights: _all_of(  # noqa: E731
        scopes, trials, decisions, galleries, weights
    )
    points = work(once)
    strata = [
        f"{group}|{'enrolled' if enrolled else 'stranger'}"
        for group, enrolled in zip(trials.groups, trials.enrolled, strict=True)
    ]
    drawn = [work(weights) for weights in resampled(strata, replicates=replicates, seed=seed)]
    results = [
        _figures(scope, trials, galleries, point, [each[place] for each in drawn])
        for place, (scope, point) in enumerate(zip(scopes, points, strict=True))
    ]
    return Measured(
        overall=results[0],
        groups={scope.name: figures for scope, figures in zip(scopes[1:], results[1:], strict=True)},
    )


def headline_gallery(trials: Trials, galleries: Sequence[int]) -> int:
    """Return the largest of `galleries` that the data has the people for, else one of everybody there is."""
    there = int(trials.known.sum())
    return max((size for size in galleries if size <= there), default=there)


def _scopes(trials: Trials, galleries: Sequence[int], *, by_group: bool) -> list[_Scope]:
    with_group = {
        group for group, enrolled in zip(trials.groups, trials.enrolled, strict=True) if by_group and enrolled and group
    }
    everybody = np.ones(len(trials.identities), np.bool_)
    members = {name: np.array([group == name for group in trials.groups], np.bool_) for name in sorted(with_group)}
    return [_scope(trials, name, people, galleries) for name, people in [("", everybody), *members.items()]]


def _scope(trials: Trials, name: str, people: NDArray[np.bool_], galleries: Sequence[int]) -> _Scope:
    probes = people[trials.owners]
    mated = probes & np.isfinite(trials.genuine)
    mates = Genuine(scores=trials.genuine[mated].astype(np.float64), owners=trials.owners[mated])

    def compared(templates: NDArray[np.bool_], share: float) -> Impostors:
        count = max(1, int(probes.sum()) * int(templates.sum()))
        share = min(1.0, max(share, _LEAST_KEPT / count), max(_MOST_KEPT / count, 0.0))
        return impostors(trials.scores, trials.owners, probes=probes, templates=templates, share=share)

    strangers = compared(trials.known, _KEPT_FPIR / min(galleries))
    within = compared(trials.enrolled & people, _KEPT_SHARE)
    return _Scope(
        name=name,
        people=people,
        genuine=mates,
        within=within,
        anybody=within if not name else compared(trials.enrolled, _KEPT_SHARE),
        searches=searches(strangers, mates, trials.scores[mated]),
        probes=probes,
    )


def _all_of(
    scopes: Sequence[_Scope],
    trials: Trials,
    decisions: Decisions | None,
    galleries: Sequence[int],
    weights: Weights,
) -> list[tuple[Values, Reals]]:
    """Return, for each scope, its figures and the FNMR at DET_FMRS. The first scope is everybody's: its thresholds are
    tried on the groups too."""
    results: list[tuple[Values, Reals]] = []
    for scope in scopes:
        values = _verification(scope, weights)
        values.update(_identification(scope, galleries, headline_gallery(trials, galleries), weights))
        values.update(_photos(scope, trials, weights))
        if decisions is not None:
            values.update(decisions.rates(weights, scope.people))
        if results:
            values.update(_at_overall(scope, results[0][0], headline_gallery(trials, galleries), weights))
        results.append((values, _det(scope, weights)))
    return results


def _verification(scope: _Scope, weights: Weights) -> Values:
    found: Values = {}
    curve = metrics.fmr_curve(scope.within, weights)
    if not len(curve):
        return found
    for name, rate in FMRS.items():
        threshold = metrics.threshold_for(rate, scope.within.scores, curve, floor=scope.within.floor)
        missed = metrics.fnmr(scope.genuine, threshold, weights)
        if missed is not None:
            found[f"fnmr_at_fmr_{name}"] = missed
        found[f"threshold_at_fmr_{name}"] = threshold
    return found


def _identification(scope: _Scope, galleries: Sequence[int], headline: int, weights: Weights) -> Values:
    found: Values = {}
    kept = scope.searches.strangers
    for size in galleries:
        prefix = f"n{size}."
        curve = fpir_curve(scope.searches, weights, gallery=size)
        first = mates_found_first(scope.searches, weights, gallery=size)
        for name, rate in FPIRS.items() if len(curve) else ():
            threshold = metrics.threshold_for(rate, kept.scores, curve, floor=kept.floor)
            missed = fnir(scope.genuine, first, threshold, weights)
            if missed is not None:
                found[f"{prefix}fnir_at_fpir_{name}"] = missed
            found[f"{prefix}threshold_at_fpir_{name}"] = threshold
        there = weights[scope.genuine.owners]
        if there.sum() > 0:
            found[f"{prefix}rank1"] = float((first * there).sum() / there.sum())
    chosen = f"n{headline}."
    found.update({name.removeprefix(chosen): value for name, value in found.items() if name.startswith(chosen)})
    return found


def _photos(scope: _Scope, trials: Trials, weights: Weights) -> Values:
    found: Values = {}
    for name, row in (("fte", 0), ("fta", 1)):
        part, whole = (np.where(scope.people, table[row], 0) for table in (trials.failures, trials.attempts))
        share = metrics.weighted_share(part, whole, weights)
        if share is not None:
            found[name] = share
    return found


def _at_overall(scope: _Scope, overall: Values, headline: int, weights: Weights) -> Values:
    """Return what everybody's thresholds do to a group: false matches within it and against everybody, and misses."""
    found: Values = {}
    for kind, impostor in (("within", scope.within), ("anybody", scope.anybody)):
        curve = metrics.fmr_curve(impostor, weights)
        if not len(curve):
            continue
        shares = metrics.shares_at(
            np.array([overall[f"threshold_at_fmr_{name}"] for name in FMRS]), impostor.scores, curve
        )
        found |= {
            f"fmr_{kind}_at_overall_threshold_{name}": float(each) for name, each in zip(FMRS, shares, strict=True)
        }
    for name in FMRS:
        missed = metrics.fnmr(scope.genuine, overall[f"threshold_at_fmr_{name}"], weights)
        if missed is not None:
            found[f"fnmr_at_overall_threshold_{name}"] = missed
    first = mates_found_first(scope.searches, weights, gallery=headline)
    for name in FPIRS:
        missed = fnir(scope.genuine, first, overall.get(f"threshold_at_fpir_{name}", np.inf), weights)
        if missed is not None:
            found[f"fnir_at_overall_threshold_{name}"] = missed
    return found


def _det(scope: _Scope, weights: Weights) -> Reals:
    """Return (threshold, FNMR) at each of DET_FMRS, (2, 81); NaN where the comparisons cannot tell."""
    curve = metrics.fmr_curve(scope.within, weights)
    found = np.full((2, len(DET_FMRS)), np.nan)
    there = weights[scope.genuine.owners]
    if not len(curve) or there.sum() <= 0:
        return found
    order = np.argsort(scope.genuine.scores)
    missed = np.r_[0.0, np.cumsum(there[order])] / there.sum()
    places = np.searchsorted(curve, DET_FMRS * (1 + 1e-9), side="right")
    told = (places > 0) & (places < len(curve))
    found[0, told] = np.nextafter(scope.within.scores[places[told]], np.inf)
    found[1, told] = missed[np.searchsorted(scope.genuine.scores[order], found[0, told], side="left")]
    return found


def _figures(
    scope: _Scope,
    trials: Trials,
    galleries: Sequence[int],
    point: tuple[Values, Reals],
    drawn: Sequence[tuple[Values, Reals]],
) -> Figures:
    values, det = point
    mated_people = len(set(scope.genuine.owners.tolist()))
    tested_people = len(set(trials.owners[scope.probes].tolist()))
    behind = {"fnmr": mated_people, "fnir": mated_people, "fmr": tested_people, "fte": 0, "fta": 0, "rank1": 0}
    behind |= {"policy": tested_people}
    behind |= {"fte": int((trials.attempts[0] > 0)[scope.people].sum())}
    behind |= {"fta": int((trials.attempts[1] > 0)[scope.people].sum()), "rank1": mated_people}
    rates = {name: behind.get(name.split(".")[-1].split("_")[0], 0) for name in values}
    once = np.ones(len(trials.identities), np.int64)
    within = metrics.fmr_curve(scope.within, once)
    facts: dict[str, int | bool] = {
        "people": int(scope.people.sum()),
        "people_enrolled": int((trials.enrolled & scope.people).sum()),
        "people_with_genuine_comparisons": mated_people,
        "people_searching": tested_people,
        "photos": int(trials.attempts[:, scope.people].sum()),
        "probes": int(scope.probes.sum()),
        "genuine_comparisons": len(scope.genuine.scores),
        "impostor_comparisons": scope.within.count,
        "impostor_comparisons_anybody": scope.anybody.count,
        "identification_n": headline_gallery(trials, galleries),
        **{f"fnmr_at_fmr_{name}_resolved": metrics.resolved(rate, within) for name, rate in FMRS.items()},
    }
    for size in galleries:
        curve = fpir_curve(scope.searches, once, gallery=size)
        facts[f"n{size}.extrapolated"] = size > int(trials.known.sum())
        facts |= {
            f"n{size}.fnir_at_fpir_{name}_resolved": metrics.resolved(rate, curve) for name, rate in FPIRS.items()
        }
    chosen = f"n{facts['identification_n']}."
    facts |= {name.removeprefix(chosen): fact for name, fact in facts.items() if name.startswith(chosen)}
    return Figures(
        values=values,
        intervals=intervals(values, [each for each, _ in drawn], rates_of={k: v for k, v in rates.items() if v}),
        facts=facts,
        det=_band(det, [each for _, each in drawn]),
    )


def _band(det: Reals, drawn: Sequence[Reals]) -> tuple[tuple[float, float, float, float, float], ...]:
    rows = []
    for place, rate in enumerate(DET_FMRS):
        threshold, missed = (float(value) for value in det[:, place])
        if np.isnan(missed):
            continue
        others = np.array([each[1, place] for each in drawn])
        others = others[np.isfinite(others)]
        low, high = np.quantile(others, [0.025, 0.975]) if len(others) else (missed, missed)
        rows.append((threshold, float(rate), missed, min(missed, float(low)), max(missed, float(high))))
    return tuple(rows)
