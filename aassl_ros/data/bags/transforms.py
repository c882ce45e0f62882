"""Brings poses from one frame to another by the transforms (tf) of a bag."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.poses import Pose, interpolate
from aassl_ros.errors import DataError
from aassl_ros.motion.rotations import compose_poses, invert_pose, normalize

_TYPE = "tf2_msgs/msg/TFMessage"
_STATIC = "tf_static"


@dataclass
class _Link:
    """The poses of one frame in its parent. Static: a single one, valid at any time."""

    static: bool = False
    stamps: list[int] = field(default_factory=list)
    poses: list[Pose] = field(default_factory=list)

    def at(self, stamp_ns: int, max_bracket_ns: int) -> Pose | None:
        if self.static:
            return self.poses[-1]
        after = bisect_left(self.stamps, stamp_ns)
        if after < len(self.stamps) and self.stamps[after] == stamp_ns:
            return self.poses[after]
        if not 0 < after < len(self.stamps):
            return None
        start, end = self.stamps[after - 1], self.stamps[after]
        if end - start > max_bracket_ns:
            return None
        return interpolate(self.poses[after - 1], self.poses[after], (stamp_ns - start) / (end - start))


class BagTransforms:
    """The transforms of a bag. Nothing is read before the first conversion.

    Args:
        reader: the open bag.
        max_bracket_ns: longest time between two transforms for interpolation, ns.

    Attributes:
        converted: poses brought to another frame.
    """

    def __init__(self, reader: BagReader, max_bracket_ns: int) -> None:
        self._reader, self._max_bracket_ns = reader, max_bracket_ns
        self._topics = [name for name, topic in reader.topics.items() if topic.type == _TYPE and topic.message_count]
        self._parents: dict[str, str] | None = None
        self._links: dict[tuple[str, str], dict[str, _Link]] = {}
        self.converted = 0

    def to_frame(self, pose: Pose, source: str, target: str, stamp_ns: int) -> Pose | None:
        """A pose [7] that is given in the frame source, in the frame target; None if nothing connects the two.

        Raises:
            DataError: there is a chain of transforms, but one of them is unknown at the stamp.
        """
        source, target = source.strip("/"), target.strip("/")
        up, down = self._chain(source, target)
        if not up and not down:
            return None
        links = self._links_of(source, target, {*up, *down})
        for name in up:
            pose = compose_poses(self._pose_of(links, name, stamp_ns), pose)
        for name in reversed(down):
            pose = compose_poses(invert_pose(self._pose_of(links, name, stamp_ns)), pose)
        self.converted += 1
        return pose

    def _pose_of(self, links: dict[str, _Link], name: str, stamp_ns: int) -> Pose:
        found = links[name].at(stamp_ns, self._max_bracket_ns)
        if found is None:
            raise DataError(f"no transform of frame {name!r} near the stamp of an object pose")
        return found

    def _chain(self, source: str, target: str) -> tuple[list[str], list[str]]:
        """The frames from source, and those from target, up to the first that both have above them."""
        if self._parents is None:
            self._parents = {child: parent for child, parent, *_ in self._transforms()}
        over_source, over_target = self._ancestors(source), self._ancestors(target)
        shared = next((name for name in over_source if name in over_target), None)
        if shared is None:
            return [], []
        return over_source[: over_source.index(shared)], over_target[: over_target.index(shared)]

    def _ancestors(self, name: str) -> list[str]:
        assert self._parents is not None
        found = [name]
        while (parent := self._parents.get(found[-1])) is not None and parent not in found:
            found.append(parent)
        return found

    def _links_of(self, source: str, target: str, wanted: set[str]) -> dict[str, _Link]:
        """The links of a chain; only these are kept in memory."""
        key = source, target
        if key not in self._links:
            links = {name: _Link() for name in wanted}
            for child, _, static, stamp_ns, transform in self._transforms():
                if (link := links.get(child)) is None:
                    continue
                link.static |= static
                if static or not link.stamps or stamp_ns > link.stamps[-1]:
                    link.stamps.append(stamp_ns)
                    link.poses.append(_pose(transform))
            self._links[key] = links
        return self._links[key]

    def _transforms(self) -> Iterator[tuple[str, str, bool, int, Any]]:
        """Child, parent, whether it is static, stamp and transform of each transform in the bag."""
        for message in self._reader.messages(self._topics) if self._topics else ():
            static = message.topic.rpartition("/")[2] == _STATIC
            with contextlib.suppress(DataError):
                for one in self._reader.decode(message).transforms:
                    child, parent = one.child_frame_id.strip("/"), one.header.frame_id.strip("/")
                    yield child, parent, static, messages.stamp_ns(one.header.stamp), one.transform


def _pose(transform: Any) -> Pose:
    """The pose [7] of a transform. A rotation of length zero becomes NaN, so that poses that use it are refused."""
    move, turn = transform.translation, transform.rotation
    rotation = normalize([turn.x, turn.y, turn.z, turn.w])
    return np.array([move.x, move.y, move.z, *rotation], np.float64)
