"""The evaluator's topics for teaching: commands come in, and what was taught goes out."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String
from torch import Tensor

from aassl_ros.data.gallery.store import GalleryStore
from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import GalleryCommand, GalleryNews
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.learning.recognition.reloading import RecognizerLoader
from aassl_ros.learning.recognition.teaching import Teacher, gallery_news, with_recognizer
from aassl_ros.one_process import alone
from aassl_ros.ros.json_subscription import JsonSubscription
from aassl_ros.ros.qos import latched

_COMMANDS = QoSProfile(depth=20)


class GalleryDesk:
    """Takes commands on evaluator/gallery_command and tells what was taught on evaluator/gallery_state.

    Args:
        node: the evaluator.
        store: what was taught.
        loader: it is asked to use the gallery after each change.
        labelled: the categories of labelled frames, which cannot be changed.
    """

    def __init__(
        self, node: Node, store: GalleryStore, loader: RecognizerLoader, labelled: tuple[str, ...] = ()
    ) -> None:
        self._node, self._loader, self._labelled = node, loader, labelled
        self._teacher = Teacher(store)
        self._publisher = Node.create_publisher(node, String, topics.GALLERY, latched(20))
        self._commands = JsonSubscription(
            node, topics.GALLERY_COMMAND, GalleryCommand.parse, self._on_command, _COMMANDS
        )
        self._said: object = None
        self._problems = 0
        self.tick()

    @property
    def refused(self) -> int:
        """The number of commands that could not be read."""
        return self._commands.refused

    @property
    def teaching(self) -> str:
        """The category that is being taught; empty: none."""
        return self._teacher.teaching

    @property
    def note(self) -> str:
        """What is being taught, or how much was taught, in a few words for a picture."""
        if self.teaching:
            return f"teaching {self.teaching}"
        recognizer = self._loader.current
        known = 0 if recognizer is None else len(recognizer.categories)
        return f"{known} categories known" if known else "nothing is taught yet"

    def see(self, frame: NDArray[np.uint8], feature: Tensor, encoder: str) -> None:
        """Show a frame uint8 [H, W, 3] RGB and its feature float [1, D] to the lesson that is being taken, if any.

        encoder: digest of the encoder that made the feature.
        """
        self._teacher.see(time.monotonic(), frame, feature, encoder)

    def tick(self) -> None:
        """Finish a lesson that is over, and publish news. Call it regularly."""
        self._changed(self._teacher.tick(time.monotonic()))
        recognizer = self._loader.current
        if self._said is not recognizer:  # the classifier was fitted anew
            self._said = recognizer
            self._publish(gallery_news(self._teacher.store, self._teacher.teaching))
        problems = self._teacher.store.problems
        for problem in problems[self._problems :]:
            self._node.get_logger().warning(problem)
        self._problems = len(problems)

    def stop(self) -> None:
        """End the subscription and the publisher."""
        self._commands.stop()
        self._node.destroy_publisher(self._publisher)

    def _on_command(self, command: GalleryCommand) -> None:
        self._changed(self._teacher.take(command, time.monotonic()))

    def _changed(self, changed: bool) -> None:
        if changed:
            self._loader.request_gallery()
        for news in self._teacher.news():
            if news.error:
                self._node.get_logger().warning(news.error)
            elif news.done:
                self._node.get_logger().info(news.done)
            self._publish(news)

    def _publish(self, news: GalleryNews) -> None:
        recognizer = self._loader.current
        news = replace(news, others=tuple(name for name in self._labelled if name not in news.categories))
        if recognizer is not None:
            news = with_recognizer(news, recognizer)
        self._publisher.publish(String(data=news.to_json()))


def open_store(folder: str, held: ExitStack) -> GalleryStore | None:
    """Open the folder of taught objects; None if it is empty text: nothing can be taught.

    held: keeps the folder locked, because two evaluators would write over each other's lessons. A folder that does not
    exist yet is locked before the first lesson is written. One that cannot be written is not locked: nothing can be
    taught, and a lesson says so.

    Raises:
        ConfigError: another evaluator has the folder.
        DataError: its tables are damaged.
    """
    if not folder:
        return None
    path = Path(folder).expanduser()

    def hold() -> None:
        held.enter_context(alone(path, "evaluator that can be taught"))

    def hold_for_a_lesson() -> None:
        try:
            hold()
        except ConfigError as error:
            raise DataError(str(error)) from error

    if not path.is_dir():
        return GalleryStore(path, hold_for_a_lesson)
    if os.access(path, os.W_OK):
        hold()
    return GalleryStore(path)
