"""Call one service of a running node, without the `ros2` command."""

from __future__ import annotations

from typing import Any

from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import SetBool, Trigger

from aassl_ros.errors import RosError
from aassl_ros.ros.context import own_node, spin_until

_MEETING_S = 0.3


def call_service(name: str, value: bool | None = None, *, namespace: str = "", timeout_s: float = 5.0) -> str:
    """Call a Trigger (value None) or SetBool service and return its answer.

    Raises RosError if the service does not exist or does not answer within timeout_s, or if the node refuses.
    """
    with own_node("service_caller", namespace=namespace) as node:
        executor = SingleThreadedExecutor(context=node.context)
        executor.add_node(node)
        client: Any = node.create_client(Trigger if value is None else SetBool, name)
        if not client.wait_for_service(timeout_s):
            raise RosError(
                f"there is no service {client.service_name} (waited {timeout_s:g} s). Start the node first, with the "
                "same ROS_DOMAIN_ID and namespace."
            )
        # The node must learn of this client, too; before, its answer would be lost.
        spin_until(executor, lambda: False, _MEETING_S)
        future = client.call_async(Trigger.Request() if value is None else SetBool.Request(data=value))
        answer = future.result() if spin_until(executor, future.done, timeout_s) else None
        if answer is None:
            raise RosError(f"{client.service_name} did not answer within {timeout_s:g} s. See the log of its node.")
        if not answer.success:
            raise RosError(f"{client.service_name}: {answer.message or 'refused'}.")
        return str(answer.message) or "done"
