"""What the commands that list things share: since when, and how a moment and a kiosk's own words are shown."""

from datetime import UTC, datetime, timedelta

import click

import config

SINCE = click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="From this day on, by the zone of office.timezone; 30 days."
)
_LISTED_DAYS = timedelta(days=30)


def begin_of(here: config.Config, since: datetime | None) -> datetime:
    """Return the moment that is listed from."""
    return datetime.now(UTC) - _LISTED_DAYS if since is None else since.replace(tzinfo=here.office.zone)


def clock_of(here: config.Config, moment: datetime) -> str:
    """Return the moment in the office's zone."""
    return f"{moment.astimezone(here.office.zone):%Y-%m-%d %H:%M:%S %Z}"


def plain(text: str) -> str:
    """Return what a kiosk says without signs that would do something to a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
