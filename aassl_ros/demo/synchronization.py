"""Measure the error of a bag's samples: compare each joint state with that of the simulator at the frame's stamp."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.messages import header_stamp_ns
from aassl_ros.errors import BagError


@dataclass(frozen=True)
class SyncError:
    """Errors of the joint states of N frames.

    stamps_ns: int64 [N], stamps of the frames. error_mrad: float64 [N], largest error over the joints. motion_mrad:
    float64 [N], motion of the fastest joint in 1 ms at that time.
    """

    stamps_ns: NDArray[np.int64]
    error_mrad: NDArray[np.float64]
    motion_mrad: NDArray[np.float64]


def measure_synchronization(bag: Path) -> SyncError:
    """Compare every sample of the bag's first camera with the true joint state of the same stamp.

    Raises BagError if the bag has no session, no true joint states or no samples.
    """
    with BagReader(bag) as reader:
        session = reader.session
        if session is None or session.roles.joint_truth not in reader.topics:
            raise BagError(f"{bag} has no true joint states: it was not recorded from the simulator.")
        wanted = topics.sample_topics(next(iter(session.roles.cameras)))[0]
        sample_topic = next((name for name in reader.topics if name.endswith(wanted)), None)
        if sample_topic is None:
            raise BagError(f"{bag} has no samples: no frame had a joint state.")
        samples = _states(reader, sample_topic)
        truth = _states(reader, session.roles.joint_truth)
    stamps = sorted(set(samples) & set(truth))
    errors, motions = np.zeros(len(stamps)), np.zeros(len(stamps))
    for index, stamp in enumerate(stamps):
        names = [name for name in truth[stamp][0] if name in samples[stamp][0]]
        found, is_ = (dict(zip(*one[:2], strict=True)) for one in (samples[stamp], truth[stamp]))
        errors[index] = 1e3 * max(abs(found[name] - is_[name]) for name in names)
        motions[index] = max(abs(velocity) for velocity in truth[stamp][2])
    return SyncError(np.array(stamps, dtype=np.int64), errors, motions)


def _states(
    reader: BagReader, topic: str
) -> dict[int, tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]]:
    """Map each stamp to joint names, positions and velocities. Velocities in rad/s equal the motion in mrad per ms."""
    states = {}
    for message in reader.messages([topic]):
        state = reader.decode(message)
        states[header_stamp_ns(message.data)] = (tuple(state.name), state.position, state.velocity)
    return states
