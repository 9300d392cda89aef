"""An import by several workers: what comes out is what one makes, in the same order, and no hostile file stops it."""

import os
import stat
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import cv2
import pytest
from rich.console import Console

import config
from enroll.bulk import progress, studies
from enroll.bulk.importer import ImportReport, Progress, import_folder
from enroll.desk import Done, PersonReport, list_people
from enroll.samples import PhotoReport
from sync.register import Register, people
from sync.register.consents import Basis
from terminal.faces import Engine, Face, Picture

Fill = Callable[[Path], Path]


@pytest.fixture
def fill(painted: Callable[..., bytes]) -> Fill:
    """A function that fills a folder with people: whole ones, poor ones, one under two numbers, and their looks."""

    def fill(root: Path) -> Path:
        for person in range(12):
            own = root / f"{1000 + person}-P"
            (own / "glasses").mkdir(parents=True)
            for look in range(3):
                (own / f"{look}.png").write_bytes(
                    painted(person, look=look, faces=0 if (person, look) == (3, 1) else 1)
                )
            (own / "glasses" / "0.png").write_bytes(painted(person, look=5))
        (root / "1004-P" / "letter.jpg").write_bytes(b"Dear Sir or Madam,")
        (root / "1099-Twice").mkdir()
        (root / "1099-Twice" / "a.png").write_bytes(painted(7, look=8))
        (root / "nobody").mkdir()
        return root

    return fill


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> list[Engine]:
    """The painted engine, again for each further worker; what was loaded is in the list."""
    loaded: list[Engine] = []

    def load(_: object) -> Engine:
        loaded.append(type(engine)())
        return loaded[-1]

    monkeypatch.setattr(studies, "open_engine", load)
    return loaded


def own(settings: config.Config, folder: Path) -> config.Config:
    return config.replace(settings, centre={"register": f"sqlite:///{folder / 'register.sqlite'}"})


def kept(settings: config.Config) -> list[tuple[str, str, bytes, str | None]]:
    with Register.open(settings.centre.register, settings.centre.keys) as register:
        return [
            (number, each.look, each.vector, each.made_from)
            for number, each in people.templates_of(register, "painted")
        ]


def test_workers_change_nothing_of_what_comes_out(
    settings: config.Config, tmp_path: Path, fill: Fill, engine: Engine, several: list[Engine]
) -> None:
    root = fill(tmp_path / "import")
    reports: dict[int, ImportReport] = {}
    templates = {}
    for workers in (1, 2, 5):
        (tmp_path / str(workers)).mkdir()
        here = own(settings, tmp_path / str(workers))
        reports[workers] = import_folder(here, root, engine=engine, basis=Basis.CONSENT, workers=workers)
        templates[workers] = kept(here)
    assert several, "further workers loaded engines of their own"
    assert reports[1] == reports[2] == reports[5]
    assert templates[1] == templates[2] == templates[5]
    assert [person.number for person in reports[5].people][:3] == ["1000", "1001", "1002"]
    assert (reports[5].count(Done.ADDED), reports[5].count(Done.REFUSED)) == (12, 2)
    assert "the same face is enrolled as 1007" in str(reports[5].people[12].why)


def test_an_engine_belongs_to_one_thread_at_a_time(
    settings: config.Config, tmp_path: Path, fill: Fill, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    users: dict[int, set[int]] = {}
    kind = type(engine)
    detect = kind.detect

    def noted(self: Engine, picture: Picture) -> list[Face]:
        users.setdefault(id(self), set()).add(threading.get_ident())
        return detect(self, picture)

    monkeypatch.setattr(kind, "detect", noted)
    others: list[Engine] = []
    monkeypatch.setattr(studies, "open_engine", lambda _: others.append(kind()) or others[-1])
    import_folder(settings, fill(tmp_path / "import"), engine=engine, basis=Basis.CONSENT, workers=3)
    assert users
    assert {len(threads) for threads in users.values()} == {1}


def test_one_who_is_stopped_leaves_whole_people_and_no_worker(
    settings: config.Config, tmp_path: Path, fill: Fill, engine: Engine, several: list[Engine]
) -> None:
    root = fill(tmp_path / "import")
    threads, before = threading.active_count(), cv2.getNumThreads()

    def stop(seen: Progress) -> None:
        if seen.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_folder(settings, root, engine=engine, basis=Basis.CONSENT, workers=3, progress=stop)
    assert (threading.active_count(), cv2.getNumThreads()) == (threads, before)
    assert [(person.number, person.templates) for person in list_people(settings)] == [
        (str(1000 + n), 2) for n in range(4)
    ]
    report = import_folder(settings, root, engine=engine, basis=Basis.CONSENT, workers=3)
    assert [person.done for person in report.people][:12] == [Done.UNCHANGED] * 4 + [Done.ADDED] * 8


def test_a_model_that_is_absent_ends_the_import_in_words(
    settings: config.Config, tmp_path: Path, fill: Fill, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from terminal.faces.models import ModelUnavailable

    def absent(_: object) -> Engine:
        raise ModelUnavailable("there is no model")

    monkeypatch.setattr(studies, "open_engine", absent)
    with pytest.raises(ModelUnavailable, match="there is no model"):
        import_folder(settings, fill(tmp_path / "import"), engine=engine, basis=Basis.CONSENT, workers=4)


def test_hostile_files_are_named_and_everybody_else_comes_in(
    settings: config.Config, tmp_path: Path, fill: Fill, engine: Engine, several: list[Engine], painted
) -> None:
    root = fill(tmp_path / "import")
    place = root / "1000-P"
    with (place / "huge.jpg").open("wb") as file:
        file.truncate(200 * 2**20)
    png = bytearray(painted(1))
    png[16:24] = (60_000).to_bytes(4, "big") * 2
    (place / "bomb.png").write_bytes(png)
    (place / "away.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(place / "pipe.png")
    report = import_folder(settings, root, engine=engine, basis=Basis.CONSENT, workers=2)
    said = {photo.photo: photo.why for photo in report.people[0].photos if not photo.used}
    assert said["huge.jpg"] == "it is larger than 50 MB"
    assert said["bomb.png"].startswith("it has 60000 x 60000 pixels, more than 50 million")
    assert {said["away.png"], said["pipe.png"]} == {"it is not a file"}
    assert (report.people[0].samples, report.count(Done.ADDED)) == (4, 12)


def test_a_zip_may_hold_a_list_of_its_photos(
    settings: config.Config, tmp_path: Path, engine: Engine, painted: Callable[..., bytes]
) -> None:
    rows = "\n".join((
        "nip;nama;foto;tampilan;dasar",
        "1001;Siti;foto/a.png;;consent",
        "1001;;foto/b.png;jilbab;",
        "1002;Budi;foto/gone.png;;",
        "1003;Ani;../../etc/passwd;;",
        "1004;Rini;foto/a.png;;consent",
        "1005;Joko;foto/c.png;;",
        "1005;Joni;foto/c.png;;",
    ))  # fmt: skip
    for around in ("", "people/"):
        path = tmp_path / "p.zip"
        with zipfile.ZipFile(path, "w") as made:
            made.writestr(f"{around}photos.csv", rows.encode("utf-8-sig"))
            for name, person in (("a", 7), ("b", 7), ("c", 8)):
                made.writestr(f"{around}foto/{name}.png", painted(person, look=ord(name)))
        (tmp_path / f"r{len(around)}").mkdir()
        report = import_folder(own(settings, tmp_path / f"r{len(around)}"), path, engine=engine)
        assert [(person.number, person.done) for person in report.people] == [
            ("1001", Done.ADDED),
            ("1002", Done.REFUSED),
            ("1003", Done.REFUSED),
            ("1004", Done.REFUSED),
            ("1005", Done.REFUSED),
        ]
        said = [str(person.why) for person in report.people]
        assert "there is no photo 'foto/gone.png'" in said[1]
        assert "lies outside the folder of the list" in said[2]
        assert "the same face is enrolled as 1001" in said[3]
        assert "1005 is there under 2 names (lines 7, 8)" in said[4]
        assert stat.S_ISREG(path.stat().st_mode)


def test_a_bar_is_drawn_on_a_terminal_and_lines_alone_elsewhere(
    settings: config.Config, tmp_path: Path, fill: Fill, engine: Engine
) -> None:
    root = fill(tmp_path / "import")
    for terminal in (True, False):
        drawn, told = StringIO(), list[PersonReport]()
        console = Console(file=drawn, force_terminal=terminal, width=100, height=30, _environ={})
        with progress.shown(told.append, console=console) as tell:
            import_folder(settings, root, engine=engine, basis=Basis.CONSENT, dry_run=True, progress=tell)
        assert [person.number for person in told] == [*(str(1000 + n) for n in range(12)), "1099", ""]
        assert ("photos" in drawn.getvalue()) is terminal
        assert ("\x1b[" in drawn.getvalue()) is terminal


def test_progress_counts_photos_of_people_without_any_too(
    settings: config.Config, tmp_path: Path, fill: Fill, engine: Engine
) -> None:
    seen: list[Progress] = []
    import_folder(settings, fill(tmp_path / "import"), engine=engine, basis=Basis.CONSENT, progress=seen.append)
    assert [each.done for each in seen] == list(range(1, 15))
    assert {each.all_photos for each in seen} == {50}
    assert [each.photos for each in seen] == sorted(each.photos for each in seen)
    assert seen[-1].photos == 50
    assert replace(PhotoReport(photo="a", used=True), thumbnail=b"x") != PhotoReport(photo="a", used=True)
