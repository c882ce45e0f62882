"""Quality of service: a subscription that every publisher of a topic can serve, and what each of them offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime


def latched(depth: int) -> QoSProfile:
    """Reliable, and whoever comes late gets the newest `depth` messages, too."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


LATCHED, LATEST = latched(100), latched(1)


def matching_profile(publishers: Sequence[TopicEndpointInfo], depth: int) -> QoSProfile:
    """The strictest profile that all of them can serve: reliable and latched only if each of them is.

    depth: how many messages may wait between the middleware and our callback.
    """
    profiles = [publisher.qos_profile for publisher in publishers]
    reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in profiles)
    kept = all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if kept else DurabilityPolicy.VOLATILE,
    )


def same_service(one: QoSProfile, other: QoSProfile) -> bool:
    """Whether two profiles ask for the same reliability and durability."""
    return one.reliability == other.reliability and one.durability == other.durability


def offered(publishers: Sequence[TopicEndpointInfo]) -> tuple[Qos, ...]:
    """What each publisher offers, as a bag keeps it."""
    return tuple(_bag_profile(publisher.qos_profile) for publisher in publishers)


def describe(profile: QoSProfile) -> str:
    """Reliability and durability in words, as "reliable, volatile"."""
    return f"{_word(profile.reliability)}, {_word(profile.durability)}"


def _word(policy: Any) -> str:
    return str(policy.name).lower().replace("_", " ")


def _bag_profile(profile: QoSProfile) -> Qos:
    return Qos(
        _by_number(QosHistory, profile.history),
        profile.depth,
        _by_number(QosReliability, profile.reliability),
        _by_number(QosDurability, profile.durability),
        _time(profile.deadline),
        _time(profile.lifespan),
        _by_number(QosLiveliness, profile.liveliness),
        _time(profile.liveliness_lease_duration),
        bool(profile.avoid_ros_namespace_conventions),
    )


def _by_number(kind: Any, policy: Any) -> Any:
    """A rosbags policy of the same number; distributions have added some over time."""
    try:
        return kind(int(policy))
    except ValueError:
        return kind.UNKNOWN


def _time(duration: Duration) -> QosTime:
    seconds, nanoseconds = divmod(duration.nanoseconds, 1_000_000_000)
    return QosTime(seconds, nanoseconds)
