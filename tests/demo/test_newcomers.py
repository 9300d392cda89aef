"""Photos put into the people's folder while the demo runs: enrolled when whole, told in a line, never waited for."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import config
from demo import newcomers
from demo.newcomers import Newcomers, shape_of
from enroll import desk

PHOTO = "strangers/rishi_sunak.jpg"


@pytest.fixture
def here(home: config.Config, tmp_path: Path) -> config.Config:
    return config.replace(home, centre={"register": f"sqlite:///{tmp_path / 'register.sqlite'}"})


@pytest.fixture
def people(tmp_path: Path, project: Path) -> Path:
    """A folder with one person, who was enrolled before the demo began."""
    shutil.copytree(project / "demo/people/1001-Barack_Obama", tmp_path / "people/1001-Barack_Obama")
    return tmp_path / "people"


@pytest.fixture
def photo(project: Path) -> Path:
    return project / "demo" / PHOTO


class Watched:
    """A watch of the folder, what it has said, and looks at it until it has said enough."""

    def __init__(self, settings: config.Config, people: Path) -> None:
        path = people.parent / "config.yaml"
        path.write_text(config.dump(settings), encoding="utf-8")
        self.log = people.parent / "newcomers.log"
        self.said: list[str] = []
        self.watch = Newcomers(path, people, was=shape_of(people), log=self.log, say=self.said.append)

    def until(self, lines: int, within_s: float = 30) -> list[str]:
        deadline = time.monotonic() + within_s
        while len(self.said) < lines or self.watch._process is not None:
            assert time.monotonic() < deadline, (self.said, self.log.read_text() if self.log.exists() else "")
            began = time.monotonic()
            self.watch.look()
            assert time.monotonic() - began < 0.3, "the demo's loop was held up"
            time.sleep(0.02)
        return self.said


@pytest.fixture
def watched(here: config.Config, people: Path) -> Iterator[Watched]:
    made = Watched(here, people)
    yield made
    made.watch.end()


def put(photo: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    shutil.copy(photo, folder)


@pytest.mark.slow
def test_a_photo_put_into_a_new_folder_enrols_and_a_better_one_enrols_anew(
    watched: Watched, here: config.Config, people: Path, photo: Path
) -> None:
    put(photo, people / "1005-Rishi_Sunak")
    assert "Enrolled 1005 Rishi Sunak; publish to bring this to the kiosk." in watched.until(2)
    assert {person.number for person in desk.list_people(here)} == {"1001", "1005"}
    watched.said.clear()
    photo = people / "1005-Rishi_Sunak" / photo.name
    shutil.copy(photo, photo.with_name("again.jpg"))
    assert watched.until(1) == ["Enrolled 1005 Rishi Sunak anew; publish to bring this to the kiosk."]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "why"), [(b"", "it is empty"), (b"dear diary", "it is not a picture")], ids=["empty", "text"]
)
def test_what_is_no_photo_is_one_line_and_the_others_are_not_told_again(
    here: config.Config, people: Path, content: bytes, why: str
) -> None:
    (people / "1009-Nobody").mkdir()  # refused since before the demo began
    (people / "1009-Nobody" / "a.jpg").write_bytes(content)
    (people / "1005-Rishi_Sunak").mkdir()
    (people / "1005-Rishi_Sunak" / "a.jpg").write_bytes(content)
    said = [line for line in newcomers.enrol(here, people, ["1005-Rishi_Sunak"]) if "1001" not in line]
    assert said == ["Not enrolled: 1005-Rishi_Sunak: none of the pictures can be used", f"  a.jpg was not used: {why}"]


def test_a_folder_is_left_alone_while_it_changes_and_while_it_is_empty(
    watched: Watched, people: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(watched.watch, "_start", started.append)
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def look(after_s: float) -> None:
        now[0] += after_s
        watched.watch.look()

    look(0.1)
    (people / "1005-Rishi_Sunak").mkdir()
    look(0.1)
    look(10.0)
    assert started == []
    target = people / "1005-Rishi_Sunak" / "a.jpg"
    for size in (1000, 2000, 3000):
        target.write_bytes(photo.read_bytes()[:size])
        look(0.3)
    look(0.3)
    assert started == []
    look(0.2)
    assert started == [["1005-Rishi_Sunak"]]
    look(10.0)
    assert len(started) == 1, "once is enough"
    shutil.rmtree(people / "1005-Rishi_Sunak")
    look(0.1)
    look(10.0)
    assert len(started) == 1, "nobody is enrolled by leaving"


@pytest.mark.slow
def test_ending_does_not_wait_for_an_import_and_leaves_none_running(
    watched: Watched, people: Path, photo: Path
) -> None:
    put(photo, people / "1005-Rishi_Sunak")
    deadline = time.monotonic() + 5
    while watched.watch._process is None:
        assert time.monotonic() < deadline
        watched.watch.look()
        time.sleep(0.02)
    pid = watched.watch._process.pid
    began = time.monotonic()
    watched.watch.end()
    assert time.monotonic() - began < 0.5
    assert not Path(f"/proc/{pid}").exists()
    watched.watch.end()


@pytest.mark.slow
def test_a_register_that_cannot_be_used_is_one_line(here: config.Config, people: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    broken = config.replace(here, centre={"register": f"sqlite:///{tmp_path / 'file' / 'register.sqlite'}"})
    watched = Watched(broken, people)
    (people / "1001-Barack_Obama" / "more.jpg").write_bytes(b"x")
    (line,) = watched.until(1)
    assert line.startswith("New photos cannot be enrolled: ")
    assert "Traceback" not in watched.log.read_text()


def test_a_folder_that_is_gone_or_holds_a_broken_link_has_a_shape(people: Path, tmp_path: Path) -> None:
    assert shape_of(tmp_path / "gone") == {}
    (people / "1001-Barack_Obama" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    (people / "1006-Broken").symlink_to(tmp_path / "nowhere")
    (people / ".hidden").mkdir()
    shape = shape_of(people)
    assert set(shape) == {"1001-Barack_Obama", "1006-Broken"}
    assert [name for name, _, _ in shape["1001-Barack_Obama"]] == ["broken.jpg", "enrol_1.jpg"]


@pytest.mark.slow
def test_words_of_a_folders_name_cannot_write_to_the_screen(here: config.Config, people: Path) -> None:
    name = "no\x1b[31mbody"
    put(people / "1001-Barack_Obama" / "enrol_1.jpg", people / name)
    assert not any("\x1b" in line for line in newcomers.enrol(here, people, [name]))
