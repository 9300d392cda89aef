"""What somebody is told before their face is looked at: the text as data, in the order of the screen. *Pure*.

The words are those of `terminal.screens.words`, in every language of the kiosk. Whoever changes what they say changes
VERSION with them: it is stored with each consent, and says which text that was.
"""

from dataclasses import dataclass
from enum import StrEnum

from terminal.screens.words import Words

VERSION = "2026-11-24"
"""The day on which the text was last changed."""


class Line(StrEnum):
    """One statement of the text; the value is its key in `Words.purpose`."""

    DATA = "data"
    PICTURES = "pictures"
    USE = "use"
    HOW_LONG = "how_long"
    INSTEAD = "instead"
    WITHDRAW = "withdraw"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The whole text in one language. `other_basis` is said beside it where consent is not the basis."""

    version: str
    title: str
    lines: tuple[str, ...]
    other_basis: str


def text(words: Words) -> Text:
    """Return what is shown in the language of `words`."""
    return Text(
        version=VERSION,
        title=words.purpose_title,
        lines=tuple(words.purpose[line.value] for line in Line),
        other_basis=words.other_basis,
    )
