"""How well an encoder names the categories of objects that it never saw, against chance, colours and random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aassl_ros.data.prepared import PreparedData
from aassl_ros.errors import DataError
from aassl_ros.learning.baselines import colour_histogram, random_encoder
from aassl_ros.learning.classifiers import KNearest
from aassl_ros.learning.evaluation_split import LabelledFrames, Split, make_split
from aassl_ros.learning.features import Normalise, calibrate_batch_norm, embed, one_thread_each
from aassl_ros.learning.few_shot import few_shot_accuracy
from aassl_ros.learning.probe import fit_probe
from aassl_ros.learning.train_settings import choose_device
from aassl_ros.settings import setting

SHOTS = (1, 5)
NEIGHBOURS = 20
_CALIBRATION_FRAMES = 512


@dataclass(frozen=True)
class EvaluationSettings:
    """How much is measured; the defaults serve."""

    frames_per_episode: int = setting(40, "Frames taken of each episode, evenly spread", minimum=1, maximum=100_000)
    few_shot_draws: int = setting(100, "Draws that few-shot accuracy is the mean of", minimum=1, maximum=10_000)
    batch: int = setting(256, "Frames embedded at once", minimum=1, maximum=65536)
    device: str = setting("auto", "Where to compute: auto (a GPU where there is one), cpu, cuda or cuda:NUMBER")


@dataclass(frozen=True)
class Subject:
    """The encoder to be measured, and what is to be known of it.

    instances: every object it has seen in training. untrained: makes an encoder like it with new weights.
    """

    method: str
    seed: int
    encoder: nn.Module
    normalise: Normalise
    instances: tuple[str, ...]
    untrained: Callable[[], nn.Module]


@dataclass(frozen=True)
class PerInstance:
    """Of each test instance, in the order of Evaluation.test_instances: accuracies and number of frames."""

    probe: tuple[float, ...]
    knn: tuple[float, ...]
    frames: tuple[int, ...]


@dataclass(frozen=True)
class Evaluation:
    """Accuracies are fractions of 1 over test frames. confusion: int64 [C, C], rows are what the object was."""

    method: str
    split: str
    categories: tuple[str, ...]
    probe_accuracy: float
    probe_penalty: float
    per_category: dict[str, float]
    knn_accuracy: float
    per_instance: PerInstance
    few_shot: dict[str, float]
    random_encoder: float
    colour_histogram: float
    baselines_per_category: dict[str, dict[str, float]]
    confusion: NDArray[np.int64]
    train_instances: tuple[str, ...]
    test_instances: tuple[str, ...]
    test_frames: int
    seed: int
    notes: tuple[str, ...] = field(default=())

    @property
    def chance(self) -> float:
        """Of one category named at random."""
        return 1 / len(self.categories)

    def to_json(self) -> dict[str, Any]:
        """EVALUATION of the design."""
        return {
            "method": self.method,
            "split": self.split,
            "probe": {
                "accuracy": self.probe_accuracy,
                "per_category": self.per_category,
                "penalty": self.probe_penalty,
                "per_instance": dict(zip(self.test_instances, self.per_instance.probe, strict=True)),
            },
            "knn": {
                "accuracy": self.knn_accuracy,
                "per_instance": dict(zip(self.test_instances, self.per_instance.knn, strict=True)),
            },
            "few_shot": self.few_shot,
            "chance": self.chance,
            "baselines": {"random_encoder": self.random_encoder, "colour_histogram": self.colour_histogram},
            "baselines_per_category": self.baselines_per_category,
            "confusion": {"categories": list(self.categories), "matrix": self.confusion.tolist()},
            "train_instances": list(self.train_instances),
            "test_instances": list(self.test_instances),
            "test_frames": self.test_frames,
            "test_instance_frames": dict(zip(self.test_instances, self.per_instance.frames, strict=True)),
            "seed": self.seed,
            "notes": list(self.notes),
        }


Progress = Callable[[int, int], None]
"""Called with the frames embedded so far and in all."""


def evaluate(
    subject: Subject,
    data: PreparedData,
    settings: EvaluationSettings | None = None,
    *,
    split: str = "test",
    progress: Progress = lambda done, total: None,
) -> Evaluation:
    """Measure an encoder: classifiers learn from the train set's frames and name those of the test set.

    split: "test", or "val" for instances taken out of the train set (see data.prepared.validation_instances).
    Raises DataError where the encoder has seen a test object, or a split lacks what it needs.
    """
    settings = settings or EvaluationSettings()
    parts = make_split(data, split, settings.frames_per_episode)
    _refuse_seen(subject, parts.test.names, split)
    device = choose_device(settings.device)
    with one_thread_each() as threads:
        workers = threads if device.type == "cpu" else 1
        return _measure(subject, data, parts, split, settings, device, workers, progress)


def _measure(
    subject: Subject,
    data: PreparedData,
    parts: Split,
    split: str,
    settings: EvaluationSettings,
    device: torch.device,
    workers: int,
    progress: Progress,
) -> Evaluation:
    frames_done = 0

    def advance(frames: int) -> None:
        nonlocal frames_done
        frames_done += frames
        progress(frames_done, 2 * (len(parts.train) + len(parts.test)))

    def both_sides(encoder: nn.Module) -> tuple[Tensor, Tensor]:
        sides = (parts.train.frames, parts.test.frames)
        options: Any = {"device": device, "batch": settings.batch, "workers": workers, "progress": advance}
        train, test = (embed(encoder, data.frames, frames, subject.normalise, **options) for frames in sides)
        return train, test

    train, test = both_sides(subject.encoder)
    named, penalty = _probe(train, test, parts, subject.seed)
    nearest = _nearest(train, test, parts)
    untrained = random_encoder(subject.untrained, subject.seed)
    some = _spread(parts.train.frames, _CALIBRATION_FRAMES)
    calibrate_batch_norm(untrained, data.frames, some, subject.normalise, device=device)
    named_untrained, _ = _probe(*both_sides(untrained), parts, subject.seed)
    colours = [colour_histogram(data.frames, side.frames).to(device) for side in (parts.train, parts.test)]
    named_by_colour, _ = _probe(colours[0], colours[1], parts, subject.seed)
    return Evaluation(
        method=subject.method,
        split=split,
        categories=parts.categories,
        probe_accuracy=_accuracy(named, parts.test),
        probe_penalty=penalty,
        per_category=_per_category(named, parts),
        knn_accuracy=_accuracy(nearest, parts.test),
        per_instance=_per_instance(named, nearest, parts.test),
        few_shot=_few_shot(train, test, parts, settings.few_shot_draws, subject.seed),
        random_encoder=_accuracy(named_untrained, parts.test),
        colour_histogram=_accuracy(named_by_colour, parts.test),
        baselines_per_category={
            "random_encoder": _per_category(named_untrained, parts),
            "colour_histogram": _per_category(named_by_colour, parts),
        },
        confusion=_confusion(named, parts),
        train_instances=tuple(sorted({*subject.instances, *parts.train.names})),
        test_instances=parts.test.names,
        test_frames=len(parts.test),
        seed=subject.seed,
        notes=(*parts.notes, *_few_shot_notes(parts)),
    )


def _refuse_seen(subject: Subject, test_instances: tuple[str, ...], split: str) -> None:
    seen = sorted(set(subject.instances) & set(test_instances))
    if seen:
        names = ", ".join(seen[:5]) + (f" and {len(seen) - 5} more" if len(seen) > 5 else "")
        advice = "Train with --validation true, which leaves them out" if split == "val" else "Test on other objects"
        raise DataError(f"the encoder was trained on {len(seen)} of the {split} objects ({names}). {advice}.")


def _probe(train: Tensor, test: Tensor, parts: Split, seed: int) -> tuple[NDArray[np.int64], float]:
    targets = torch.from_numpy(parts.train.targets).to(train.device)
    probe = fit_probe(train, targets, parts.train.instances, seed=seed)
    return _numpy(probe.predict(test)), probe.penalty


def _nearest(train: Tensor, test: Tensor, parts: Split) -> NDArray[np.int64]:
    classify = KNearest(train, torch.from_numpy(parts.train.targets).to(train.device), NEIGHBOURS)
    return _numpy(classify(test).argmax(dim=1))


def _few_shot(train: Tensor, test: Tensor, parts: Split, draws: int, seed: int) -> dict[str, float]:
    labelled, tested = (train, parts.train.targets, parts.train.instances), (test, parts.test.targets)
    return {str(shots): few_shot_accuracy(labelled, tested, shots, draws, seed) for shots in SHOTS}


def _accuracy(named: NDArray[np.int64], test: LabelledFrames) -> float:
    return float((named == test.targets).mean())


def _per_category(named: NDArray[np.int64], parts: Split) -> dict[str, float]:
    """Of the categories that the test set shows."""
    right, targets = named == parts.test.targets, parts.test.targets
    return {parts.categories[index]: float(right[targets == index].mean()) for index in np.unique(targets)}


def _per_instance(named: NDArray[np.int64], nearest: NDArray[np.int64], test: LabelledFrames) -> PerInstance:
    frames = np.bincount(test.instances, minlength=len(test.names))
    probe, knn = (np.bincount(test.instances, answers == test.targets) / frames for answers in (named, nearest))
    return PerInstance(tuple(probe.tolist()), tuple(knn.tolist()), tuple(frames.tolist()))


def _confusion(named: NDArray[np.int64], parts: Split) -> NDArray[np.int64]:
    matrix = np.zeros((len(parts.categories),) * 2, np.int64)
    np.add.at(matrix, (parts.test.targets, named), 1)
    return matrix


def _few_shot_notes(parts: Split) -> list[str]:
    counts = {
        category: len(np.unique(parts.train.instances[parts.train.targets == index]))
        for index, category in enumerate(parts.categories)
    }
    poor = [category for category, count in counts.items() if count < max(SHOTS)]
    return [f"few-shot {max(SHOTS)}: fewer instances than that of {', '.join(poor)}; all were taken"] if poor else []


def _spread(frames: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return frames[np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(np.int64)]


def _numpy(values: Tensor) -> NDArray[np.int64]:
    return np.asarray(values.cpu().numpy(), np.int64)
