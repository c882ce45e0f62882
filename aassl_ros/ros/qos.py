"""Quality of service: choose a profile that is compatible with every publisher of a topic, and describe profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime


def latched(depth: int) -> QoSProfile:
    """Return a reliable profile with which late subscribers also get the newest `depth` messages."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)


LATCHED, LATEST = latched(100), latched(1)


def matching_profile(publishers: Sequence[TopicEndpointInfo], depth: int) -> QoSProfile:
    """Return the strictest profile compatible with all publishers: reliable and latched only if all of them are.

    depth: number of messages that may wait between the middleware and our callback.
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
    """Return whether two profiles have the same reliability and durability."""
    return one.reliability == other.reliability and one.durability == other.durability


def offered(publishers: Sequence[TopicEndpointInfo]) -> tuple[Qos, ...]:
    """Return the profile that each publisher offers, in the form that a bag stores."""
    return tuple(_bag_profile(publisher.qos_profile) for publisher in publishers)


def describe(profile: QoSProfile) -> str:
    """Describe reliability and durability, such as "reliable, volatile"."""
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
    """Return the rosbags policy of the same number, or UNKNOWN: newer distributions have more policies."""
    try:
        return kind(int(policy))
    except ValueError:
        return kind.UNKNOWN


def _time(duration: Duration) -> QosTime:
    seconds, nanoseconds = divmod(duration.nanoseconds, 1_000_000_000)
    return QosTime(seconds, nanoseconds)
