"""The joint states of a stream that has none, such as a bag of a camera alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aassl_ros.data.streams.joint_history import JointHistory
from aassl_ros.data.streams.joints import JointState


class NoJoints(JointHistory):
    """A JointHistory with a state of no joints at every stamp, so that no frame is dropped for want of joint states."""

    def at_each(self, stamps_ns: Sequence[int], max_bracket_ns: int) -> list[JointState | str]:
        """A state of no joints for each stamp.

        Args:
            stamps_ns: the stamps.
            max_bracket_ns: not used.

        Returns:
            One state a stamp.
        """
        empty = np.zeros(0)
        return [JointState((), empty, empty, empty, 0) for _ in stamps_ns]
