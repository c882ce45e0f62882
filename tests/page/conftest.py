"""A running server of the page, and viewers of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from aassl_ros.page.access import make_access
from aassl_ros.page.board import Board
from aassl_ros.page.requests import Action
from aassl_ros.page.server import Address, PageServer


class Desk:
    """A server; `asked` holds the actions that wait for `answer_all`."""

    def __init__(self, host: str = "127.0.0.1", token: str = "", max_viewers: int = 3) -> None:
        self.board = Board()
        self.asked: list[tuple[Action, Callable[[bool, str], None]]] = []
        self.access = make_access(host, token)
        self.server = PageServer(
            Address(host, 0), self.access, self.board, self._act, lambda: None, max_viewers=max_viewers
        )
        self.server.start()

    def _act(self, action: Action, answer: Callable[[bool, str], None]) -> None:
        self.asked.append((action, answer))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def browse(self, visit: Callable[[aiohttp.ClientSession], Awaitable[Any]]) -> Any:
        """Run `visit(session)` as a browser of this machine."""

        async def run() -> Any:
            async with aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(60)) as session:
                return await visit(session)

        return asyncio.run(run())


@pytest.fixture
def make_desk() -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(**options: Any) -> Desk:
        made.append(Desk(**options))
        return made[-1]

    yield make
    for desk in made:
        desk.server.stop()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()
