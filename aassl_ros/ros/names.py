"""One line for a name of a topic, service or node that ROS refuses."""

from __future__ import annotations

from rclpy.exceptions import NameValidationException
from rclpy.validate_topic_name import validate_topic_name

from aassl_ros.errors import ConfigError


def check_topic_name(name: str) -> None:
    """Raise ConfigError if ROS refuses a topic's name."""
    try:
        validate_topic_name(name)
    except NameValidationException as error:
        raise name_error(error) from error


def name_error(error: NameValidationException) -> ConfigError:
    """Describe a refused name in one line: rclpy shows its wrong place in lines of its own."""
    # "Invalid topic name: REASON:", the quoted name, and a mark below its wrong character.
    reason, name = [line.strip().rstrip(":") for line in str(error).splitlines()][:2]
    return ConfigError(
        f"ROS refuses {name}. {reason}. "
        "Names of cameras and topics consist of letters, digits, '_' and '/', and no part begins with a digit."
    )
