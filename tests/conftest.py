"""What every test may ask for: programs of Debian's packages, and honesty about what was skipped."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from demo.clip import Clip

PROJECT = Path(__file__).resolve().parents[1]
BENCH_DATA = PROJECT.parent / "shared" / "bench"
NO_BENCH_DATA = "the research photographs are not beside the project"
IN_CI = os.environ.get("CI") == "true"

PACKAGES = {
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "openssl": "openssl",
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "chromium": "chromium",
    "ffmpeg": "ffmpeg",
    "import": "imagemagick",
    "initdb": "postgresql",
    "systemd-analyze": "systemd",
    "mkfs.btrfs": "btrfs-progs",
    "mkfs.ext4": "e2fsprogs",
    "fiu-run": "fiu-utils",
    "chronyd": "chrony",
    "faketime": "faketime",
    "ip": "iproute2",
    "iptables": "iptables",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The long forms of the acceptance tests take an hour and more, and are asked for."""
    parser.addoption("--nightly", action="store_true", help="run the long forms of the acceptance tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long forms unless they are asked for, and skip what needs the research photographs where absent."""
    if not config.getoption("--nightly"):
        long = [item for item in items if item.get_closest_marker("nightly")]
        items[:] = [item for item in items if not item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=long)
    if BENCH_DATA.is_dir():
        return
    absent = pytest.mark.skip(reason=NO_BENCH_DATA)
    for item in items:
        if "bench_data" in item.keywords:
            item.add_marker(absent)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: everything it could need was installed, but for the research data."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not IN_CI or reporter is None:
        return
    skipped = [
        report.nodeid for report in reporter.stats.get("skipped", []) if NO_BENCH_DATA not in str(report.longrepr)
    ]
    if skipped and session.exitstatus == 0:
        reporter.write_line(f"CI skips nothing, but these were skipped: {', '.join(skipped)}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_in_the_checkout() -> Iterator[None]:
    """A demo after the tests finds what it would have found before: they write to folders of their own."""
    ours = [PROJECT / "var" / name for name in ("centre/keys", "terminal")]
    before = {path for folder in ours for path in folder.rglob("*")}
    yield
    assert {path for folder in ours for path in folder.rglob("*")} == before


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """A function from a program's name to its path; installs its Debian package where that is possible.

    Skips the test (fails it in CI) where the program is absent and cannot be installed.
    """

    def find(name: str) -> str:
        path = shutil.which(name, path=_system_path())
        if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", PACKAGES[name]]):
                subprocess.run(["apt-get", *words], env=environment, check=False, capture_output=True, timeout=600)
            path = shutil.which(name, path=_system_path())
        if path is None:
            pytest.skip(f"{name} is not installed: sudo apt install {PACKAGES[name]}")
        return path

    return find


def _system_path() -> str:
    """Return where programs are, those of PostgreSQL too, which Debian keeps off the PATH."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", *map(str, servers)])


@pytest.fixture(scope="session")
def project() -> Path:
    """The project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def bench_data() -> Path:
    """The folder of research photographs; tests that use it carry the mark `bench_data`."""
    return BENCH_DATA


@pytest.fixture(scope="session")
def walk_up_clip(project: Path, tmp_path_factory: pytest.TempPathFactory) -> "Clip":
    """The demo's clip, made once for all tests (a quarter of a minute); copy it before you change it."""
    import config
    from demo import clip
    from terminal.faces import open_engine

    settings = config.load(project / "config.yaml")
    return clip.ensure(tmp_path_factory.mktemp("clip"), lambda: open_engine(settings.engine), lambda _: None)
