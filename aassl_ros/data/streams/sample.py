"""A frame with the states at its stamp, which a Synchronizer makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sample:
    """A frame, and the joint state and command at its stamp.

    stamp_ns: the frame's stamp without offset, ns. frame: the object given to add_frame.
    position, velocity, effort: float64 [J] in the order of joint_names, rad, rad/s and Nm (m, m/s, N for sliding
    joints); NaN if unknown.
    command: float64 [C], commanded positions in the order of command_names, rad or m; NaN for joints that are not
    commanded yet; None before the first command.
    bracket_ns: the time between the two joint states used for interpolation, ns.
    """

    stamp_ns: int
    frame: Any
    joint_names: tuple[str, ...]
    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    effort: NDArray[np.float64]
    command: NDArray[np.float64] | None
    command_names: tuple[str, ...]
    bracket_ns: int
