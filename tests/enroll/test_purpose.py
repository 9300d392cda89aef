"""The consent text: whole in every language, and never changed without a version of its own."""

import hashlib
from datetime import date

import pytest

from enroll import purpose
from enroll.purpose import VERSION, Line
from sync.register.consents import _VERSION
from terminal.screens.catalogue import LOCALES, language

DIGESTS = {"2026-11-24": "9517f4ca6be354c0eb410178f6eb83392b86659880db0e0c79aa96cc1073c386"}
"""SHA-256 over the text in every language, by version. A new text is a new line here."""


@pytest.mark.parametrize("code", LOCALES)
def test_the_text_says_everything_in_every_language(code: str) -> None:
    said = purpose.text(language(code))
    assert said.version == VERSION
    assert len(said.lines) == len(Line) == len(set(said.lines))
    assert "PIN" in said.lines[list(Line).index(Line.INSTEAD)]
    assert set(language(code).purpose) == set(Line), "and nothing that is never shown"


def test_the_version_is_a_day_and_can_be_stored() -> None:
    assert date.fromisoformat(VERSION)
    assert _VERSION.fullmatch(VERSION)


def test_no_word_of_the_text_changes_without_a_new_version() -> None:
    said = [purpose.text(language(code)) for code in sorted(LOCALES)]
    whole = "\n".join("\n".join((each.title, *each.lines, each.other_basis)) for each in said)
    assert hashlib.sha256(whole.encode()).hexdigest() == DIGESTS[VERSION], (
        "consents on record name a version: give the changed text its own in enroll/purpose.py, and its digest here"
    )
