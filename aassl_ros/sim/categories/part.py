"""What a category function gives back."""

from __future__ import annotations

from typing import NamedTuple

from aassl_ros.sim.categories.shapes import Mesh


class Part(NamedTuple):
    """One part of an object. Parts of one group (a small number) get one colour, which the catalogue draws."""

    mesh: Mesh
    group: int
