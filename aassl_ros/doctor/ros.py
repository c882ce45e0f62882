"""Check ROS 2: where it comes from, its message packages, and the transport of camera images."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
from pathlib import Path

from aassl_ros.doctor.finding import Finding, try_python
from aassl_ros.paths import share
from aassl_ros.ros.transport import set_image_transport
from aassl_ros.ros_environment import prepare_environment, sourced_prefix, wheels_prefix

_DISTRIBUTION_OF_RCLPY = {"3": "Humble", "7": "Jazzy", "9": "Kilted"}
_MESSAGES = {
    "sensor_msgs": "Image",
    "std_msgs": "String",
    "std_srvs": "",
    "geometry_msgs": "PoseStamped",
    "trajectory_msgs": "JointTrajectory",
    "diagnostic_msgs": "DiagnosticArray",
    "rosgraph_msgs": "Clock",
    "lifecycle_msgs": "State",
    "vision_msgs": "Classification",
    "tf2_msgs": "TFMessage",
}
_GENERATED = ("vision_msgs", "tf2_msgs")
# Each of our processes uses a 16 MB segment and some ports. The online system with its tools has eight processes.
_SHARED_MEMORY_NEEDED = 160 * 2**20


def check_ros() -> Finding:
    """Find ROS 2, sourced or from wheels, and check that rclpy starts."""
    prepare_environment()
    wheels, sourced = wheels_prefix(), sourced_prefix()
    if wheels is None and sourced is None:
        return Finding(
            "ROS 2", False, "no rclpy", "source a ROS 2 installation, or in the checkout: pip install '.[ros]'"
        )
    trial = try_python("-c", "import rclpy; rclpy.init(); rclpy.create_node('aassl_doctor'); rclpy.shutdown()")
    if trial.error is not None:
        fix = "in a fresh checkout: make setup"
        if sourced is not None:
            fix = f"use the Python that ROS was built for: /usr/bin/python3 -m venv --system-site-packages ({sourced})"
        return Finding("ROS 2", False, f"rclpy does not start: {trial.error}", fix)
    if sourced is not None:
        both = " ROS 2 wheels are installed as well." if importlib.util.find_spec("ros_wheels_bootstrapper") else ""
        name = os.environ.get("ROS_DISTRO", sourced.name)
        fix = "make a new environment while ROS is sourced: make clean setup" if both else ""
        return Finding("ROS 2", not both, f"{name.capitalize()} at {sourced}.{both}", fix)
    version = importlib.metadata.version("ros-rclpy")
    name = _DISTRIBUTION_OF_RCLPY.get(version.split(".")[0], "an unknown distribution")
    return Finding("ROS 2", True, f"{name} from wheels (rclpy {version}) at {wheels}")


def check_launch() -> Finding:
    """Report how systems are started: with ros2 launch, or with `aassl up` if launch is not installed."""
    if shutil.which("ros2") and importlib.util.find_spec("launch_ros"):
        return Finding("launch", True, "ros2 launch aassl_ros NAME.launch.py, or aassl up NAME")
    return Finding("launch", True, "aassl up NAME (ros2 launch comes only with a ROS installation)")


def check_messages() -> Finding:
    """Check that every message package that the nodes use is installed and loads."""
    lacking: dict[str, str] = {}
    for package, message in _MESSAGES.items():
        load = f"from {package}.msg import {message} as M; M.__class__.__import_type_support__()"
        trial = try_python("-c", load if message else f"import {package}.srv")
        if trial.error is not None:
            lacking[package] = trial.error
    if not lacking:
        return Finding("messages", True, ", ".join(_MESSAGES))
    sourced = sourced_prefix()
    if sourced is not None:
        names = " ".join(f"ros-{sourced.name}-{package.replace('_', '-')}" for package in lacking)
        fix = f"apt install {names}"
    elif set(lacking) <= set(_GENERATED):
        fix = "python -m aassl_ros.messages"
    else:
        fix = "in the checkout: pip install '.[ros]' && python -m aassl_ros.messages"
    return Finding("messages", False, "; ".join(f"{name}: {error}" for name, error in lacking.items()), fix)


def check_images() -> Finding:
    """Send 640x480 images from one process to another, best effort, as cameras do."""
    profile = Path(set_image_transport())
    whose = "our profile" if profile == share("config/fastdds_images.xml") else f"your profile {profile}"
    trial = try_python("-m", "aassl_ros.ros.image_probe")
    if trial.error is not None:
        return Finding("images", False, trial.error, "fix ROS 2 first")
    answer = json.loads(trial.output.splitlines()[-1])
    found = f"{answer['received']} of {answer['sent']} images of 640x480 arrived, with {whose}"
    if answer["received"] < 0.9 * answer["sent"]:
        fix = "give Fast DDS a shared-memory segment of 16 MB (as in config/fastdds_images.xml); check shared memory"
        return Finding("images", False, found, fix)
    return Finding("images", True, f"{found}, {answer['latency_ms']:.1f} ms each")


def check_shared_memory() -> Finding:
    """Check the free space in /dev/shm, which transports images. Containers often have little of it."""
    folder = Path("/dev/shm")
    if not os.access(folder, os.W_OK):
        return Finding("shared memory", False, "/dev/shm cannot be written", "mount -t tmpfs -o size=1G tmpfs /dev/shm")
    usage = shutil.disk_usage(folder)
    segments = len(list(folder.glob("fastrtps_*")) + list(folder.glob("fastdds_*")))
    found = f"{usage.free / 2**20:.0f} MB free of {usage.total / 2**20:.0f} in /dev/shm, {segments} files of Fast DDS"
    if usage.free < _SHARED_MEMORY_NEEDED:
        fix = "remove segments of killed processes (fastdds shm clean), or enlarge it: docker run --shm-size=1g, or"
        return Finding("shared memory", False, found, f"{fix} mount -o remount,size=1G /dev/shm")
    return Finding("shared memory", True, found)
