"""Words to systemd: ready, alive, stopping. Without systemd they are nothing.

The protocol is one datagram to $NOTIFY_SOCKET (sd_notify(3)); the packages for it are source-only on aarch64.
"""

import os
import socket


def tell(words: str) -> None:
    """Send `words` ("READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=...") to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.settimeout(1)
            channel.sendto(words.encode(), address)
    except OSError:
        return  # a service manager that does not listen, or no descriptor left, must not stop a kiosk
