"""All JSON messages of aassl_ros: topic, version, fields. docs/topics.md is generated from this file.

A new key with a default keeps the version, because older readers ignore unknown keys. A change of the meaning of a key,
or a new required key, needs a new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_gallery import GALLERY, GALLERY_COMMAND
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
from aassl_ros.data.interfaces.json_weights import WEIGHTS

SETS = ("train", "online", "test", "disjoint")
EVENTS = ("start", "stop", "discard")

_STAMP = Whole(unit="nanoseconds")
_INSTANCE = Text("an object's name", 1)
_TOPIC = Text("a topic's name", 1)
_COUNT = Whole(unit="messages")
_COUNT_BY_REASON = MapOf("a reason", Whole())
_DIGEST = Text("hexadecimal digits", 1, 128)
_FACTS_CHARACTERS = 1 << 22  # a session or ledger grows with the number of recorded topics


def _start_names_its_object(values: Mapping[str, Any]) -> str:
    named = values["event"] != "start" or values["instance"] != ""
    return "" if named else "instance is missing or empty, expected an object's name in a start event"


EPISODE = Schema(
    topics.EPISODE,
    1,
    (
        Field("id", Uuid(), "Key of the episode; the same in its start, stop and discard"),
        Field(
            "stamp", _STAMP, "Stamp of the first frame of the episode (start), or of the first frame after it (stop)"
        ),
        Field("event", Choice(EVENTS), "The event. discard: the episode must not be used"),
        Field("instance", Text("an object's name"), "The object that is handled; required in a start event", ""),
        Field("category", Text("a category's name"), "Its category; empty or absent if unknown", ""),
        Field("set", Choice(SETS), "Instance set: train and online for training, test and disjoint never", "train"),
    ),
    "Marks the episodes, in which one object is handled. A frame belongs to an episode by its stamp.",
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
        Field("instance", Nullable(_INSTANCE), "The object to put into the hand; null empties the hand"),
        Field("category", Text("a category's name"), "If not empty, it must be the category of the instance", None),
        Field("request", Token(), "Returned in the answer", None),
    ),
    "Asks the simulator to put an object into the hand.",
    "simulation_interfaces spawns entities with services. It has no Python wheels, and its answer lacks the stamp of "
    "the first frame.",
    {"instance": "mug_0003", "category": "mug", "request": "7f2c"},
)


def _stamp_or_error(values: Mapping[str, Any]) -> str:
    return "" if (values["stamp"] is None) != (values["error"] is None) else "expected either stamp or error"


OBJECT_STATE = Schema(
    topics.SIMULATOR_OBJECT_STATE,
    1,
    (
        Field("instance", _INSTANCE, "The object in the hand; null or absent: none", None),
        Field("category", Text("a category's name"), "Its category", None),
        Field("request", Token(), "The value of `request` in the request", None),
        Field("stamp", _STAMP, "Stamp of the first frame that shows the object", None),
        Field("error", Text("a reason", 1, 4096, lines=True), "Why the object cannot be shown", None),
    ),
    "The simulator's answer to each request: either the stamp of the first frame, or an error.",
    "The same reason as for simulator/object. An episode starts at the stamp of the first frame.",
    {"instance": "mug_0003", "category": "mug", "request": "7f2c", "stamp": 12033333333},
    _stamp_or_error,
)

CHECKPOINT = Schema(
    topics.CHECKPOINT,
    1,
    (
        Field("path", Text("a path", 1, 4096), "Folder of the checkpoint, as a path on the trainer's machine"),
        Field("digest", _DIGEST, "SHA-256 of its weights; the evaluator checks the weights that it loads against it"),
        Field("step", Whole(unit="updates"), "Number of training updates", 0),
    ),
    "Announces a checkpoint that is complete on disk and can be loaded.",
    "No standard message announces a model.",
    {"path": "/data/runs/live/checkpoints/00001200", "digest": "ab" * 32, "step": 1200},
)

ANSWER = Schema(
    topics.ANSWER,
    1,
    (
        Field("stamp", _STAMP, "Stamp of the frame"),
        Field("label", Text("a category's name", 1, lines=True), "The category, or __unknown__"),
        Field("scores", MapOf("a category", Number(0.0, 1.0)), "Probability of each category, best first"),
        Field("checkpoint", _DIGEST, "SHA-256 of the weights that were used"),
        Field("latency_ms", Number(0.0, 1e9, "milliseconds"), "Time from the receipt of the frame to the answer"),
        Field("familiarity", Number(-1.01, 1.01), "Likeness of the view to those of the gallery", None),
        Field("familiar_from", Number(-1.01, 1.01), "A less familiar view is __unknown__; -1: none is", None),
        Field("skipped", Whole(unit="frames"), "Frames between the previous answer and this one that got none", None),
    ),
    "The evaluator's answer for one frame.",
    "vision_msgs/Classification is published too. This message also contains the checkpoint and the latency, and "
    "does not need vision_msgs, which has no Python wheels.",
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
        Field("commands", MapOf("a joint group", _TOPIC), "Command topic of each joint group", {}),
        Field("episode", Text("a topic's name"), "Topic of the episode events", ""),
        Field("object_pose", Text("a topic's name"), "Topic of the object's true pose", ""),
        Field("joint_truth", Text("a topic's name"), "Topic of the true joint positions", ""),
        Field("robot_description", Text("a topic's name"), "Topic of the URDF", ""),
    )
)

SESSION = Schema(
    topics.SESSION,
    1,
    (
        Field("robot", Text("a robot's name"), "Name of the robot; robot and episode id together identify an episode"),
        Field("arm", Text("an arm's name or file", 0, 4096), "Arm setting of the recorder"),
        Field("base_link", Text("a link's name"), "Fixed link at the base of the arm"),
        Field("tip_link", Text("a link's name"), "Link that carries the object"),
        Field("roles", _ROLES, "Topic of each role, as absolute name; readers use only these topics"),
        Field("namespace", Text("a namespace", 1), "Namespace of the recorder; its own topics are in it", "/"),
        Field("joint_groups", MapOf("a group", ListOf(Text("a joint", 1))), "Joints of each group", {}),
        Field("settings", MapOf("a parameter", AnyJson()), "The recorder's parameters", {}),
        Field("versions", MapOf("a program", Text("a version")), "Versions of the programs that recorded the bag", {}),
        Field("started_ns", _STAMP, "Start time of the bag, by the recorder's clock", 0),
    ),
    "The facts of a recording: the first message of each bag file, also in metadata.yaml. The last message is valid: "
    "a second one follows if a camera that was to be recorded as JPEG turns out to be recorded raw.",
    "It is only stored in bags, never sent, and metadata.yaml contains it as text too. No standard message maps roles "
    "to topics.",
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

_MILLISECONDS = Number(0.0, 1e12, "milliseconds")

_TOPIC_COUNTS = Record(
    (
        Field("type", Text("a message type"), "Message type"),
        Field("received", _COUNT, "Messages that the recorder received", 0),
        Field("written", _COUNT, "Messages in the bag", 0),
        Field("dropped", _COUNT, "Messages received but not written, because the queue was full", 0),
        Field("lost", _COUNT, "Messages sent but not received", 0),
        Field("causes", _COUNT_BY_REASON, "Messages dropped and lost, by cause", {}),
        Field("late", _COUNT, "Messages whose stamp is not newer than that of the message before", 0),
        Field("malformed", _COUNT, "Messages that cannot be decoded or used", 0),
        Field("stamp_gaps", _COUNT, "Messages that seem to be missing in gaps of the stamps; an estimate", 0),
        Field("sequence", Flag(), "Whether the middleware numbers the messages; null: not known", None),
        Field("rate_hz", Number(0.0, 1e12, "hertz"), "Mean rate by stamps", None),
        Field("jitter_ms", _MILLISECONDS, "Standard deviation of the spacing of the stamps", None),
        Field("longest_gap_ms", _MILLISECONDS, "Longest time between two receipts", None),
        Field("latency_ms_median", _MILLISECONDS, "Median time from stamp to receipt, within 5 %", None),
        Field("latency_ms_p99", _MILLISECONDS, "Its 99th percentile", None),
    )
)

_BRACKETS = (
    Field("bracket_ms_median", _MILLISECONDS, "Median time between the two joint states around a frame", None),
    Field("bracket_ms_p99", _MILLISECONDS, "Its 99th percentile", None),
    Field("bracket_ms_max", _MILLISECONDS, "Its maximum", None),
)

LEDGER = Schema(
    topics.LEDGER,
    1,
    (
        Field("topics", MapOf("a topic", _TOPIC_COUNTS), "Counts of each topic"),
        Field("frame_topics", ListOf(_TOPIC), "The camera topics among them", []),
        Field("frames_received", Whole(unit="frames"), "Frames received, all cameras", 0),
        Field("frames_written", Whole(unit="frames"), "Frames written, all cameras", 0),
        Field("frames_dropped", Whole(unit="frames"), "Frames dropped or lost, all cameras", 0),
        Field("messages_dropped", _COUNT, "Messages dropped or lost, all topics", 0),
        Field("frames_with_sample", Whole(unit="frames"), "Frames with a joint state at their stamp", 0),
        Field("frames_without_sample", _COUNT_BY_REASON, "Frames without one, by reason", {}),
        *_BRACKETS,
        Field("joint_states_dropped", _COUNT_BY_REASON, "Joint states that cannot be used, by reason", {}),
        Field("commands_refused", _COUNT, "Trajectories that are invalid", 0),
        Field("commands_late", _COUNT, "Trajectories received after a frame to which they apply", 0),
        Field("clock_restarts", Whole(), "Number of times the clock was set back", 0),
        Field("episodes_started", Whole(unit="episodes"), "Episodes started in this bag", 0),
        Field("episodes_refused", _COUNT, "Episode events that cannot be read or used", 0),
        Field("frames_of_unknown_encoding", Whole(unit="frames"), "Frames whose pixels cannot be read", 0),
        Field("frames_of_another_size", Whole(unit="frames"), "Frames whose size differs from the first frame", 0),
        Field("messages_unreadable", _COUNT, "Messages that cannot be decoded as their topic's type", 0),
        Field("warnings", ListOf(Text("a line", 0, 1 << 16, lines=True)), "Warnings of the recorder", []),
        Field("closed", Flag(), "Whether these counts are final", False),
    ),
    "Counts of received, written and dropped messages. It is repeated while the bag grows; the last one is valid.",
    "During recording the same counts are on /diagnostics (diagnostic_msgs). In the bag they are nested and typed, and "
    "metadata.yaml contains them as text too.",
    {"topics": {"/joint_states": {"type": "sensor_msgs/msg/JointState", "received": 100, "written": 100}}},
    max_characters=_FACTS_CHARACTERS,
)

EPISODE_LEDGER = Schema(
    topics.EPISODE_LEDGER,
    1,
    (
        Field("id", Text("an episode's id", 1), "Key of the episode"),
        Field("instance", Text("an object's name"), "The object that is handled", ""),
        Field("start_ns", _STAMP, "Stamp of its first frame"),
        Field("stop_ns", _STAMP, "Stamp of the first frame after it; null: it runs", None),
        Field("frames_with_sample", Whole(unit="frames"), "Frames with a joint state at their stamp", 0),
        Field("frames_without_sample", _COUNT_BY_REASON, "Frames without one, by reason", {}),
        *_BRACKETS,
        Field("topics", MapOf("a topic", _TOPIC_COUNTS), "Counts of each topic", {}),
        Field("closed", Flag(), "Whether these counts are final", False),
    ),
    "The counts of one episode, as those of recorder/ledger. It is repeated while the episode runs; the last message "
    "of an episode is valid.",
    "The same reason as for recorder/ledger.",
    {
        "id": "8c1d3f3e-50a5-4c1b-9a53-0d8a0f0f6a11",
        "instance": "red_mug",
        "start_ns": 1700000000000000000,
        "topics": {"/joint_states": {"type": "sensor_msgs/msg/JointState", "received": 100, "written": 100}},
    },
    max_characters=_FACTS_CHARACTERS,
)

SCHEMAS = (
    EPISODE,
    OBJECT_REQUEST,
    OBJECT_STATE,
    CHECKPOINT,
    WEIGHTS,
    ANSWER,
    GALLERY_COMMAND,
    GALLERY,
    SESSION,
    EPISODE_LEDGER,
    LEDGER,
)
