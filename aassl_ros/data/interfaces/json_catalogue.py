"""Every JSON message of aassl_ros: topic, version, fields. docs/topics.md is generated from here.

A new key with a default keeps the version: older readers leave unknown keys alone. A change of what a key means, or a
new key that must be there, is a new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_kinds import (
    AnyJson,
    Choice,
    Flag,
    ListOf,
    MapOf,
    Nullable,
    Number,
    Text,
    Token,
    Uuid,
    Whole,
)
from aassl_ros.data.interfaces.json_schema import Field, Record, Schema

SETS = ("train", "online", "test", "disjoint")
EVENTS = ("start", "stop", "discard")

_STAMP = Whole(unit="nanoseconds")
_INSTANCE = Text("an object's name", 1)
_TOPIC = Text("a topic's name", 1)
_COUNT = Whole(unit="messages")
_COUNT_BY_REASON = MapOf("a reason", Whole())
_DIGEST = Text("hexadecimal digits", 1, 128)
_FACTS_CHARACTERS = 1 << 22  # a session or ledger grows with the topics that are recorded


def _start_names_its_object(values: Mapping[str, Any]) -> str:
    named = values["event"] != "start" or values["instance"] != ""
    return "" if named else "instance is missing or empty, expected an object's name in a start"


EPISODE = Schema(
    topics.EPISODE,
    1,
    (
        Field("id", Uuid(), "Key of the episode; the same in its start, stop and discard"),
        Field("stamp", _STAMP, "Of the first frame that belongs (start), or of the first that no longer does (stop)"),
        Field("event", Choice(EVENTS), "What happens. discard: the episode is not to be used"),
        Field("instance", Text("an object's name"), "The one object that is handled; needed in a start", ""),
        Field("category", Text("a category's name"), "Its category; empty or absent if it is not known", ""),
        Field("set", Choice(SETS), "Instance set: train and online are trained on, test and disjoint never", "train"),
    ),
    "Marks the stretches in which one object is handled. Membership is by the stamps of the frames.",
    "No message of common_interfaces marks a labelled interval, and people send this one by hand.",
    {
        "id": "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11",
        "stamp": 1700000000000000000,
        "event": "start",
        "instance": "red_mug",
        "category": "mug",
        "set": "train",
    },
    _start_names_its_object,
)

OBJECT_REQUEST = Schema(
    topics.SIMULATOR_OBJECT,
    1,
    (
        Field("instance", Nullable(_INSTANCE), "What to put into the hand; null empties it"),
        Field("category", Text("a category's name"), "If given and not empty, it must be that of the instance", None),
        Field("request", Token(), "Comes back in the answer", None),
    ),
    "Asks the simulator to put an object into the hand.",
    "simulation_interfaces spawns entities by services; it has no wheels, and its answer lacks the stamp of the first "
    "frame.",
    {"instance": "mug_0003", "category": "mug", "request": "7f2c"},
)


def _stamp_or_error(values: Mapping[str, Any]) -> str:
    return "" if (values["stamp"] is None) != (values["error"] is None) else "expected either stamp or error"


OBJECT_STATE = Schema(
    topics.SIMULATOR_OBJECT_STATE,
    1,
    (
        Field("instance", _INSTANCE, "What is in the hand; null or absent: nothing", None),
        Field("category", Text("a category's name"), "Its category", None),
        Field("request", Token(), "That of the request which is answered", None),
        Field("stamp", _STAMP, "Of the first frame that shows it", None),
        Field("error", Text("a reason", 1, 4096, lines=True), "Why the object cannot be shown", None),
    ),
    "The simulator's answer to each request: either the stamp of the first frame, or an error.",
    "As for simulator/object: the stamp of the first frame is what an episode begins with.",
    {"instance": "mug_0003", "category": "mug", "request": "7f2c", "stamp": 12033333333},
    _stamp_or_error,
)

CHECKPOINT = Schema(
    topics.CHECKPOINT,
    1,
    (
        Field("path", Text("a path", 1, 4096), "Folder of the checkpoint, as the trainer's machine sees it"),
        Field("digest", _DIGEST, "SHA-256 of its weights; the evaluator compares it with what it loads"),
        Field("step", Whole(unit="updates"), "How much it was trained", 0),
    ),
    "A checkpoint that is complete on disk and ready to be loaded.",
    "No standard message announces a model.",
    {"path": "/data/runs/live/checkpoints/00001200", "digest": "ab" * 32, "step": 1200},
)

ANSWER = Schema(
    topics.ANSWER,
    1,
    (
        Field("stamp", _STAMP, "Of the frame"),
        Field("label", Text("a category's name", 1, lines=True), "The category, or __unknown__"),
        Field("scores", MapOf("a category", Number(0.0, 1.0)), "Probability of each category, best first"),
        Field("checkpoint", _DIGEST, "SHA-256 of the weights that answered"),
        Field("latency_ms", Number(0.0, 1e9, "milliseconds"), "From the receipt of the frame to the answer"),
    ),
    "What the evaluator sees in one frame.",
    "vision_msgs/Classification is published beside it. This one also holds the checkpoint and the latency, and "
    "needs no vision_msgs, which has no wheels.",
    {
        "stamp": 1700000000033333333,
        "label": "mug",
        "scores": {"mug": 0.91, "bowl": 0.09},
        "checkpoint": "ab" * 32,
        "latency_ms": 8.4,
    },
)

_ROLES = Record(
    (
        Field("cameras", MapOf("a camera", _TOPIC), "Image topic of each camera"),
        Field("joint_states", _TOPIC, "Topic of the joint states"),
        Field("commands", MapOf("a joint group", _TOPIC), "Topic that commands each group", {}),
        Field("episode", Text("a topic's name"), "Topic of the episode events", ""),
        Field("object_pose", Text("a topic's name"), "Topic of the object's true pose", ""),
        Field("joint_truth", Text("a topic's name"), "Topic of the joints' true positions", ""),
        Field("robot_description", Text("a topic's name"), "Topic of the URDF", ""),
    )
)

SESSION = Schema(
    topics.SESSION,
    1,
    (
        Field("robot", Text("a robot's name"), "Which robot; with an episode's id it is the episode's key"),
        Field("arm", Text("an arm's name or file", 0, 4096), "Arm set-up of the recorder"),
        Field("base_link", Text("a link's name"), "Link that the arm stands on"),
        Field("tip_link", Text("a link's name"), "Link that holds the object"),
        Field("roles", _ROLES, "Which topic plays which role, by absolute name; readers go by these alone"),
        Field("namespace", Text("a namespace", 1), "Of the recorder; its own topics lie under it", "/"),
        Field("joint_groups", MapOf("a group", ListOf(Text("a joint", 1))), "Joints of each group", {}),
        Field("settings", MapOf("a parameter", AnyJson()), "The recorder's parameters", {}),
        Field("versions", MapOf("a program", Text("a version")), "Programs that recorded it", {}),
        Field("started_ns", _STAMP, "When the bag was begun, by the recorder's clock", 0),
    ),
    "The facts of a recording, first in each bag file and in metadata.yaml.",
    "It is read from bags, never sent, and metadata.yaml holds it as text too. No standard message maps roles to "
    "topics.",
    {
        "robot": "left",
        "arm": "panda",
        "base_link": "panda_link0",
        "tip_link": "panda_grasptarget",
        "roles": {"cameras": {"camera": "/left/camera/image_raw"}, "joint_states": "/left/joint_states"},
    },
    max_characters=_FACTS_CHARACTERS,
    version_key="format",
)

_TOPIC_COUNTS = Record(
    (
        Field("type", Text("a message type"), "Its type"),
        Field("received", _COUNT, "Came to the recorder", 0),
        Field("written", _COUNT, "Are in the bag", 0),
        Field("dropped", _COUNT, "Were received but not written: the queue was full", 0),
        Field("lost", _COUNT, "Were sent but never came", 0),
    )
)

_MILLISECONDS = Number(0.0, 1e9, "milliseconds")

LEDGER = Schema(
    topics.LEDGER,
    1,
    (
        Field("topics", MapOf("a topic", _TOPIC_COUNTS), "Counts of each topic"),
        Field("frame_topics", ListOf(_TOPIC), "Those of them that are cameras", []),
        Field("frames_received", Whole(unit="frames"), "Sum over the cameras", 0),
        Field("frames_written", Whole(unit="frames"), "Sum over the cameras", 0),
        Field("frames_dropped", Whole(unit="frames"), "Sum over the cameras, dropped and lost", 0),
        Field("messages_dropped", _COUNT, "Sum over all topics, dropped and lost", 0),
        Field("frames_with_sample", Whole(unit="frames"), "With a joint state at their stamp", 0),
        Field("frames_without_sample", _COUNT_BY_REASON, "Without one, by reason", {}),
        Field("bracket_ms_median", _MILLISECONDS, "Between the two joint states around a frame", None),
        Field("joint_states_dropped", _COUNT_BY_REASON, "Joint states that cannot be used, by reason", {}),
        Field("commands_refused", _COUNT, "Trajectories that cannot be followed", 0),
        Field("commands_late", _COUNT, "Trajectories that came after a frame they apply to", 0),
        Field("clock_restarts", Whole(), "How often the clock was set back", 0),
        Field("episodes_started", Whole(unit="episodes"), "Begun in this bag", 0),
        Field("episodes_refused", _COUNT, "Episode events that cannot be read or followed", 0),
        Field("frames_of_unknown_encoding", Whole(unit="frames"), "Their pixels cannot be read", 0),
        Field("frames_of_another_size", Whole(unit="frames"), "Other than the first", 0),
        Field("messages_unreadable", _COUNT, "Not of their topic's type", 0),
        Field("warnings", ListOf(Text("a line", 0, 1 << 16, lines=True)), "What the recorder warned of", []),
        Field("closed", Flag(), "Whether these are the final counts", False),
    ),
    "What was received, written and dropped, again and again while the bag grows; the last one counts.",
    "Live, the same counts are on /diagnostics (diagnostic_msgs). In the bag they are nested and typed, and "
    "metadata.yaml holds them as text too.",
    {"topics": {"/joint_states": {"type": "sensor_msgs/msg/JointState", "received": 100, "written": 100}}},
    max_characters=_FACTS_CHARACTERS,
)

SCHEMAS = (EPISODE, OBJECT_REQUEST, OBJECT_STATE, CHECKPOINT, ANSWER, SESSION, LEDGER)
