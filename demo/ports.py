"""The two ports of the demo: free before it begins, answering before it goes on."""

import contextlib
import socket
import threading
import time

import config
from demo.children import Child, ChildFailed
from errors import HadirError

LISTEN_WITHIN_S = 30.0


class PortTaken(HadirError):
    """A port of the demo's cannot be had; the text says which, and which setting moves the demo."""


def check(settings: config.Config) -> None:
    """Return when the demo's ports are free. Raises PortTaken."""
    for setting, host, port in (
        ("console.port", settings.console.host, settings.console.port),
        ("mqtt.port", "127.0.0.1", settings.mqtt.port),
    ):
        try:
            _bind(host, port)
        except (socket.gaierror, UnicodeError) as error:
            host_setting = setting.replace("port", "host")
            raise PortTaken(f"{host_setting} {host!r} is no address of this machine; set 127.0.0.1") from error
        except OSError as error:
            raise PortTaken(
                f"port {port} of {host} cannot be used ({error.strerror or error}); "
                f"stop the program that has it, or set another {setting} in config.yaml"
            ) from error


def await_listener(host: str, port: int, child: Child, stop: threading.Event) -> None:
    """Return when `child` accepts connections, or `stop` is set. Raises ChildFailed when it dies or takes too long."""
    deadline = time.monotonic() + LISTEN_WITHIN_S
    while not stop.is_set():
        with contextlib.suppress(OSError), socket.create_connection((reachable(host), port), timeout=0.5):
            return
        if child.pid is None:
            raise ChildFailed(f"the {child.name} did not start: {child.last_words()}")
        if time.monotonic() > deadline:
            raise ChildFailed(f"the {child.name} does not listen on port {port}: {child.last_words()}")
        time.sleep(0.02)


def reachable(host: str) -> str:
    """Return the address under which a program listening on `host` is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def _bind(host: str, port: int) -> None:
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)
