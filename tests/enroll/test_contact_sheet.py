"""An import as a page: everybody and every photo in words; nothing runs, nothing is loaded, it is its owner's only."""

import base64
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

import config
from enroll.bulk.contact_sheet import as_html, write_sheet
from enroll.bulk.import_report import ReportFailed, as_csv
from enroll.bulk.importer import ImportReport, import_folder
from enroll.bulk.thumbnails import SIDE_PX
from enroll.command import enroll
from enroll.desk import Done, PersonReport
from enroll.samples import PhotoReport
from sync.register.consents import Basis
from terminal.faces import Engine

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "\" onerror='x'",
    "&amp;",
    "</style><img src=x>",
    "a\x1b[31m\n\x00b",
    "\u202eitiS",
)


class Page(HTMLParser):
    """What a browser would make of it: tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def report(*people: PersonReport, notes: tuple[str, ...] = (), dry_run: bool = False) -> ImportReport:
    return ImportReport(people=people, notes=notes, dry_run=dry_run)


@pytest.fixture
def people(tmp_path: Path, painted: Callable[..., bytes]) -> Path:
    """A folder with somebody whole, somebody with a poor photo, and somebody's face under a second number."""
    for name, files in {
        "1001-Siti": [painted(1), painted(1, look=1), painted(1, look=2)],
        "1002-Budi": [painted(2), b"not a photo", painted(2, faces=0)],
        "1003-Siti_Again": [painted(1, look=4)],
    }.items():
        (tmp_path / "people" / name).mkdir(parents=True)
        for place, content in enumerate(files):
            (tmp_path / "people" / name / f"{place}.png").write_bytes(content)
    return tmp_path / "people"


def test_everybody_is_on_it_with_pictures_and_reasons_those_to_look_at_first(
    settings: config.Config, people: Path, engine: Engine
) -> None:
    done = import_folder(settings, people, engine=engine, basis=Basis.CONSENT, thumbnails=True)
    page = Page(as_html(done, office="demo", at=NOW))
    for words in (
        "This page holds faces and names.",
        "delete it as soon as",
        "To look at: 2",
        "Nothing to do: 1",
        "it is not a picture",
        "no face was found in it",
        "the same face is enrolled as 1001",
    ):
        assert words in page.text
    assert page.text.index("Siti Again") < page.text.index("Nothing to do") < page.text.rindex("1001")
    assert [attributes["class"] for tag, attributes in page.tags if tag == "li" and "class" in attributes].count(
        "flag"
    ) == 1
    pictures = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert len(pictures) == 6, "all but what is no picture"
    for each in pictures:
        data = base64.b64decode(each.removeprefix("data:image/jpeg;base64,"), validate=True)
        shape = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape
        assert max(shape) <= SIDE_PX
        assert len(data) < 12_000


def test_without_a_sheet_no_small_picture_is_made(settings: config.Config, people: Path, engine: Engine) -> None:
    done = import_folder(settings, people, engine=engine, basis=Basis.CONSENT)
    assert {photo.thumbnail for person in done.people for photo in person.photos} == {b""}


@pytest.mark.parametrize("words", HOSTILE)
def test_h3_whatever_a_name_or_a_file_is_called_it_is_text_of_the_page(words: str) -> None:
    photo = PhotoReport(photo=words, used=False, why=words)
    person = PersonReport(
        number=words, name=words, done=Done.REFUSED, photos=(photo,), warnings=(words,), why=words, where=words
    )
    page = Page(as_html(report(person, notes=(words,)), office=words, at=NOW))
    plain = Page(as_html(report(person, notes=("x",)), office="x", at=NOW))
    allowed = {tag for tag, _ in plain.tags}
    assert {tag for tag, _ in page.tags} <= allowed | {"bdi"}
    assert not allowed & {"script", "iframe", "object", "link", "form", "a", "base"}
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "img" or (attributes["src"] or "").startswith("data:image/jpeg;base64,")


def test_the_page_may_load_and_run_nothing_but_its_own_style() -> None:
    html = as_html(report(PersonReport(number="1", name="Siti", done=Done.ADDED)), office="demo", at=NOW)
    policy = next(a["content"] for tag, a in Page(html).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe" not in policy
    assert " style=" not in html
    assert not re.search(r"https?:|url\(|@import", html)


def test_the_sheet_is_its_owners_only_and_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    path.write_text("as it was")
    path.chmod(0o644)
    write_sheet(report(), path, office="demo", at=NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ReportFailed, match="the import is done, but"):
        write_sheet(report(), path / "sheet.html", office="demo", at=NOW)
    assert [each.name for each in tmp_path.iterdir()] == ["sheet.html"]


def test_the_command_writes_it_and_says_what_it_is(settings: config.Config, people: Path, tmp_path: Path) -> None:
    (people / "people.csv").write_text("number,name\n1001,Siti\n")
    for folder in list(people.iterdir()):
        if folder.is_dir():
            for photo in folder.iterdir():
                photo.unlink()
            folder.rmdir()
    sheet = tmp_path / "sheet.html"
    words = ("import", str(people), "--sheet", str(sheet), "--dry-run")
    said = CliRunner().invoke(enroll, words, obj=lambda: settings)
    assert said.exit_code == 0, said.output
    assert f"{sheet} holds faces and names: look at it, and delete it." in said.output
    assert "Would be enrolled (nothing was changed)" in sheet.read_text()


def test_neither_a_picture_nor_its_bytes_are_in_the_other_report_or_in_a_log() -> None:
    photo = PhotoReport(photo="a.jpg", used=True, thumbnail=b"\xff\xd8secret")
    person = PersonReport(number="1", name="Siti", done=Done.ADDED, photos=(photo,))
    assert "secret" not in as_csv(report(person))
    assert "secret" not in repr(person)


@pytest.mark.slow
def test_chromium_shows_it_without_a_complaint(
    tmp_path: Path, settings: config.Config, people: Path, engine: Engine
) -> None:
    """Names that would be scripts are on it; a violation of its policy or a dialog would be told."""
    import shutil

    if (browser := shutil.which("chromium")) is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    (people / "1001-Siti").rename(people / "1001-<img src=x onerror=alert(1)>")
    done = import_folder(settings, people, engine=engine, basis=Basis.CONSENT, thumbnails=True)
    write_sheet(done, tmp_path / "sheet.html", office="demo", at=NOW)
    heard: list[str] = []
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        try:
            page = chromium.new_page()
            page.on("console", lambda message: heard.append(message.text))
            page.on("dialog", lambda dialog: heard.append(dialog.message))
            page.on(
                "request", lambda asked: None if asked.url.startswith(("file:", "data:")) else heard.append(asked.url)
            )
            page.goto((tmp_path / "sheet.html").as_uri())
            shown = page.evaluate("[...document.images].map(i => i.naturalWidth > 0)")
            wide = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        finally:
            chromium.close()
    assert (shown, wide, heard) == ([True] * 6, True, [])
