"""What the demo says of enrolling somebody: short where it can be, true everywhere, within 80 columns."""

from pathlib import Path

import pytest

import config
from demo import hint


@pytest.fixture
def at_home(project: Path, monkeypatch: pytest.MonkeyPatch) -> config.Config:
    """The project's own settings, in its own folder."""
    monkeypatch.chdir(project)
    return config.load(project / "config.yaml")


@pytest.fixture
def people(project: Path) -> Path:
    return project / "demo" / "people"


def test_the_projects_own_demo_needs_no_config_and_no_wide_screen(
    at_home: config.Config, project: Path, people: Path
) -> None:
    said = list(hint.lines(at_home, project / "var/demo/config.yaml", people))
    assert said[-2:] == [
        "  ./hadir enroll import demo/people --basis public_duty",
        "  ./hadir enroll publish --office demo",
    ]
    assert "  ./hadir enroll import demo/five.csv --basis public_duty" in said
    assert max(len(line) for line in said) <= 78, "two columns are the demo's own"


@pytest.mark.parametrize(
    "other",
    [
        {"centre": {"register": "sqlite:///elsewhere.sqlite"}},
        {"centre": {"keys": "elsewhere"}},
        {"centre": {"releases": "elsewhere"}},
        {"office": {"id": "other"}},
        {"mqtt": {"port": 1}},
    ],
    ids=["register", "keys", "releases", "office", "port"],
)
def test_a_demo_of_other_settings_is_named_by_them(
    at_home: config.Config, project: Path, people: Path, other: dict[str, dict[str, object]]
) -> None:
    running = config.replace(at_home, **other)
    last = list(hint.lines(running, project / "var/demo/config.yaml", people))[-2:]
    assert all(line.startswith("  ./hadir --config var/demo/config.yaml enroll ") for line in last)
    assert last[-1].endswith(f"--office {running.office.id}")


def test_settings_that_cannot_be_read_are_not_the_demos(at_home: config.Config, tmp_path: Path) -> None:
    assert not hint.same_centre(at_home, tmp_path / "absent.yaml")
    (tmp_path / "broken.yaml").write_text("mqtt: [")
    assert not hint.same_centre(at_home, tmp_path / "broken.yaml")


def test_elsewhere_the_commands_begin_by_going_there_and_paths_are_whole(
    at_home: config.Config, project: Path, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"  cd {project}" in list(hint.lines(at_home, project / "var/demo/config.yaml", people))
    assert hint.short(project / "var") == str(project / "var")
    assert hint.short(tmp_path / "logs") == "logs"


def test_the_example_is_somebody_who_is_not_there_yet(
    at_home: config.Config, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hint, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    people = tmp_path / "demo" / "people"
    (people / "1005-Rishi_Sunak").mkdir(parents=True)
    said = list(hint.lines(at_home, tmp_path / "config.yaml", people))
    assert "  mkdir demo/people/1006-Eileen_Collins" in said
    (people / "1006-Eileen_Collins").mkdir()
    assert not any("mkdir" in line for line in hint.lines(at_home, tmp_path / "config.yaml", people))


def test_whoever_is_enrolled_is_not_suggested(at_home: config.Config, project: Path, people: Path) -> None:
    said = list(hint.lines(at_home, project / "var/demo/config.yaml", people, enrolled=["1001", "1005"]))
    assert not any("1005" in line or "five" in line for line in said)
    assert any("1006-Eileen_Collins" in line for line in said)


def test_what_was_refused_is_looked_at_with_a_command_for_the_folder_the_project_is_in(
    at_home: config.Config, project: Path
) -> None:
    path = project / "var/demo/config.yaml"
    assert hint.review(at_home, path) == "./hadir events review --open var/demo/review"
    other = config.replace(at_home, mqtt={"port": 1})
    assert hint.review(other, path) == "./hadir --config var/demo/config.yaml events review --open var/demo/review"
