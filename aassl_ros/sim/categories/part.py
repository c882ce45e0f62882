"""The return type of category functions."""

from __future__ import annotations

from typing import NamedTuple

from aassl_ros.sim.categories.shapes import Mesh


class Part(NamedTuple):
    """One part of an object. Parts with the same group number get one colour, which the catalogue draws."""

    mesh: Mesh
    group: int
