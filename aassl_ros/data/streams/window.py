"""Joint states and frames that were received without any other message between them, to be added at once.

All joint states may be added before all frames: it gives the same samples as the order of receipt if `in_step`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.streams.joint_block import JointBlock

# Joint states are kept for longer than this. A frame that is older than the newest state by more is a case for itself.
_MOST_BEHIND_NS = 15_000_000_000


@dataclass(frozen=True)
class Window:
    """Joint states of one publisher, and frames.

    Attributes:
        joints: n joint states.
        frames_ns: int64 [f], the stamps of the frames.
        states_before: int64 [f], how many of the joint states were received before each frame.
    """

    joints: JointBlock
    frames_ns: NDArray[np.int64]
    states_before: NDArray[np.int64]

    def in_step(self, complete_ns: int | None, last_frame_ns: int | None, shift_ns: int, timeout_ns: int) -> bool:
        """Whether frames and joint states are so near to each other that their order makes no difference.

        It would if a frame was received so long before the joint states around it that it was decided without them,
        if a clock was set back, or if old states were forgotten in between.

        Args:
            complete_ns: the stamp up to which all joints were received before; None if some were not.
            last_frame_ns: the stamp of the frame before; None if there was none.
            shift_ns: added to stamps of frames to compare them with those of joint states.
            timeout_ns: how long a frame waits for joint states.
        """
        if not len(self.frames_ns):
            return True
        newer = last_frame_ns is None or self.frames_ns[0] > last_frame_ns
        if complete_ns is None or not newer or not (np.diff(self.frames_ns) > 0).all():
            return False
        known_ns = np.concatenate([[complete_ns], self.joints.stamps_ns])[self.states_before]
        at_ns = self.frames_ns + shift_ns
        return bool((at_ns <= known_ns + timeout_ns).all() and at_ns[0] > self.joints.stamps_ns[-1] - _MOST_BEHIND_NS)
