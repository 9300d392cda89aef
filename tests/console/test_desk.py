"""The review desk's page: what is open, most at risk first, live; what a kiosk says is text and nothing more."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import config
from console.desk import SHOWN_CASES
from console.words import LANGUAGES, cue
from sync import sealing
from sync.messages import Method, PadVerdict
from sync.register.attacks import Decision, decide, list_attacks
from sync.register.intake import take
from terminal.liveness.cues import Reason
from tests.sync.notes import BOX, Kiosk

Serve = Callable[[config.Config], httpx.Client]
Centre = Any  # conftest.Centre, which cannot be imported from here
HOSTILE = """<img src=x onerror=alert(1)> "'&</script><script>alert(2)</script>"""
CUT_OFF = """[...document.querySelectorAll('main *')]
    .filter((each) => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.textContent.trim())"""
"""In the browser: the texts wider than their place."""
NEAR: dict[str, Any] = {"verdict": PadVerdict.UNDECIDED}


def fill(centre: Centre) -> None:
    centre.employee("1001", "Siti Nurhaliza")
    centre.employee("1002", "Joe Biden")
    centre.status()
    kiosk, at = Kiosk(), centre.at - timedelta(seconds=30)
    take(
        centre.register,
        events=[
            kiosk.attack("1002", at=at, id="c" * 32, cues=("arrival",), **NEAR),
            kiosk.punch("1002", at=at + timedelta(seconds=20), method=Method.PIN),
            kiosk.attack(at=at, id="b" * 32, held=True),
            kiosk.attack("1001", at=at - timedelta(hours=1), id="a" * 32, box=BOX, cues=("twin", "something_new")),
        ],
    )


def test_f3_an_attack_appears_with_whom_it_was_taken_for_what_told_and_how_to_look_at_it(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    fill(centre)
    page = served(settings).get("/review").text
    at = [page.index(id_ * 12) for id_ in "abc"]
    assert at == sorted(at), "what is most at risk comes first"
    for words in ("dikira Siti Nurhaliza", "orang yang sama terlihat dua kali", "something new", "ada gambar tersegel"):
        assert words in page
    for words in ("wajah tak dikenal", "kiosk berhenti sejenak", "Meragukan, lalu PIN", "PIN pukul", "tanpa gambar"):
        assert words in page
    for words in ("./hadir events review --open FOLDER", '<span id="desk"><b>3</b></span>'):
        assert words in page


def test_no_picture_and_no_way_to_change_anything_is_in_the_page(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    fill(centre)
    client = served(settings)
    page = client.get("/review").text
    for words in ("<img", "<form", "<button", "sealed:", sealing.ref_of(BOX)):
        assert words not in page
    assert client.post("/review").status_code == 405
    assert client.get("/review", headers={"host": "evil.example"}).status_code == 421
    assert "default-src 'none'" in client.get("/review").headers["content-security-policy"]


def test_the_monitoring_room_counts_them_and_english_is_spoken_too(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    fill(centre)
    client = served(settings)
    assert '<dt>Serangan kamera hari ini</dt><dd class="bad">' in client.get("/").text
    english = client.get("/review?lang=en").text
    for words in ("taken for Siti Nurhaliza", "the same person twice in view", "Doubtful, then PIN", "Review desk"):
        assert words in english


def test_what_was_decided_leaves_the_open_page_by_itself(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    fill(centre)
    client = served(settings)
    with client.stream("GET", "/live", params={"page": "desk_page", "lang": "en"}) as answer:
        words = (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: "))
        first = next(words)
        assert set(first) == {"date", "notice", "desk", "cases"}
        assert "a" * 12 in first["cases"]
        decide(centre.register, "a" * 32, Decision.ATTACK, at=centre.at, by="1009", note="")
        changed = next(each for each in words if "cases" in each)
        assert "a" * 12 not in changed["cases"]
        assert changed["desk"] == "<b>2</b>"
        for each in list_attacks(centre.register, centre.at - timedelta(days=1), only_open=True):
            decide(centre.register, each.id, Decision.PERSON, at=centre.at, by="1009", note="")
        changed = next(each for each in words if "cases" in each and each.get("desk") == "")
        assert "Nothing is to be looked at." in changed["cases"]


def test_h2_what_a_hostile_kiosk_says_is_text(served: Serve, settings: config.Config, centre: Centre) -> None:
    centre.employee("1001", HOSTILE)
    take(centre.register, events=[Kiosk().attack("1001", at=centre.at, cues=(HOSTILE,), evidence_ref=HOSTILE)])
    page = served(settings).get("/review").text
    assert "&lt;img src=x" in page
    assert "<img" not in page
    assert page.count("<script") == 1


def test_every_cue_of_the_kiosk_has_words() -> None:
    for reason in Reason:
        assert {cue(reason.value, language) for language in LANGUAGES}.isdisjoint({reason.value})


def test_a_flood_of_one_kiosk_hides_no_attack_on_an_employee(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    centre.employee("1001", "Siti Nurhaliza")
    flood, calm = Kiosk("lobby-2"), Kiosk()
    claimed = calm.attack("1001", at=centre.at - timedelta(days=5), id="a" * 32)
    many = [flood.attack(at=centre.at - timedelta(seconds=each)) for each in range(SHOWN_CASES + 9)]
    take(centre.register, events=[claimed, *many])
    page = served(settings).get("/review").text
    assert page.index("dikira Siti Nurhaliza") < page.index("wajah tak dikenal")
    assert page.count("wajah tak dikenal") == SHOWN_CASES - 1
    assert "10 lagi tidak ditampilkan" in page
    assert f"<b>{SHOWN_CASES + 10}</b>" in page


@pytest.mark.slow
def test_a_browser_shows_it_whole_on_every_screen(
    served: Serve, settings: config.Config, centre: Centre, program: Callable[[str], str], tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    chromium = program("chromium")
    fill(centre)
    take(centre.register, events=[Kiosk("l" * 40, "o" * 40).attack("9" * 32, at=centre.at, cues=("x" * 60, HOSTILE))])
    client = served(settings)
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(f"{client.base_url}/review?lang=en")
        page.wait_for_selector(".live.on")
        for width in (1440, 1100, 820, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, width
            assert page.evaluate(CUT_OFF) == [], f"cut off at {width} px"
            page.screenshot(path=str(tmp_path / f"desk-{width}.png"), full_page=True)
        browser.close()
    assert complaints == []
