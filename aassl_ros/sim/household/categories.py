"""The categories of the household set: the shape, the materials of its parts, and what is printed on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from aassl_ros.sim.categories import CATEGORIES
from aassl_ros.sim.categories.part import Part
from aassl_ros.sim.household import desk, food, handy, tableware

Shape = Callable[[np.random.Generator], list[Part]]


@dataclass(frozen=True)
class HouseholdCategory:
    """One category.

    shape: draws the parts of an instance. materials: for each group of parts, names of materials separated by "|", one
    of which is drawn; the last entry serves all further groups. print: kind of print on group 0, "" for none; several
    kinds are separated by "|". mapping: how the print lies on the object: "wrap" (around z) or "box" (on six faces).
    printed_group: the group of parts that has the print.
    """

    shape: Shape
    materials: tuple[str, ...]
    print: str = ""
    mapping: str = "wrap"
    printed_group: int = 0


def _known(name: str, materials: tuple[str, ...], print: str = "", mapping: str = "wrap") -> HouseholdCategory:
    return HouseholdCategory(CATEGORIES[name], materials, print, mapping)


_METAL, _GRIP = "steel|chrome|painted", "plastic|rubber|wood"

HOUSEHOLD: Mapping[str, HouseholdCategory] = {
    "airplane": _known("airplane", ("plastic|painted|wood",), "stripes|logo|", "box"),
    "apple": HouseholdCategory(food.apple, ("apple", "stalk", "leaf")),
    "ball": HouseholdCategory(food.ball, ("rubber_any|leather|plastic", "rubber"), "stripes|patches|logo|", "box"),
    "banana": HouseholdCategory(food.banana, ("banana", "stalk")),
    "book": HouseholdCategory(desk.book, ("cloth|paper_any", "pages"), "cover", "box"),
    "bottle": _known("bottle", ("glass|plastic", "plastic|steel", "paper_any"), "label|label|"),
    "bowl": _known("bowl", ("ceramic|wood|steel|plastic",), "stripes|flowers|"),
    "brush": HouseholdCategory(handy.brush, ("plastic|wood", "bristle", "steel")),
    "camera": HouseholdCategory(
        desk.camera, ("plastic_dark|steel|plastic", "plastic_dark|steel", "lens"), "logo|", "box"
    ),
    "can": HouseholdCategory(tableware.can, ("painted|steel", "steel"), "label"),
    "candle": HouseholdCategory(tableware.candle, ("wax", "steel|ceramic|brass", "soot"), "|stripes"),
    "car": _known("car", ("painted|plastic", "rubber", "lens", "steel"), "stripes|logo|", "box"),
    "carrot": HouseholdCategory(food.carrot, ("carrot", "leaf")),
    "carton": HouseholdCategory(desk.carton, ("cardboard|paper_any", "cardboard|plastic"), "label|cover|tape", "box"),
    "clock": HouseholdCategory(desk.clock, ("plastic|wood|steel|brass", "pages", "soot|steel"), "dial", "face", 1),
    "comb": HouseholdCategory(handy.comb, ("plastic|horn|wood", "rubber")),
    "dice": HouseholdCategory(food.dice, ("plastic|wood|pages", "soot|pages")),
    "duck": HouseholdCategory(food.duck, ("rubber_any", "beak", "soot"), "|stripes"),
    "fork": HouseholdCategory(tableware.fork, ("steel|brass|plastic", "steel|wood|plastic")),
    "glasses": _known("glasses", ("plastic|horn|steel", "lens|glass", "plastic|steel")),
    "hammer": _known("hammer", ("wood|plastic", "rubber|wood|plastic", _METAL)),
    "hat": HouseholdCategory(handy.hat, ("cloth|straw|leather", "cloth|leather"), "logo|stripes|"),
    "jar": HouseholdCategory(tableware.jar, ("glass|ceramic", "steel|plastic|wood|cloth", "steel"), "label|flowers|"),
    "key": _known("key", ("steel|brass", "steel|brass|plastic", "steel")),
    "keyboard": HouseholdCategory(
        desk.keyboard, ("plastic_dark|plastic|pages", "plastic_dark|pages|plastic", "rubber")
    ),
    "lamp": _known("lamp", ("steel|wood|ceramic|brass", "cloth|plastic|painted", "steel|brass"), "|flowers|stripes"),
    "light_bulb": HouseholdCategory(desk.light_bulb, ("glass|pages|wax", "brass|steel", "soot|plastic")),
    "mug": _known("mug", ("ceramic|plastic|steel", "ceramic|plastic"), "logo|stripes|flowers|label|"),
    "pan": _known("pan", ("steel|iron|painted", "wood|plastic_dark|steel")),
    "pear": HouseholdCategory(food.pear, ("pear", "stalk", "leaf")),
    "phone": HouseholdCategory(
        desk.phone, ("plastic_dark|plastic|steel", "lens", "plastic_dark|pages"), "screen", "box", 1
    ),
    "plate": HouseholdCategory(tableware.plate, ("ceramic|wood|plastic",), "flowers|rings|rings|", "top"),
    "remote": HouseholdCategory(desk.remote, ("plastic_dark|pages|plastic", "rubber|pages|rubber_any"), "|logo", "box"),
    "scissors": _known("scissors", ("steel|painted", "plastic|rubber|steel", "steel")),
    "screwdriver": HouseholdCategory(handy.screwdriver, ("plastic|wood|rubber_any", "steel|chrome"), "|stripes|logo"),
    "shoe": HouseholdCategory(
        handy.shoe, ("leather|cloth|rubber_any", "rubber|pages", "cloth|leather", "pages|cloth"), "logo|stripes|", "box"
    ),
    "spoon": HouseholdCategory(tableware.spoon, ("steel|wood|plastic|brass", "steel|wood|plastic")),
    "spray_bottle": HouseholdCategory(tableware.spray_bottle, ("plastic|glass", "plastic", "plastic"), "label"),
    "squeeze_tube": HouseholdCategory(tableware.squeeze_tube, ("plastic|pages|steel", "plastic"), "label", "face"),
    "stapler": HouseholdCategory(
        desk.stapler, ("plastic|painted|steel", "plastic_dark|painted", "steel"), "|logo", "box"
    ),
    "teapot": _known("teapot", ("ceramic|steel|iron", "ceramic|steel|wood"), "flowers|stripes|"),
    "wine_glass": HouseholdCategory(tableware.wine_glass, ("glass",), "|logo|rings"),
    "wrench": HouseholdCategory(handy.wrench, ("steel|chrome|iron|painted", "rubber|plastic")),
}

OTHERS: Mapping[str, HouseholdCategory] = {
    "bicycle": _known("bicycle", (_METAL, "rubber", "plastic")),
    "boat": _known("boat", ("wood|painted|plastic",), "stripes|", "box"),
    "chair": _known("chair", ("wood|plastic|steel", "wood|steel", "cloth|wood|plastic")),
    "dog": _known("dog", ("cloth|plastic|wood",)),
    "dumbbell": _known("dumbbell", ("steel|chrome", "iron|painted|rubber")),
    "fish": _known("fish", ("plastic|painted|rubber_any",), "stripes|", "box"),
    "guitar": _known("guitar", ("wood|painted", "wood", "wood", "steel"), "|logo", "box"),
    "headphones": _known("headphones", ("plastic_dark|plastic", "plastic|steel", "leather|rubber")),
    "helicopter": _known("helicopter", ("painted|plastic",), "stripes|logo", "box"),
    "person": _known("person", ("cloth|plastic", "plastic|wood", "cloth|plastic", "leather|cloth")),
    "table": _known("table", ("wood|plastic", "wood|steel")),
    "umbrella": _known("umbrella", ("cloth|plastic", "steel|wood", _GRIP), "|stripes|flowers", "top"),
}
"""Categories that are not in the household set, to measure whether an adapted encoder forgets them."""
