"""The measurement of liveness as it is asked for and printed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

import config
from enroll.evaluate.liveness.attempts import Attempt, try_all
from enroll.evaluate.liveness.eyes import open_eye
from enroll.evaluate.liveness.figures import Figures, Row, Share, figures_of
from enroll.evaluate.liveness.presentations import presentations_in
from terminal.faces import Engine, open_engine
from terminal.liveness.cues import Finding, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured; `unused` are presentations without a try, with the reason; `lacking` why there were no passive
    models, if so."""

    figures: Figures
    unused: dict[str, str]
    lacking: str | None


def measure(
    settings: config.Config,
    folder: Path,
    *,
    passive: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    engine: Engine | None = None,
) -> Report:
    """Return what the presentations in `folder` come to with the kiosk's own eye and policy.

    The passive models lie in `passive`, by default where eyes.open_eye finds them. Raises PresentationsRefused,
    ModelUnavailable.
    """
    found = presentations_in(folder)
    engine = engine or open_engine(settings.engine)
    eye, lacking = open_eye(settings, passive, folder)
    attempts: list[Attempt] = []
    unused: dict[str, str] = {}
    for done, (presentation, tries, why) in enumerate(
        try_all(found, engine=engine, eye=eye, settings=settings, reads=lacking is None), start=1
    ):
        attempts += tries
        if why:
            unused[presentation.name] = why
        progress(done, len(found))
    return Report(figures=figures_of(attempts), unused=unused, lacking=lacking)


def policy_table(figures: Figures) -> Table:
    """Return the whole policy's table: a row a species and kind."""
    table = Table(title="The kiosk's policy, nobody answering what is asked (95 % intervals); stills: the models alone")
    for name in (
        "species", "kept as", "presentations", "called attack", "left the PIN", "believed after all",
        "believed at once", "waited", "tries believed",
    ):  # fmt: skip
        table.add_column(name, justify="left" if name in ("species", "kept as") else "right")
    for row in figures.rows:
        late = row.accepted.count - row.at_once.count
        table.add_row(
            escape(row.species),
            row.kind.value,
            str(row.presentations),
            str(row.denied.count),
            str(max(0, row.presentations - row.accepted.count - row.denied.count)),
            str(max(0, late)),
            _share(row.at_once),
            "-" if row.waited_s is None else f"{row.waited_s:.1f} s",
            f"{row.tries_accepted.count} of {row.tries}",
        )
    return table


def cue_table(figures: Figures) -> Table:
    """Return what each cue found in the tries: denied+suspected of how many."""
    reasons = [reason for reason in Reason if any(reason == each for row in figures.rows for each, _ in row.cues)]
    table = Table(title="Each cue alone, at the end of each try: denied / suspected / clear / without evidence")
    table.add_column("species")
    table.add_column("kept as")
    for reason in reasons:
        table.add_column(reason.value, justify="right")
    for row in figures.rows:
        table.add_row(escape(row.species), row.kind.value, *(_findings(row, reason) for reason in reasons))
    return table


def lines(report: Report) -> list[str]:
    """Return what is said beside the tables."""
    figures = report.figures
    said = [
        f"BPCER {_share(figures.bpcer)}; with a challenge {_share(figures.bpcer_with_challenge)}, if everybody who is "
        "asked does it: no recording shows that."
    ]
    if figures.worst is not None:
        said.append(f"Worst species: {figures.worst}, APCER {_share(figures.apcer[figures.worst])}.")
    if figures.ms_per_frame is not None:
        said.append(f"Eye, cues and policy: {figures.ms_per_frame:.1f} ms of the processor a frame, beside detection.")
    if report.lacking is not None:
        said.append(f"Without the passive models: {report.lacking}")
    if report.unused:
        first = next(iter(report.unused.items()))
        said.append(
            f"{len(report.unused)} presentations came to no try (no response); the first: {first[0]}, {first[1]}."
        )
    return said


def _share(share: Share) -> str:
    if share.value is None:
        return "-"
    low, high = share.bounds
    return f"{share.count}/{share.of} = {100 * share.value:.1f} % ({100 * low:.1f}-{100 * high:.1f})"


def _findings(row: Row, reason: Reason) -> str:
    return " / ".join(
        str(row.cues.get((reason, finding), 0))
        for finding in (Finding.DENY, Finding.SUSPECT, Finding.CLEAR, Finding.NO_EVIDENCE)
    )
