"""Find the controllers of a trajectory topic: its subscribers, except those that only listen."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from aassl_ros.data.interfaces import topics
from aassl_ros.motion.arming import Controller, Controllers

# Our nodes that subscribe to commands but never act on them are recognized by a service that they offer, whatever their
# names. A node creates its services before its subscriptions, so the graph shows no subscription without the service.
_LISTENERS_OFFER = ("/recorder/split", "/trainer/save")
# Our simulator is recognized by its subscription to object requests.
_SIMULATOR_SUBSCRIBES = f"/{topics.SIMULATOR_OBJECT}"
_UNKNOWN = "_NODE_NAME_UNKNOWN_"


class ControllerWatch:
    """Look up the controllers of a topic in the ROS graph. Command-line tools (hidden nodes) are left out.

    only: full name of the one node that counts; empty: every node that does not only listen.
    """

    def __init__(self, node: Node, topic: str, *, only: str = "") -> None:
        self._node, self._topic = node, topic
        self._only = f"/{only.strip('/')}" if only else ""
        # An exiting node may lose its services before its subscriptions, so what it was found to be is remembered.
        self._listeners: set[bytes] = set()
        self._simulators: set[bytes] = set()
        self.present: Controllers = frozenset()
        self._listening: tuple[str, ...] = ()

    def look(self) -> Controllers:
        """Look up the present controllers and return them."""
        found, listening = set(), set()
        for endpoint in self._node.get_subscriptions_info_by_topic(self._topic):
            if _UNKNOWN in endpoint.node_name:
                continue  # just discovered or just gone: its node is unknown
            identity = bytes(endpoint.endpoint_gid)
            full_name = f"{endpoint.node_namespace.rstrip('/')}/{endpoint.node_name}"
            if self._only_listens(identity, endpoint.node_name, endpoint.node_namespace, full_name):
                listening.add(full_name)
            else:
                simulated = self._is_simulator(identity, endpoint.node_name, endpoint.node_namespace)
                found.add(Controller(full_name, identity, simulated))
        self._listening = tuple(sorted(listening))
        self.present = frozenset(found)
        return self.present

    def lacking(self) -> str:
        """Return what to wait for; empty if there is a controller."""
        if self.present:
            return ""
        wanted = self._only or "a controller"
        received = (
            f" (only {', '.join(self._listening)} listens, which does not move the arm)" if self._listening else ""
        )
        return f"{wanted} that listens on {self._topic}{received}"

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


def _has(
    look_up: Callable[[str, str], list[tuple[str, list[str]]]], name: str, namespace: str, endings: tuple[str, ...]
) -> bool:
    """Return whether a node has a service or topic with one of these endings."""
    try:
        return any(found.endswith(endings) for found, _ in look_up(name, namespace))
    except RuntimeError:  # the node has just exited (NodeNameNonExistentError, which not every rclpy exports)
        return False
