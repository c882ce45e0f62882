"""Publish a node's status on /diagnostics, once a second (diagnostic_msgs, REP-107)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

OK = DiagnosticStatus.OK
WARN = DiagnosticStatus.WARN
ERROR = DiagnosticStatus.ERROR
STALE = DiagnosticStatus.STALE


@dataclass(frozen=True)
class Report:
    """Status of a node: a level (OK, WARN, ERROR, STALE), a one-line message and named values."""

    level: bytes
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)


class DiagnosticsPublisher:
    """Publish `report()` every second of the steady clock, so that it continues if /clock stops."""

    def __init__(self, node: Node, report: Callable[[], Report], *, period_s: float = 1.0) -> None:
        self._node = node
        self._report = report
        # A plain publisher, because a lifecycle node must publish diagnostics before it is active, too.
        self._publisher = Node.create_publisher(node, DiagnosticArray, "/diagnostics", 10)
        self._timer = node.create_timer(period_s, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Publish once, now."""
        report = self._report()
        status = DiagnosticStatus(
            level=report.level,
            name=self._node.get_fully_qualified_name(),
            message=report.message,
            hardware_id=self._node.get_name(),
            values=[KeyValue(key=key, value=_text(value)) for key, value in report.values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
