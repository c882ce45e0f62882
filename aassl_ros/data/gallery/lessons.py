"""Lessons: what people taught, and the changes that can be made to them. Nothing is read or written here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aassl_ros.errors import DataError

UNKNOWN = "__unknown__"
"""The answer if an object is like none of the gallery; a category must not have this name."""
MOST_CHARACTERS = 100
_UNPRINTED = ("Cc", "Cf", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class Lesson:
    """Views of one object that were taught together.

    id: a UUID. instance: the object; two lessons of one object have the same. taught_ns: time of the lesson, ns since
    1970. pictures: names of its files.
    """

    id: str
    category: str
    instance: str
    taught_ns: int
    pictures: tuple[str, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Lesson:
        """Make a lesson of checked values."""
        return cls(**{**values, "pictures": tuple(values["pictures"])})


@dataclass(frozen=True)
class Change:
    """One change and how to undo it: remove the lessons of these ids, then put these lessons (back)."""

    what: str
    remove: tuple[str, ...] = ()
    put: tuple[Lesson, ...] = ()


Lessons = tuple[Lesson, ...]


def clean_name(name: str) -> str:
    """Return the name of a category as it is stored: without outer spaces, in Unicode's composed form (NFC).

    Raises:
        DataError: it is empty, too long, reserved, or contains control characters.
    """
    cleaned = _as_stored(name)
    if not cleaned or len(cleaned) > MOST_CHARACTERS or cleaned == UNKNOWN:
        raise DataError(
            f"category = {name[:MOST_CHARACTERS]!r}, expected a name of 1 to {MOST_CHARACTERS} characters other than "
            f"{UNKNOWN}."
        )
    if any(unicodedata.category(character) in _UNPRINTED for character in cleaned):
        raise DataError(f"category = {name!r}, expected a name without control characters and line breaks.")
    return cleaned


def describe_answer(label: str, scores: Sequence[tuple[str, float]]) -> str:
    """An answer in a few words: "mug 87 %", or "unknown (mug?)". scores: probabilities of categories, best first.

    The probability of an unknown object's nearest category is not said: it is that of the category, not of the answer.
    """
    if label != UNKNOWN:
        return f"{label} {100 * scores[0][1]:.0f} %" if scores else label
    return f"unknown ({scores[0][0]}?)" if scores else "unknown"


def _as_stored(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def renamed(lessons: Lessons, old: str, new: str) -> tuple[Lessons, Change]:
    """Give a category another name. Raises DataError if it does not exist, or if there is already one of that name."""
    new = clean_name(new)
    chosen = _of_category(lessons, old)
    if any(lesson.category == new for lesson in lessons):
        raise DataError(f"there is already a category {new!r}. Use merge to put {old!r} into it.")
    return _moved(lessons, chosen, new), Change(f"rename {old} to {new}", put=chosen)


def merged(lessons: Lessons, old: str, into: str) -> tuple[Lessons, Change]:
    """Put all lessons of a category into another one. Raises DataError if one of the two does not exist."""
    chosen = _of_category(lessons, old)
    into = _of_category(lessons, into)[0].category
    if chosen[0].category == into:
        raise DataError(f"{old!r} cannot be merged into itself.")
    return _moved(lessons, chosen, into), Change(f"merge {old} into {into}", put=chosen)


def deleted(lessons: Lessons, category: str) -> tuple[Lessons, Change]:
    """Delete a category. Raises DataError if it does not exist."""
    chosen = _of_category(lessons, category)
    return tuple(one for one in lessons if one not in chosen), Change(f"delete {category}", put=chosen)


def added(lessons: Lessons, lesson: Lesson) -> tuple[Lessons, Change]:
    """Add a lesson."""
    return (*lessons, lesson), Change(f"teach {lesson.category}", remove=(lesson.id,))


def undone(lessons: Lessons, change: Change) -> Lessons:
    """The lessons before a change."""
    back = {lesson.id: lesson for lesson in change.put}
    kept = [back.pop(lesson.id, lesson) for lesson in lessons if lesson.id not in change.remove]
    return (*kept, *back.values())


def pictures_of(lessons: Iterable[Lesson]) -> set[str]:
    """The names of all pictures of these lessons."""
    return {picture for lesson in lessons for picture in lesson.pictures}


def _moved(lessons: Lessons, chosen: Lessons, category: str) -> Lessons:
    ids = {lesson.id for lesson in chosen}
    return tuple(replace(lesson, category=category) if lesson.id in ids else lesson for lesson in lessons)


def _of_category(lessons: Lessons, category: str) -> Lessons:
    name = _as_stored(category)
    chosen = tuple(lesson for lesson in lessons if lesson.category == name)
    if not chosen:
        known = ", ".join(sorted({lesson.category for lesson in lessons})) or "none"
        raise DataError(f"category = {category[:MOST_CHARACTERS]!r}, expected one of those taught: {known[:1000]}.")
    return chosen
