"""What holds for every answer of the console, also for errors: security headers, and no foreign host names."""

from collections.abc import Iterable
from ipaddress import ip_address

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: tuple[tuple[str, str], ...] = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("strict-transport-security", "max-age=31536000"),
    ("cache-control", "no-store"),
)
_NAMES = frozenset(name.encode() for name, _ in HEADERS)
_ENCODED = [(name.encode(), value.encode()) for name, value in HEADERS]


def guarded(app: ASGIApp, *, host: str) -> ASGIApp:
    """Return `app` with HEADERS on every answer, refusing requests that name another host than a loopback `host`.

    A page on the web can make its own host name point at 127.0.0.1 and read what answers there (DNS rebinding); a
    loopback console therefore answers only to loopback names. A console on another address stands behind a proxy that
    knows its names.
    """
    allowed = _allowed_hosts(host)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", []) if bytes(pair[0]).lower() not in _NAMES]
                message["headers"] = [*kept, *_ENCODED]
            await send(message)

        if allowed is not None and _named_host(scope["headers"]) not in allowed:
            await _refuse(send_with_headers)
            return
        await app(scope, receive, send_with_headers)

    return answer


def is_loopback(host: str) -> bool:
    """Return whether `host` means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _allowed_hosts(host: str) -> frozenset[str] | None:
    return frozenset({"localhost", "127.0.0.1", "[::1]", host.lower()}) if is_loopback(host) else None


def _named_host(headers: Iterable[tuple[bytes, bytes]]) -> str:
    value = next((value for name, value in headers if name == b"host"), b"").decode("latin-1").lower()
    name, colon, port = value.rpartition(":")
    return name if colon and port.isdigit() else value


async def _refuse(send: Send) -> None:
    text = b"421 this console answers to 127.0.0.1 and localhost only\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": text, "more_body": False})
