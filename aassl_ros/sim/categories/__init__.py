"""The object categories: each is a function that draws one instance's parts from a random generator.

Within a category proportions, part layout and options vary widely; what the category is lies in its shape alone.
Objects stand upright: z is up and x points to the front, so that poses of different instances can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from aassl_ros.sim.categories import furniture, kitchen, outdoors, tools
from aassl_ros.sim.categories.part import Part

CategoryFunction = Callable[[np.random.Generator], list[Part]]

CATEGORIES: Mapping[str, CategoryFunction] = {
    "airplane": outdoors.airplane,
    "boat": outdoors.boat,
    "bottle": kitchen.bottle,
    "bowl": kitchen.bowl,
    "car": outdoors.car,
    "chair": furniture.chair,
    "dog": outdoors.dog,
    "dumbbell": tools.dumbbell,
    "hammer": tools.hammer,
    "headphones": tools.headphones,
    "lamp": furniture.lamp,
    "mug": kitchen.mug,
    "pan": kitchen.pan,
    "stairs": furniture.stairs,
    "table": furniture.table,
    "teapot": kitchen.teapot,
}
