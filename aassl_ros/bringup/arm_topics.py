"""The topics that the file of a real arm names, as launch arguments. An argument that was given goes first."""

from __future__ import annotations

from collections.abc import Mapping

from aassl_ros.data.interfaces import topics
from aassl_ros.motion.arms import load_arm


def with_arm_topics(values: Mapping[str, str]) -> dict[str, str]:
    """Fill in the empty topic arguments of a system with a real arm from the arm's file.

    Adds: cameras (names of all cameras, separated by commas), other_cameras (CAMERA:TOPIC of all but the first) and
    command_sources (GROUP:TOPIC), if the file has them. Raises ConfigError if the arm is unknown or its file is wrong.
    """
    filled = dict(values)
    if values.get("robot") != "real" or not values.get("arm"):
        return filled
    arm = load_arm(values["arm"])
    for key, topic in (("joint_states_topic", arm.joint_states_topic), ("command_topic", arm.command_topic)):
        filled[key] = values.get(key) or topic
    if arm.command_sources:
        filled["command_sources"] = ",".join(arm.command_sources)
    cameras = dict(entry.split(":", 1) for entry in arm.camera_topics)
    if not cameras or values.get("image_topic"):
        return filled
    camera = values["camera"]
    if camera not in cameras:
        if camera != topics.DEFAULT_CAMERA:
            return filled  # another camera than those of the file
        camera = next(iter(cameras))
    filled["camera"], filled["image_topic"] = camera, cameras.pop(camera)
    filled["cameras"] = ",".join((camera, *cameras))
    filled["other_cameras"] = ",".join(f"{name}:{topic}" for name, topic in cameras.items())
    return filled
