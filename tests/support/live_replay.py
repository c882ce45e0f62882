"""One recorded stream fed to the replay buffer as the trainer node feeds it, and compared with what `prepare` makes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.bags.roles import BagRoles, NamedTopics, find_roles
from aassl_ros.data.interfaces import topics
from aassl_ros.data.prepare.prepare import PrepareReport, PrepareSettings, prepare
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.squares import square_from_message
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import AasslError
from aassl_ros.learning.online.buffer_filler import BufferFiller, BufferFillerSettings

# The trainer node settles by a timer; here now and then, which must not matter.
SETTLE_EVERY = 7
UNREADABLE = "frame unreadable"


def play(bag: Path, image_size: int) -> BufferFiller:
    """Feed a bag's messages in order of receipt, as the trainer node does with those that it hears."""
    with BagReader(bag) as reader:
        roles = find_roles(reader, NamedTopics())
        session = roles.session
        filler = BufferFiller(
            BufferFillerSettings(),
            SyncSettings(),
            image_size,
            robot=session.robot,
            base_link=session.base_link,
            tip_link=session.tip_link,
        )
        for number, message in enumerate(reader.messages()):
            with contextlib.suppress(AasslError):  # what cannot be read is counted by the node
                _feed(filler, image_size, reader, roles, message)
            if number % SETTLE_EVERY == 0:
                filler.settle()
        filler.flush()
    return filler


def _feed(filler: BufferFiller, size: int, reader: BagReader, roles: BagRoles, message: BagMessage) -> None:
    if message.topic.startswith("/recorder/"):
        return
    decoded, named = reader.decode(message), roles.session.roles
    if message.topic == named.episode:
        filler.add_episode(decoded.data)
    elif message.topic.endswith(topics.ROBOT_DESCRIPTION):
        filler.add_robot_description(decoded.data)
    elif message.topic == roles.camera_topic:
        try:
            square = square_from_message(decoded, size)
        except AasslError:  # the node counts these
            filler.bad(UNREADABLE)
            return
        filler.add_square(messages.stamp_ns(decoded.header.stamp), square)
    elif message.topic == named.joint_states:
        filler.add_joint_state(messages.stamp_ns(decoded.header.stamp), *messages.joint_arrays(decoded))
    elif message.topic in named.commands.values():
        filler.add_trajectory(messages.trajectory_from_message(decoded), message.log_ns)
    elif message.topic == named.object_pose:
        filler.add_object_pose(messages.stamp_ns(decoded.header.stamp), messages.pose_from_message(decoded))


def assert_live_as_recorded(bag: Path, out: Path, image_size: int) -> tuple[BufferFiller, PreparedData, PrepareReport]:
    """Every frame, joint, command and pose that live training remembers is that of the prepared data, and no other."""
    filler = play(bag, image_size)
    report = prepare([bag], out, PrepareSettings(image_size=image_size))
    data, buffer = PreparedData.open(out), filler.buffer
    assert buffer is not None
    rows = [row for row in data.episodes if row.set in BufferFillerSettings().sets]
    of_our_sets = np.concatenate([np.arange(row.start, row.stop) for row in rows])
    held = np.flatnonzero(buffer.valid[: len(buffer)])  # without those of discarded episodes
    np.testing.assert_array_equal(buffer.stamps_ns[held], data.stamps_ns[of_our_sets])
    np.testing.assert_array_equal(buffer.frames[held], data.frames[of_our_sets])
    discarded = len(buffer) - len(held)
    assert filler.instances >= {row.instance for row in rows}
    assert discarded or filler.instances == {row.instance for row in rows}
    for name in data.joint_names:
        live = _column(buffer.joint_position[held], buffer.joint_names, name)
        np.testing.assert_array_equal(live, _column(data.joint_position[of_our_sets], data.joint_names, name))
    for name in {*data.command_names, *buffer.command_names}:
        live = _column(buffer.joint_command[held], buffer.command_names, name)
        np.testing.assert_array_equal(live, _column(data.joint_command[of_our_sets], data.command_names, name))
    np.testing.assert_array_equal(buffer.object_pose[held], data.object_pose[of_our_sets])
    # From joints in single precision for the frames that were there before the robot description.
    np.testing.assert_allclose(buffer.tip_pose[held], data.tip_pose[of_our_sets], atol=1e-6)
    assert _continuous(buffer) == set(data.continuous_joints)
    assert filler.counts.frames + filler.counts.bad[UNREADABLE] == report.frames_in_bags
    assert filler.counts.outside_episodes + discarded == report.outside_episodes
    return filler, data, report


def _column(values: NDArray[np.float32], names: tuple[str, ...], name: str) -> NDArray[np.float32]:
    return values[:, names.index(name)] if name in names else np.full(len(values), np.nan, np.float32)


def _continuous(buffer: ReplayBuffer) -> set[str]:
    return {name for name in buffer.joint_names if name in buffer.continuous_joints}
