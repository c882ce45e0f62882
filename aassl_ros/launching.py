"""A launch description of a system, for launch/*.launch.py. launch and launch_ros come with a ROS installation."""

from __future__ import annotations

import os

from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from aassl_ros.nodes.transport import set_image_transport
from aassl_ros.system import PACKAGE, NodeSpec, nodes, system


def launch_description(name: str) -> LaunchDescription:
    """The system `name` as launch actions: its arguments declared, its nodes made when their values are known."""
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
    return [_node(spec) for spec in nodes(name, values)]


def _node(spec: NodeSpec) -> Node:
    return Node(
        package=PACKAGE,
        executable=spec.name,
        name=spec.name,
        namespace=spec.namespace,
        parameters=[spec.parameters_file, dict(spec.parameters)],
        remappings=list(spec.remappings),
        ros_arguments=["--log-level", spec.log_level],
        output="screen",
        # A node that ends takes the rest with it: the explorer whose schedule is done, and one that has failed, lest
        # the others go on recording nothing.
        on_exit=Shutdown(reason=f"{spec.name} has ended"),
        # A recorder drains and closes its bag, a trainer saves its checkpoint, within this time.
        sigterm_timeout="30",
    )


def _image_transport() -> list[Action]:
    environment = dict(os.environ)
    set_image_transport(environment)
    changed = environment.items() - os.environ.items()
    return [SetEnvironmentVariable(name, value) for name, value in changed]
