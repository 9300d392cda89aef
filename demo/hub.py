"""The demo's broker as a process of its own: `python hub.py embedded|mosquitto PORT`, until SIGTERM."""

import signal
import sys
import threading
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # started as a file, by its path

from demo import broker
from errors import HadirError


def main(kind: str, port: int) -> None:
    """Run the broker until SIGTERM; ends with one sentence where it cannot run."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    running: AbstractContextManager[broker.Broker]
    running = broker.mosquitto(port) if kind == "mosquitto" else broker.embedded(port)
    try:
        with running:
            stop.wait()
    except HadirError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
