"""The server of the page: files, viewers, requests, and whom it refuses."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from aassl_ros.errors import RosError
from aassl_ros.page.server import TOO_MANY, Address, url_of

Session = aiohttp.ClientSession
TOKEN = "a secret of the lab"


async def status_of(session: Session, path: str, **options: Any) -> tuple[int, str]:
    async with session.get(path, allow_redirects=False, **options) as response:
        return response.status, await response.text()


async def next_json(page: aiohttp.ClientWebSocketResponse) -> Any:
    return json.loads(await page.receive_str(timeout=30))


def test_the_files_come_with_headers_that_keep_others_out(desk: Any) -> None:
    async def visit(session: Session) -> None:
        for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
            async with session.get(path) as response:
                assert (response.status, response.content_type) == (200, kind)
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                assert "unsafe" not in response.headers["Content-Security-Policy"]
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                tag = response.headers["ETag"]
                assert "http" not in (await response.text()).replace("http://www.w3.org/", "").replace('"https:"', "")
            assert (await status_of(session, path, headers={"If-None-Match": tag}))[0] == 304

    desk.browse(visit)


@pytest.mark.parametrize(
    "path", ["/none", "/..%2faccess.py", "/%2e%2e/access.py", "/static/page.js", "/page.js/", "/%00"]
)
def test_only_the_files_of_the_page_are_served(desk: Any, path: str) -> None:
    assert desk.browse(lambda session: status_of(session, path))[0] in (400, 404)


def test_requests_from_elsewhere_are_refused_also_as_a_websocket(desk: Any) -> None:
    async def visit(session: Session) -> None:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            for path in ("/", "/news"):
                assert (await status_of(session, path, headers=headers))[0] == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect("/news", headers=headers)
        async with session.ws_connect("/news", headers={"Origin": desk.url}):
            pass
        async with session.post("/", data=b"x" * 100_000) as response:
            assert response.status in (405, 413)

    desk.browse(visit)
    assert desk.server.refused == 9
    assert not desk.asked


def test_without_the_token_nothing_is_served_and_with_it_the_browser_keeps_it_as_a_cookie(make_desk: Any) -> None:
    desk = make_desk(host="0.0.0.0", token=TOKEN)

    async def visit(session: Session) -> None:
        for path in ("/", "/page.js", "/news", "/?token=wrong", "/?token="):
            assert (await status_of(session, path))[0] == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect("/news")
        async with session.get("/", params={"token": TOKEN}, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (303, "/")
            cookie = response.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
        kept = {"Cookie": cookie.split(";")[0]}
        assert (await status_of(session, "/", headers=kept))[0] == 200
        async with session.ws_connect("/news", headers=kept):
            pass
        assert (await status_of(session, "/", headers={"Authorization": f"Bearer {TOKEN}"}))[0] == 200

    desk.browse(visit)


def test_a_viewer_gets_news_and_ten_requests_at_once_are_answered_each(desk: Any) -> None:
    desk.server.post(desk.board.put, "answer", {"label": "mug"})

    async def visit(session: Session) -> None:
        async with session.ws_connect("/news") as page:
            assert (await next_json(page))["parts"][0][1]["label"] == "mug"
            for number in range(10):
                await page.send_str(json.dumps({"id": number, "action": "recorder/split"}))
            while len(desk.asked) < 10:
                await asyncio.sleep(0.01)
            for action, answer in reversed(desk.asked):
                answer(action.id % 2 == 0, f"request {action.id}")
            answers = [(await next_json(page))["answer_to"] for _ in range(10)]
            assert [one["id"] for one in answers] == list(range(9, -1, -1))
            assert all(one["done"] == (one["id"] % 2 == 0) for one in answers)
            assert answers[0]["line"] == "request 9"

    desk.browse(visit)


def test_wrong_and_too_many_requests_are_answered_and_the_page_goes_on(desk: Any) -> None:
    async def visit(session: Session) -> None:
        async with session.ws_connect("/news") as page:
            for text in ("{", '{"id": 5, "action": "self/destroy"}'):
                await page.send_str(text)
            first, second = [(await next_json(page))["answer_to"] for _ in range(2)]
            assert (first["id"], first["done"], second["id"]) == (None, False, 5)
            assert "unknown request" in second["line"]
            for number in range(21):
                await page.send_str(json.dumps({"id": number, "action": "explorer/stop"}))
            last = (await next_json(page))["answer_to"]
            assert (last["id"], last["line"]) == (20, "20 requests are waiting already")

    desk.browse(visit)
    assert len(desk.asked) == 20


@pytest.mark.parametrize(("send", "code"), [("send_str", 1009), ("send_bytes", 1003)])
def test_oversized_and_binary_messages_end_the_connection_but_not_the_server(desk: Any, send: str, code: int) -> None:
    async def visit(session: Session) -> None:
        async with session.ws_connect("/news") as page:
            await (page.send_str("x" * 9000) if send == "send_str" else page.send_bytes(b"x"))
            message = await page.receive(30)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert page.close_code == code
        assert (await status_of(session, "/"))[0] == 200

    desk.browse(visit)


def test_a_slow_viewer_gets_fewer_pictures_and_the_others_all(desk: Any) -> None:
    async def visit(session: Session) -> None:
        async with session.ws_connect("/news") as slow, session.ws_connect("/news") as quick:
            while not desk.server.wants_picture or desk.server.viewers < 2:
                await asyncio.sleep(0.01)
            for number in range(5):
                desk.server.show(f"picture {number}".encode())
                assert (await quick.receive_bytes(timeout=30)) == f"picture {number}".encode()
                assert await is_soon(lambda: not desk.server.wants_picture)
                await quick.send_str('{"drawn": true}')
                assert await is_soon(lambda: desk.server.wants_picture)
            assert await slow.receive_bytes(timeout=30) == b"picture 0"
            await slow.send_str('{"drawn": true}')
            await quick.send_str('{"look": false}')
            await slow.send_str('{"id": 1, "action": "explorer/stop"}')  # what was sent before has been read then
            assert await is_soon(lambda: len(desk.asked) == 1)
            desk.server.show(b"the last")
            assert await slow.receive_bytes(timeout=30) == b"the last"
            assert await is_soon(lambda: not desk.server.wants_picture)
        assert await is_soon(lambda: desk.server.viewers == 0)

    desk.browse(visit)
    assert desk.server.pictures == 6


async def is_soon(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true within some seconds."""
    for _ in range(3000):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return False


def test_more_pages_than_allowed_are_told_why(desk: Any) -> None:
    async def visit(session: Session) -> None:
        open_pages = [await session.ws_connect("/news") for _ in range(3)]
        assert await is_soon(lambda: desk.server.viewers == 3)
        async with session.ws_connect("/news") as one_more:
            message = await one_more.receive(30)
            assert (one_more.close_code, message.extra) == (TOO_MANY, "3 pages are open already")
        await open_pages[0].close()
        assert await is_soon(lambda: desk.server.viewers == 2)
        async with session.ws_connect("/news"):
            assert await is_soon(lambda: desk.server.viewers == 3)
        for page in open_pages:
            await page.close()

    desk.browse(visit)


def test_a_port_in_use_and_a_wrong_address_are_one_line(desk: Any, make_desk: Any) -> None:
    from aassl_ros.page.server import PageServer

    for address, why in (
        (Address("127.0.0.1", desk.server.port), "is in use. Choose another port"),
        (Address("203.0.113.7", 0), "cannot listen on 203.0.113.7:0"),
        (Address("no.such.host.invalid", 0), "cannot listen on no.such.host.invalid:0"),
    ):
        server = PageServer(address, desk.access, desk.board, lambda *_: None, lambda: None, max_viewers=1)
        with pytest.raises(RosError, match=why):
            server.start()


def test_the_printed_address_can_be_opened() -> None:
    assert url_of(Address("127.0.0.1", 0), 80) == "http://127.0.0.1:80/"
    assert url_of(Address("::1", 0), 80, "abc") == "http://[::1]:80/?token=abc"
    assert url_of(Address("0.0.0.0", 0), 80) == f"http://{socket.gethostname()}:80/"
