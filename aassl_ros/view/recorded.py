"""Shows a bag or prepared data in Rerun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import BagError, DataError
from aassl_ros.view.message_view import MessageView
from aassl_ros.view.rerun_log import RerunLog

_SECOND_NS = 1_000_000_000


def view_bag(
    bag: Path, log: RerunLog, *, start_s: float, seconds: float, progress: Callable[[float], None]
) -> MessageView:
    """Show the messages of a bag whose types can be shown, and its episodes.

    Args:
        bag: the bag.
        log: where to.
        start_s: time in the bag at which to begin, s.
        seconds: how much of it, s; 0: to its end.
        progress: called with the share that is done, from 0 to 1.

    Returns:
        The view, which has counted the messages.

    Raises:
        BagError: the bag cannot be read, or holds nothing that can be shown in this time.
    """
    with BagReader(bag) as reader:
        links = () if reader.session is None else (reader.session.base_link, reader.session.tip_link)
        view = MessageView(log, *links)
        for topic in (name for name in reader.topics if name.endswith("/robot_description")):
            for message in reader.messages([topic]):  # received once, perhaps before the part that is shown
                view.describe_robot(topic, reader.decode(message).data)
        wanted = [name for name, topic in reader.topics.items() if view.shows(name, topic.type)]
        begin_ns = reader.start_ns + round(start_s * _SECOND_NS)
        length_ns = round((seconds or max(reader.duration_s - start_s, 0.0)) * _SECOND_NS)
        for message in reader.messages(wanted):
            if begin_ns <= message.log_ns <= begin_ns + length_ns:
                try:
                    decoded = reader.decode(message)
                except DataError:
                    view.skipped += 1
                    continue
                view.take(message.topic, reader.topics[message.topic].type, decoded, message.log_ns)
                progress((message.log_ns - begin_ns) / max(1, length_ns))
    if not view.shown:
        raise BagError(f"{bag}: no image, joint state, command, pose, episode or answer is in this part of the bag.")
    return view


def view_prepared(path: Path, log: RerunLog, *, episodes: int, progress: Callable[[float], None]) -> int:
    """Show prepared data: frames, joints against commands, poses, and the start of each episode.

    Args:
        path: a folder of prepared data.
        log: where to.
        episodes: how many, from the beginning; 0: all.
        progress: called with the share that is done, from 0 to 1.

    Returns:
        The number of frames shown.

    Raises:
        DataError: it is no prepared data.
    """
    data = PreparedData.open(path)
    rows = data.episodes[: episodes or len(data.episodes)]
    shown = 0
    for number, row in enumerate(rows):
        log.text("episode", int(data.stamps_ns[row.start]), f"{row.set} {row.category or '?'} {row.instance}")
        for frame in range(row.start, row.stop):
            stamp_ns = int(data.stamps_ns[frame])
            log.picture("camera", stamp_ns, np.asarray(data.frames[frame]))
            for names, values, kind in (
                (data.joint_names, data.joint_position[frame], "position"),
                (data.command_names, data.joint_command[frame], "command"),
            ):
                for name, value in zip(names, values, strict=True):
                    log.number(f"joints/{name}/{kind}", stamp_ns, float(value))
            log.pose("object_pose", stamp_ns, data.object_pose[frame])
            log.pose("tip_pose", stamp_ns, data.tip_pose[frame])
            shown += 1
        progress((number + 1) / len(rows))
    return shown
