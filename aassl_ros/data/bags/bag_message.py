"""What a BagReader gives: messages, and the topics of a bag."""

from __future__ import annotations

from typing import NamedTuple

from aassl_ros.data.bags.stored import LargeData


class BagMessage(NamedTuple):
    """One message as CDR, not decoded.

    log_ns: time of receipt, ns. publish_ns: time of publication, ns; sqlite3 and ROS 1 bags do not store it, so it
    equals log_ns there. large: if not None, `data` has only the begin of the message; see BagReader.messages.
    """

    topic: str
    type: str
    log_ns: int
    publish_ns: int
    data: bytes
    large: LargeData | None = None


class TopicSummary(NamedTuple):
    """A topic of a bag: its message type and number of messages."""

    type: str
    message_count: int
