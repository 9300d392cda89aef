"""The report as tables for a terminal, and the words that go with them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from enroll.evaluate.evaluation import Report, SampleReport
from enroll.evaluate.measure import Figures
from enroll.evaluate.report import METHOD, figures_as_values

_MOST_NAMED = 20
_RATES = {"1e2": "1e-2", "1e3": "1e-3", "1e4": "1e-4"}


def tables(report: Report) -> Iterator[Table | str]:
    """Yield what is printed, in order: tables, and lines that are plain text."""
    data = report.data
    yield f"{data.photos} photos of {len(data.people)} people"
    yield from (plain(note) for note in data.notes)
    for engine in report.engines:
        reasons = Counter((role, why.partition(" as ")[0]) for _, role, why in engine.unused)
        for (role, why), count in reasons.most_common():
            yield plain(f"{engine.name}: {count} {role} photo{'s' if count > 1 else ''} not used: {why}")
        for name, role, why in engine.unused[:_MOST_NAMED] if len(engine.unused) <= _MOST_NAMED else ():
            yield plain(f"  {name} ({role}): {why}")
        for count, sample in engine.samples.items():
            yield _counted(engine.name, count, sample)
    yield from _alike(report)
    yield _verification(report)
    yield _identification(report)
    if any(sample.decisions for engine in report.engines for sample in engine.samples.values()):
        yield _policy(report)
    yield from _groups(report)
    yield from _pairs(report)
    yield "* fewer comparisons than that rate needs to show one error: the threshold is just above the highest score."
    yield "~ extrapolated: a larger gallery than there are people; the others are taken to match at the average rate."
    yield f"Brackets: {METHOD}. Seed {report.wish.seed}, {report.wish.replicates} resamplings."
    yield from (f"Written: {path}" for path in report.written)


def plain(words: str) -> str:
    """Return a line that no file's name or group can make more than one, nor a colour of."""
    return "".join(sign if sign.isprintable() else "?" for sign in words)


def _counted(engine: str, count: int, sample: SampleReport) -> str:
    counts = sample.counts
    return (
        f"{engine}, {count} enrolment photo{'s' if count > 1 else ''} each: {counts.enrolled} people enrolled, "
        f"{counts.borrowed} of them with probes as well; {counts.left_out} have too few photos and stay strangers; "
        f"{counts.refused} refused, their photos do not resemble each other; {counts.strangers} strangers; "
        f"{sample.measured.overall.facts['genuine_comparisons']} genuine and "
        f"{sample.measured.overall.facts['impostor_comparisons']} impostor comparisons"
    )


def _alike(report: Report) -> Iterator[str]:
    if not report.alike:
        return
    yield "Probably the same person under two names, as alike as nine in ten photos of one person: check the labels."
    for each in report.alike[:_MOST_NAMED]:
        yield plain(f"  {each.first} and {each.second}: {'the same file' if each.same_file else f'{each.score:.2f}'}")
    if len(report.alike) > _MOST_NAMED:
        yield f"  and {len(report.alike) - _MOST_NAMED} pairs more"
    yield "They count as false matches, but in the rows that say `out`; --aliases FILE makes them one."


def _rows(report: Report) -> Iterator[tuple[str, Figures]]:
    for engine in report.engines:
        for count, sample in engine.samples.items():
            name = f"{engine.name}, {count}"
            yield name, sample.measured.overall
            if sample.cleared is not None:
                yield f"{name}, out", sample.cleared.overall
            if sample.same_people is not None:
                yield f"{name}, out, people of {max(engine.samples)}", sample.same_people.overall


def _verification(report: Report) -> Table:
    table = Table(title="One probe, one template: FNMR at fixed FMR (threshold)", title_justify="left")
    table.add_column("engine, photos")
    for name in (*(f"FMR {rate}" for rate in _RATES.values()), "FTE", "FTA"):
        table.add_column(name, justify="right")
    for name, figures in _rows(report):
        values = figures_as_values(figures, samples=0)
        cells = [_rate(values, f"fnmr_at_fmr_{key}", threshold=f"threshold_at_fmr_{key}") for key in _RATES]
        table.add_row(escape(name), *cells, _rate(values, "fte"), _rate(values, "fta"))
    return table


def _identification(report: Report) -> Table:
    table = Table(title="One probe, a gallery of N: FNIR at fixed FPIR (threshold)", title_justify="left")
    table.add_column("engine, photos")
    table.add_column("N", justify="right")
    for name in ("FPIR 1e-2", "FPIR 1e-3", "rank 1"):
        table.add_column(name, justify="right")
    for name, figures in _rows(report):
        for size, values in figures_as_values(figures, samples=0)["identification"].items():
            mark = " ~" if values["extrapolated"] else ""
            cells = [
                _rate(values, f"fnir_at_fpir_{key}", threshold=f"threshold_at_fpir_{key}") for key in ("1e2", "1e3")
            ]
            table.add_row(escape(name), f"{size}{mark}", *cells, _rate(values, "rank1"))
    return table


def _policy(report: Report) -> Table:
    table = Table(
        title="As the kiosk decides: threshold and margin of the calibration and the settings", title_justify="left"
    )
    table.add_column("engine, photos")
    for name in ("threshold", "margin", "gallery", "FPIR", "FNIR", "wrong name", "ambiguous"):
        table.add_column(name, justify="right")
    for engine in report.engines:
        for count, sample in engine.samples.items():
            for mark, measured in (("", sample.measured), (", out", sample.cleared)):
                if sample.decisions is None or measured is None:
                    continue
                values = figures_as_values(measured.overall, samples=count)
                table.add_row(
                    escape(f"{engine.name}, {count}{mark}"),
                    f"{sample.decisions.threshold:g}",
                    f"{sample.decisions.margin:g}",
                    str(sample.gallery_size),
                    *(_rate(values, f"policy_{key}") for key in ("fpir", "fnir", "misidentified", "ambiguous")),
                )
    return table


def _groups(report: Report) -> Iterator[Table]:
    for engine in report.engines:
        for count, sample in engine.samples.items():
            groups = (sample.cleared or sample.measured).groups
            if not groups:
                continue
            out = ", out" if sample.cleared else ""
            table = Table(
                title=plain(
                    f"{engine.name}, {count} photo{'s' if count > 1 else ''}{out}, by group: impostors of the group"
                ),
                title_justify="left",
            )
            table.add_column("group")
            for name in (
                "people",
                "genuine",
                "impostor",
                "FNMR @ FMR 1e-3",
                "FNMR @ FMR 1e-4",
                "at everybody's 1e-3: FMR",
                "FNMR",
                f"FNIR @ FPIR 1e-2, N={next(iter(groups.values())).facts['identification_n']}",
            ):
                table.add_column(name, justify="right")
            for name, figures in groups.items():
                values = figures_as_values(figures, samples=count)
                table.add_row(
                    escape(plain(name)),
                    str(values["people_with_genuine_comparisons"]),
                    str(values["genuine_comparisons"]),
                    str(values["impostor_comparisons"]),
                    _rate(values, "fnmr_at_fmr_1e3", threshold="threshold_at_fmr_1e3"),
                    _rate(values, "fnmr_at_fmr_1e4", threshold="threshold_at_fmr_1e4"),
                    _rate(values, "fmr_within_at_overall_threshold_1e3"),
                    _rate(values, "fnmr_at_overall_threshold_1e3"),
                    _rate(values, "fnir_at_fpir_1e2", threshold="threshold_at_fpir_1e2"),
                )
            yield table


def _pairs(report: Report) -> Iterator[str]:
    for engine in report.engines:
        pairs = engine.pairs
        if pairs is None:
            continue
        if pairs.accuracy is None:
            yield f"{engine.name}: none of the {pairs.pairs} pairs can be judged"
        else:
            told = f"{engine.name}: pairs told right {100 * pairs.accuracy:.2f} %"
            if pairs.std is not None and pairs.interval is not None:
                low, high = pairs.interval
                told += f" +- {100 * pairs.std:.2f} over {len(pairs.folds)} folds [{100 * low:.2f}, {100 * high:.2f}]"
            yield (
                f"{told}; {pairs.judged} of {pairs.pairs} pairs judged, {pairs.missing} left out (a file is missing), "
                f"{pairs.unreadable} counted as wrong (no face could be read)"
            )
        for name, why in pairs.problems[:_MOST_NAMED]:
            yield plain(f"  {name}: {why}")
        if len(pairs.problems) > _MOST_NAMED:
            yield f"  and {len(pairs.problems) - _MOST_NAMED} photos more"


def _rate(values: Mapping[str, Any], name: str, *, threshold: str | None = None) -> str:
    """Return the figure with its interval in brackets; "-" without one."""
    value, interval = values.get(name), values.get(f"{name}_ci")
    if value is None or interval is None:
        return "-"
    mark = "" if values.get(f"{name}_resolved", True) else "*"
    at = f" ({values[threshold]:.3f})" if threshold is not None and values.get(threshold) is not None else ""
    return f"{_percent(value)}{mark} [{_percent(interval[0])}, {_percent(interval[1])}]{at}".replace("[", "\\[")


def _percent(rate: float) -> str:
    return f"{100 * rate:.2g}%" if 0 < rate < 0.01 else f"{100 * rate:.1f}%"
