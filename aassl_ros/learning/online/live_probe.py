"""The probe accuracy of online training: how well the encoder tells the categories of the objects in the buffer.

Labels come from episodes that name a category. They are used for this number only, and never for training.
"""

from __future__ import annotations

import threading
import time
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.errors import first_line
from aassl_ros.learning.compute.thread_priority import lower_priority
from aassl_ros.learning.readout.features import Normalise, embed
from aassl_ros.learning.readout.leave_one_out import leave_one_out_accuracy
from aassl_ros.learning.readout.spacing import evenly_spaced

# So few frames that a probe takes seconds on one slow core.
_MOST_FRAMES, _MOST_PER_OBJECT = 400, 10
_BATCH = 32


@dataclass(frozen=True)
class LabelledViews:
    """N frames of the buffer: uint8 [N, S, S, 3], with category and object, both int64 [N]."""

    frames: NDArray[np.uint8]
    targets: NDArray[np.int64]
    objects: NDArray[np.int64]
    categories: int


@dataclass(frozen=True)
class ProbeResult:
    """accuracy: 0 to 1. step: of the encoder. frames, objects, categories: numbers of what was asked."""

    accuracy: float
    step: int
    frames: int
    objects: int
    categories: int


def labelled_views(buffer: ReplayBuffer) -> LabelledViews | None:
    """Copy some evenly spaced frames of each labelled object whose category has two objects or more.

    Returns None if fewer than two categories have.
    """
    entries = {number: entry for number, entry in buffer.episodes.items() if entry.category and entry.instance}
    things = sorted({(entry.category, entry.instance) for entry in entries.values()})
    names = [category for category, _ in things]
    things = [(category, instance) for category, instance in things if names.count(category) >= 2]
    categories = sorted({category for category, _ in things})
    if len(categories) < 2:
        return None
    things = [things[place] for place in evenly_spaced(len(things), _MOST_FRAMES // 2)]
    place_of = {thing: place for place, thing in enumerate(things)}
    episode_of, valid, serial = (np.array(column) for column in (buffer.episode_of, buffer.valid, buffer.serial))
    thing_of = {
        number: place_of[entry.category, entry.instance]
        for number, entry in entries.items()
        if (entry.category, entry.instance) in place_of
    }
    slots_of: list[list[NDArray[np.int64]]] = [[] for _ in things]
    for number, thing in thing_of.items():
        slots_of[thing].append(np.flatnonzero((episode_of == number) & valid))
    each = max(2, min(_MOST_PER_OBJECT, _MOST_FRAMES // len(things)))
    chosen = []
    for parts in slots_of:
        slots = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        chosen.append(slots[evenly_spaced(len(slots), each)])
    slots = np.concatenate(chosen)
    objects = np.repeat(np.arange(len(things)), [len(part) for part in chosen])
    frames = buffer.frames[slots]
    same = np.array(buffer.serial)[slots] == serial[slots]  # the others were overwritten meanwhile
    targets = np.array([categories.index(category) for category, _ in things])[objects]
    return LabelledViews(frames[same], targets[same], objects[same], len(categories))


class _Stopped(Exception):
    """Training stops, so the probe does."""


class LiveProbe:
    """Probes an encoder now and then, in a thread of its own.

    Args:
        normalise: makes the encoder's input of images.
        device: of the encoder.

    Attributes:
        result: the newest; None before the first.
        problem: why the last probe failed; empty if it did not.
    """

    def __init__(self, normalise: Normalise, device: torch.device) -> None:
        self.result: ProbeResult | None = None
        self.problem = ""
        self._stopping = threading.Event()
        self._normalise, self._device = normalise, device
        self._thread: threading.Thread | None = None
        self._begun_s: float | None = None

    def look(self, every_s: float, encoder: nn.Module, step: int, buffer: ReplayBuffer) -> None:
        """Begin a probe if the last one began `every_s` ago; 0: never. The encoder is copied in this thread."""
        busy = self._thread is not None and self._thread.is_alive()
        now = time.monotonic()
        if every_s == 0 or busy or (self._begun_s is not None and now < self._begun_s + every_s):
            return
        self._begun_s = now
        if sum(bool(entry.category) for entry in buffer.episodes.values()) < 4:
            return  # two categories with two objects each need four episodes
        try:
            copy = deepcopy(encoder)
        except RuntimeError as error:  # the GPU has no memory left; training goes on without the probe
            self.problem = f"the probe failed: {first_line(error)}"
            return
        self._thread = threading.Thread(target=self._run, args=(copy, step, buffer), name="live probe", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End a probe that is under way after its present batch, and wait for it."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, encoder: nn.Module, step: int, buffer: ReplayBuffer) -> None:
        lower_priority()
        torch.set_num_threads(1)
        try:
            self.problem = ""
            self._probe(encoder, step, buffer)
        except _Stopped:
            pass
        except Exception as error:  # training goes on without it, for example if the GPU has no memory left
            self.problem = f"the probe failed: {first_line(error)}"

    def _probe(self, encoder: nn.Module, step: int, buffer: ReplayBuffer) -> None:
        views = labelled_views(buffer)
        if views is None or len(views.targets) == 0:
            return
        places = np.arange(len(views.targets))
        features = embed(
            encoder, views.frames, places, self._normalise, device=self._device, batch=_BATCH, progress=self._go_on
        )
        targets, objects = (self._tensor(array) for array in (views.targets, views.objects))
        accuracy = leave_one_out_accuracy(features, targets, objects)
        if np.isfinite(accuracy):
            asked = len(np.unique(views.objects))
            self.result = ProbeResult(accuracy, step, len(places), asked, views.categories)

    def _go_on(self, done: int) -> None:
        if self._stopping.is_set():
            raise _Stopped

    def _tensor(self, array: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(array).to(self._device)
