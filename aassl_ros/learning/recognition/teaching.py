"""Teaching: takes varied views of the object in front of the camera, and carries out commands on what was taught."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from aassl_ros.data.gallery.lessons import clean_name
from aassl_ros.data.gallery.store import GalleryStore
from aassl_ros.data.interfaces.json_records import GalleryCommand, GalleryNews
from aassl_ros.data.streams.images import to_square
from aassl_ros.errors import DataError
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.recognition.recognizer import Recognizer

# Views are stored at this size, which is that of most encoders or larger.
PICTURE_SIZE = 224
# At most so many views are looked at; the time between two of them follows from that.
_MOST_CANDIDATES = 60
_CLOSEST_S = 0.1
# Commands that wait while views are taken.
_MOST_WAITING = 20
# A camera that gives no frame for so long after the end of the lesson ends it.
_GRACE_S = 2.0


class ViewTaker:
    """Takes views for some seconds, and chooses those that differ most."""

    def __init__(self, command: GalleryCommand, begun_s: float) -> None:
        self.command = command
        self.until_s = begun_s + command.seconds
        self._spacing_s = max(_CLOSEST_S, command.seconds / _MOST_CANDIDATES)
        self._next_s = begun_s
        self._frames: list[NDArray[np.uint8]] = []
        self._features: list[Tensor] = []
        self._encoders: set[str] = set()

    def add(self, time_s: float, frame: NDArray[np.uint8], feature: Tensor, encoder: str) -> None:
        """Add a frame uint8 [H, W, 3] RGB, seen at time_s, with its feature float [1, D] by an encoder."""
        # The first frame counts also if it comes too late, for example because a lesson before was being stored.
        if time_s >= self._next_s and (time_s <= self.until_s or not self._frames):
            self._next_s = time_s + self._spacing_s
            self._frames.append(to_square(frame, PICTURE_SIZE))
            self._features.append(feature[0].cpu())
            self._encoders.add(encoder)

    def chosen(self) -> list[NDArray[np.uint8]]:
        """The views to keep, uint8 [S, S, 3] each, in order of time."""
        count = len(self._frames)
        if len(self._encoders) > 1:  # replaced during the lesson: features of two encoders cannot be compared
            places = evenly_spaced(count, self.command.views).tolist()
        elif count:
            places = sorted(most_different(torch.stack(self._features), self.command.views))
        else:
            places = []
        return [self._frames[place] for place in places]


def most_different(features: Tensor, count: int) -> list[int]:
    """Choose views that differ most: each next one has the smallest likeness to those chosen.

    Args:
        features: float [N, D].
        count: how many to choose.

    Returns:
        At most `count` places, beginning with the most typical view.
    """
    directions = functional.normalize(features, dim=1)
    likeness = directions @ directions.T
    chosen = [int(likeness.mean(dim=1).argmax())]
    while len(chosen) < min(count, len(features)):
        nearest = likeness[chosen].max(dim=0).values
        nearest[chosen] = math.inf
        chosen.append(int(nearest.argmin()))
    return chosen


class Teacher:
    """Carries out commands, one after the other. It belongs to one thread.

    Args:
        store: what was taught.
    """

    def __init__(self, store: GalleryStore) -> None:
        self.store = store
        self._taker: ViewTaker | None = None
        self._waiting: deque[GalleryCommand] = deque()
        self._news: deque[GalleryNews] = deque()

    @property
    def teaching(self) -> str:
        """The category whose views are being taken; empty: none."""
        return "" if self._taker is None else str(self._taker.command.category)

    def take(self, command: GalleryCommand, time_s: float) -> bool:
        """Carry out a command, or begin to. Returns whether the gallery changed. time_s: by any steady clock."""
        if self._taker is not None:
            if len(self._waiting) >= _MOST_WAITING:
                self._answer(command, error=f"{_MOST_WAITING} commands wait already. Send it again later.")
            else:
                self._waiting.append(command)
                self._answer(command, waiting=True)
            return False
        try:
            return self._carry_out(command, time_s)
        except DataError as error:
            self._answer(command, error=str(error))
            return False

    def see(self, time_s: float, frame: NDArray[np.uint8], feature: Tensor, encoder: str = "") -> None:
        """Show a frame uint8 [H, W, 3] RGB with its feature float [1, D]. Cheap if nothing is being taught.

        encoder: digest of the encoder that made the feature.
        """
        if self._taker is not None:
            self._taker.add(time_s, frame, feature, encoder)

    def tick(self, time_s: float) -> bool:
        """Finish what is due. Call it regularly. Returns whether the gallery changed."""
        changed = False
        if self._taker is not None and time_s > self._taker.until_s:
            views = self._taker.chosen()
            if not views and time_s < self._taker.until_s + _GRACE_S:
                return False
            command, self._taker = self._taker.command, None
            changed = self._store_lesson(command, views)
        while self._taker is None and self._waiting:
            changed |= self.take(self._waiting.popleft(), time_s)
        return changed

    def news(self) -> list[GalleryNews]:
        """The answers since the last call, without what is known about the classifier."""
        found = list(self._news)
        self._news.clear()
        return found

    def _carry_out(self, command: GalleryCommand, time_s: float) -> bool:
        category, to = command.category or "", command.to or ""
        if command.command == "teach":
            clean_name(category)  # before views are taken
            self._taker = ViewTaker(command, time_s)
            self._answer(command)
            return False
        if command.command == "list":
            self._answer(command, done="list")
            return False
        if command.command == "undo":
            done = f"undo {self.store.undo()}"
        elif command.command == "delete":
            self.store.delete(category)
            done = self.store.last_change
        else:
            (self.store.rename if command.command == "rename" else self.store.merge)(category, to)
            done = self.store.last_change
        self._answer(command, done=done)
        return True

    def _store_lesson(self, command: GalleryCommand, views: list[NDArray[np.uint8]]) -> bool:
        try:
            if not views:
                raise DataError(f"no frame came while {command.category!r} was taught. Is the camera running?")
            self.store.teach(command.category or "", views, command.instance or "")
        except DataError as error:
            self._answer(command, error=str(error))
            return False
        self._answer(command, done=f"teach {command.category} ({len(views)} views)")
        return True

    def _answer(self, command: GalleryCommand, *, done: str = "", error: str = "", waiting: bool = False) -> None:
        news = gallery_news(self.store, self.teaching, request=command.request, done=done, error=error)
        self._news.append(replace(news, waiting=waiting))


def gallery_news(
    store: GalleryStore,
    teaching: str = "",
    *,
    request: str | int | None = None,
    done: str = "",
    error: str = "",
) -> GalleryNews:
    """Describe what was taught."""
    categories: dict[str, dict[str, int]] = {}
    objects: dict[str, set[str]] = {}
    for lesson in store.lessons:
        entry = categories.setdefault(lesson.category, {"objects": 0, "views": 0})
        entry["views"] += len(lesson.pictures)
        objects.setdefault(lesson.category, set()).add(lesson.instance)
        entry["objects"] = len(objects[lesson.category])
    return GalleryNews(categories, (), teaching, store.last_change, request=request, done=done, error=error)


def with_recognizer(news: GalleryNews, recognizer: Recognizer) -> GalleryNews:
    """Add what is known about the recognizer that uses the gallery."""
    if (facts := recognizer.facts) is None:
        return news
    return replace(
        news,
        classifier=facts.classifier,
        accuracy=_known(facts.accuracy),
        calibration_error=None if facts.reliability is None else facts.reliability.ece,
        reliability=() if facts.reliability is None else facts.reliability.bins(),
        unknown_refused=_known(facts.unknown.refused_unknown),
    )


def _known(share: float) -> float | None:
    return None if math.isnan(share) else share
