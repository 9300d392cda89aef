"""What is shown to HTML: pages made of sections that also travel over the stream. Every value is escaped by Jinja2."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jinja2

from console import words
from console.board import SHOWN_PEOPLE
from console.watch import Shown
from console.words import Language

HERE = Path(__file__).resolve().parent
PAGES = {
    "page": ("date", "notice", "desk", "counts", "arrivals", "kiosks", "offices"),
    "desk_page": ("date", "notice", "desk", "cases"),
}
"""Each page's template and its sections; `desk` is what every page says of the review desk."""
PATHS = {"page": "/", "desk_page": "/review"}
ASSETS = {"style.css": "text/css", "live.js": "text/javascript", "favicon.svg": "image/svg+xml"}


class Pages:
    """Makes the page's HTML; a section is made once for everybody who looks in the same language."""

    def __init__(self, zone: ZoneInfo, office_names: Mapping[str, str]) -> None:
        self._zone = zone
        self._office_names = office_names
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "clock": lambda moment: f"{moment.astimezone(zone):%H:%M:%S}",
            "day_clock": lambda moment: f"{moment.astimezone(zone):%d-%m %H:%M}",
            "clock_short": lambda moment: f"{moment.astimezone(zone):%H:%M}",
            "iso": lambda moment: moment.astimezone(UTC).isoformat(timespec="milliseconds"),
        }
        self.assets = {name: (HERE / "static" / name).read_bytes() for name in ASSETS}
        self._made: dict[tuple[Language, str], tuple[int, dict[str, str]]] = {}

    def sections(self, shown: Shown, language: Language, page: str = "page") -> dict[str, str]:
        """Return the HTML of every section of `page` by the id of its place in it."""
        version, made = self._made.get((language, page), (0, {}))
        if version == shown.version:
            return made
        values = {
            "t": words.texts(language),
            "board": shown.board,
            "desk": shown.desk,
            "date": words.long_date(shown.board.day, language),
            "problem": shown.problem,
            "office_names": self._office_names,
            "shown_people": SHOWN_PEOPLE,
            "alarm": lambda code: words.alarm(code, language),
            "cue": lambda code: words.cue(code, language),
            "seconds": lambda value: words.seconds(value, language),
        }
        made = {name: self._environment.get_template(f"{name}.html").render(values).strip() for name in PAGES[page]}
        self._made[language, page] = shown.version, made
        return made

    def page(
        self, shown: Shown, language: Language, *, now: datetime, has_screen: bool = False, page: str = "page"
    ) -> str:
        """Return the whole page, one of PAGES."""
        return self._environment.get_template(f"{page}.html").render(
            t=words.texts(language),
            language=language,
            languages=words.LANGUAGES,
            zone=self._zone.key,
            clock=f"{now.astimezone(self._zone):%H:%M:%S}",
            sections=self.sections(shown, language, page),
            page=page,
            path=PATHS[page],
            has_screen=has_screen,
        )
