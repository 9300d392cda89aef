"""The languages of the kiosk, from the gettext catalogues in `terminal/locale`: id, en and jv, one hadir.po each.

The English text of every word stands in `words.Words`. `python -m terminal.screens.catalogue` writes hadir.pot from it
and brings every hadir.po up to date: new words come in empty, words whose English changed are marked fuzzy, words that
are gone go. What a catalogue lacks is said in English, with a line in the log: a kiosk with a bad translation works.
"""

import io
import logging
import string
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po, write_po

from terminal.screens.words import ENGLISH, Words

FOLDER = Path(__file__).resolve().parents[1] / "locale"
LOCALES = {"id": "id", "en": "en_GB", "jv": "jv"}
"""Code of config `display.language` -> Babel's name, which writes the dates."""

_HEADER = """\
# The words of Hadir's kiosk. One entry per word; msgctxt is the name of its field in terminal/screens/words.py, msgid
# the English text. Open a hadir.po in Poedit or any editor; keep every {} as it is.
#
# A new word: add a field (or a key of a field) with its English text to Words in terminal/screens/words.py, run
#     python -m terminal.screens.catalogue
# which writes hadir.pot and adds an empty entry to every hadir.po, translate it there, and run
#     ./hadir test tests/terminal/test_catalogue.py
# which says what is missing. A word changed in English is marked fuzzy: correct it and take the mark away."""

_log = logging.getLogger("hadir.terminal.screens")


@cache
def language(code: str) -> Words:
    """Return the words of `code` (id, en or jv), read once; English for each that its catalogue lacks, and logged."""
    path = po_file(code)
    try:
        said, wrong = read(path)
    except (OSError, ValueError) as error:  # not UTF-8 and a broken file are ValueErrors
        _log.error("no words of %s, English instead: %s", code, error)
        said, wrong = {}, []
    for problem in wrong:
        _log.warning("words of %s, English instead: %s", code, problem)
    return filled(said, locale=LOCALES[code])


def po_file(code: str) -> Path:
    """Return where the catalogue of `code` lies."""
    return FOLDER / code / "LC_MESSAGES" / "hadir.po"


def read(path: Path) -> tuple[dict[str, str], list[str]]:
    """Return the translations of `path` that can be used, key -> text, and a line for everything wrong with the rest.

    Wrong is a word that is missing, fuzzy, unknown, or takes other values than the English. Raises OSError and, for a
    file that is no catalogue, ValueError.
    """
    with path.open("rb") as file:
        try:
            catalog = read_po(file, abort_invalid=True)
        except PoFileError as error:
            raise ValueError(f"{path.name}: {error}") from error
    wanted, usable, wrong = dict(english()), {}, []
    for message in catalog:
        if not message.id:
            continue
        key, text = message.context or "", message.string
        if key not in wanted:
            wrong.append(f"{key or message.id}: no such word")
        elif message.id != wanted[key]:
            wrong.append(f"{key}: translates {message.id!r}, which is now {wanted[key]!r}")
        elif not isinstance(text, str) or not text:
            wrong.append(f"{key}: not translated")
        elif message.fuzzy:
            wrong.append(f"{key}: marked fuzzy")
        elif _places(text) != _places(wanted[key]):
            wrong.append(f"{key}: {text!r} does not take the values of {wanted[key]!r}")
        elif text != text.strip() or not text.isprintable():
            wrong.append(f"{key}: {text!r} has spaces around it or a character no screen draws")
        else:
            usable[key] = text
    named = {problem.partition(":")[0] for problem in wrong}
    wrong += [f"{key}: not in the catalogue" for key in wanted if key not in usable and key not in named]
    return usable, wrong


def english() -> Iterator[tuple[str, str]]:
    """Yield key and English text of every word; the key is `invitation`, or `hints.too_far` for one of several."""
    for name, value in _values():
        if isinstance(value, str):
            yield name, value
        else:
            yield from ((f"{name}.{key}", text) for key, text in value.items())


def filled(said: Mapping[str, str], *, locale: str) -> Words:
    """Return English with every word replaced that `said` has under its key."""
    changes: dict[str, Any] = {"locale": locale}
    for name, value in _values():
        if isinstance(value, str):
            changes[name] = said.get(name, value)
        else:
            changes[name] = {key: said.get(f"{name}.{key}", text) for key, text in value.items()}
    return replace(ENGLISH, **changes)


def write(folder: Path = FOLDER) -> Iterator[Path]:
    """Yield each catalogue of `folder` as it is written anew from the English words, translations kept.

    Raises OSError and ValueError, and then leaves what it could not read as it was.
    """
    template = Catalog(header_comment=_HEADER)
    for key, text in english():
        template.add(text, context=key)
    yield _written(template, folder / "hadir.pot")
    for code in LOCALES:
        path = folder / code / "LC_MESSAGES" / "hadir.po"
        with path.open("rb") as file:
            before = read_po(file, locale=LOCALES[code], abort_invalid=True)
        after = Catalog(locale=LOCALES[code], header_comment=before.header_comment)
        known = {message.context: message for message in before if message.id}
        for key, text in english():
            old = known.get(key)
            own = text if code == "en" else ""
            after.add(
                text,
                (old.string if old is not None and (code != "en" or old.id == text) else "") or own,
                context=key,
                flags=_flags(old, text) if code != "en" else (),
                user_comments=old.user_comments if old is not None else (),
            )
        yield _written(after, path)


def _values() -> Iterator[tuple[str, str | Mapping[str, str]]]:
    for field in fields(Words):
        if field.name != "locale":
            yield field.name, getattr(ENGLISH, field.name)


def _flags(old: Message | None, text: str) -> tuple[str, ...]:
    """Return what stands before a translation: fuzzy, where it is one of a text that has changed since."""
    return ("fuzzy",) if old is not None and old.string and (old.fuzzy or old.id != text) else ()


def _places(text: str) -> list[str] | None:
    """Return what a text takes, None for one that cannot be filled in."""
    try:
        return sorted(
            f"{name}!{form}:{spec}" for _, name, spec, form in string.Formatter().parse(text) if name is not None
        )
    except ValueError:
        return None


def _written(catalog: Catalog, path: Path) -> Path:
    # A header of our own: Babel's holds the time of writing, and the same words have to give the same bytes.
    header = [catalog.header_comment, 'msgid ""', 'msgstr ""', r'"Project-Id-Version: hadir\n"']
    if catalog.locale is not None:
        header.append(rf'"Language: {catalog.locale}\n"')
    header += [r'"MIME-Version: 1.0\n"', r'"Content-Type: text/plain; charset=UTF-8\n"']
    header += [r'"Content-Transfer-Encoding: 8bit\n"', "\n"]
    part = path.with_suffix(".part")
    entries = io.BytesIO()
    write_po(entries, catalog, width=120, omit_header=True)
    part.write_bytes("\n".join(header).encode() + entries.getvalue().rstrip(b"\n") + b"\n")
    part.replace(path)
    return path


if __name__ == "__main__":
    for written in write():
        print(written)
