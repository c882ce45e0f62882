"""Find the controllers of an arm: the servers of its action, or the subscribers to its trajectories."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from aassl_ros.data.interfaces import topics
from aassl_ros.motion.arming import Controller, Controllers

# Our nodes that subscribe to commands but never act on them are recognized by a service that they offer, whatever their
# names. A node creates its services before its subscriptions, so the graph shows no subscription without the service.
_LISTENERS_OFFER = ("/recorder/split", "/trainer/save")
# Our simulator is recognized by its subscription to object requests.
_SIMULATOR_SUBSCRIBES = f"/{topics.SIMULATOR_OBJECT}"
_UNKNOWN = "_NODE_NAME_UNKNOWN_"
# Each server of an action publishes the status of its goals.
_STATUS = "/_action/status"
# The action of a controller may be discovered this much later than its subscription to the topic.
_SETTLED_S = 1.0


@dataclass(frozen=True)
class Ways:
    """The ways to a controller.

    topic: absolute name of its trajectory topic. action: absolute name of its action; empty: only the topic is used.
    required: whether only the action is used; else it is used if a controller offers it.
    """

    topic: str
    action: str = ""
    required: bool = False


class ControllerWatch:
    """Look up the controllers of an arm in the ROS graph. Command-line tools (hidden nodes) are left out.

    The controllers are those that get the commands: the servers of the action if there are any, else the subscribers to
    the topic that do not only listen.

    Args:
        node: that looks.
        ways: to the controllers.
        only: full name of the one node that counts; empty: every node.

    Attributes:
        present: the controllers at the last look.
        by_action: whether they get goals of the action.
    """

    def __init__(self, node: Node, ways: Ways, *, only: str = "") -> None:
        self._node, self._ways = node, ways
        self._only = f"/{only.strip('/')}" if only else ""
        self.by_action = ways.required
        self._changed_s = time.monotonic()
        # An exiting node may lose its services before its subscriptions, so what it was found to be is remembered.
        self._listeners: set[bytes] = set()
        self._simulators: set[bytes] = set()
        self.present: Controllers = frozenset()
        self._listening: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Name of the action or the topic on which the controllers get commands."""
        return self._ways.action if self.by_action else self._ways.topic

    def look(self, *, same_way: bool = False) -> Controllers:
        """Look up the present controllers and return them.

        same_way: the way stays as it is, because the arm was armed for it.
        """
        found: Controllers = frozenset()
        if self._ways.action and (self.by_action or not same_way):
            found = self._servers()
        if not same_way:
            self.by_action = self._ways.required or bool(found)
        if not self.by_action:
            found = self._subscribers()
        if found != self.present:
            self.present, self._changed_s = found, time.monotonic()
        return self.present

    def lacking(self) -> str:
        """Return what to wait for; empty if there is a controller."""
        if self.present and self.by_action:
            several = len(self.present) > 1
            return f"only one node that offers {self._ways.action} ({names(self.present)} do)" if several else ""
        if self.present:
            settled = not self._ways.action or time.monotonic() - self._changed_s > _SETTLED_S
            return "" if settled else f"everything that {names(self.present)} offers"
        wanted = self._only or "a controller"
        if self._ways.required:
            return f"{wanted} that offers the action {self._ways.action}"
        received = (
            f" (only {', '.join(self._listening)} listens, which does not move the arm)" if self._listening else ""
        )
        return f"{wanted} that listens on {self._ways.topic}{received}"

    def _servers(self) -> Controllers:
        """All servers of the action, because each gets the goals; none if the node that counts is not one of them."""
        found = frozenset(
            Controller(_full_name(endpoint), bytes(endpoint.endpoint_gid))
            for endpoint in self._node.get_publishers_info_by_topic(self._ways.action + _STATUS)
            if _UNKNOWN not in endpoint.node_name
        )
        return found if not self._only or any(one.name == self._only for one in found) else frozenset()

    def _subscribers(self) -> Controllers:
        found, listening = set(), set()
        for endpoint in self._node.get_subscriptions_info_by_topic(self._ways.topic):
            if _UNKNOWN in endpoint.node_name:
                continue  # just discovered or just gone: its node is unknown
            identity, full_name = bytes(endpoint.endpoint_gid), _full_name(endpoint)
            if self._only_listens(identity, endpoint.node_name, endpoint.node_namespace, full_name):
                listening.add(full_name)
            else:
                simulated = self._is_simulator(identity, endpoint.node_name, endpoint.node_namespace)
                found.add(Controller(full_name, identity, simulated))
        self._listening = tuple(sorted(listening))
        return frozenset(found)

    def _only_listens(self, identity: bytes, name: str, namespace: str, full_name: str) -> bool:
        if self._only:
            return full_name != self._only
        if name.startswith("_") or identity in self._listeners:
            return True
        if _has(self._node.get_service_names_and_types_by_node, name, namespace, _LISTENERS_OFFER):
            self._listeners.add(identity)
        return identity in self._listeners

    def _is_simulator(self, identity: bytes, name: str, namespace: str) -> bool:
        if identity not in self._simulators and _has(
            self._node.get_subscriber_names_and_types_by_node, name, namespace, (_SIMULATOR_SUBSCRIBES,)
        ):
            self._simulators.add(identity)
        return identity in self._simulators


def names(controllers: Controllers) -> str:
    """The names of controllers, in one text."""
    return ", ".join(sorted(controller.name for controller in controllers))


def _full_name(endpoint: TopicEndpointInfo) -> str:
    return f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"


def _has(
    look_up: Callable[[str, str], list[tuple[str, list[str]]]], name: str, namespace: str, endings: tuple[str, ...]
) -> bool:
    """Return whether a node has a service or topic with one of these endings."""
    try:
        return any(found.endswith(endings) for found, _ in look_up(name, namespace))
    except RuntimeError:  # the node has just exited (NodeNameNonExistentError, which not every rclpy exports)
        return False
