"""Brokers and databases for the tests of this room, each on a free port or in a folder of its own, gone afterwards."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import config
from demo import broker
from sync.register import Register
from tests.sync import samples
from tests.sync.postgres import Server, private_server


@pytest.fixture(autouse=True)
def _fresh_chains() -> None:
    """Every test makes its own entries."""
    samples.begin_chains_anew()


@pytest.fixture
def embedded_broker() -> Iterator[config.Mqtt]:
    """Settings of a running iotcore broker; nothing outlives it."""
    with broker.embedded() as running:
        yield running.settings


@pytest.fixture
def mosquitto(program: Callable[[str], str]) -> Iterator[config.Mqtt]:
    """Settings of a running mosquitto that keeps everything in memory."""
    program("mosquitto")
    with broker.mosquitto() as running:
        yield running.settings


@pytest.fixture(params=["embedded_broker", "mosquitto"])
def any_broker(request: pytest.FixtureRequest) -> config.Mqtt:
    """Settings of each kind of broker in turn."""
    settings = request.getfixturevalue(request.param)
    assert isinstance(settings, config.Mqtt)
    return settings


@pytest.fixture(scope="session")
def postgres(program: Callable[[str], str]) -> Iterator[Server]:
    """A private PostgreSQL server, one for all tests."""
    with private_server(Path(program("initdb")).resolve().parent) as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Server) -> Iterator[str]:
    """Where an empty database of the private server is."""
    name = postgres.new_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Where a file `centre/register.sqlite` in `tmp_path` can be made."""
    return f"sqlite:///{tmp_path}/centre/register.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"])
def register_url(request: pytest.FixtureRequest) -> str:
    """Where an empty register can be made, in each kind of database in turn."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    assert isinstance(url, str)
    return url


@pytest.fixture
def register(register_url: str, tmp_path: Path) -> Iterator[Register]:
    """An empty register, in each kind of database in turn, with the keys of its templates in the folder `keys`."""
    with Register.open(register_url, tmp_path / "keys") as opened:
        yield opened


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]) -> Path:
    """A folder with two certificate authorities, `ca` and `rogue`, and what they signed."""
    folder = tmp_path_factory.mktemp("tls")
    openssl = program("openssl")

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True)

    for ca in ("ca", "rogue"):
        run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-subj", f"/CN={ca}")  # fmt: skip
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name, ca in (
        ("broker", "ca"),
        ("lobby-1", "ca"),
        ("lobby-2", "ca"),
        ("hadir-collector", "ca"),
        ("hadir-publish", "ca"),
        ("rogue-kiosk", "rogue"),
    ):
        run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-days", "2", "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip
    return folder
