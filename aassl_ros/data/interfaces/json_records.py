"""The JSON messages as Python objects, except those with a class elsewhere.

EpisodeEvent is in data/streams/episodes.py, Session in data/streams/session.py, Ledger in data/streams/ledger.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aassl_ros.data.interfaces.json_catalogue import ANSWER, CHECKPOINT, OBJECT_REQUEST, OBJECT_STATE
from aassl_ros.data.interfaces.json_gallery import GALLERY, GALLERY_COMMAND
from aassl_ros.data.interfaces.json_weights import WEIGHTS


@dataclass(frozen=True)
class ObjectRequest:
    """A request to the simulator to put an object into the hand. instance None empties the hand."""

    instance: str | None
    category: str | None = None
    request: str | int | None = None

    @classmethod
    def parse(cls, text: str) -> ObjectRequest:
        """Read a message. Raises JsonMessageError."""
        return cls(**OBJECT_REQUEST.decode(text))

    def to_json(self) -> str:
        """The text of the message."""
        return OBJECT_REQUEST.encode(vars(self))


@dataclass(frozen=True)
class ObjectState:
    """The simulator's answer. stamp_ns: stamp of the first frame that shows the object; error: why there is none."""

    request: str | int | None
    instance: str | None = None
    category: str | None = None
    stamp_ns: int | None = None
    error: str | None = None

    @classmethod
    def parse(cls, text: str) -> ObjectState:
        """Read a message. Raises JsonMessageError."""
        return cls(**_with_stamp_ns(OBJECT_STATE.decode(text)))

    def to_json(self) -> str:
        """The text of the message: the object and its stamp, or the error."""
        if self.error is not None:
            return OBJECT_STATE.encode({"error": self.error, "request": self.request})
        shown = {"instance": self.instance, "category": self.category}
        return OBJECT_STATE.encode({**shown, "request": self.request, "stamp": self.stamp_ns})


@dataclass(frozen=True)
class CheckpointNews:
    """The announcement of a checkpoint. digest: SHA-256 of its weights."""

    path: str
    digest: str
    step: int = 0

    @classmethod
    def parse(cls, text: str) -> CheckpointNews:
        """Read a message. Raises JsonMessageError."""
        return cls(**CHECKPOINT.decode(text))

    def to_json(self) -> str:
        """The text of the message."""
        return CHECKPOINT.encode(vars(self))


@dataclass(frozen=True)
class WeightsPart:
    """What the label of a message on trainer/weights says about its bytes; json_catalogue.py describes the fields."""

    checkpoint: str
    sender: str
    content: str
    bytes: int
    part: int
    parts: int
    crc32: int
    step: int = 0

    @classmethod
    def parse(cls, text: str) -> WeightsPart:
        """Read a label. Raises JsonMessageError."""
        return cls(**WEIGHTS.decode(text))

    def to_json(self) -> str:
        """The text of the label."""
        return WEIGHTS.encode(vars(self))


@dataclass(frozen=True)
class EvaluatorAnswer:
    """The evaluator's answer.

    stamp_ns: stamp of the frame. scores: category -> probability, best first. familiarity: likeness to the gallery; if
    it is below familiar_from, the label is __unknown__. skipped: frames between the previous answer and this one that
    got none; None: not told.
    """

    stamp_ns: int
    label: str
    scores: Mapping[str, float] = field(default_factory=dict)
    checkpoint: str = ""
    latency_ms: float = 0.0
    familiarity: float | None = None
    familiar_from: float | None = None
    skipped: int | None = None

    @classmethod
    def parse(cls, text: str) -> EvaluatorAnswer:
        """Read a message. Raises JsonMessageError."""
        return cls(**_with_stamp_ns(ANSWER.decode(text)))

    @property
    def confidence(self) -> float:
        """The probability of the best category, whatever the label is; 0 if there is none."""
        return max(self.scores.values(), default=0.0)

    def to_json(self) -> str:
        """The text of the message."""
        values = {**vars(self), "stamp": self.stamp_ns}
        return ANSWER.encode({field.key: values[field.key] for field in ANSWER.fields})


@dataclass(frozen=True)
class GalleryCommand:
    """A command for the taught objects; json_gallery.py describes the fields."""

    command: str
    category: str | None = None
    to: str | None = None
    instance: str | None = None
    seconds: float = 3.0
    views: int = 10
    request: str | int | None = None

    @classmethod
    def parse(cls, text: str) -> GalleryCommand:
        """Read a message. Raises JsonMessageError."""
        return cls(**GALLERY_COMMAND.decode(text))

    def to_json(self) -> str:
        """The text of the message."""
        return GALLERY_COMMAND.encode(vars(self))


@dataclass(frozen=True)
class GalleryNews:
    """What the evaluator was taught, and the result of the last command; json_gallery.py describes the fields."""

    categories: Mapping[str, Mapping[str, int]]
    others: Sequence[str] = ()
    teaching: str = ""
    undo: str = ""
    classifier: str = ""
    accuracy: float | None = None
    calibration_error: float | None = None
    reliability: Sequence[Mapping[str, float]] = field(default_factory=list)
    unknown_refused: float | None = None
    request: str | int | None = None
    done: str = ""
    error: str = ""
    waiting: bool = False

    @classmethod
    def parse(cls, text: str) -> GalleryNews:
        """Read a message. Raises JsonMessageError."""
        return cls(**GALLERY.decode(text))

    def to_json(self) -> str:
        """The text of the message."""
        return GALLERY.encode(vars(self))


def _with_stamp_ns(values: dict[str, Any]) -> dict[str, Any]:
    values["stamp_ns"] = values.pop("stamp")
    return values
