"""The schemas of JSON files that people read and change; docs/topics.md lists them after the messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aassl_ros.data.interfaces.json_catalogue import SETS
from aassl_ros.data.interfaces.json_kinds import Choice, Flag, ListOf, PictureName, Text, Uuid, Whole
from aassl_ros.data.interfaces.json_schema import Field, Record, Schema

_MOST_CHARACTERS = 1 << 22  # some thousand episodes


def _labels_are_apart(values: Mapping[str, Any]) -> str:
    """Say which episodes overlap, are empty or have the same id; "" if all are correct."""
    seen: set[str] = set()
    before: Mapping[str, Any] | None = None
    for episode in sorted(values["episodes"], key=lambda episode: episode["start"]):
        if episode["stop"] <= episode["start"]:
            return f"episode {episode['id']} stops at {episode['stop']}, expected after its start {episode['start']}"
        if episode["id"] in seen:
            return f"two episodes have the id {episode['id']}"
        if before is not None and episode["start"] < before["stop"]:
            return f"episodes {before['id']} and {episode['id']} overlap"
        seen.add(episode["id"])
        before = episode
    return ""


_LABEL = Record(
    (
        Field("id", Uuid(), "Key of the episode; that of the recording if it was recorded"),
        Field("start", Whole(unit="nanoseconds"), "Stamp of its first frame"),
        Field("stop", Whole(unit="nanoseconds"), "Stamp of the first frame after it"),
        Field("instance", Text("an object's name", 1), "The object that is handled"),
        Field("category", Text("a category's name"), "Its category; empty or absent if unknown", ""),
        Field("set", Choice(SETS), "Instance set: train and online for training, test and disjoint never", "train"),
        Field("discarded", Flag(), "Whether the episode must not be used", False),
    )
)

LABELS = Schema(
    "labels",
    1,
    (Field("episodes", ListOf(_LABEL), "All episodes of the bag, instead of the recorded ones"),),
    "The file labels.json beside a bag, written by `aassl bag label`. Its episodes replace those of the recording, "
    "and do not overlap.",
    "It is a file that people read and change, beside a bag that does not change.",
    {
        "episodes": [
            {
                "id": "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11",
                "start": 1700000000000000000,
                "stop": 1700000012000000000,
                "instance": "red_mug",
                "category": "mug",
            }
        ]
    },
    _labels_are_apart,
    max_characters=_MOST_CHARACTERS,
)

_LESSON = Record(
    (
        Field("id", Uuid(), "Key of the lesson"),
        Field("category", Text("a category's name", 1), "What was taught"),
        Field("instance", Text("an object's name", 1), "The object that was shown"),
        Field("taught_ns", Whole(unit="nanoseconds"), "Time of the lesson since 1970"),
        Field("pictures", ListOf(PictureName()), "Files in the folder pictures"),
    )
)
_CHANGE = Record(
    (
        Field("what", Text("a change"), "What was done"),
        Field("remove", ListOf(Uuid()), "To undo it, remove these lessons"),
        Field("put", ListOf(_LESSON), "To undo it, put these lessons back"),
    )
)
GALLERY_FILE = Schema(
    "gallery",
    1,
    (
        Field("lessons", ListOf(_LESSON), "What was taught, in order"),
        Field("changes", ListOf(_CHANGE), "The last changes, which can be undone", []),
    ),
    "The file gallery.json in the folder of taught objects, written by the evaluator. The pictures are PNG files "
    "beside it.",
    "It is a file that people read; its pictures are files that any program shows.",
    {
        "lessons": [
            {
                "id": "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11",
                "category": "mug",
                "instance": "red mug",
                "taught_ns": 1700000000000000000,
                "pictures": [f"{'ab' * 16}.png"],
            }
        ],
        "changes": [],
    },
    max_characters=1 << 26,  # a million pictures
)

FILE_SCHEMAS = (LABELS, GALLERY_FILE)
