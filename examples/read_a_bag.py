"""The frames of a bag, each with what the arm did at that moment.

Teaches: how to open a rosbag2 bag without ROS, find its camera and joint topics, decode its messages, and synchronize
frames with joint states and commands as the recorder does.

Run:
    python examples/read_a_bag.py BAG
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags import BagReader, NamedTopics, find_roles
from aassl_ros.data.streams import Sample, Synchronizer, frame_from_message, stamp_ns, trajectory_from_message


def samples(reader: BagReader) -> Iterator[tuple[NDArray[np.uint8], Sample]]:
    """Each frame, uint8 [H, W, 3] RGB, with its sample: joint positions in rad or m, interpolated to its stamp."""
    roles = find_roles(reader, NamedTopics())
    commands = roles.session.roles.commands.values()
    synchronizer = Synchronizer()
    wanted = [topic for topic in (roles.camera_topic, roles.session.roles.joint_states, *commands)]
    for message in reader.messages([topic for topic in wanted if topic in reader.topics]):
        decoded = reader.decode(message)
        if message.topic == roles.camera_topic:
            synchronizer.add_frame(stamp_ns(decoded.header.stamp), frame_from_message(decoded))
        elif message.topic in commands:
            synchronizer.add_command(trajectory_from_message(decoded), message.log_ns)
        else:
            stamp = stamp_ns(decoded.header.stamp)
            synchronizer.add_joint_state(stamp, decoded.name, decoded.position, decoded.velocity, decoded.effort)
        yield from ((sample.frame, sample) for sample in synchronizer.ready())
    yield from ((sample.frame, sample) for sample in synchronizer.flush())


def main(bag: str) -> None:
    """Print the bag's topics and episodes, and a line for each frame."""
    with BagReader(bag) as reader:
        for name, topic in reader.topics.items():
            print(f"topic {name}: {topic.message_count} of {topic.type}")
        for episode in reader.episodes():
            print(f"episode {episode.instance} ({episode.category}) of the set {episode.set}")
        for frame, sample in samples(reader):
            joints = ", ".join(f"{name} {at:.3f}" for name, at in zip(sample.joint_names, sample.position, strict=True))
            commanded = "no command yet" if sample.command is None else f"{len(sample.command)} joints commanded"
            print(f"frame {sample.stamp_ns} ns, {frame.shape[1]} x {frame.shape[0]}: {joints}; {commanded}")


if __name__ == "__main__":
    main(sys.argv[1])
