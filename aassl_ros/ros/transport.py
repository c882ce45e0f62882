"""Give Fast DDS a shared-memory segment that is large enough for camera images.

A 640x480 rgb8 image (921 KB) does not fit into Fast DDS's default segment (549 KB). Best-effort subscribers then get
nothing, without any error. The profile config/fastdds_images.xml sets a segment of 16 MB, and keeps UDP enabled.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from importlib.metadata import version

from aassl_ros.paths import share

_CURRENT = "FASTDDS_DEFAULT_PROFILES_FILE"
_OLD = "FASTRTPS_DEFAULT_PROFILES_FILE"
# Humble (rclpy 3) and Jazzy (7) read only the old name; Kilted (9) warns that it is deprecated.
_FIRST_RCLPY_OF_CURRENT = 8


def profile_variable() -> str:
    """Return the name of the environment variable from which this Fast DDS reads the path of its profile."""
    return _CURRENT if int(version("rclpy").split(".")[0]) >= _FIRST_RCLPY_OF_CURRENT else _OLD


def set_image_transport(environment: MutableMapping[str, str] = os.environ) -> str:
    """Set our Fast DDS profile in the environment, unless the user has set one. Call it before rclpy.init.

    Returns the path of the profile that is used.
    """
    for variable in (_CURRENT, _OLD):
        if environment.get(variable):
            return environment[variable]
    profile = str(share("config/fastdds_images.xml"))
    environment[profile_variable()] = profile
    return profile
