"""One file from a public address: over HTTPS alone, its server's certificate checked, no more bytes than it may have.

The bytes are a stranger's until their SHA-256 has been compared; who asks for them does that.
"""

import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPMessage
from typing import IO
from urllib.parse import urlsplit

from terminal.faces.models import ModelUnavailable

ANSWER_WITHIN_S = 5.0
"""To be connected, and between any two pieces: a network that is not there is noticed within moments."""
WHOLE_WITHIN_S = 300.0
"""Two megabytes over the slowest line a kiosk has."""
_PIECE = 64 * 2**10
_HEADERS = {"User-Agent": "hadir", "Accept-Encoding": "identity"}
_MOST_REDIRECTIONS = 3


class _HttpsAlone(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to HTTPS and to nothing else."""

    max_redirections = max_repeats = _MOST_REDIRECTIONS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https":
            fp.close()
            raise urllib.error.URLError("it sends elsewhere, and not over https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def https_opener(context: ssl.SSLContext | None = None) -> urllib.request.OpenerDirector:
    """Return what opens https addresses alone, through the environment's proxy where there is one.

    `context` says whose certificates count; by default those this machine trusts (and SSL_CERT_FILE, if it is set).
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPSHandler(context=context or ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        _HttpsAlone(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def download(
    address: str,
    *,
    most_bytes: int,
    opener: urllib.request.OpenerDirector | None = None,
    ended: Callable[[], bool] = lambda: False,
) -> bytes:
    """Return what lies at `address`, of which no more than `most_bytes` and one are read.

    `ended` is asked between pieces. Raises ModelUnavailable, whose text is one sentence without what to do.
    """
    began_s = time.monotonic()
    content = bytearray()
    try:
        # No other scheme has a handler in https_opener, so none is opened.
        request = urllib.request.Request(address, headers=_HEADERS)  # noqa: S310
        with (opener or https_opener()).open(request, timeout=ANSWER_WITHIN_S) as response:
            while len(content) <= most_bytes and (piece := response.read1(_PIECE)):
                content += piece
                if ended() or time.monotonic() > began_s + WHOLE_WITHIN_S:
                    raise ModelUnavailable(f"{address} was given up half-way: it is too slow")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the answer, too
        raise ModelUnavailable(f"{address} could not be fetched ({_why(error)})") from error
    return bytes(content[: most_bytes + 1])


def _why(error: Exception) -> str:
    """Return the reason in a few plain words: a server's own are a stranger's."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    reason = getattr(error, "reason", error)
    said = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
    return " ".join(re.sub(r"[^\x20-\x7e]", " ", str(said)).split())[:120]
