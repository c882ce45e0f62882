"""The page node: a local web page that shows the running nodes, and teaches, records and stops by its buttons.

The server is in page/server.py, and what it shows in page/board.py.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer, GalleryNews
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import DataError
from aassl_ros.nodes.page_actions import PageActions
from aassl_ros.page.access import make_access
from aassl_ros.page.board import Board, Status
from aassl_ros.page.pictures import jpeg_of
from aassl_ros.page.requests import Action
from aassl_ros.page.server import Address, PageServer, url_of
from aassl_ros.ros.base import ManagedNode, run
from aassl_ros.ros.diagnostics import OK, WARN, DiagnosticsPublisher, Report
from aassl_ros.ros.json_subscription import JsonSubscription
from aassl_ros.ros.parameters import read_settings
from aassl_ros.ros.qos import latched
from aassl_ros.ros.throttle import ThrottledSubscription
from aassl_ros.settings import setting

# How often overdue answers are looked for, and whether somebody looks.
_WATCH_S = 0.5
# Looks without a viewer before the camera is let go: a page that is loaded again comes back sooner.
_EMPTY_LOOKS = 6


@dataclass(frozen=True)
class PageSettings:
    """Parameters of the page node."""

    host: str = setting(
        "127.0.0.1", "Address to listen on. 127.0.0.1: only this machine; 0.0.0.0: others too, and they need the token"
    )
    port: int = setting(8765, "Port to listen on; 0: any free one", minimum=0, maximum=65535)
    token: str = setting(
        "", "Secret that browsers must know, 8 characters or more; empty: one is made and logged if others can connect"
    )
    host_names: tuple[str, ...] = setting((), "Further names of this machine that browsers may use")
    camera: str = setting(topics.DEFAULT_CAMERA, "Name of the camera; its image topic is CAMERA/image_raw")
    compressed: bool = setting(False, "Use CAMERA/image_raw/compressed instead of CAMERA/image_raw")
    page_hz: float = setting(10.0, "Most pictures and answers per second that a page gets", minimum=0.5, maximum=30.0)
    jpeg_quality: int = setting(75, "Quality of the pictures, as JPEG", minimum=1, maximum=100)
    picture_width: int = setting(640, "Pictures are reduced to this width, pixels", minimum=32, maximum=4096)
    max_clients: int = setting(8, "Pages that may be open at once", minimum=1, maximum=1000)


class PageNode(ManagedNode):
    """Passes what nodes publish on to the server, and actions of browsers to the nodes.

    Camera and answers are received only while somebody looks, and a picture is encoded once for all.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("page", **kwargs)
        self._settings = self.declare(PageSettings)
        self._server: PageServer | None = None
        self._asked: queue.SimpleQueue[tuple[Action, Callable[[bool, str], None]]] = queue.SimpleQueue()
        self._looking: list[ThrottledSubscription] = []
        self._empty_looks = self._unreadable = 0
        self._problem = self._url = ""
        self._diagnostics = DiagnosticsPublisher(self, self._report)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._picture_timer = self.create_timer(1.0, self._ask_for_picture, clock=steady)
        self._picture_timer.cancel()
        self._watch_timer = self.create_timer(_WATCH_S, self._watch, clock=steady)
        # Triggered by the server's thread: this thread then does what browsers asked for, and looks who is there.
        self._called = self.create_guard_condition(self._act)
        self._came = self.create_guard_condition(self._watch)

    def configure(self) -> None:
        self._settings = settings = read_settings(self, PageSettings)
        self._access = make_access(settings.host, settings.token, settings.host_names)

    def activate(self) -> None:
        settings, access = self._settings, self._access
        # Pictures are encoded one at a time: threads of OpenCV would take cores from the other nodes.
        cv2.setNumThreads(1)
        address = Address(settings.host, settings.port)
        self._board = board = Board(self.get_namespace().strip("/"))
        server = PageServer(
            address, access, board, self._on_action, self._came.trigger, max_viewers=settings.max_clients
        )
        server.start()
        self._server = server
        self._actions = PageActions(self)
        self._picture_timer.timer_period_ns = round(1e9 / settings.page_hz)
        self._heard = self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 100)
        self._gallery = JsonSubscription(self, topics.GALLERY, GalleryNews.parse, self._on_gallery, latched(20))
        made = "" if settings.token else access.token
        hint = " (add ?token= and your token)" if settings.token else ""
        self._url = url_of(address, server.port)
        # For the person who started it, also if the log is not shown.
        print(f"page: open {url_of(address, server.port, made)}{hint}", flush=True)

    def deactivate(self) -> None:
        if self._server is None:
            return
        self._let_go()
        self.destroy_subscription(self._heard)
        self._gallery.stop()
        self._actions.stop()
        self._server.stop()
        self._server = None

    def _watch(self) -> None:
        """Receive camera and answers while pages are open."""
        if self._server is None:
            return
        self._actions.tick()
        self._empty_looks = 0 if self._server.viewers else self._empty_looks + 1
        if self._server.viewers and not self._looking:
            self._look()
        elif self._looking and self._empty_looks >= _EMPTY_LOOKS:
            self._let_go()

    def _look(self) -> None:
        settings = self._settings
        kind: Any = CompressedImage if settings.compressed else Image
        topic = topics.image_topic(settings.camera, compressed=settings.compressed)
        self._looking = [
            ThrottledSubscription(self, kind, topic, self._on_frame, raw=True),
            ThrottledSubscription(self, String, topics.ANSWER, self._on_answer),
        ]
        self._picture_timer.reset()

    def _let_go(self) -> None:
        self._picture_timer.cancel()
        for subscription in self._looking:
            subscription.stop()
        self._looking = []

    def _ask_for_picture(self) -> None:
        if not self._looking or self._server is None:
            return
        camera, answers = self._looking
        answers.ask()
        if self._server.wants_picture:
            camera.ask()

    def _on_frame(self, cdr: bytes) -> None:
        settings = self._settings
        try:
            picture = jpeg_of(
                cdr, compressed=settings.compressed, quality=settings.jpeg_quality, width=settings.picture_width
            )
        except DataError as error:
            self._unreadable += 1
            if self._problem != str(error):
                self._problem = str(error)
                self.get_logger().warning(self._problem)
            return
        if self._server is not None:
            self._server.show(picture)

    def _on_answer(self, message: String) -> None:
        try:
            answer = EvaluatorAnswer.parse(message.data)
        except JsonMessageError as error:
            self.get_logger().warning(f"refused: {error}", throttle_duration_sec=5.0)
            return
        self._put("answer", vars(answer))

    def _on_gallery(self, news: GalleryNews) -> None:
        self._actions.hear(news)
        self._put("gallery", vars(news))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        if self._server is None:
            return
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            heard = Status(status.name, status.level[0], status.message, values)
            self._server.post(self._board.hear, heard)

    def _put(self, part: str, content: Any) -> None:
        if self._server is not None:
            self._server.post(self._board.put, part, content)

    def _on_action(self, action: Action, answer: Callable[[bool, str], None]) -> None:
        """Take an action in the server's thread; the node's own thread does it."""
        self._asked.put((action, answer))
        self._called.trigger()

    def _act(self) -> None:
        while True:
            try:
                action, answer = self._asked.get_nowait()
            except queue.Empty:
                return
            self._actions.take(action, answer)

    def _report(self) -> Report:
        if self._server is None:
            return Report(WARN, "inactive")
        server = self._server
        values = {"url": self._url, "pages": server.viewers, "pictures_encoded": server.pictures}
        values |= {"requests_refused": server.refused, "frames_unreadable": self._unreadable}
        return Report(OK, "1 page is open" if server.viewers == 1 else f"{server.viewers} pages are open", values)


def main() -> int:
    """Run the page as a process."""
    return run(PageNode)


if __name__ == "__main__":
    sys.exit(main())
