"""One open page: sends it what is new, as fast as it takes it, and reads its requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from aassl_ros.page.board import Board, Seen
from aassl_ros.page.requests import Action, Drawn, Look, RefusedRequest, parse

# Requests of one viewer that may wait for the robot.
_MOST_WAITING = 20
# What a viewer takes in this time without reading is lost to it: it is closed and connects again.
_SEND_S = 20.0


class Viewer:
    """Send news and pictures to one WebSocket. A picture is sent when the last one is drawn, and only the newest.

    Args:
        socket: prepared.
        board: what is shown.
        act: called with an action and the function that takes the answer (whether it was done, and a line).
        changed: called if `wants_picture` may have changed.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        board: Board,
        act: Callable[[Action, Callable[[bool, str], None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._socket, self._board, self._act, self._changed = socket, board, act, changed
        self._seen = Seen()
        self._answers: list[str] = []
        self._picture: bytes | None = None
        self._wake = asyncio.Event()
        self._looks, self._drawn = True, True
        self._waiting = 0
        self.pictures_sent = 0

    @property
    def wants_picture(self) -> bool:
        """Whether somebody looks, and the last picture is drawn."""
        return self._looks and self._drawn and self._picture is None

    def show(self, picture: bytes | None) -> None:
        """Send what is new on the board, and the picture (JPEG) if this viewer is ready for one."""
        if picture is not None and self._looks and self._drawn:
            self._picture = picture
        self._wake.set()

    async def serve(self) -> None:
        """Serve until the browser leaves."""
        sender = asyncio.create_task(self._send())
        self.show(None)
        try:
            async for message in self._socket:
                if message.type == WSMsgType.TEXT:
                    self._take(message.data)
                elif message.type == WSMsgType.BINARY:
                    await self._socket.close(code=1003, message=b"text was expected")
                if sender.done():
                    break
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await asyncio.wait_for(self._send_new(), _SEND_S)
        except (ConnectionError, asyncio.TimeoutError):
            await self._socket.close()

    async def _send_new(self) -> None:
        if news := self._board.news(self._seen):
            await self._socket.send_str(news)
        answers, self._answers = self._answers, []
        for answer in answers:
            await self._socket.send_str(answer)
        picture, self._picture = self._picture, None
        if picture is not None:
            self._drawn = False
            self.pictures_sent += 1
            await self._socket.send_bytes(picture)

    def _take(self, text: str) -> None:
        try:
            request = parse(text)
        except RefusedRequest as error:
            self._answer(error.id, False, str(error))
            return
        if isinstance(request, Drawn):
            self._drawn = True
            self._changed()
        elif isinstance(request, Look):
            self._looks = request.on
            self._changed()
        elif self._waiting >= _MOST_WAITING:
            self._answer(request.id, False, f"{_MOST_WAITING} requests are waiting already")
        else:
            self._waiting += 1
            self._act(request, lambda done, line: self._finish(request.id, done, line))

    def _finish(self, id: int, done: bool, line: str) -> None:
        self._waiting -= 1
        self._answer(id, done, line)

    def _answer(self, id: int | None, done: bool, line: str) -> None:
        content: dict[str, Any] = {"id": id, "done": done, "line": line}
        self._answers.append(json.dumps({"answer_to": content}))
        self._wake.set()
