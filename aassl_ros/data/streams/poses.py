"""The object's pose at the stamp of a frame: that of a message with the stamp, or interpolated between two."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
from numpy.typing import NDArray

from aassl_ros.errors import DataError
from aassl_ros.motion.rotations import from_rotation_vector, inverse, multiply, normalize, to_rotation_vector

Pose = NDArray[np.float64]

# Maximum number of poses that wait for their frame: ten seconds at 1 kHz, about 3 MB.
_POSES_KEPT = 10_000


class PoseStream:
    """Keeps poses by stamp until no frame needs them.

    Args:
        max_bracket_ns: longest time between two poses for interpolation, ns.

    Attributes:
        image_frame: frame of the images; poses in another one are refused. Empty: unknown.
    """

    def __init__(self, max_bracket_ns: int) -> None:
        self.image_frame = ""
        self._max_bracket_ns = max_bracket_ns
        self._stamps: list[int] = []
        self._poses: dict[int, Pose] = {}

    def __len__(self) -> int:
        return len(self._stamps)

    def add(self, stamp_ns: int, pose: Pose, frame: str = "") -> None:
        """Take a pose.

        Args:
            stamp_ns: its stamp, ns.
            pose: float64 [7], x y z in m and the quaternion x y z w.
            frame: in which it is given; empty: that of the images.

        Raises:
            DataError: it is not finite, its quaternion is zero, or it is in another frame than the images.
        """
        if not np.isfinite(pose).all() or not pose[3:].any():
            raise DataError("object pose is not finite")
        if frame and self.image_frame and frame.strip("/") != self.image_frame.strip("/"):
            raise DataError(
                f"object pose is in frame {frame!r}, but the images are in {self.image_frame!r}: publish it in theirs"
            )
        if stamp_ns not in self._poses:
            insort(self._stamps, stamp_ns)
        self._poses[stamp_ns] = pose
        if len(self._stamps) > _POSES_KEPT:
            del self._poses[self._stamps.pop(0)]

    def at(self, stamp_ns: int) -> tuple[Pose | None, bool]:
        """The pose [7] at a stamp and whether it is interpolated; None if no pose is near enough before and after.

        Earlier poses than the last one before the stamp are dropped, so stamps must rise.
        """
        after = bisect_left(self._stamps, stamp_ns)
        exact = self._poses.get(stamp_ns)
        found, interpolated = exact, False
        if exact is None and 0 < after < len(self._stamps):
            first, second = self._stamps[after - 1], self._stamps[after]
            if second - first <= self._max_bracket_ns:
                share = (stamp_ns - first) / (second - first)
                found, interpolated = interpolate(self._poses[first], self._poses[second], share), True
        for stamp in self._stamps[: max(0, after - 1)]:
            del self._poses[stamp]
        del self._stamps[: max(0, after - 1)]
        return found, interpolated

    def clear(self) -> None:
        """Drop all poses."""
        self._stamps.clear()
        self._poses.clear()


def interpolate(first: Pose, second: Pose, share: float) -> Pose:
    """The pose between two: positions on a line, rotations at constant speed the shorter way round.

    Args:
        first, second: float64 [7].
        share: 0 for the first, 1 for the second.

    Returns:
        float64 [7].
    """
    start, end = normalize(first[3:]), normalize(second[3:])
    turn = to_rotation_vector(multiply(inverse(start), end))
    rotation = multiply(start, from_rotation_vector(share * turn))
    return np.concatenate([first[:3] + share * (second[:3] - first[:3]), rotation])
