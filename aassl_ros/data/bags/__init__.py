"""Writes, reads, checks and recovers bags (rosbag2 recordings)."""

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagMessage, BagReader, TopicSummary
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.recovery import Recovered, recover_bag, recover_in_place
from aassl_ros.data.bags.roles import BagRoles, NamedTopics, find_roles
from aassl_ros.data.bags.writer import BagWriter

__all__ = [
    "BagMessage",
    "BagReader",
    "BagRoles",
    "BagWriter",
    "NamedTopics",
    "Recording",
    "Recovered",
    "TopicSummary",
    "check_bag",
    "find_roles",
    "recover_bag",
    "recover_in_place",
]
