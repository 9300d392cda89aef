"""The demo's settings: on this machine alone, and never in another office's register."""

import socket
from pathlib import Path

import pytest

import config
from demo import derive


def test_everything_stays_on_this_machine(home: config.Config, tmp_path: Path) -> None:
    user = config.replace(home, mqtt={"host": "broker.example", "username": "u", "password": "p", "tls_ca": "/ca.pem"})
    made, word = derive.derived(user, tmp_path, camera=None, windowed=False)
    assert made.mqtt == config.Mqtt(port=home.mqtt.port)
    assert word is None
    assert made.centre == home.centre
    assert (made.display.driver, made.display.picture_file) == ("dummy", str(tmp_path / "screen.jpg"))
    assert config.parse(config.dump(made), name="dumped", base=tmp_path) == made


def test_another_office_keeps_its_register_its_card_and_its_keys(home: config.Config, tmp_path: Path) -> None:
    user = config.replace(home, office={"id": "disdik", "name": "Dinas Pendidikan"})
    made, word = derive.derived(user, tmp_path, camera=None, windowed=True)
    assert word is not None
    assert "disdik" in word
    assert made.office.id == "demo"
    places = (
        made.centre.register,
        made.centre.keys,
        made.centre.releases,
        made.terminal.state,
        made.terminal.release_key,
    )
    assert all(str(tmp_path) in str(place) for place in places)


def test_a_postgresql_register_is_left_alone(home: config.Config, tmp_path: Path) -> None:
    user = config.replace(home, centre={"register": "postgresql+psycopg://u:p@db/hadir"})
    made, word = derive.derived(user, tmp_path, camera=None, windowed=True)
    assert made.centre.register.startswith(f"sqlite:///{tmp_path}")
    assert word is not None


def test_a_window_has_no_picture_file(home: config.Config, tmp_path: Path) -> None:
    made, _ = derive.derived(home, tmp_path, camera=None, windowed=True)
    assert (made.display.driver, made.display.picture_file) == ("auto", "")


def test_a_camera_of_ones_own_keeps_the_users_repeat_window(home: config.Config, tmp_path: Path) -> None:
    made, _ = derive.derived(home, tmp_path, camera="usb:1", windowed=True)
    assert (made.camera.source, made.visit) == ("usb:1", home.visit)
    made, _ = derive.derived(home, tmp_path, camera="file:some.mp4", windowed=True)
    assert made.camera.source == f"file:{Path('some.mp4').absolute()}"


def test_a_camera_that_cannot_be_is_refused_in_words(home: config.Config, tmp_path: Path) -> None:
    for camera in ("webcam", "usb:", "file:", ""):
        with pytest.raises(config.ConfigError, match=r"--camera .* is unknown; give usb:0"):
            derive.derived(home, tmp_path, camera=camera, windowed=True)


def test_a_display_is_one_that_answers(tmp_path: Path) -> None:
    assert not derive.has_display({})
    for display in (":4711", "nonsense", "unix:4711", "127.0.0.1:4711.0"):
        assert not derive.has_display({"DISPLAY": display})
    assert not derive.has_display({"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": str(tmp_path)})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "wayland-9"))
        server.listen()
        assert derive.has_display({"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": str(tmp_path)})
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X4712")
        server.listen()
        assert derive.has_display({"DISPLAY": ":4712.0"})
