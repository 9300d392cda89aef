"""What an administrator chose on the kiosk itself, kept beside its card: the language, in place of config.yaml's."""

import logging
import threading
from pathlib import Path

from sync.durable import write_whole
from terminal.screens.catalogue import LOCALES

_FILE = "language"
_MOST_BYTES = 16

_log = logging.getLogger("hadir.terminal.preferences")


def kept_language(folder: Path, otherwise: str) -> str:
    """Return the language that was chosen here, else `otherwise`; what is no language of ours was not chosen."""
    try:
        with (folder / _FILE).open("rb") as file:
            code = file.read(_MOST_BYTES).decode("ascii", errors="replace").strip()
    except OSError:
        return otherwise
    return code if code in LOCALES else otherwise


def keep_language(folder: Path, code: str) -> threading.Thread:
    """The choice will be found after a restart. Written on the thread that is returned: a card may be slow."""

    def write() -> None:
        try:
            write_whole(folder / _FILE, code.encode("ascii"))
        except OSError as error:
            _log.error("the language chosen here is forgotten at the next start: %s", error)

    thread = threading.Thread(target=write, name="preferences", daemon=True)
    thread.start()
    return thread
