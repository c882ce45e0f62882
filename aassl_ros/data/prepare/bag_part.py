"""Prepares one bag as a part, and looks into a bag before."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aassl_ros.data.bags.roles import find_roles, has_frames
from aassl_ros.data.lerobot.video_bag import open_bag
from aassl_ros.data.prepare.bag_frames import BagFrames
from aassl_ros.data.prepare.part_report import PartReport
from aassl_ros.data.prepare.parts import new_part
from aassl_ros.data.prepare.remote import Bag, local_copy
from aassl_ros.data.prepare.report import PrepareSettings

# Python looks for unused cycles of objects after so many new objects, instead of 700. Reading makes very many objects
# and no cycles, and looking takes a fifth of the time.
_NEW_OBJECTS = 100_000


@dataclass(frozen=True)
class BagTask:
    """A bag to prepare. folder, key: of its part. frames: in the bag; 0 if it is at a URL."""

    bag: Bag
    folder: Path
    key: str
    settings: PrepareSettings
    frames: int = 0


def holds_frames(bag: Path, settings: PrepareSettings) -> bool:
    """Whether a bag has a topic with camera frames. Raises BagError if it cannot be read."""
    with open_bag(bag, settings.video) as reader:
        return has_frames(reader)


def count_frames(bag: Path, settings: PrepareSettings) -> int:
    """The number of camera frames in a bag. Raises BagError if it lacks frames or episodes."""
    with open_bag(bag, settings.video) as reader:
        roles = find_roles(reader, settings.named_topics(), joints_needed=False)
        return reader.topics[roles.camera_topic].message_count


def prepare_bag(task: BagTask, advance: Callable[[int], None]) -> None:
    """Prepare a bag as a part.

    Args:
        task: the bag, and where its part is written.
        advance: called with the number of frames read since the last call. An exception that it raises ends the work,
            and nothing is left of the part.

    Raises:
        BagError: the bag is damaged or lacks something.
        DataError: the part cannot be written.
    """
    settings = task.settings
    with (
        _rare_collections(),
        local_copy(task.bag) as bag_path,
        open_bag(bag_path, settings.video) as reader,
        new_part(task.folder, task.key, settings.image_size) as part,
    ):
        roles = find_roles(reader, settings.named_topics(), joints_needed=False)
        bag = BagFrames(reader, roles, settings.image_size, settings.sync_changes())
        bag.read(part.writer.append_frames, advance)
        for episode, states in bag.episodes():
            key = (episode.robot, episode.id, episode.instance, episode.category or "", episode.set)
            part.writer.add_episode(*key, states)
        continuous = tuple(bag.continuous_joints)
        part.report = PartReport(bag.counts, bag.recorded.compare(), tuple(bag.notes), continuous)


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
