"""Reads YAML files of the simulator, sim/catalogues/*.yaml and sim/scenes/*.yaml, by name or by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aassl_ros.errors import ConfigError
from aassl_ros.paths import share


def read_asset(kind: str, name: str) -> tuple[Mapping[str, Any], str]:
    """Read sim/KIND/NAME.yaml, or the file `name` if it ends in .yaml.

    Returns the values, and the path for error messages. Raises ConfigError if the file is missing, is not YAML or
    contains no keys.
    """
    folder = share(f"sim/{kind}")
    path = Path(name) if name.endswith(".yaml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ConfigError(f"{path} does not exist; known {kind}: {known}.")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(values, Mapping):
        raise ConfigError(f"{path} contains no keys, expected a YAML mapping.")
    return values, str(path)
