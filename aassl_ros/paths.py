"""Where the files beside the code are: config/, launch/ and sim/, in a checkout or installed under share/aassl_ros."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from aassl_ros.errors import ConfigError

_CHECKOUT = Path(__file__).resolve().parent.parent


def share(relative: str) -> Path:
    """The file or folder `relative` (as "config/recorder.yaml"): from the checkout, else from an install prefix.

    Raises ConfigError where none is installed.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    # Of a colcon or pip install the code lies in PREFIX/lib/pythonX/site-packages, so PREFIX is three above the
    # package's folder. It comes first: another prefix may hold files of another version.
    candidates = [_CHECKOUT] if (_CHECKOUT / "package.xml").exists() else []
    candidates += [prefix / "share" / "aassl_ros" for prefix in [*_CHECKOUT.parents[2:3], *prefixes, Path(sys.prefix)]]
    for root in candidates:
        if (root / relative).exists():
            return root / relative
    looked = ", ".join(str(root) for root in candidates)
    raise ConfigError(
        f"{relative} is not installed (looked in {looked}). Install again: pip install -e . or colcon build."
    )
