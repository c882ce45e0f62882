"""Takes joint states and frames of a bag many at once, which is many times as fast as one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from aassl_ros.data.bags.reader import BagMessage
from aassl_ros.data.streams import messages as ros_messages
from aassl_ros.data.streams.joint_block import JointBlockDecoder
from aassl_ros.data.streams.receipt_clock import ReceiptClock
from aassl_ros.data.streams.squares import Square
from aassl_ros.data.streams.stream_consumer import StreamConsumer
from aassl_ros.data.streams.window import Window
from aassl_ros.errors import DataError

# More messages at once are hardly faster. The bytes are those of frames: they are in memory, or read soon after each
# other.
_MOST_MESSAGES, _MOST_BYTES = 1024, 32 << 20
# A group of so few messages is not halved again.
_FEWEST_MESSAGES = 16


def in_windows(
    messages: Iterable[BagMessage], camera_topic: str, joint_topics: Collection[str], aside: Collection[str] = ()
) -> Iterator[list[BagMessage]]:
    """Group messages: joint states of one topic and frames that follow each other are together, all others alone.

    Args:
        messages: in order of receipt.
        camera_topic: topic of the frames.
        joint_topics: topics of joint states.
        aside: topics whose messages may be taken earlier than those around them, and so do not end a group.

    Yields:
        Groups, and inside them messages, in order of receipt.
    """
    window: list[BagMessage] = []
    joint_topic, size = "", 0
    for message in messages:
        topic = message.topic
        if topic == joint_topic and len(window) < _MOST_MESSAGES:  # as most are
            window.append(message)
            continue
        if topic in aside:
            yield [message]
            continue
        is_frame, is_joints = topic == camera_topic, topic in joint_topics
        other = not is_frame and not (is_joints and joint_topic in ("", topic))
        if window and (other or len(window) >= _MOST_MESSAGES or size >= _MOST_BYTES):
            yield window
            window, joint_topic, size = [], "", 0
        if is_frame:
            size += len(message.data) if message.large is None else message.large.size
        elif is_joints:
            joint_topic = topic
        else:
            yield [message]
            continue
        window.append(message)
    if window:
        yield window


class Windows:
    """Gives groups of messages to a consumer.

    Args:
        decode: decodes a message of the bag.
        load: decodes the picture of a frame to training size.
        camera_topic: topic of the frames.
        clocks: follow stamps and receipts of joint states, and of frames.
        consumer: takes joint states and frames.
    """

    def __init__(
        self,
        decode: Callable[[BagMessage], Any],
        load: Callable[[BagMessage], Square],
        camera_topic: str,
        clocks: tuple[ReceiptClock, ReceiptClock],
        consumer: StreamConsumer,
    ) -> None:
        self._decode, self._load, self._camera_topic = decode, load, camera_topic
        self._joint_clock, self._frame_clock = clocks
        self._consumer = consumer
        self._decoders: dict[str, JointBlockDecoder] = {}

    def take_parts(self, messages: list[BagMessage]) -> Iterator[tuple[list[BagMessage], bool]]:
        """Take a group of messages, or halves of it, and so on, so that little goes one by one around what is unusual.

        Yields:
            Each part after it was taken, and true; or a single message that was not taken, and false.
        """
        if self.take(messages):
            yield messages, True
        elif len(messages) > _FEWEST_MESSAGES:
            half = len(messages) // 2
            yield from self.take_parts(messages[:half])
            yield from self.take_parts(messages[half:])
        else:
            yield from (([message], False) for message in messages)

    def take(self, messages: list[BagMessage]) -> bool:
        """Take a group of messages. Returns False if they must be taken one by one; nothing is taken then."""
        frames: list[BagMessage] = []
        joints: list[BagMessage] = []
        states_before = []
        for message in messages:
            if message.topic == self._camera_topic:
                frames.append(message)
                states_before.append(len(joints))
            else:
                joints.append(message)
        if not joints or len(messages) == 1:
            return False
        block = self._decoder(joints[0]).decode([message.data for message in joints])
        if block is None:
            return False
        try:
            stamps_ns = [ros_messages.header_stamp_ns(message.data) for message in frames]
            frame_ids = {ros_messages.frame_id(message.data) for message in frames}
        except DataError:
            return False
        if len(frame_ids) > 1:
            return False
        window = Window(block, np.array(stamps_ns, np.int64), np.array(states_before, np.int64))
        if not self._consumer.add_window(window, [partial(self._load, message) for message in frames]):
            return False
        for frame_id in frame_ids:
            self._consumer.use_image_frame(frame_id)
            self._frame_clock.take(stamps_ns[-1], frames[-1].log_ns)
        self._joint_clock.take(int(block.stamps_ns[-1]), joints[-1].log_ns)
        return True

    def _decoder(self, first: BagMessage) -> JointBlockDecoder:
        decoder = self._decoders.get(first.topic)
        if decoder is None:
            decoder = self._decoders[first.topic] = JointBlockDecoder(partial(self._decode_one, first))
        return decoder

    def _decode_one(self, like: BagMessage, data: bytes) -> Any:
        return self._decode(like._replace(data=data))
