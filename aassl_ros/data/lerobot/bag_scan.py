"""Reads a bag once without decoding its pictures: the stamps of each camera, and samples of the first camera."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.bags.roles import BagRoles, NamedTopics, find_roles
from aassl_ros.data.lerobot.settings import ExportSettings
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import EpisodeEvent, EpisodeTracker
from aassl_ros.data.streams.receipt_clock import ReceiptClock
from aassl_ros.data.streams.sample import Sample
from aassl_ros.data.streams.sync import Synchronizer, SyncSettings
from aassl_ros.errors import BagError, DataError, TrajectoryError

_IMAGES = (messages.IMAGE, messages.COMPRESSED_IMAGE)


@dataclass
class Camera:
    """The frames of a camera in the order of the bag, only those whose stamp rises.

    stamps: ns. numbers: which message of the topic each is. size: height and width of the first picture, pixels.
    """

    topic: str
    stamps: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    seen: int = 0
    size: tuple[int, int] | None = None


@dataclass
class Scan:
    """What a bag holds. cameras: by name, the first one first; samples: of its frames, with the message as `frame`.

    episodes: None if the bag has no episode events. without_sample: frames of the first camera, by reason.
    """

    roles: BagRoles
    cameras: dict[str, Camera]
    samples: list[Sample] = field(default_factory=list)
    episodes: EpisodeTracker | None = None
    robot_description: str = ""
    without_sample: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def first(self) -> Camera:
        """The camera that sets the rows."""
        return next(iter(self.cameras.values()))

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Height and width of each camera."""
        return {name: camera.size or (0, 0) for name, camera in self.cameras.items()}


def scan_bag(reader: BagReader, settings: ExportSettings) -> Scan:
    """Read a bag without its pictures.

    Args:
        reader: the open bag.
        settings: which cameras and topics.

    Raises:
        BagError: a role is not clear, the clock was set back, or no picture of a camera can be read.
    """
    notes: list[str] = []
    cameras = _choose_cameras(reader, settings, notes)
    first = next(iter(cameras))
    named = NamedTopics(first, settings.joint_states, settings.command, settings.episode)
    roles = find_roles(reader, named, episodes_needed=False)
    scan = Scan(roles, {name: Camera(topic) for name, topic in cameras.items()}, notes=[*notes, *roles.notes])
    scan.episodes = _read_episodes(reader, scan)
    _Reading(reader, settings, scan).read()
    for name, camera in scan.cameras.items():
        if camera.size is None:
            raise BagError(f"{reader.path}: no picture of {name} ({camera.topic}) can be read.")
    return scan


class _Reading:
    """One pass over the bag, which fills a Scan."""

    def __init__(self, reader: BagReader, settings: ExportSettings, scan: Scan) -> None:
        self._reader, self._scan = reader, scan
        sync = SyncSettings.of_session(scan.roles.session, reader.path)
        self._synchronizer = Synchronizer(replace(sync, max_bracket_s=settings.max_bracket_s or sync.max_bracket_s))
        self._clock = ReceiptClock()

    def read(self) -> None:
        reader, scan, roles = self._reader, self._scan, self._scan.roles
        takers: dict[str, Callable[[BagMessage], None]] = {
            **dict.fromkeys(roles.session.roles.commands.values(), self._take_command),
            **dict.fromkeys(roles.joint_topics, self._take_joint_state),
            **{camera.topic: self._frame_taker(camera) for camera in scan.cameras.values()},
        }
        if description := _description_topic(reader, roles.session.roles.robot_description):
            takers[description] = self._take_description
        for message in reader.messages([topic for topic in takers if topic in reader.topics]):
            try:
                takers[message.topic](message)
            except (DataError, TrajectoryError):
                scan.refused[message.topic] += 1
            scan.samples += self._synchronizer.ready()
        scan.samples += self._synchronizer.flush()
        counts = self._synchronizer.counts
        if counts.restarts:
            raise BagError(f"{reader.path}: its clock was set back {counts.restarts} times. Split the bag there.")
        scan.without_sample += counts.rejected
        if problem := self._synchronizer.publishers_problem:
            scan.notes.append(problem)

    def _frame_taker(self, camera: Camera) -> Callable[[BagMessage], None]:
        first = camera is self._scan.first

        def take(message: BagMessage) -> None:
            number = camera.seen
            camera.seen += 1
            stamp_ns = messages.header_stamp_ns(message.data)
            if first:
                self._synchronizer.add_frame(stamp_ns, number)
            if not camera.stamps or stamp_ns > camera.stamps[-1]:
                camera.stamps.append(stamp_ns)
                camera.numbers.append(number)
            if camera.size is None:
                height, width = messages.frame_from_message(self._reader.decode(message)).shape[:2]
                camera.size = height, width

        return take

    def _take_joint_state(self, message: BagMessage) -> None:
        state = self._reader.decode(message)
        stamp_ns = messages.stamp_ns(state.header.stamp)
        self._clock.take(stamp_ns, message.log_ns)
        self._synchronizer.add_joint_state(stamp_ns, state.name, state.position, state.velocity, state.effort)

    def _take_command(self, message: BagMessage) -> None:
        trajectory = messages.trajectory_from_message(self._reader.decode(message))
        self._synchronizer.add_command(trajectory, self._clock.stamp_of(message.log_ns))

    def _take_description(self, message: BagMessage) -> None:
        self._scan.robot_description = str(self._reader.decode(message).data)


def _choose_cameras(reader: BagReader, settings: ExportSettings, notes: list[str]) -> dict[str, str]:
    """Camera name -> topic, the first one first."""
    session = reader.session
    known = {name: name for name, topic in reader.topics.items() if topic.type in _IMAGES and topic.message_count}
    if session is not None:
        named = session.roles.cameras
        known = {name: topic for name, topic in named.items() if _count(reader, topic)}
        notes += [f"camera {name} is left out: it has no frame" for name in named if name not in known]
    chosen = _wanted(reader, known, settings) if settings.camera else known
    if not chosen:
        raise BagError(f"{reader.path} holds no camera frames. Omit this bag.")
    return chosen


def _wanted(reader: BagReader, known: Mapping[str, str], settings: ExportSettings) -> dict[str, str]:
    chosen = {}
    for wanted in settings.camera:
        name = next((name for name, topic in known.items() if wanted in (name, topic)), None)
        if name is None:
            found = ", ".join(known) or "none"
            raise BagError(f"{reader.path} has no camera {wanted} (found: {found}). Name others with --camera.")
        chosen[name] = known[name]
    return chosen


def _read_episodes(reader: BagReader, scan: Scan) -> EpisodeTracker | None:
    """The episodes; None if there are no events."""
    topic = scan.roles.session.roles.episode
    if not _count(reader, topic):
        return None
    tracker = EpisodeTracker(scan.roles.session.robot)
    for message in reader.messages([topic]):
        try:
            tracker.add(EpisodeEvent.parse(reader.decode(message).data))
        except DataError:
            scan.refused[topic] += 1
    return tracker


def _description_topic(reader: BagReader, own: str) -> str:
    texts = [name for name, topic in reader.topics.items() if topic.type == messages.STRING]
    return own if own in texts else next((name for name in texts if name.endswith("/robot_description")), "")


def _count(reader: BagReader, topic: str) -> int:
    return reader.topics[topic].message_count if topic in reader.topics else 0
