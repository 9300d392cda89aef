"""A broker for the demo and the tests: the one inside the iotcore wheel, or the machine's own mosquitto.

Both listen on loopback only and speak MQTT 5. Each is a context manager that leaves nothing running, also when this
process is killed: the broker's process ends when the pipe to its parent closes. The embedded one keeps everything in
memory and makes no claims about access; mosquitto is what a centre runs (sync/broker/).
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import iotcore

import config
from errors import HadirError

HOST = "127.0.0.1"
MAX_PAYLOAD_BYTES = 104 * 2**20
_START_S = 10
_STOP_S = 2

# rumqttd's own file. A topic's log keeps three segments in memory before its oldest part goes: enough for a subscriber
# that is behind, and an end to what a long demo takes. A message larger than a segment still passes (seen with 96 MiB).
_RUMQTTD = """
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 16777216
max_segment_count = 3

[v5.1]
name = "demo"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = {payload}
max_inflight_count = 500
"""

_MOSQUITTO = """
listener {port} {host}
allow_anonymous true
max_inflight_messages 1000
max_queued_messages 100000
max_keepalive 120
persistence {persistence}
persistence_location {folder}/
autosave_interval 1
autosave_on_changes true
log_dest stderr
log_type error
log_type warning
"""

# Ends mosquitto when this process ends for whatever reason; a pipe closes even on kill -9.
_KEEPER = """
import os, subprocess, sys, threading
program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def end_with_parent():
    while os.read(0, 4096):
        pass
    program.terminate()
threading.Thread(target=end_with_parent, daemon=True).start()
os._exit(program.wait() & 255)
"""


class BrokerFailed(HadirError):
    """The broker does not run; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A running broker: how to reach it, and how to kill it at once, as a power cut would."""

    settings: config.Mqtt
    kill: Callable[[], None]


@contextmanager
def embedded(port: int = 0) -> Iterator[Broker]:
    """Run the embedded broker on `port` of loopback (0: a free one) while inside. Raises BrokerFailed."""
    port = _own_port(port)
    with tempfile.TemporaryDirectory(prefix="hadir-broker-") as folder:
        file = Path(folder) / "rumqttd.toml"
        file.write_text(_RUMQTTD.format(host=HOST, port=port, payload=MAX_PAYLOAD_BYTES), encoding="utf-8")
        broker = iotcore.Broker(config_path=str(file))
        try:
            broker.start(timeout=_START_S)
        except (OSError, RuntimeError, ValueError) as error:
            raise BrokerFailed(f"the embedded broker did not start: {error}; try --broker mosquitto") from error
        process = broker._process  # there is no other way to kill it the hard way
        assert process is not None  # noqa: S101 - it has just started
        try:
            yield Broker(settings=config.Mqtt(host=HOST, port=port), kill=process.kill)
        finally:
            broker.stop(timeout=_STOP_S)


@contextmanager
def mosquitto(
    port: int = 0, *, folder: Path | None = None, more: Sequence[str] = (), own: str = ""
) -> Iterator[Broker]:
    """Run the machine's own mosquitto on `port` of loopback (0: a free one) while inside.

    With `folder` it keeps its sessions and messages there from run to run, else in memory only. `more` are further
    lines of its configuration; `own` is a whole one instead, which listens on `port`. Raises BrokerFailed.
    """
    program = shutil.which(
        "mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )
    if program is None:
        raise BrokerFailed("mosquitto is not installed; run: sudo apt install mosquitto, or use --broker embedded")
    port = _own_port(port)
    with tempfile.TemporaryDirectory(prefix="hadir-broker-") as scratch:
        text = own or _MOSQUITTO.format(
            host=HOST, port=port, persistence="true" if folder else "false", folder=folder or scratch
        )
        if os.geteuid() == 0:
            text += "user root\n"  # else it becomes "mosquitto", who may not read this folder
        file = Path(scratch) / "mosquitto.conf"
        file.write_text(text + "\n".join(more) + "\n", encoding="utf-8")
        said = Path(scratch) / "mosquitto.log"
        # Its own session: Ctrl-C reaches the programs that use the broker first.
        with (
            said.open("wb") as log,
            subprocess.Popen(
                [sys.executable, "-c", _KEEPER, program, "-c", str(file)],
                stdin=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            ) as keeper,
        ):
            try:
                _await_listener(keeper, port, said)
                yield Broker(settings=config.Mqtt(host=HOST, port=port), kill=lambda: _kill_group(keeper))
            finally:
                _end(keeper)
                _await_silence(port)


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _own_port(port: int) -> int:
    if port == 0:
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BrokerFailed(
                f"port {port} is taken ({error.strerror}); stop the program that uses it, or set another mqtt.port"
            ) from error
    return port


def _await_listener(keeper: "subprocess.Popen[bytes]", port: int, said: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if keeper.poll() is not None:
            words = "; ".join(said.read_text(encoding="utf-8", errors="replace").splitlines()[-2:])
            raise BrokerFailed(f"mosquitto did not start: {words or 'it said nothing'}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=0.2):
            return
        time.sleep(0.02)
    raise BrokerFailed(f"mosquitto did not listen on port {port} within {_START_S} s")


def _await_silence(port: int) -> None:
    """Wait until the port is free again: a killed broker lives on for a moment after its keeper."""
    deadline = time.monotonic() + _STOP_S
    while time.monotonic() < deadline:
        with contextlib.suppress(BrokerFailed):
            _own_port(port)
            return
        time.sleep(0.02)


def _kill_group(keeper: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(keeper.pid, 9)


def _end(keeper: "subprocess.Popen[bytes]") -> None:
    if keeper.stdin is not None:
        keeper.stdin.close()
    try:
        keeper.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        _kill_group(keeper)
        keeper.wait(_STOP_S)
