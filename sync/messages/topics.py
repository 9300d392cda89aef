"""Where messages lie: the topics of terminals and of offices."""

from sync.messages.values import MessageRefused

ROOT = "hadir/v1"


def terminal_topic(office: str, terminal: str, kind: str) -> str:
    """Return `hadir/v1/<office>/<terminal>/<kind>`; "+" stands for any office or terminal in a subscription."""
    return f"{ROOT}/{office}/{terminal}/{kind}"


def gallery_topic(office: str) -> str:
    """Return the retained topic on which the office's current encoding set lies."""
    return f"{ROOT}/{office}/gallery/set"


def address_of(topic: str) -> tuple[str, str]:
    """Return (office, terminal) of a terminal's topic. Raises MessageRefused for any other topic."""
    parts = topic.split("/")
    if len(parts) != 5 or "/".join(parts[:2]) != ROOT:
        raise MessageRefused("not a terminal's topic")
    return parts[2], parts[3]
