"""Imports the libraries of the extra `lerobot` where they are used, so that nothing else needs them."""

from __future__ import annotations

import importlib
from typing import Any

from aassl_ros.errors import ConfigError


def load(name: str) -> Any:
    """Import av or a module of pyarrow. Raises ConfigError, which says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ConfigError(f"{package} is not installed. Run: pip install 'aassl_ros[lerobot]'") from error
