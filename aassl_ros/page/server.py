"""The server of the page: a thread with an event loop. It serves the files, and one WebSocket for each viewer."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, web

from aassl_ros.errors import RosError
from aassl_ros.page.access import Access
from aassl_ros.page.board import Board
from aassl_ros.page.files import page_files
from aassl_ros.page.requests import MAX_BYTES, Action
from aassl_ros.page.viewer import Viewer

# Nothing of the page is anybody else's: no script, style, picture or frame of another server.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
TOO_MANY = 4008
_HEARTBEAT_S = 10.0
_START_S = 10.0

Act = Callable[[Action, Callable[[bool, str], None]], None]


@dataclass(frozen=True)
class Address:
    """Where the server listens. port: 0 takes any free one."""

    host: str
    port: int


class PageServer:
    """Serve the page until `stop`. `board` is changed through `post` only, in the server's thread.

    Args:
        address: where to listen.
        access: who may use it.
        board: what is shown.
        act: called in the server's thread with each action of a viewer; it must not block. The function that it gets
            takes the answer and may be called from any thread.
        came: called in the server's thread when a viewer has come or left.
        max_viewers: further viewers are refused.
    """

    def __init__(
        self,
        address: Address,
        access: Access,
        board: Board,
        act: Act,
        came: Callable[[], None],
        *,
        max_viewers: int,
    ) -> None:
        self._address, self._access, self._board, self._act = address, access, board, act
        self._came, self._max_viewers = came, max_viewers
        self._files = page_files()
        self._viewers: set[Viewer] = set()
        self._sockets: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="page server", daemon=True)
        self.port = address.port
        self.wants_picture = False
        self.refused = self.pictures = 0

    @property
    def viewers(self) -> int:
        """The number of open pages."""
        return len(self._viewers)

    @property
    def pictures_sent(self) -> int:
        """Pictures sent to the viewers that are connected now."""
        return sum(viewer.pictures_sent for viewer in list(self._viewers))

    def start(self) -> None:
        """Listen. Raises RosError if the address cannot be used."""
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        try:
            started.result(_START_S)
        except OSError as error:
            self._end()
            host, port = self._address.host, self._address.port
            if error.errno == errno.EADDRINUSE:
                raise RosError(
                    f"page: {host}:{port} is in use. Choose another port (port, page_port:=...) or 0 for any free one."
                ) from error
            raise RosError(f"page: cannot listen on {host}:{port} ({error.strerror or error}).") from error

    def stop(self) -> None:
        """Close all pages and stop listening."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_START_S)
        self._end()

    def post(self, change: Callable[..., Any], *arguments: Any) -> None:
        """Call `change(*arguments)`, such as a method of the board, in the server's thread. Viewers get the news."""
        self._loop.call_soon_threadsafe(self._change, change, arguments)

    def show(self, picture: bytes) -> None:
        """Send a picture (JPEG) to the viewers that are ready for one."""
        self._loop.call_soon_threadsafe(self._show, picture)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BYTES)
        app.router.add_get("/", self._index)
        app.router.add_get("/news", self._news)
        app.router.add_get("/{name}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address.host, self._address.port).start()
        bound: Any = self._runner.addresses[0]
        self.port = int(bound[1])

    async def _close(self) -> None:
        for open_page in list(self._sockets):
            await open_page.close(code=WSCloseCode.GOING_AWAY, message=b"the page node stops")
        await self._runner.cleanup()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        why = self._access.refusal(host, request.headers.get("Origin"), self._token(request))
        if why:
            self.refused += 1
            return web.Response(status=403, text=f"Refused: {why}.\n", headers=_HEADERS)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}\n", headers=_HEADERS)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _token(self, request: web.Request) -> str:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return request.query.get("token") or request.cookies.get(self._cookie, "") or given

    @property
    def _cookie(self) -> str:
        return f"aassl_page_{self.port}"  # browsers share cookies between the ports of a machine

    async def _index(self, request: web.Request) -> web.Response:
        if "token" not in request.query:
            return self._send_file("index.html", request)
        # The browser keeps the token as a cookie, so that it does not stay in the address line.
        response = web.Response(status=303, headers={"Location": "/"})
        if self._access.token:
            response.set_cookie(self._cookie, self._access.token, httponly=True, samesite="Strict", path="/")
        return response

    async def _file(self, request: web.Request) -> web.Response:
        return self._send_file(request.match_info["name"], request)

    def _send_file(self, name: str, request: web.Request) -> web.Response:
        file = self._files.get(name)
        if file is None:
            raise web.HTTPNotFound
        if request.headers.get("If-None-Match") == file.tag:
            return web.Response(status=304, headers={"ETag": file.tag})
        return web.Response(body=file.content, content_type=file.kind, charset="utf-8", headers={"ETag": file.tag})

    async def _news(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=MAX_BYTES, compress=False)
        await socket.prepare(request)
        if len(self._viewers) >= self._max_viewers:
            self.refused += 1
            await socket.close(code=TOO_MANY, message=f"{self._max_viewers} pages are open already".encode())
            return socket
        viewer = Viewer(socket, self._board, self._ask, self._look)
        self._viewers.add(viewer)
        self._sockets.add(socket)
        self._look()
        self._came()
        try:
            await viewer.serve()
        finally:
            self._viewers.discard(viewer)
            self._sockets.discard(socket)
            self._look()
            self._came()
        return socket

    def _ask(self, action: Action, answer: Callable[[bool, str], None]) -> None:
        def answer_from_any_thread(done: bool, line: str) -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(answer, done, line)

        self._act(action, answer_from_any_thread)

    def _look(self) -> None:
        self.wants_picture = any(viewer.wants_picture for viewer in self._viewers)

    def _change(self, change: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        change(*arguments)
        for viewer in self._viewers:
            viewer.show(None)

    def _show(self, picture: bytes) -> None:
        self.pictures += 1
        for viewer in self._viewers:
            viewer.show(picture)
        self._look()


def url_of(address: Address, port: int, token: str = "") -> str:
    """Return the address to open in a browser. port: the one that is listened on."""
    host = address.host
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}:{port}/{f'?token={token}' if token else ''}"
