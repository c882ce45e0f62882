"""Find the files next to the code (config/, launch/, sim/), in a checkout or installed under share/aassl_ros."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from aassl_ros.errors import ConfigError

PACKAGE_SCHEME = "package://"
_CHECKOUT = Path(__file__).resolve().parent.parent


def share(relative: str) -> Path:
    """Return the file or folder `relative` (such as "config/recorder.yaml") of the checkout or of an install prefix.

    Raises ConfigError if it is not installed.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    # colcon and pip install the code in PREFIX/lib/pythonX/site-packages, so PREFIX is three levels above the
    # package's folder. It comes first: another prefix may hold files of another version.
    candidates = [_CHECKOUT] if (_CHECKOUT / "package.xml").exists() else []
    candidates += [prefix / "share" / "aassl_ros" for prefix in [*_CHECKOUT.parents[2:3], *prefixes, Path(sys.prefix)]]
    for root in candidates:
        if (root / relative).exists():
            return root / relative
    looked = ", ".join(str(root) for root in candidates)
    raise ConfigError(
        f"{relative} is not installed (searched: {looked}). Install again: pip install -e . or colcon build."
    )


def find_package_file(uri: str) -> Path | None:
    """Return the file that package://NAME/PATH names: in the ROS package NAME, else in the Python package NAME.

    None if there is no such file on this machine.
    """
    name, _, relative = uri.removeprefix(PACKAGE_SCHEME).partition("/")
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    folders = [*(prefix / "share" / name for prefix in prefixes), python_package_folder(name)]
    return next((folder / relative for folder in folders if folder and (folder / relative).is_file()), None)


def python_package_folder(name: str) -> Path | None:
    """Return the folder of an installed Python package without importing it; None if it is not installed."""
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    return Path(found.submodule_search_locations[0]) if found and found.submodule_search_locations else None
