"""The console: live pages of who is in, which kiosks are alive and what to review. It changes nothing."""

import asyncio
import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.exceptions import HTTPException, NotFoundException
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

import config
from console import words
from console.guard import guarded
from console.pages import ASSETS, Pages
from console.watch import Watch
from console.words import Language
from errors import HadirError
from sync import notify

log = logging.getLogger("hadir.console.app")

QUIET_S = 15
"""A stream says at least a comment this often, so that proxies and browsers see that it lives."""
MAX_STREAMS = 200
MAX_PICTURE_BYTES = 4 * 2**20
ANNOUNCED_PICTURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PN": "image/png"}

Asked = Request[Any, Any, Any]


class ConsoleFailed(HadirError):
    """The console cannot serve; the text says what to do."""


def run(settings: config.Config, *, stop: threading.Event) -> None:
    """Serve the page on `console.host` and `console.port` until `stop` is set. Raises ConsoleFailed."""
    listener = _listen(settings.console)
    watch = Watch(settings)
    watch.start()
    try:
        asyncio.run(_serve(settings, watch, listener, stop))
    finally:
        watch.stop()
        listener.close()


def create_app(settings: config.Config, watch: Watch) -> Litestar:
    """Return the routes of the console over `watch`, which the caller starts and stops."""
    pages = Pages(settings.office.zone, watch.office_names)
    picture = Path(settings.display.picture_file) if settings.display.picture_file else None

    @get("/", media_type=MediaType.HTML, sync_to_thread=False)
    def page(request: Asked) -> str:
        now = datetime.now(UTC)
        return pages.page(watch.shown, _language(request), now=now, has_screen=picture is not None)

    @get("/review", media_type=MediaType.HTML, sync_to_thread=False)
    def review(request: Asked) -> str:
        return pages.page(watch.shown, _language(request), now=datetime.now(UTC), page="desk_page")

    @get("/live")
    async def live(request: Asked) -> ServerSentEvent:
        if watch.listeners >= MAX_STREAMS:
            raise HTTPException(status_code=503, detail="too many open pages")
        page = "desk_page" if request.query_params.get("page") == "desk_page" else "page"
        return ServerSentEvent(_stream(watch, pages, _language(request), page), retry_duration=1000)

    @get("/health", sync_to_thread=False)
    def health() -> Response[dict[str, object]]:
        shown = watch.shown
        well = watch.alive and shown.problem is None
        said: dict[str, object] = {
            "status": "ok" if well else "degraded",
            "register": shown.problem or "ok",
            "pages": watch.listeners,
        }
        return Response(said, status_code=200 if well else 503)

    @get("/screen")
    async def screen() -> Response[bytes]:
        data = await asyncio.to_thread(_picture, picture)
        if data is None:
            raise NotFoundException
        return Response(data, media_type=ANNOUNCED_PICTURES[data[:3]])

    @get("/static/{name:str}", sync_to_thread=False)
    def static(request: Asked) -> Response[bytes]:
        name = request.path_params["name"]
        if name not in ASSETS:
            raise NotFoundException
        return Response(pages.assets[name], media_type=ASSETS[name])

    return Litestar(
        [page, review, live, health, screen, static],
        openapi_config=None,
        exception_handlers={HTTPException: _say_http, Exception: _say_failed},
        logging_config=None,
    )


async def _stream(watch: Watch, pages: Pages, language: Language, page: str) -> AsyncIterator[ServerSentEventMessage]:
    """Yield the sections that changed, first all of them, as JSON {id of the place: HTML}, until the watch stops."""
    sent: dict[str, str] = {}
    with watch.listener() as changed:
        while not watch.stopped:
            changed.clear()
            sections = pages.sections(watch.shown, language, page)
            fresh = {name: html for name, html in sections.items() if sent.get(name) != html}
            sent = dict(sections)
            if fresh:
                yield ServerSentEventMessage(event="sections", data=json.dumps(fresh, ensure_ascii=False))
            try:
                await asyncio.wait_for(changed.wait(), QUIET_S)
            except TimeoutError:
                yield ServerSentEventMessage(data=None, comment="quiet")


async def _serve(settings: config.Config, watch: Watch, listener: socket.socket, stop: threading.Event) -> None:
    app = guarded(create_app(settings, watch), host=settings.console.host)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            ws="none",
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    ready = False
    fed_at = 0.0
    while not stop.is_set() and not serving.done():
        if server.started and not ready:
            ready = True
            notify.tell("READY=1")
            host, port = listener.getsockname()[:2]
            log.info("the page is on http://%s:%d", f"[{host}]" if ":" in host else host, port)
        if watch.alive and time.monotonic() - fed_at > 1:
            fed_at = time.monotonic()
            notify.tell("WATCHDOG=1")
        await asyncio.sleep(0.1)
    notify.tell("STOPPING=1")
    watch.stop()
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the command line has them and sets `stop`."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(settings: config.Console) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ConsoleFailed(f"console.host {settings.host!r} is no address of this machine; set 127.0.0.1") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConsoleFailed(
            f"port {settings.port} of {settings.host} cannot be used ({error.strerror}); "
            "stop the program that has it, or set another console.port"
        ) from error
    return listener


def _picture(path: Path | None) -> bytes | None:
    """Return the kiosk's screen, whole, or None where there is none yet."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            data = file.read(MAX_PICTURE_BYTES)
    except OSError:
        return None
    return data if data[:3] in ANNOUNCED_PICTURES else None


def _language(request: Asked) -> Language:
    return "en" if request.query_params.get("lang") == "en" else "id"


def _say_http(request: Asked, error: HTTPException) -> Response[str]:
    text = (
        words.texts(_language(request))["not_found"]
        if error.status_code == 404
        else f"{error.status_code} {error.detail}"
    )
    return Response(text + "\n", status_code=error.status_code, media_type=MediaType.TEXT)


def _say_failed(_: Asked, error: Exception) -> Response[str]:
    # The border of the web: whatever a page trips over is logged by kind and place, never with values.
    log.error("a page failed: %s at %s", type(error).__name__, _place(error))
    return Response("500\n", status_code=500, media_type=MediaType.TEXT)


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
