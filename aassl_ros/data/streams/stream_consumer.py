"""Computes frames with all states that training needs from messages, in the same way for bags and live topics."""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aassl_ros.data.streams.commands import Command
from aassl_ros.data.streams.episodes import Episode, EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.images import Image, to_square
from aassl_ros.data.streams.no_joints import NoJoints
from aassl_ros.data.streams.poses import PoseStream
from aassl_ros.data.streams.robot_kinematics import RobotKinematics
from aassl_ros.data.streams.sample import Sample
from aassl_ros.data.streams.squares import Square
from aassl_ros.data.streams.sync import SyncCounts, Synchronizer, SyncSettings
from aassl_ros.data.streams.window import Window
from aassl_ros.errors import DataError

ANOTHER_SIZE = "image of another size than the first"


@dataclass(frozen=True)
class StreamFrame:
    """A frame of an episode, with all that is known at its stamp.

    The tip's pose follows from the joints: StreamConsumer.robot computes it for many frames at once.

    Attributes:
        image: uint8 [S, S, 3] RGB at training size.
        sample: joints and command at the frame's stamp; its `frame` is None.
        episode: the episode that the frame belongs to.
        object_pose: float64 [7] in the camera's frame, x y z in m and the quaternion x y z w; NaN if no pose has come
            near this stamp.
    """

    image: Image
    sample: Sample
    episode: Episode
    object_pose: NDArray[np.float64]


@dataclass
class StreamCounts:
    """What became of the frames.

    Attributes:
        frames: all that were taken.
        outside_episodes: with a sample, but in no episode.
        poses_interpolated: frames whose pose lies between two messages.
        unusable: in an episode, but not readable or of another size, by reason.
    """

    frames: int = 0
    outside_episodes: int = 0
    poses_interpolated: int = 0
    unusable: Counter[str] = field(default_factory=Counter)


class StreamConsumer:
    """Takes the messages of one robot and one camera in order of receipt, and gives complete frames by stamp.

    A frame waits for the joint states around its stamp (see Synchronizer). Then it waits `episode_delay_s` in the
    camera's stream for episode events and the object's pose. If a clock is set back, earlier episodes and poses are
    dropped. The first frame in an episode sets the image size. Frames of another size are dropped and counted.

    Attributes:
        counts: what became of the frames.
        robot: what the newest robot description says.
        newest_ns: stamp of the newest frame since the clock was last set back.
        rising: whether the last frame or joint state was newer than those before it. If not, the clock may have been
            set back.
    """

    def __init__(
        self,
        image_size: int,
        sync: SyncSettings | None = None,
        *,
        robot: str = "",
        base_link: str = "",
        tip_link: str = "",
        episode_delay_s: float = 0.0,
        has_joints: bool = True,
        on_sample: Callable[[Sample], None] | None = None,
        on_late_pose: Callable[[int, NDArray[np.float64]], None] | None = None,
    ) -> None:
        """Begin without a message.

        Args:
            image_size: side S of the frames given, pixels.
            sync: how frames are matched with joint states and commands.
            robot: name of the robot, for its episodes.
            base_link, tip_link: of the arm in the robot description; empty if not known.
            episode_delay_s: how long a frame waits for episode events and poses, s of the camera's stream.
            has_joints: whether there are joint states; without them, every frame gets a sample of no joints.
            on_sample: called with every sample, also of frames outside of episodes.
            on_late_pose: called with (stamp_ns, pose) if an object's pose comes after its frame was given.
        """
        self.counts = StreamCounts()
        self.robot = RobotKinematics()
        self.newest_ns = 0
        self.rising = True
        self._image_size, self._robot_name, self._links = image_size, robot, (base_link, tip_link)
        self._delay_ns = round(episode_delay_s * 1e9)
        self._on_sample, self._on_late_pose = on_sample, on_late_pose
        self._synchronizer = Synchronizer(sync, joints=None if has_joints else NoJoints())
        self._restarts = 0
        self._episodes = EpisodeTracker(robot)
        self._newest_joint_ns = 0
        self._events_since_rise: list[EpisodeEvent] = []
        self._poses = PoseStream(round((sync or SyncSettings()).max_bracket_s * 1e9))
        self._given_ns: int | None = None
        self._waiting: deque[Sample] = deque()
        self._complete: deque[StreamFrame] = deque()
        self._size: tuple[int, ...] | None = None

    @property
    def sync_counts(self) -> SyncCounts:
        """Counts of samples, frames without sample, dropped joint states, and restarts of the clock."""
        return self._synchronizer.counts

    @property
    def publishers_problem(self) -> str:
        """Which publishers of the same joints are mixed, and what to do; empty if none are."""
        return self._synchronizer.publishers_problem

    def use_image_frame(self, frame_id: str) -> None:
        """Refuse poses in another frame than this one, which the images' headers name; empty: not known."""
        self._poses.image_frame = frame_id

    def add_image(self, stamp_ns: int, image: Image) -> None:
        """Add a frame uint8 [H, W, 3]. Only its centre square at training size is stored."""
        picture = self._picture(image)
        self._add_frame(stamp_ns, lambda: picture)

    def add_undecoded(self, stamp_ns: int, decode: Callable[[], Square]) -> None:
        """Take a frame that is decoded only if it belongs to an episode.

        Args:
            stamp_ns: the frame's stamp.
            decode: returns the frame at training size. If it raises DataError, the frame is counted as unusable.
        """
        self._add_frame(stamp_ns, decode)

    def add_square(self, stamp_ns: int, square: Square) -> None:
        """Add a frame that is at training size already, see `square_from_message`."""
        self._add_frame(stamp_ns, lambda: square)

    def add_joint_state(
        self,
        stamp_ns: int,
        names: Sequence[str],
        positions: ArrayLike,
        velocities: ArrayLike = (),
        efforts: ArrayLike = (),
    ) -> None:
        """Add a joint state. A message that is not valid or not newer is dropped and counted."""
        self._synchronizer.add_joint_state(stamp_ns, names, positions, velocities, efforts)
        self._advance()
        self._follow(stamp_ns > self._newest_joint_ns)
        self._newest_joint_ns = max(self._newest_joint_ns, stamp_ns)

    def add_window(self, window: Window, decode: Sequence[Callable[[], Square]]) -> bool:
        """Add joint states and frames as `add_joint_state` and `add_undecoded` for each would. decode: of each frame.

        Returns:
            False if they must be added one by one, because something about them is unusual. Nothing is added then.
        """
        newer = int(window.joints.stamps_ns[0]) > self._newest_joint_ns
        if not newer or not self._synchronizer.add_window(window, decode):
            return False
        self.counts.frames += len(decode)
        self._advance()
        self._follow(True)
        self.newest_ns = max(self.newest_ns, *window.frames_ns[-1:].tolist(), 0)
        self._newest_joint_ns = int(window.joints.stamps_ns[-1])
        return True

    def add_command(self, command: Command, receipt_ns: int) -> None:
        """Add a command. If it has no stamp, receipt_ns is used. Raises TrajectoryError as Synchronizer does."""
        self._synchronizer.add_command(command, receipt_ns)
        self._advance()

    def add_episode(self, text: str) -> EpisodeEvent:
        """Take an episode event's JSON and return the event.

        Raises:
            DataError: the event cannot be read, or does not fit the events before it.
        """
        event = EpisodeEvent.parse(text)
        self._events_since_rise.append(event)
        self._episodes.add(event)
        return event

    def add_object_pose(self, stamp_ns: int, pose: NDArray[np.float64], frame_id: str = "") -> None:
        """Take the object's pose, float64 [7] in the camera's frame.

        A frame with its stamp gets it; a frame between two poses gets one interpolated between them.

        Args:
            stamp_ns: its stamp, ns.
            pose: x y z in m and the quaternion x y z w.
            frame_id: the frame in the message's header; empty: not known.

        Raises:
            DataError: the pose is not finite, its quaternion is zero, or it is in another frame than the images.
        """
        self._poses.add(stamp_ns, pose, frame_id)
        if self._given_ns is not None and stamp_ns <= self._given_ns and self._on_late_pose is not None:
            self._on_late_pose(stamp_ns, pose)

    def add_robot_description(self, urdf: str) -> RobotKinematics:
        """Add a URDF. The newest one is used for all frames, also earlier ones. `problem` says what it lacks."""
        self.robot = RobotKinematics.from_urdf(urdf, *self._links)
        return self.robot

    def frames(self) -> Iterator[StreamFrame]:
        """Yield the frames that are complete now, each once, by stamp."""
        self._release(self.newest_ns - self._delay_ns)
        while self._complete:
            yield self._complete.popleft()

    def flush(self) -> Iterator[StreamFrame]:
        """Yield all waiting frames. Call it when no more messages will come."""
        self._waiting.extend(self._synchronizer.flush())
        self._release(None)
        return self.frames()

    def _picture(self, image: Image) -> Square:
        return Square(to_square(image, self._image_size), image.shape[:2])

    def _add_frame(self, stamp_ns: int, load: Callable[[], Square]) -> None:
        self.counts.frames += 1
        self._synchronizer.add_frame(stamp_ns, load)
        self._advance()
        self._follow(stamp_ns > self.newest_ns)
        self.newest_ns = max(self.newest_ns, stamp_ns)

    def _follow(self, rising: bool) -> None:
        self.rising = rising
        if rising:
            self._events_since_rise.clear()

    def _advance(self) -> None:
        """Make samples after each message, so that live topics and bags give the same decisions."""
        self._waiting.extend(self._synchronizer.ready())
        if self._synchronizer.counts.restarts != self._restarts:
            self._restarts = self._synchronizer.counts.restarts
            self._begin_anew()

    def _begin_anew(self) -> None:
        """After the clock was set back: release the earlier frames, and drop their poses and episodes."""
        self._release(None)
        self._poses.clear()
        self._given_ns, self.newest_ns, self._newest_joint_ns = None, 0, 0
        self._episodes = EpisodeTracker(self._robot_name)
        # A jump is detected after two messages, so an event just before them belongs to the time after the jump.
        for event in self._events_since_rise:
            with contextlib.suppress(DataError):
                self._episodes.add(event)

    def _release(self, until_ns: int | None) -> None:
        """Complete the samples up to a stamp; None means all."""
        while self._waiting and (until_ns is None or self._waiting[0].stamp_ns <= until_ns):
            self._complete_sample(self._waiting.popleft())

    def _complete_sample(self, made: Sample) -> None:
        load: Callable[[], Square] = made.frame
        sample = replace(made, frame=None)
        pose = self._take_pose(sample.stamp_ns)
        if self._on_sample is not None:
            self._on_sample(sample)
        episode = self._episodes.at(sample.stamp_ns)
        if episode is None:
            self.counts.outside_episodes += 1
            return
        try:
            picture = load()
        except DataError as error:
            self.counts.unusable[str(error)] += 1
            return
        if self._size not in (None, picture.size):
            self.counts.unusable[ANOTHER_SIZE] += 1
            return
        self._size = picture.size
        self._complete.append(StreamFrame(picture.pixels, sample, episode, pose))

    def _take_pose(self, stamp_ns: int) -> NDArray[np.float64]:
        """The pose at that stamp, or NaN."""
        self._given_ns = stamp_ns
        pose, interpolated = self._poses.at(stamp_ns)
        self.counts.poses_interpolated += interpolated
        return np.full(7, np.nan) if pose is None else pose
