"""Fast DDS shared memory large enough for camera images.

A 640x480 rgb8 image (921 KB) exceeds Fast DDS's default segment (549 KB); best-effort subscribers then get nothing, and nothing says so.
The profile config/fastdds_images.xml gives a 16 MB segment and keeps UDP beside it.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

from aassl_ros.paths import share

# Kilted reads the first, Jazzy and Humble only the second.
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def set_image_transport(environment: MutableMapping[str, str] = os.environ) -> str:
    """Point Fast DDS at our profile, before rclpy.init; a profile that the user has set is never overridden.

    Returns the path of the profile in force.
    """
    for variable in PROFILE_VARIABLES:
        if environment.get(variable):
            return environment[variable]
    profile = str(share("config/fastdds_images.xml"))
    for variable in PROFILE_VARIABLES:
        environment[variable] = profile
    return profile
