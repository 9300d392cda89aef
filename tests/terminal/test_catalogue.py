"""The catalogues of the kiosk's words: whole, in step with the English, and harmless where they are not."""

import logging
import shutil
from pathlib import Path
from typing import get_args

import pytest

import config
from terminal.screens import catalogue
from terminal.screens.catalogue import FOLDER, LOCALES, english, filled, language, po_file, read
from terminal.screens.words import ENGLISH


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalogues where a test may spoil them, and nothing remembered of the good ones."""
    folder = tmp_path / "locale"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setattr(catalogue, "FOLDER", folder)
    monkeypatch.setattr(catalogue, "language", catalogue.language.__wrapped__)
    return folder


def spoil(folder: Path, before: str, after: str, code: str = "id") -> Path:
    path = folder / code / "LC_MESSAGES" / "hadir.po"
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    return path


# --- the catalogues as they are -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LOCALES)
def test_every_word_is_translated_and_takes_what_the_english_takes(code: str) -> None:
    said, wrong = read(po_file(code))
    assert wrong == [], f"see the head of {FOLDER / 'hadir.pot'} for how to put this right"
    assert said.keys() == dict(english()).keys()


def test_the_languages_are_those_that_can_be_set_and_no_other_lies_there() -> None:
    assert set(LOCALES) == set(get_args(config.Display.__annotations__["language"]))
    assert {path.name for path in FOLDER.iterdir()} == {*LOCALES, "hadir.pot"}


def test_the_catalogues_are_as_the_command_writes_them(copies: Path) -> None:
    """A word added to Words and not to the catalogues is seen here too."""
    written = list(catalogue.write(copies))
    assert len(written) == 1 + len(LOCALES)
    for path in written:
        assert path.read_text() == (FOLDER / path.relative_to(copies)).read_text(), f"run {catalogue.__name__}"


def test_english_is_what_stands_in_the_program() -> None:
    assert language("en") == ENGLISH
    assert (language("id").invitation, language("id").locale) == ("Silakan menghadap kamera", "id")
    assert language("id") is language("id"), "read once"


# --- catalogues with something wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('msgstr "No. bukti {}"', 'msgstr "No. bukti"', "receipt: 'No. bukti' does not take"),
        ('msgstr "No. bukti {}"', 'msgstr "No. {} bukti {}"', "receipt: 'No. {} bukti {}' does not take"),
        ('msgstr "No. bukti {}"', 'msgstr "No. bukti {code}"', "receipt: 'No. bukti {code}' does not take"),
        ('msgstr "No. bukti {}"', 'msgstr "No. bukti {.__class__}"', "receipt: 'No. bukti {.__class__}' does not"),
        ('msgstr "No. bukti {}"', 'msgstr "No. bukti {:>99999999}"', "receipt: 'No. bukti {:>99999999}' does not"),
        ('msgstr "No. bukti {}"', 'msgstr "No. bukti {"', "receipt: 'No. bukti {' does not take"),
        ('msgstr "No. bukti {}"', 'msgstr ""', "receipt: not translated"),
        ('msgstr "No. bukti {}"', 'msgstr "No. bukti {}\\n"', "receipt: 'No. bukti {}\\n' has spaces around it"),
        ('msgctxt "receipt"', '#, fuzzy\nmsgctxt "receipt"', "receipt: marked fuzzy"),
        ('msgid "Receipt {}"', 'msgid "Ticket {}"', "receipt: translates 'Ticket {}', which is now 'Receipt {}'"),
        ('msgctxt "receipt"', 'msgctxt "ticket"', "ticket: no such word"),
        ('msgctxt "receipt"\n', "", "Receipt {}: no such word"),
    ],
)
def test_one_bad_entry_is_said_in_english_and_the_rest_is_not(
    copies: Path, caplog: pytest.LogCaptureFixture, before: str, after: str, problem: str
) -> None:
    spoil(copies, before, after)
    with caplog.at_level(logging.WARNING):
        say = catalogue.language("id")
    assert say.receipt == "Receipt {}"
    assert (say.invitation, say.locale) == ("Silakan menghadap kamera", "id")
    assert problem in caplog.text
    assert say.receipt.format("X") == "Receipt X"


def test_a_word_gone_from_the_catalogue_is_missed(copies: Path) -> None:
    path = spoil(copies, 'msgctxt "receipt"\nmsgid "Receipt {}"\nmsgstr "No. bukti {}"\n', "")
    assert read(path)[1] == ["receipt: not in the catalogue"]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b"<html>", b'msgid "half', b'msgstr "x"\n', b""])
def test_a_catalogue_that_cannot_be_read_leaves_a_kiosk_that_speaks_english(
    copies: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    path = copies / "jv" / "LC_MESSAGES" / "hadir.po"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        say = catalogue.language("jv")
    assert (say.invitation, say.locale) == ("Please face the camera", "jv")
    assert "English instead" in caplog.text


# --- a word's life --------------------------------------------------------------------------------------------------


def test_a_new_word_comes_in_empty_a_changed_one_fuzzy_and_a_dropped_one_goes(
    copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = copies / "id" / "LC_MESSAGES" / "hadir.po"
    theirs.write_text("# Kept for us.\n" + theirs.read_text().replace('msgctxt "ok"', '# as said\nmsgctxt "ok"'))
    kept = {key: text for key, text in english() if key != "cancel"}
    kept |= {"invitation": "Look here, please", "brand_new": "New"}
    monkeypatch.setattr(catalogue, "english", lambda: iter(kept.items()))
    list(catalogue.write(copies))
    said, wrong = read(theirs)
    assert sorted(wrong) == ["brand_new: not translated", "invitation: marked fuzzy"]
    assert "cancel" not in said
    assert said["receipt"] == "No. bukti {}"
    text = theirs.read_text()
    assert text.startswith("# Kept for us.\n")
    assert '# as said\nmsgctxt "ok"' in text
    assert '#, fuzzy\nmsgctxt "invitation"\nmsgid "Look here, please"\nmsgstr "Silakan menghadap kamera"' in text
    assert read(copies / "en" / "LC_MESSAGES" / "hadir.po")[1] == [], "English follows by itself"


def test_words_are_filled_in_by_their_keys_however_few() -> None:
    say = filled({"hints.too_far": "Nyedhak", "ok": "Inggih"}, locale="jv")
    assert (say.ok, say.cancel, say.locale) == ("Inggih", "Cancel", "jv")
    assert list(say.hints.values())[:2] == ["Nyedhak", ENGLISH.hints[list(ENGLISH.hints)[1]]]
