"""Frames of several robots in one buffer: no pair has frames of two of them, and other joints are told."""

from __future__ import annotations

import json
import uuid

import numpy as np

from aassl_ros.data.pairs.window import parse_window
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.learning.online.buffer_filler import BufferFiller, BufferFillerSettings
from aassl_ros.learning.online.live_buffer import LiveBuffer

FRAME_NS, JOINT_NS = 33_333_333, 10_000_000
SHADES = {"left": 10, "right": 200}


def fill_in_turn(fillers: dict[str, BufferFiller], joints: dict[str, tuple[str, ...]], frames: int = 60) -> None:
    """Each robot handles two objects; their messages come in turn, at the same stamps."""
    now_ns = 1_000_000_000
    for _ in range(2):
        for name, filler in fillers.items():
            event = {"id": str(uuid.uuid4()), "event": "start", "stamp": now_ns, "instance": f"{name}_{now_ns}"}
            filler.add_episode(json.dumps(event))
        for _ in range(frames):
            for name, filler in fillers.items():
                for place in range(3):
                    stamp_ns = now_ns + place * JOINT_NS
                    filler.add_joint_state(stamp_ns, joints[name], [stamp_ns * 1e-9] * len(joints[name]), [], [])
                filler.add_frame(now_ns + 3_000_000, np.full((16, 16, 3), SHADES[name], np.uint8))
                filler.settle()
            now_ns += FRAME_NS
    for filler in fillers.values():
        filler.flush()


def two_robots(capacity: int = 1000) -> dict[str, BufferFiller]:
    settings = BufferFillerSettings(capacity=capacity)
    live = LiveBuffer(settings, 16)
    return {name: BufferFiller(settings, SyncSettings(), 16, robot=name, live=live) for name in SHADES}


def test_pairs_are_of_one_robot_and_every_robot_is_drawn_also_when_the_ring_wraps_around() -> None:
    for capacity in (1000, 130):
        fillers = two_robots(capacity)
        fill_in_turn(fillers, {"left": ("left_a",), "right": ("right_a",)})
        buffer = fillers["left"].buffer
        assert buffer is not None
        assert buffer is fillers["right"].buffer
        pairs = buffer.sample(64, parse_window("frames:10"), None, np.random.default_rng(0))
        np.testing.assert_array_equal(pairs.first, pairs.second)  # a robot's frames have its shade
        assert set(pairs.first[:, 0, 0, 0]) == set(SHADES.values())
        assert [filler.unmatched for filler in fillers.values()] == ["", ""]


def test_a_robot_with_other_joints_is_kept_and_this_is_said() -> None:
    fillers = two_robots()
    fill_in_turn(fillers, {"left": ("shoulder", "wrist"), "right": ("track", "wheel")})
    assert fillers["left"].unmatched == ""
    line = fillers["right"].unmatched
    assert line.startswith("its joints (track, wheel) are not those of the first robot (shoulder, wrist)")
    assert fillers["right"].counts.kept > 0
