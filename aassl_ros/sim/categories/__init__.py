"""The object categories: each is a function that draws the parts of one instance from a random generator.

Within a category proportions, part layout and options vary widely. Only the shape depends on the category.
Objects are upright: z is up and x points to the front, so that poses of different instances can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from aassl_ros.sim.categories import carried, creatures, furniture, kitchen, outdoors, tools, vehicles
from aassl_ros.sim.categories.part import Part

CategoryFunction = Callable[[np.random.Generator], list[Part]]

CATEGORIES: Mapping[str, CategoryFunction] = {
    "airplane": outdoors.airplane,
    "bicycle": vehicles.bicycle,
    "boat": outdoors.boat,
    "bottle": kitchen.bottle,
    "bowl": kitchen.bowl,
    "car": outdoors.car,
    "chair": furniture.chair,
    "dog": outdoors.dog,
    "dumbbell": tools.dumbbell,
    "fish": creatures.fish,
    "glasses": carried.glasses,
    "guitar": carried.guitar,
    "hammer": tools.hammer,
    "headphones": tools.headphones,
    "helicopter": vehicles.helicopter,
    "key": carried.key,
    "lamp": furniture.lamp,
    "mug": kitchen.mug,
    "pan": kitchen.pan,
    "person": creatures.person,
    "rocket": vehicles.rocket,
    "scissors": tools.scissors,
    "stairs": furniture.stairs,
    "table": furniture.table,
    "teapot": kitchen.teapot,
    "umbrella": carried.umbrella,
}
