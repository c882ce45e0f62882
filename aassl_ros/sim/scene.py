"""The static scene: table, floor, walls, light (sim/scenes/NAME.yaml)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aassl_ros.errors import ConfigError
from aassl_ros.sim.assets import read_asset

_BOX_KEYS = {"name", "centre", "lengths", "colour"}
_LIGHT_KEYS = {"direction", "ambient", "diffuse", "specular"}


@dataclass(frozen=True)
class SceneBox:
    """A box. centre, lengths: metres, in the frame of the arm's base. colour: RGB from 0 to 1."""

    name: str
    centre: tuple[float, ...]
    lengths: tuple[float, ...]
    colour: tuple[float, ...]


@dataclass(frozen=True)
class Light:
    """One distant lamp. direction: from the scene to the lamp. ambient, diffuse, specular: intensities from 0 to 1."""

    direction: tuple[float, ...] = (0.5, 0.6, 1.0)
    ambient: float = 0.45
    diffuse: float = 0.55
    specular: float = 0.1


@dataclass(frozen=True)
class Scene:
    """Boxes and a light."""

    boxes: tuple[SceneBox, ...] = ()
    light: Light = field(default_factory=Light)


def load_scene(name: str = "table") -> Scene:
    """Load the scene sim/scenes/NAME.yaml, or a file by its path. Raises ConfigError, which names the wrong key."""
    values, source = read_asset("scenes", name)
    _check_keys(values, {"boxes", "light"}, source)
    boxes = tuple(_box(entry, source) for entry in values.get("boxes") or [])
    light = values.get("light") or {}
    _check_keys(light, _LIGHT_KEYS, f"{source}: light")
    if "direction" in light:
        light = {**light, "direction": _triple(light["direction"], f"{source}: light direction")}
    return Scene(boxes, Light(**light))


def _box(entry: Any, source: str) -> SceneBox:
    where = f"{source}: box {entry.get('name', '?') if isinstance(entry, dict) else entry}"
    _check_keys(entry, _BOX_KEYS, where)
    missing = sorted(_BOX_KEYS - set(entry))
    if missing:
        raise ConfigError(f"{where}: {missing[0]!r} is missing.")
    triples = {key: _triple(entry[key], f"{where}: {key}") for key in sorted(_BOX_KEYS - {"name"})}
    return SceneBox(name=str(entry["name"]), **triples)


def _check_keys(values: Any, known: set[str], where: str) -> None:
    unknown = sorted(set(values) - known) if isinstance(values, dict) else [values]
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}, expected {', '.join(sorted(known))}.")


def _triple(value: Any, where: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(number) for number in value)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or not np.isfinite(numbers).all():
        raise ConfigError(f"{where} = {value!r}, expected three numbers.")
    return numbers
