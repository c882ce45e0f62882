"""The label of one part of an encoder that is sent to another machine."""

from __future__ import annotations

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_kinds import Text, Whole
from aassl_ros.data.interfaces.json_schema import Field, Schema

WEIGHTS = Schema(
    topics.WEIGHTS,
    1,
    (
        Field(
            "checkpoint",
            Text("hexadecimal digits", 1, 128),
            "Digest of the checkpoint, as announced on trainer/checkpoint",
        ),
        Field("step", Whole(unit="updates"), "Number of training updates", 0),
        Field("sender", Text("a name", 1, 64), "Another one each time that a trainer is activated"),
        Field(
            "content", Text("SHA-256 in hexadecimal digits", 64, 64), "SHA-256 of all parts together, a backbone file"
        ),
        Field("bytes", Whole(1, 1 << 30, unit="bytes"), "Size of all parts together"),
        Field("part", Whole(0, 1 << 16), "Number of this part, from 0"),
        Field("parts", Whole(1, 1 << 16), "How many parts there are"),
        Field("crc32", Whole(0, (1 << 32) - 1), "CRC-32 of this part"),
    ),
    "Describes one part of an encoder that is sent to another machine. It is the label of the message's dimension.",
    "No standard message carries a file in parts.",
    {
        "checkpoint": "ab" * 32,
        "step": 1200,
        "sender": "5e1f",
        "content": "cd" * 32,
        "bytes": 11_000_000,
        "part": 3,
        "parts": 42,
        "crc32": 305419896,
    },
)
