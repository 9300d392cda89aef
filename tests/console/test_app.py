"""The console over HTTP: what it shows, what it never lets through, and how fast it tells."""

import json
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import config
from console import app
from sync.messages import ClockQuality, Direction, Method, Presence
from sync.register import Register
from sync.register.arrivals import arrival
from sync.register.intake import take
from tests.sync.test_retiming import Kiosk

Serve = Callable[[config.Config], httpx.Client]
Centre = Any  # conftest.Centre, which cannot be imported from here
HOSTILE = """<img src=x onerror=alert(1)> "'&</script><script>alert(2)</script>"""


def until(true: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def stream(client: httpx.Client, **how: Any) -> Iterator[dict[str, str]]:
    """Yield what the live stream says."""
    with client.stream("GET", "/live", **how) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def test_an_empty_register_is_told_in_words(served: Serve, settings: config.Config, centre: Centre) -> None:
    client = served(settings)
    page = client.get("/").text
    for words in ("Belum ada yang tercatat hari ini.", "Belum ada pegawai terdaftar.", "Belum ada kiosk"):
        assert words in page
    assert 'class="notice"' not in page
    assert client.get("/health").json()["status"] == "ok"


def test_a_filled_register_is_on_the_page_without_javascript(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    centre.employee("1001", "Barack Obama")
    centre.employee("1002", "Siti Nurhaliza")
    centre.employee("2001", "Ahmad Fauzi", "disdik")
    centre.punch("1001", ago_s=30)
    centre.punch("1002", ago_s=20, method=Method.PIN)
    centre.punch("1002", ago_s=10, direction=Direction.OUT)
    centre.status(gallery_version=7, gallery_people=2, outbox_depth=4, alarms=("release_forged", "something_new"))
    centre.status("pintu-2", "disdik", presence=Presence.OFFLINE, outbox_depth=None, camera=None)
    page = served(settings).get("/").text
    assert page.index("Siti Nurhaliza") < page.index("Barack Obama")
    for words in ("sampai di pusat 0,25 dtk kemudian", "PIN", "Pulang", "v7 · 2 orang", "Terputus", "pintu-2"):
        assert words in page
    for words in ("set wajah palsu ditolak", "something new", "Data belum lengkap", "Ahmad Fauzi"):
        assert words in page
    assert "Barack Obama" in served(settings).get("/?lang=en").text


def test_a_punch_of_a_lost_clock_is_shown_at_the_time_that_is_worked_out_later(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    centre.employee("1001", "Barack Obama")
    at = centre.at - timedelta(minutes=1)
    kiosk = Kiosk("lobby-9")
    kiosk.boot(at - timedelta(minutes=30), shows=datetime(1970, 1, 1, tzinfo=UTC))
    kiosk.punch(at, ClockQuality.UNSYNCED, employee="1001")
    take(centre.register, events=[arrival(kiosk.payloads[0], centre.at)])
    client = served(settings)
    assert "Barack Obama" in client.get("/").text
    kiosk.wrong = timedelta(0)
    kiosk.note(at + timedelta(seconds=20))
    take(centre.register, events=[arrival(kiosk.payloads[1], centre.at)])
    shown = f"{at.astimezone(settings.office.zone):%H:%M:%S}*</time>"
    until(lambda: shown in client.get("/").text)
    assert "The kiosk&#39;s clock was not right" in client.get("/?lang=en").text


def test_what_is_corrected_at_a_kiosk_is_corrected_on_the_page(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    centre.employee("1001", "Barack Obama")
    centre.employee("1002", "Siti Nurhaliza")
    wrong, changed = centre.punch("1001", ago_s=30), centre.punch("1002", ago_s=20)
    centre.status()
    client = served(settings)
    page = client.get("/?lang=en").text
    assert "changed at the kiosk" not in page
    assert "Not me" not in page
    centre.correct(wrong)
    centre.correct(changed, Direction.OUT)
    until(lambda: "“Not me” today" in client.get("/?lang=en").text)
    page = client.get("/?lang=en").text
    assert "changed at the kiosk" in page
    assert page.count("data-id=") == 1, "who was not there is not in the list"


def test_the_language_is_the_one_asked_for(served: Serve, settings: config.Config, centre: Centre) -> None:
    client = served(settings)
    assert '<html lang="id">' in client.get("/").text
    assert '<html lang="id">' in client.get('/?lang="><script>').text
    english = client.get("/?lang=en").text
    assert '<html lang="en">' in english
    assert "Nobody has been recorded today." in english


def test_hostile_values_are_text_and_nothing_else(served: Serve, settings: config.Config, centre: Centre) -> None:
    settings = config.replace(settings, office={"name": f"Kantor {HOSTILE}"[:80]})
    centre.employee("1001", HOSTILE)
    centre.punch("1001")
    centre.status(alarms=(HOSTILE,), software=HOSTILE)
    client = served(settings)
    page = client.get("/").text
    sent = "".join(next(stream(client)).values())
    for html in (page, sent):
        assert "&lt;img src=x onerror=alert(1)&gt;" in html
        assert "<img src=x" not in html
        assert "<script>" not in html
        assert re.search(r"\son\w+=", html.replace("onerror=alert(1)&gt;", "")) is None
        assert " style=" not in html


def test_every_answer_is_guarded_errors_too(served: Serve, settings: config.Config, centre: Centre) -> None:
    client = served(settings)
    answers = [
        client.get(path) for path in ("/", "/health", "/static/live.js", "/static/no", "/screen", "/no", "/schema")
    ]
    answers += [client.post("/"), client.get("/", headers={"host": "evil.example"})]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 404, 404, 404, 405, 421]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        for part in ("script-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert part in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert "server" not in answer.headers
        assert "Traceback" not in answer.text


def test_a_loopback_console_answers_to_loopback_names_only(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    client = served(settings)
    port = client.base_url.port
    for host, code in (
        ("localhost", 200), (f"LOCALHOST:{port}", 200), (f"127.0.0.1:{port}", 200), (f"[::1]:{port}", 200),
        ("evil.example", 421), (f"evil.example:{port}", 421), ("127.0.0.1.evil.example", 421), ("", 421),
    ):  # fmt: skip
        assert client.get("/", headers={"host": host}).status_code == code, host


def test_a_new_event_is_on_the_stream_within_300_ms_of_its_commit(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    centre.employee("1001", "Barack Obama")
    client = served(settings)
    words = stream(client)
    first = next(words)
    assert set(first) == {"date", "notice", "desk", "counts", "arrivals", "kiosks", "offices"}
    took = []
    for _ in range(3):
        centre.punch("1001")
        committed = time.monotonic()
        while "arrivals" not in (news := next(words)):
            pass
        took.append(time.monotonic() - committed)
        assert "Barack Obama" in news["arrivals"]
        assert "kiosks" not in news
    assert sorted(took)[1] < 0.3
    words.close()


def test_a_status_and_a_new_name_reach_the_stream(served: Serve, settings: config.Config, centre: Centre) -> None:
    client = served(settings)
    words = stream(client)
    next(words)
    centre.status(outbox_depth=3)
    assert "lobby-1" in next(news for news in words if "kiosks" in news)["kiosks"]
    centre.punch("1001")
    assert "Tanpa nama" in next(news for news in words if "arrivals" in news)["arrivals"]
    centre.employee("1001", "Barack Obama")
    assert "Barack Obama" in next(news for news in words if "arrivals" in news)["arrivals"]
    words.close()


def test_a_register_that_is_not_there_is_waited_for(
    served: Serve, settings: config.Config, fill: Callable[[Register], Centre]
) -> None:
    client = served(settings)
    assert "Register pusat belum ada." in client.get("/").text
    health = client.get("/health")
    assert (health.status_code, health.json()["register"]) == (503, "absent")
    assert not Path(settings.centre.register.removeprefix("sqlite:///")).exists()
    words = stream(client)
    assert "belum ada" in next(words)["notice"]
    with Register.open(settings.centre.register) as register:
        made = fill(register)
        made.employee("1001", "Barack Obama")
        assert next(news for news in words if "notice" in news)["notice"] == ""
    until(lambda: client.get("/health").status_code == 200)
    words.close()


def test_a_register_that_is_replaced_is_read_anew(
    served: Serve, settings: config.Config, centre: Centre, fill: Callable[[Register], Centre]
) -> None:
    centre.employee("1001", "Barack Obama")
    centre.punch("1001")
    client = served(settings)
    assert "Barack Obama" in client.get("/").text
    folder = Path(settings.centre.register.removeprefix("sqlite:///")).parent
    centre.register.close()
    shutil.rmtree(folder)
    until(lambda: "Register pusat belum ada." in client.get("/").text)
    assert "Barack Obama" not in client.get("/").text
    with Register.open(settings.centre.register) as register:
        fill(register).employee("1002", "Joe Biden")
        until(lambda: "Joe Biden" in client.get("/").text)


@pytest.mark.slow
def test_a_locked_register_is_told_and_recovers(served: Serve, settings: config.Config, centre: Centre) -> None:
    centre.employee("1001", "Barack Obama")
    centre.punch("1001")
    path = settings.centre.register.removeprefix("sqlite:///")
    centre.register.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        client = served(settings)
        assert client.get("/health").json()["register"] == "unavailable"
        assert "tidak dapat dibaca saat ini" in client.get("/").text
        holder.execute("ROLLBACK")
    until(lambda: client.get("/health").status_code == 200, within_s=20)
    assert "Barack Obama" in client.get("/").text


def test_a_register_of_a_newer_hadir_is_refused_in_words(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    path = settings.centre.register.removeprefix("sqlite:///")
    centre.register.close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()
    assert "tidak dapat dipakai oleh versi Hadir ini" in served(settings).get("/").text


def test_the_kiosks_screen_is_shown_where_there_is_one(
    served: Serve, settings: config.Config, centre: Centre, tmp_path: Path
) -> None:
    assert 'id="screen"' not in served(settings).get("/").text
    picture = tmp_path / "screen.jpg"
    client = served(config.replace(settings, display={"picture_file": str(picture)}))
    assert 'id="screen"' in client.get("/").text
    assert client.get("/screen").status_code == 404
    picture.write_bytes(b"\xff\xd8\xff\xe0 a picture \xff\xd9")
    answer = client.get("/screen")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    picture.write_bytes(b"<script>alert(1)</script>")
    assert client.get("/screen").status_code == 404


def test_a_port_that_is_taken_is_said_in_one_sentence(served: Serve, settings: config.Config, centre: Centre) -> None:
    taken = served(settings).base_url.port
    with pytest.raises(app.ConsoleFailed, match=rf"port {taken} of 127\.0\.0\.1 cannot be used .*console\.port"):
        app.run(config.replace(settings, console={"port": taken}), stop=threading.Event())


def test_a_host_that_is_no_address_is_said_in_one_sentence(settings: config.Config) -> None:
    with pytest.raises(app.ConsoleFailed, match=r"console\.host 'no such host'"):
        app.run(config.replace(settings, console={"host": "no such host"}), stop=threading.Event())


def test_it_stops_within_two_seconds_while_pages_are_open(
    served: Serve, settings: config.Config, centre: Centre
) -> None:
    client = served(settings)
    words = [stream(client) for _ in range(3)]
    for each in words:
        next(each)
    began = time.monotonic()
    served.stop()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 2
    for each in words:
        assert list(each) == []


CUT_OFF = """[...document.querySelectorAll('main *')]
    .filter((each) => each.clientWidth && each.scrollWidth > each.clientWidth + 1)
    .map((each) => each.textContent.trim())"""
"""In the browser: the texts wider than their place."""


@pytest.mark.slow
def test_a_browser_finds_nothing_to_complain_about(
    served: Serve, settings: config.Config, centre: Centre, program: Callable[[str], str], tmp_path: Path
) -> None:
    from playwright.sync_api import sync_playwright

    chromium = program("chromium")
    centre.employee("1001", HOSTILE)
    centre.punch("1001", ago_s=5)
    centre.status(alarms=(HOSTILE,))
    picture = tmp_path / "screen.png"
    client = served(config.replace(settings, display={"picture_file": str(picture)}))
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(str(client.base_url))
        page.wait_for_selector(".live.on")
        centre.employee("1002", "Joe Biden")
        centre.employee("1003", "Raden Ajeng Kartini Djojo Adhiningrat Sosroningrat binti Ngasirah")
        centre.employee("198", "Muhammad" * 15)
        centre.punch("1003", ago_s=2)
        centre.punch("198", ago_s=1)
        centre.punch("1002")
        page.wait_for_selector("li.new >> text=Joe Biden", timeout=3000)
        assert page.locator("#arrivals li").count() == 4
        for width in (1440, 1280, 1100, 950, 820, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(CUT_OFF) == [], f"cut off at {width} px"
        browser.close()
    # The one thing a browser says of itself: the screen's picture is not there yet.
    assert [said for said in complaints if "404" not in said] == []
