"""The JSON messages with which the evaluator is taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_kinds import Choice, Flag, ListOf, MapOf, Number, Text, Token, Whole
from aassl_ros.data.interfaces.json_schema import Field, Record, Schema

_TAUGHT = Record((Field("objects", Whole(), "Objects shown"), Field("views", Whole(), "Views taken")))
_BIN = Record(
    (
        Field("confidence", Number(0.0, 1.0), "Mean probability of the answers"),
        Field("accuracy", Number(0.0, 1.0), "Share of them that are correct"),
        Field("answers", Whole(), "Their number"),
    )
)
GALLERY_COMMANDS = ("teach", "undo", "rename", "merge", "delete", "list")
_CATEGORY = Text("a category's name", 1, 100)


_NEEDED = {
    "teach": ("category",),
    "delete": ("category",),
    "rename": ("category", "to"),
    "merge": ("category", "to"),
}


def _command_has_its_names(values: Mapping[str, Any]) -> str:
    absent = [key for key in _NEEDED.get(values["command"], ()) if values[key] is None]
    return f"{' and '.join(absent)} missing, expected in the command {values['command']}" if absent else ""


GALLERY_COMMAND = Schema(
    topics.GALLERY_COMMAND,
    1,
    (
        Field("command", Choice(GALLERY_COMMANDS), "What to do with the taught objects"),
        Field("category", _CATEGORY, "The category to teach, rename, merge or delete", None),
        Field("to", _CATEGORY, "rename: the new name; merge: the category that takes the views", None),
        Field("instance", Text("an object's name", 1, 100), "teach: the object in view; absent: a new one", None),
        Field("seconds", Number(0.2, 60.0, "seconds"), "teach: how long views are taken", 3.0),
        Field("views", Whole(1, 100), "teach: at most so many views, the most different ones", 10),
        Field("request", Token(), "Returned in the answer on evaluator/gallery_state", None),
    ),
    "Teaches the evaluator the object in view, or changes what was taught.",
    "No standard message teaches an object by its name, and people send this one by hand.",
    {"command": "teach", "category": "mug", "request": "7f2c"},
    _command_has_its_names,
)

GALLERY = Schema(
    topics.GALLERY,
    1,
    (
        Field("categories", MapOf("a category", _TAUGHT), "What was taught"),
        Field("others", ListOf(_CATEGORY), "Further categories, of the labelled frames that never change", []),
        Field("teaching", Text("a category's name"), "The category whose views are being taken; empty: none", ""),
        Field("undo", Text("a change"), "What the command undo would undo; empty: nothing", ""),
        Field("classifier", Text("a classifier"), "The classifier in use; empty: there is no gallery", ""),
        Field("accuracy", Number(0.0, 1.0), "Share of correct answers for objects left out of the gallery", None),
        Field("calibration_error", Number(0.0, 1.0), "Expected calibration error for these objects", None),
        Field("reliability", ListOf(_BIN), "Their answers in bins of equal width of the probability, from 0 to 1", []),
        Field("unknown_refused", Number(0.0, 1.0), "Share of views called unknown if their category is left out", None),
        Field("request", Token(), "`request` of the last command", None),
        Field("done", Text("a change", lines=True), "What the last command did; empty: not finished, or an error", ""),
        Field("error", Text("a reason", 0, 4096, lines=True), "Why the last command did nothing; empty: it did", ""),
        Field("waiting", Flag(), "The last command waits until the lesson that is being taken is over", False),
    ),
    "What the evaluator was taught, after each change and each command.",
    "No standard message describes labelled views.",
    {"categories": {"mug": {"objects": 1, "views": 10}}, "undo": "teach mug", "request": "7f2c", "done": "teach mug"},
)
