"""Make the launch description of a system, for launch/*.launch.py. Needs launch and launch_ros of an installed ROS."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from aassl_ros.bringup.exit_status import describe_exit, exit_failed
from aassl_ros.bringup.preflight import check
from aassl_ros.bringup.systems import PACKAGE, NodeSpec, node_specs, system
from aassl_ros.errors import RosError
from aassl_ros.ros.transport import set_image_transport


def launch_description(name: str) -> LaunchDescription:
    """Return the launch description of the system `name`: its arguments, and its nodes once the values are known."""
    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.description,
            choices=list(argument.choices) or None,
        )
        for argument in system(name).arguments
    ]
    return LaunchDescription([*declared, *_image_transport(), OpaqueFunction(function=_start, args=[name])])


def _start(context: LaunchContext, name: str) -> list[Action]:
    values = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in system(name).arguments}
    specs = node_specs(name, values)
    check(specs)
    return [_node(spec) for spec in specs]


def _node(spec: NodeSpec) -> Node:
    return Node(
        package=PACKAGE,
        executable=spec.name,
        name=spec.name,
        namespace=spec.namespace,
        parameters=[spec.parameters_file, {key: _typed(value) for key, value in spec.parameters.items()}],
        remappings=list(spec.remappings),
        ros_arguments=["--log-level", spec.log_level],
        output="screen",
        on_exit=_when_it_ends(spec.name),
        # Time for the recorder to close its bag and for the trainer to save its checkpoint.
        sigterm_timeout="30",
    )


def _typed(value: Any) -> Any:
    """Keep a string a string: launch would read "0" as a number."""
    return ParameterValue(value, value_type=str) if isinstance(value, str) else value


def _when_it_ends(name: str) -> Callable[[ProcessExited, LaunchContext], Action | None]:
    """Return launch's handler of a node's exit: it stops the other nodes.

    If the node failed, `ros2 launch` must exit with status 1. A Shutdown action always gives status 0. An exception in
    a handler also stops the other nodes, logs its text, and gives status 1.
    """

    def react(event: ProcessExited, context: LaunchContext) -> Action | None:
        if exit_failed(event.returncode, asked=context.is_shutdown):
            raise RosError(f"{describe_exit(name, event.returncode)}.")
        return None if context.is_shutdown else Shutdown(reason=f"{name} has exited")

    return react


def _image_transport() -> list[Action]:
    environment = dict(os.environ)
    set_image_transport(environment)
    changed = environment.items() - os.environ.items()
    return [SetEnvironmentVariable(name, value) for name, value in changed]
