"""Which views are taught and which are asked in the open-set protocol.

As in the protocol of Swiss DINO on iCubWorld: a few views of some names are taught; other views of these, and of names
that are never taught, are asked. A name is a category, or a single object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.prepared.data import EpisodeRow, PreparedData, validation_instances
from aassl_ros.errors import DataError
from aassl_ros.learning.readout.spacing import evenly_spaced

LEVELS = ("category", "object")


@dataclass(frozen=True)
class Name:
    """What is taught and asked under one name, as indices of frames, int64 [N] each.

    taught: for each object, the views that may be taught. asked: the other views. handled: the episode of each of
    these; in one episode one object is handled.
    """

    name: str
    taught: tuple[NDArray[np.int64], ...]
    asked: NDArray[np.int64]
    handled: NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """A random choice of known names, sorted.

    views: for each known name its views in the order in which they are taught. objects: the object of each of them.
    all_views, all_objects: the same for every view that may be taught. known: views that are asked, with their
    names in `targets`, indices into the known names. unknown: asked views of the other names. known_handled,
    unknown_handled: the episode of each asked view. int64 [N] each.
    """

    names: tuple[str, ...]
    views: tuple[NDArray[np.int64], ...]
    objects: tuple[NDArray[np.int64], ...]
    known: NDArray[np.int64]
    known_handled: NDArray[np.int64]
    targets: NDArray[np.int64]
    unknown: NDArray[np.int64]
    unknown_handled: NDArray[np.int64]

    def taught(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The first `count` views of each name (0: all): their frames, names and objects, int64 [G] each."""
        most = count or None
        names = [np.full(len(each[:most]), place) for place, each in enumerate(self.views)]
        objects = [each[:most] for each in self.objects]
        return np.concatenate([each[:most] for each in self.views]), np.concatenate(names), np.concatenate(objects)


def plan_names(data: PreparedData, level: str, frames_per_object: int, split: str) -> tuple[Name, ...]:
    """Choose the views that may be taught and those that are asked.

    Args:
        data: labelled prepared data.
        level: "category": train objects are taught, the objects of the split are asked. "object": objects of the split;
            the first episodes of each are taught and the others asked, or the halves of its only one.
        frames_per_object: at most so many views of each object, evenly spread in time.
        split: "test", or "val": objects that are taken out of the set train.

    Returns:
        The names, sorted; those with nothing to teach or to ask are left out.

    Raises:
        DataError: there are fewer than three names, so that none could be unknown beside two known ones; or an object
            is on both sides.
    """
    held_out = validation_instances(data) if split == "val" else ()
    rows = [row for row in data.episodes if row.category and row.stop > row.start]
    asked = [row for row in rows if (row.instance in held_out if split == "val" else row.set == "test")]
    taught = [row for row in rows if row.set == "train" and row.instance not in held_out]
    if both := sorted({row.instance for row in asked} & {row.instance for row in taught}):
        raise DataError(f"{data.path}: {', '.join(both[:5])} is in both train and {split}. Assign it to one set.")
    if level == "category":
        found = _categories(_episodes(taught), _episodes(asked), frames_per_object)
    else:
        found = _objects(_episodes(asked), frames_per_object)
    names = tuple(Name(*each, data.episode_of[each[2]].astype(np.int64)) for each in found if each[1] and len(each[2]))
    if len(names) < 3:
        advice = " Take some out of train with --split val." if split == "test" else ""
        raise DataError(
            f"{data.path} has {len(names)} names of level {level} with views to teach and to ask, expected three or "
            f"more. There are {len(asked)} labelled episodes of {split} objects.{advice}"
        )
    return names


def draw_known(names: Sequence[Name], share: float, rng: np.random.Generator) -> Draw:
    """Choose the known names, and the order in which their views are taught: one of each object, then another."""
    count = min(max(2, round(share * len(names))), len(names) - 1)
    order = rng.permutation(len(names))
    known = [names[place] for place in sorted(order[:count])]
    unknown = [names[place] for place in order[count:]]
    ordered = [_taught_order(name, rng) for name in known]
    first_object = np.cumsum([0, *(len(name.taught) for name in known)])
    return Draw(
        names=tuple(name.name for name in known),
        views=tuple(views for views, _ in ordered),
        objects=tuple(objects + first_object[place] for place, (_, objects) in enumerate(ordered)),
        known=np.concatenate([name.asked for name in known]),
        known_handled=np.concatenate([name.handled for name in known]),
        targets=np.concatenate([np.full(len(name.asked), place) for place, name in enumerate(known)]),
        unknown=np.concatenate([name.asked for name in unknown]),
        unknown_handled=np.concatenate([name.handled for name in unknown]),
    )


def _taught_order(name: Name, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All views of a name in random order, so that each object comes once before any comes again; and their objects."""
    objects = rng.permutation(len(name.taught))
    rows = [
        (turn, place, frame, number)
        for place, number in enumerate(objects)
        for turn, frame in enumerate(rng.permutation(name.taught[number]))
    ]
    rows.sort(key=lambda row: row[:2])
    return np.array([row[2] for row in rows], np.int64), np.array([row[3] for row in rows], np.int64)


_Episodes = dict[tuple[str, str], list[NDArray[np.int64]]]
"""The frames of each episode, by category and object."""


_Views = tuple[str, tuple[NDArray[np.int64], ...], NDArray[np.int64]]
"""A name, its views that may be taught, and those that are asked."""


def _categories(taught: _Episodes, asked: _Episodes, most: int) -> list[_Views]:
    names: list[_Views] = []
    for category in sorted({of for of, _ in taught}):
        views = [
            [_spread(parts, most) for (of, _), parts in side.items() if of == category] for side in (taught, asked)
        ]
        names.append((category, tuple(views[0]), np.concatenate([np.zeros(0, np.int64), *views[1]])))
    return names


def _objects(episodes: _Episodes, most: int) -> list[_Views]:
    names: list[_Views] = []
    for (category, instance), parts in episodes.items():
        # The views of one episode are alike, so that another episode is a better question.
        parts = parts if len(parts) > 1 else list(np.array_split(parts[0], 2))
        middle = len(parts) // 2
        names.append((f"{category} {instance}", (_spread(parts[:middle], most),), _spread(parts[middle:], most)))
    return names


def _episodes(rows: Sequence[EpisodeRow]) -> _Episodes:
    found: _Episodes = {}
    for row in rows:
        found.setdefault((row.category, row.instance), []).append(np.arange(row.start, row.stop))
    return dict(sorted(found.items()))


def _spread(parts: Sequence[NDArray[np.int64]], most: int) -> NDArray[np.int64]:
    frames = np.concatenate(parts)
    return np.asarray(frames[evenly_spaced(len(frames), most)], np.int64)
