"""Set the environment variables that rclpy needs, so that the user does not have to.

Call `prepare_environment()` before the first import of rclpy. Every node's `main` (ros/base.py) and every command that
uses ROS does so. If a ROS installation is sourced, nothing changes. If ROS 2 comes from wheels, two variables are set:

- AMENT_PREFIX_PATH: rclpy finds its middleware through it. The wheels' prefix is added. Prefixes of another
  environment's wheels, inherited from a parent process, are removed.
- LD_LIBRARY_PATH: the wheels' start-up file sets it and restarts Python. It does not if its guard variable was
  inherited from the Python of another environment. In that case Python is restarted here, once.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from aassl_ros.errors import ConfigError

GUARD = "_ROS_WHEELS_BOOTSTRAP_COMPLETE"
_MARKER = Path("share/ament_index/resource_index/packages/rclpy")
_MIDDLEWARE = Path("share/ament_index/resource_index/rmw_typesupport")


def sourced_prefix() -> Path | None:
    """Return the prefix of the sourced ROS installation: the first on AMENT_PREFIX_PATH with an rclpy not from wheels.

    None if no installation is sourced.
    """
    for entry in _entries("AMENT_PREFIX_PATH"):
        if (Path(entry) / _MARKER).exists() and not _holds_wheels(entry):
            return Path(entry)
    return None


def wheels_prefix() -> Path | None:
    """Return the prefix that ROS 2 wheels are installed under (a virtual environment's folder); None without wheels."""
    if importlib.util.find_spec("ros_wheels_bootstrapper") is None:
        return None
    spec = importlib.util.find_spec("rclpy")
    if spec is None or spec.origin is None:
        return None
    # PREFIX/lib/pythonX.Y/site-packages/rclpy/__init__.py
    prefix = Path(spec.origin).parents[4]
    return prefix if (prefix / _MARKER).exists() else None


def prepare_environment() -> None:
    """Set the variables that ROS 2 wheels need. Call it first: it may restart Python. A second call does nothing."""
    prefix = wheels_prefix()
    if prefix is None or sourced_prefix() is not None:
        return
    others = [entry for entry in _entries("AMENT_PREFIX_PATH") if not _holds_wheels(entry)]
    os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join([*others, str(prefix)])
    # The loader reads LD_LIBRARY_PATH only when a process starts, so Python has to be restarted.
    missing = [folder for folder in _library_folders(prefix) if folder not in _entries("LD_LIBRARY_PATH")]
    if missing:
        os.environ["LD_LIBRARY_PATH"] = os.pathsep.join([*missing, *_entries("LD_LIBRARY_PATH")])
        os.environ[GUARD] = "1"
        sys.stdout.flush()
        os.execv(sys.executable, sys.orig_argv)


def check_middleware() -> None:
    """Raise ConfigError if RMW_IMPLEMENTATION names a middleware that is not installed.

    Call it before the first import of rclpy. With wheels, that import would end the process with a message of rcl.
    """
    asked = os.environ.get("RMW_IMPLEMENTATION", "")
    prefixes = [*map(Path, _entries("AMENT_PREFIX_PATH")), *filter(None, [wheels_prefix()])]
    found = {path.name for prefix in prefixes for path in (prefix / _MIDDLEWARE).glob("rmw_*")} - {"rmw_implementation"}
    if asked and found and asked not in found:
        raise ConfigError(
            f"RMW_IMPLEMENTATION = {asked!r} is not installed here, expected one of {', '.join(sorted(found))}. "
            f"Install ros-DISTRO-{asked.replace('_', '-')}, or unset RMW_IMPLEMENTATION."
        )


def _holds_wheels(prefix: str) -> bool:
    return any(Path(prefix).glob("lib/python3*/site-packages/ros_wheels_bootstrapper"))


def _library_folders(prefix: Path) -> list[str]:
    packages = prefix / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    return [str(prefix / "lib"), *sorted(str(folder.resolve()) for folder in packages.glob("ros_*.libs"))]


def _entries(name: str) -> list[str]:
    return [entry for entry in os.environ.get(name, "").split(os.pathsep) if entry]
