"""Takes the joint states between two other messages of a bag at once, which is many times as fast as one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any

from aassl_ros.data.bags.reader import BagMessage
from aassl_ros.data.streams.joint_block import JointBlockDecoder
from aassl_ros.data.streams.receipt_clock import ReceiptClock
from aassl_ros.data.streams.stream_consumer import StreamConsumer

# Frames are read in time also if thousands of joint states come between two of them.
_MOST = 512


def in_blocks(messages: Iterable[BagMessage], joint_topics: Collection[str]) -> Iterator[list[BagMessage]]:
    """Group messages: joint states of one topic that follow each other are together, all others alone."""
    block: list[BagMessage] = []
    for message in messages:
        if message.topic not in joint_topics:
            if block:
                yield block
                block = []
            yield [message]
            continue
        if block and (message.topic != block[0].topic or len(block) == _MOST):
            yield block
            block = []
        block.append(message)
    if block:
        yield block


class JointBlocks:
    """Gives blocks of joint states to a consumer.

    Args:
        decode: decodes a message of the bag.
        clock: follows stamps and receipts.
        consumer: takes the joint states.
    """

    def __init__(self, decode: Callable[[BagMessage], Any], clock: ReceiptClock, consumer: StreamConsumer) -> None:
        self._decode, self._clock, self._consumer = decode, clock, consumer
        self._decoders: dict[str, JointBlockDecoder] = {}

    def take(self, messages: list[BagMessage]) -> bool:
        """Take joint states of one topic. Returns False if they must be taken one by one; nothing is taken then."""
        first = messages[0]
        decoder = self._decoders.get(first.topic)
        if decoder is None:
            decoder = JointBlockDecoder(partial(self._decode_one, first))
            self._decoders[first.topic] = decoder
        block = decoder.decode([message.data for message in messages])
        if block is None or not self._consumer.add_joint_block(block):
            return False
        self._clock.take(int(block.stamps_ns[-1]), messages[-1].log_ns)
        return True

    def _decode_one(self, like: BagMessage, data: bytes) -> Any:
        return self._decode(like._replace(data=data))
