"""Node parameters made from a settings class: declared with description and range, read back as the dataclass.

A later change of a parameter is either applied at once or refused with the reason. Every accepted change has an effect.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from aassl_ros.errors import ConfigError
from aassl_ros.settings import SettingInfo, describe, from_mapping

S = TypeVar("S")

_INT64_MAX = 2**63 - 1


def declare_settings(node: Node, cls: type[S], *, read_only: bool = False) -> S:
    """Declare every field of the settings class `cls` as a parameter of `node`. Returns the values at the start.

    read_only: the node reads its parameters only once. rclpy then refuses later changes.
    Raises ConfigError that names the node, the key, the value and what was expected.
    """
    for info in describe(cls):
        default = list(info.default) if info.item_type is not None else info.default
        try:
            node.declare_parameter(info.name, default, descriptor(info, read_only=read_only))
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            given = node._parameter_overrides[info.name].value  # rclpy has no public way to get it
            hint = f" (write {float(given)}, not {given})" if info.kind is float and type(given) is int else ""
            if info.kind is str and isinstance(given, (bool, int, float)):
                hint = " (put it in quotes, as '1')"
            raise ConfigError(
                f"{node.get_name()}: {info.name} = {given!r}, expected {info.expected()}{hint}."
            ) from error
    return read_settings(node, cls)


def guard_settings(
    node: Node,
    cls: type[S],
    *,
    state_in_use: Callable[[], str],
    at_once: Collection[str] = (),
    apply: Callable[[S], None] | None = None,
) -> None:
    """Check every later change of the parameters of `cls`. Refuse a wrong value, and a change that comes too late.

    state_in_use: returns the node's state if the node has read its parameters, else "". at_once: parameters that may
    also be changed then. `apply` is called with the new settings and must apply them, or raise ConfigError.
    """
    names = {info.name for info in describe(cls)}

    def judge(parameters: Sequence[Parameter[Any]]) -> SetParametersResult:
        changes = {parameter.name: parameter.value for parameter in parameters if parameter.name in names}
        if not changes:
            return SetParametersResult(successful=True)
        before = read_settings(node, cls)
        values = {name: getattr(before, name) for name in names}
        try:
            after = from_mapping(cls, values | changes, source=node.get_name())
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        state = state_in_use()
        late = [name for name in sorted(changes) if name not in at_once and getattr(after, name) != values[name]]
        if state and late:
            reason = (
                f"{node.get_name()}: {late[0]} is read when the node is configured, and it is {state} now. Set it "
                f"before configure (ros2 lifecycle set {node.get_fully_qualified_name()} deactivate, then cleanup)."
            )
            return SetParametersResult(successful=False, reason=reason)
        if state and apply is not None:
            try:
                apply(after)
            except ConfigError as error:
                return SetParametersResult(successful=False, reason=f"{node.get_name()}: {error}")
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(judge)


def refuse_unknown(node: Node) -> None:
    """Raise ConfigError if the node was started with an unknown parameter. rclpy would ignore it."""
    unknown = sorted(name for name in node._parameter_overrides if not node.has_parameter(name))
    if unknown:
        known = ", ".join(sorted(node.get_parameters_by_prefix("")))
        raise ConfigError(f"{node.get_name()}: unknown parameter {unknown[0]!r}, expected one of {known}.")


def read_settings(node: Node, cls: type[S]) -> S:
    """Return the present values of the parameters. Raises ConfigError as `from_mapping` does."""
    values: dict[str, Any] = {}
    for info in describe(cls):
        value = node.get_parameter(info.name).value
        values[info.name] = info.default if value is None else value
    return from_mapping(cls, values, source=node.get_name())


def descriptor(info: SettingInfo, *, read_only: bool = False) -> ParameterDescriptor:
    """Make the ROS parameter descriptor of one setting."""
    result = ParameterDescriptor(name=info.name, description=info.description, read_only=read_only)
    if info.choices is not None:
        result.additional_constraints = info.expected()
    # rclpy takes an empty list for a byte array and would refuse strings later, so from_mapping checks types of lists.
    result.dynamic_typing = info.item_type is not None
    if info.item_type is None and (info.minimum is not None or info.maximum is not None):
        if info.kind is float:
            low = -sys.float_info.max if info.minimum is None else float(info.minimum)
            high = sys.float_info.max if info.maximum is None else float(info.maximum)
            result.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        else:
            low_int = -_INT64_MAX if info.minimum is None else int(info.minimum)
            high_int = _INT64_MAX if info.maximum is None else int(info.maximum)
            result.integer_range = [IntegerRange(from_value=low_int, to_value=high_int)]
    return result
