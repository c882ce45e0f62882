"""Reads one bag for training: its frames at training size with their samples, episode by episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.bags.recorded_samples import RecordedSamples
from aassl_ros.data.bags.roles import BagRoles
from aassl_ros.data.bags.transforms import BagTransforms
from aassl_ros.data.interfaces import topics
from aassl_ros.data.prepare.crop_note import crop_note
from aassl_ros.data.prepare.episode_events import EpisodeEvents
from aassl_ros.data.prepare.joint_notes import joint_notes
from aassl_ros.data.prepare.part_report import BagCounts
from aassl_ros.data.prepare.pose_notes import pose_notes
from aassl_ros.data.prepare.windows import Windows, in_windows
from aassl_ros.data.prepared.writer import EpisodeStates
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import command_from_message
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.data.streams.picture_cdr import PictureDecoder
from aassl_ros.data.streams.receipt_clock import ReceiptClock
from aassl_ros.data.streams.squares import Square, square_from_message
from aassl_ros.data.streams.stream_consumer import StreamConsumer, StreamFrame
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import DataError, TrajectoryError

# How long a frame waits for the object's pose after it, s of the camera's stream: pose estimation takes time.
_POSE_DELAY_S = 1.0


class BagFrames:
    """Feeds one bag to a StreamConsumer.

    `read` passes each frame on as uint8 [S, S, 3]. Then `episodes` returns the states of these frames in order.
    """

    def __init__(
        self, reader: BagReader, roles: BagRoles, image_size: int, sync_changes: Mapping[str, Any] | None = None
    ) -> None:
        session = roles.session
        self._reader, self._roles, self._image_size = reader, roles, image_size
        self.counts = BagCounts()
        self.notes: list[str] = list(roles.notes)
        self.recorded = RecordedSamples()
        self._settings = replace(SyncSettings.of_session(session, reader.path), **(sync_changes or {}))
        # Samples of other settings cannot be compared with the recorder's.
        self._compares = not sync_changes
        self._joint_clock, self._frame_clock = ReceiptClock(), ReceiptClock()
        self._mapped = 0
        self._pictures: dict[str, PictureDecoder] = {}
        self._pose_problems: Counter[str] = Counter()
        self._sizes: Counter[tuple[int, ...]] = Counter()
        self._image_frame = ""
        self._transforms = BagTransforms(reader, round(self._settings.max_bracket_s * 1e9))
        self._consumer = StreamConsumer(
            image_size,
            self._settings,
            robot=session.robot,
            base_link=session.base_link,
            tip_link=session.tip_link,
            has_joints=bool(roles.joint_topics),
            on_sample=self.recorded.add_computed if self._compares else None,
            on_late_pose=self._take_late_pose,
            # A frame waits for the pose after it.
            episode_delay_s=_POSE_DELAY_S if roles.session.roles.object_pose in reader.topics else 0.0,
        )
        self._kept: list[tuple[Episode, list[StreamFrame]]] = []
        self._place_of: dict[int, tuple[int, int]] = {}  # stamp -> indices in _kept

    @property
    def continuous_joints(self) -> tuple[str, ...]:
        """The recorded joints that are continuous in the bag's robot description."""
        samples = [frames[-1].sample for _, frames in self._kept]
        names = dict.fromkeys(name for sample in samples for name in (*sample.joint_names, *sample.command_names))
        return self._consumer.robot.continuous_among(tuple(names))

    def read(self, keep: Callable[[NDArray[np.uint8]], None], progress: Callable[[int], None]) -> None:
        """Read the bag once. keep: called with each frame; progress: with the number of frames since its last call."""
        consumer, takers = self._consumer, self._takers()
        self._read_first_clock()
        self._read_image_frame()
        events = EpisodeEvents(self._reader, self._roles, self._settings)
        events.feed(consumer)
        self.notes += [events.note] if events.note else []
        sample_topics = [self._roles.session.topic(name) for name in topics.sample_topics(self._roles.camera)]
        wanted = [topic for topic in (*self._roles.streams, *sample_topics) if topic in self._reader.topics]
        camera, joint_topics = self._roles.camera_topic, self._roles.joint_topics
        clocks = self._joint_clock, self._frame_clock
        windows = Windows(self._reader.decode, self._decode, camera, clocks, consumer)
        found = self._reader.messages(wanted, begins=True)
        for window in in_windows(found, camera, joint_topics, sample_topics):
            for group, taken in windows.take_parts(window):
                if not taken:
                    self._try(takers[group[0].topic], group[0])
                if frames := [message.topic for message in group].count(camera):
                    progress(frames)
                if group[0].topic in (camera, *joint_topics):
                    events.follow(consumer, group[-1].log_ns)
                for frame in consumer.frames():
                    self._take_frame(frame, keep)
        for frame in consumer.flush():
            self._take_frame(frame, keep)
        if events.refused:
            self.counts.messages_refused[self._roles.session.roles.episode] += events.refused
        self._count()
        self._read_robot_description()

    def episodes(self) -> list[tuple[Episode, EpisodeStates]]:
        """The episodes that have frames, in order, with the states of their frames."""
        return [(episode, self._states(frames)) for episode, frames in self._kept]

    def _read_first_clock(self) -> None:
        """A command may come before the first joint state; how receipts relate to stamps must be known by then."""
        joints = self._roles.joint_topics
        for message in islice(self._reader.messages(joints), 1) if joints else ():  # no topics would be all topics
            with suppress(DataError):  # counted where it is read
                self._joint_clock.take(messages.header_stamp_ns(message.data), message.log_ns)

    def _read_image_frame(self) -> None:
        """A pose may come before the first image; the frame of the images must be known by then."""
        for message in islice(self._reader.messages([self._roles.camera_topic]), 1):
            with suppress(DataError):  # counted where it is read
                self._image_frame = messages.frame_id(message.data)
                self._consumer.use_image_frame(self._image_frame)

    def _takers(self) -> dict[str, Callable[[BagMessage], None]]:
        """Topic -> function that takes its messages. The recorder's samples are kept for comparison."""
        roles = self._roles.session.roles
        state_topic, command_topic = (
            self._roles.session.topic(name) for name in topics.sample_topics(self._roles.camera)
        )
        return {
            **dict.fromkeys(roles.commands.values(), self._take_command),
            self._roles.camera_topic: self._take_image,
            **dict.fromkeys(self._roles.joint_topics, self._take_joint_state),
            roles.object_pose: self._take_object_pose,
            state_topic: partial(self._take_recorded, self.recorded.add_state),
            command_topic: partial(self._take_recorded, self.recorded.add_command),
        }

    def _try(self, take: Callable[[BagMessage], None], message: BagMessage) -> None:
        try:
            take(message)
        except (DataError, TrajectoryError):
            self.counts.messages_refused[message.topic] += 1

    def _take_image(self, message: BagMessage) -> None:
        # Not decoded yet: this saves the work for frames outside episodes.
        stamp_ns = messages.header_stamp_ns(message.data)
        self._frame_clock.take(stamp_ns, message.log_ns)
        self._consumer.use_image_frame(messages.frame_id(message.data))
        self._consumer.add_undecoded(stamp_ns, partial(self._decode, message))

    def _take_joint_state(self, message: BagMessage) -> None:
        state = self._reader.decode(message)
        stamp_ns = messages.stamp_ns(state.header.stamp)
        self._joint_clock.take(stamp_ns, message.log_ns)
        self._consumer.add_joint_state(stamp_ns, state.name, state.position, state.velocity, state.effort)

    def _take_command(self, message: BagMessage) -> None:
        joints = self._roles.command_joints(message.topic)
        command = command_from_message(message.type, self._reader.decode(message), joints)
        if not command.stamp_ns and self._joint_clock.differs:
            self._mapped += 1
        self._consumer.add_command(command, self._joint_clock.stamp_of(message.log_ns))

    def _take_object_pose(self, message: BagMessage) -> None:
        stamped = self._reader.decode(message)
        pose, frame = messages.pose_from_message(stamped), stamped.header.frame_id
        stamp_ns = messages.stamp_ns(stamped.header.stamp)
        try:
            if frame.strip("/") != self._image_frame.strip("/") and frame and self._image_frame:
                moved = self._transforms.to_frame(pose, frame, self._image_frame, stamp_ns)
                pose, frame = (pose, frame) if moved is None else (moved, self._image_frame)
            self._consumer.add_object_pose(stamp_ns, pose, frame)
        except DataError as error:
            self._pose_problems[str(error)] += 1
            raise

    def _take_late_pose(self, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        if stamp_ns in self._place_of:
            episode, frame = self._place_of[stamp_ns]
            frames = self._kept[episode][1]
            frames[frame] = replace(frames[frame], object_pose=pose)

    def _take_recorded(self, add: Callable[[int, tuple[str, ...], Any], None], message: BagMessage) -> None:
        state = self._reader.decode(message)
        add(messages.stamp_ns(state.header.stamp), tuple(state.name), state.position)

    def _take_robot_description(self, message: BagMessage) -> None:
        self._consumer.add_robot_description(self._reader.decode(message).data)

    def _decode(self, message: BagMessage) -> Square:
        pictures = self._pictures.get(message.type)
        if pictures is None:
            general = lambda cdr: self._reader.decode(message._replace(data=cdr, large=None))  # noqa: E731
            pictures = self._pictures[message.type] = PictureDecoder(message.type, general)
        square = square_from_message(pictures.decode(self._reader.content(message)), self._image_size)
        self._sizes[square.size] += 1
        return square

    def _take_frame(self, frame: StreamFrame, keep: Callable[[NDArray[np.uint8]], None]) -> None:
        keep(frame.image)
        self.counts.kept += 1
        if not self._kept or self._kept[-1][0].id != frame.episode.id:
            self._kept.append((frame.episode, []))
        frames = self._kept[-1][1]
        self._place_of[frame.sample.stamp_ns] = len(self._kept) - 1, len(frames)
        frames.append(replace(frame, image=frame.image[:0]))  # without its image, which would fill the memory

    def _count(self) -> None:
        counts, sync = self._consumer.counts, self._consumer.sync_counts
        self.counts.frames, self.counts.outside_episodes = counts.frames, counts.outside_episodes
        self.counts.unusable += counts.unusable
        self.counts.without_sample += sync.rejected
        joints, frames = self._joint_clock.offset_ns, self._frame_clock.offset_ns
        difference_s = 0.0 if joints is None or frames is None else (frames - joints) / 1e9
        if self._settings.joint_stamp_offset_s or self._settings.frame_stamp_offset_s:
            difference_s = 0.0
        problem = self._consumer.publishers_problem
        self.counts.publishers_mixed = bool(problem)
        self.counts.hints = joint_notes(sync, problem, difference_s)
        self.notes += self.counts.hints
        self.notes += [*self._note_poses(), *crop_note(self._sizes)]
        if self._mapped:
            self.notes.append(
                f"{self._mapped} commands have no stamp and were received by another clock than that of the stamps: "
                "their receipt is converted to the clock of the joint states"
            )
        if sync.restarts:
            self.notes.append(f"its clock was set back {sync.restarts} times: episodes end there")

    def _note_poses(self) -> list[str]:
        has_topic = self._roles.session.roles.object_pose in self._reader.topics
        poses = [frame.object_pose for _, frames in self._kept for frame in frames] if has_topic else []
        interpolated = self._consumer.counts.poses_interpolated
        bound_s = self._settings.max_bracket_s
        return pose_notes(self._pose_problems, self._transforms.converted, interpolated, poses, bound_s)

    def _states(self, frames: list[StreamFrame]) -> EpisodeStates:
        samples = [frame.sample for frame in frames]
        # The list of names only grows while a bag is read, so the last sample has all names.
        joints = samples[-1].joint_names
        commands = next((sample.command_names for sample in samples[::-1] if sample.command is not None), ())
        position = _padded([sample.position for sample in samples], len(joints))
        return EpisodeStates(
            stamps_ns=np.array([sample.stamp_ns for sample in samples], np.int64),
            joint_names=joints,
            joint_position=position,
            command_names=commands,
            joint_command=_padded([sample.command for sample in samples], len(commands)),
            object_pose=np.stack([frame.object_pose for frame in frames]),
            tip_pose=self._consumer.robot.tip_poses(joints, position),
        )

    def _read_robot_description(self) -> None:
        """Read the last URDF on the session's topic, else on the absolute topic, else on any topic of that name."""
        own = self._roles.session.roles.robot_description
        held = [
            name for name, topic in self._reader.topics.items() if topic.message_count and topic.type == messages.STRING
        ]
        wanted = [
            own,
            topics.ABSOLUTE_ROBOT_DESCRIPTION,
            *(name for name in held if name.endswith(f"/{topics.ROBOT_DESCRIPTION}")),
        ]
        found = next((name for name in wanted if name in held), "")
        if found and own and found != own:
            self.notes.append(f"the robot description is taken from {found}: {own} holds none")
        for message in self._reader.messages([found]) if found else ():
            self._try(self._take_robot_description, message)
        robot = self._consumer.robot
        joints = self._kept[-1][1][-1].sample.joint_names if self._kept else ()
        problem = robot.problem or (robot.missing_joints(joints) if joints else "")
        if problem and self._roles.joint_topics:
            self.notes.append(f"no tip pose: {problem}")


def _padded(rows: list[Any], width: int) -> NDArray[np.float64]:
    """Stack rows of at most `width` values, or None, to float64 [n, width]; missing values are NaN."""
    table = np.full((len(rows), width), np.nan)
    for index, row in enumerate(rows):
        if row is not None:
            table[index, : len(row)] = row
    return table
