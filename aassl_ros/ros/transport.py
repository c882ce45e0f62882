"""Fast DDS shared memory large enough for camera images.

A 640x480 rgb8 image (921 KB) exceeds Fast DDS's default segment (549 KB); best-effort subscribers then get nothing,
and nothing says so. The profile config/fastdds_images.xml gives a 16 MB segment and keeps UDP beside it.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from importlib.metadata import version

from aassl_ros.paths import share

_CURRENT = "FASTDDS_DEFAULT_PROFILES_FILE"
_OLD = "FASTRTPS_DEFAULT_PROFILES_FILE"
# Humble (rclpy 3) and Jazzy (7) read only the old name; Kilted (9) warns of it.
_FIRST_RCLPY_OF_CURRENT = 8


def profile_variable() -> str:
    """The variable that this machine's Fast DDS reads its profile's path from."""
    return _CURRENT if int(version("rclpy").split(".")[0]) >= _FIRST_RCLPY_OF_CURRENT else _OLD


def set_image_transport(environment: MutableMapping[str, str] = os.environ) -> str:
    """Point Fast DDS at our profile, before rclpy.init; a profile that the user has set is never overridden.

    Returns the path of the profile in force.
    """
    for variable in (_CURRENT, _OLD):
        if environment.get(variable):
            return environment[variable]
    profile = str(share("config/fastdds_images.xml"))
    environment[profile_variable()] = profile
    return profile
