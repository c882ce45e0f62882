"""A viewer of the page in a thread: what a browser's script does, without a browser."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import threading
from typing import Any

import aiohttp


class PageViewer:
    """Connects to a page node and collects what it sends; draws pictures at once unless `slow`.

    parts: the newest content of each part; pictures: number of pictures; answers: answers to requests by id.
    """

    def __init__(self, url: str, *, slow: bool = False) -> None:
        self.url, self._slow = url, slow
        self.parts: dict[str, Any] = {}
        self.points: list[Any] = []
        self.answers: dict[int, Any] = {}
        self.picture = b""
        self.pictures = 0
        self.closed = False
        self._page: Any = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._view()), daemon=True)
        self._thread.start()

    def send(self, message: Any) -> None:
        """Send a JSON message."""
        asyncio.run_coroutine_threadsafe(self._page.send_str(json.dumps(message)), self._loop).result(30)

    @property
    def connected(self) -> bool:
        return self._page is not None

    def stop(self) -> None:
        if self._page is not None and not self.closed:
            asyncio.run_coroutine_threadsafe(self._page.close(), self._loop).result(30)
        self._thread.join(30)

    async def _view(self) -> None:
        news = f"{self.url.rstrip('/')}/news"
        async with aiohttp.ClientSession() as session, session.ws_connect(news, max_msg_size=0) as self._page:
            async for message in self._page:
                if message.type == aiohttp.WSMsgType.BINARY:
                    self.picture = message.data
                    self.pictures += 1
                    if not self._slow:
                        await self._page.send_str('{"drawn": true}')
                else:
                    self._take(json.loads(message.data))
        self.closed = True

    def _take(self, message: Any) -> None:
        if "answer_to" in message:
            self.answers[message["answer_to"]["id"]] = message["answer_to"]
            return
        self.parts |= dict(message["parts"])
        self.points += message.get("points", [])


def url_from(process: subprocess.Popen[str]) -> str:
    """The address that a page node prints at its start."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"page: open (http://\S+)", line):
            return found.group(1)
    raise AssertionError(f"no address was printed:\n{''.join(said)}")
