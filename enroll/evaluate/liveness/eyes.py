"""The kiosk's eye for a measurement, with the passive models from wherever they can be had."""

from collections.abc import Iterator
from pathlib import Path

import config
from terminal.faces.models import ModelUnavailable, ensure
from terminal.liveness import sources
from terminal.liveness.eye import Eye
from terminal.liveness.networks import LANDMARKS
from terminal.liveness_models import Networks, networks

RESEARCH = Path(__file__).resolve().parents[4] / "shared"
"""Where the project's research data lie, beside the project, on the machines that have them."""
_ABOVE = 3


def open_eye(settings: config.Config, passive: Path | None, near: Path) -> tuple[Eye, str | None]:
    """Return the kiosk's eye, and why it lacks the passive models, if it does.

    They are the published ones in the folder `passive`; without one, those of the settings, fetched where they are
    absent; and where they cannot be had, the published ones in a folder `models` in or above `near`, or with the
    research data. Raises ModelUnavailable.
    """
    ensure(settings.engine.models, (LANDMARKS,))
    found = networks(settings, passive=passive)
    if found.passive is None and passive is None:
        found = _fetched(settings) or next(_found_beside(settings, near), None) or found
    return found.eye(), "; ".join(found.lacking) or None


def _fetched(settings: config.Config) -> Networks | None:
    try:
        sources.fetch(sources.source_of(settings))
    except ModelUnavailable:
        return None
    found = networks(settings)
    return found if found.passive is not None else None


def _found_beside(settings: config.Config, near: Path) -> Iterator[Networks]:
    for folder in (near.resolve(), *near.resolve().parents[:_ABOVE], RESEARCH):
        found = networks(settings, passive=folder / "models")
        if found.passive is not None:
            yield found
