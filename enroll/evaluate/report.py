"""*Pure*: the report as plain values, ready for JSON: names that other programs read, each figure with its interval."""

from collections import Counter
from typing import Any

from enroll.evaluate.evaluation import EngineReport, Report, SampleReport
from enroll.evaluate.measure import FMRS, FPIRS, Figures
from enroll.evaluate.pairs import PairsReport

METHOD = (
    "95 % intervals: percentile bootstrap by person (both people of an impostor pair), thresholds found anew in each; "
    "a rate of 0 gets the rule of three over people"
)

PROMISED = (
    *(f"fnmr_at_fmr_{name}" for name in FMRS),
    *(f"fnir_at_fpir_{name}" for name in FPIRS),
    "rank1",
    "fte",
    "fta",
)
"""Names that are always there."""


def as_values(report: Report) -> dict[str, Any]:
    """Return the report: engines side by side, and the first one's groups and pairs once more at the top."""
    first = report.engines[0]
    engines = {engine.engine_id: _engine(engine) for engine in report.engines}
    groups: dict[str, Any] = {}
    for count in sorted(first.samples):  # the most samples that anybody in a group has, last
        groups |= engines[first.engine_id]["samples"][str(count)]["groups"]
    return {
        "people": len(report.data.people),
        "photos": report.data.photos,
        "seed": report.wish.seed,
        "replicates": report.wish.replicates,
        "method": METHOD,
        "notes": list(report.data.notes),
        "probably_one_person": [
            {"first": each.first, "second": each.second, "score": round(each.score, 4), "same_file": each.same_file}
            for each in report.alike
        ],
        "engine": first.engine_id,
        "overall": engines[first.engine_id]["overall"],
        "groups": groups,
        **_pairs(first.pairs),
        "engines": engines,
    }


def _engine(engine: EngineReport) -> dict[str, Any]:
    samples = {str(count): _sample(sample, count) for count, sample in engine.samples.items()}
    most = samples[str(max(engine.samples))]
    return {
        "name": engine.name,
        "overall": most["overall"],
        "groups": most["groups"],
        "samples": samples,
        "unused": dict(Counter(f"{role}: {why.partition(' as ')[0]}" for _, role, why in engine.unused).most_common()),
        "unused_photos": [{"photo": name, "role": role, "why": why} for name, role, why in engine.unused],
        **_pairs(engine.pairs),
    }


def _sample(sample: SampleReport, count: int) -> dict[str, Any]:
    counts = sample.counts
    found: dict[str, Any] = {
        "samples": count,
        "people": counts.people,
        "enrolled": counts.enrolled,
        "strangers": counts.strangers,
        "borrowed": counts.borrowed,
        "left_out": counts.left_out,
        "refused": counts.refused,
        "gallery_size": sample.gallery_size,
        "overall": figures_as_values(sample.measured.overall, samples=count),
        "groups": {name: figures_as_values(figures, samples=count) for name, figures in sample.measured.groups.items()},
    }
    if sample.decisions is not None:
        found["policy"] = {"threshold": sample.decisions.threshold, "margin": sample.decisions.margin}
    if sample.cleared is not None:
        found["without_probable_duplicates"] = {
            "overall": figures_as_values(sample.cleared.overall, samples=count),
            "groups": {
                name: figures_as_values(figures, samples=count) for name, figures in sample.cleared.groups.items()
            },
        }
    if sample.same_people is not None:
        found["same_people_as_most_samples"] = figures_as_values(sample.same_people.overall, samples=count)
    return found


def figures_as_values(figures: Figures, *, samples: int) -> dict[str, Any]:
    """Return the figures flat, but for those of each gallery size, which are under `identification`.

    What the data cannot tell even by extrapolation is None, and so is what there are no comparisons for.
    """
    found: dict[str, Any] = {"samples": samples}
    found |= {name + end: None for name in PROMISED for end in ("", "_ci")}
    galleries: dict[str, dict[str, Any]] = {}

    def place(name: str) -> tuple[dict[str, Any], str]:
        size, dot, rest = name.partition(".")
        return (galleries.setdefault(size[1:], {}), rest) if dot else (found, name)

    for name, fact in figures.facts.items():
        into, key = place(name)
        into[key] = fact
    for name, value in figures.values.items():
        into, key = place(name)
        low, high = figures.intervals[name]
        known = not _beyond_the_data(into, key)
        into[key] = round(value, 6) if known else None
        into[f"{key}_ci"] = [round(low, 6), round(high, 6)] if known else None
    return {**found, "identification": galleries}


def _beyond_the_data(facts: dict[str, Any], key: str) -> bool:
    """Tell an extrapolated figure of which even the highest comparison says nothing."""
    if not facts.get("extrapolated", False):
        return False
    resolved = facts.get(f"fnir_at_fpir_{key.rpartition('_')[2]}_resolved", True)
    return "fpir_" in key and not resolved


def _pairs(pairs: PairsReport | None) -> dict[str, Any]:
    if pairs is None:
        return {"pairs_accuracy": None, "pairs_accuracy_ci": None}
    return {
        "pairs_accuracy": pairs.accuracy,
        "pairs_accuracy_ci": list(pairs.interval) if pairs.interval else None,
        "pairs_std": pairs.std,
        "pairs": {
            "pairs": pairs.pairs,
            "judged": pairs.judged,
            "missing": pairs.missing,
            "unreadable": pairs.unreadable,
            "folds": [
                {"threshold": fold.threshold, "accuracy": fold.accuracy, "pairs": fold.pairs} for fold in pairs.folds
            ],
            "problems": [{"photo": name, "why": why} for name, why in pairs.problems],
        },
    }
