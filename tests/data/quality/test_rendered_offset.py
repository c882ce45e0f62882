"""The offset between camera and joints from frames of the real simulator, and the sign of what is offered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from quality_bags import frame, written_bag
from small_streams import MS, SECOND, Message, episode_event

from aassl_ros.data.prepare.prepare import PrepareSettings, prepare
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.quality.check import measure_bag
from aassl_ros.data.streams import messages
from aassl_ros.motion.arms import load_arm
from aassl_ros.sim.world import World, WorldSettings

_LATE_NS = 73 * MS
_STEP_NS = SECOND // 240


def test_joint_states_stamped_late_are_found_in_rendered_frames_and_prepare_corrects_them(tmp_path: Path) -> None:
    recorded: list[Message] = [episode_event(0, "start", SECOND)]
    truth: dict[int, np.ndarray] = {}
    with World(load_arm("panda"), WorldSettings(image_size=96)) as world:
        world.set_object("bowl_0001", np.random.default_rng(1))
        home = world.joint_state().position.copy()
        names = world.joint_names
        for step in range(240 * 7):
            stamp, time = SECOND + step * _STEP_NS, step / 240
            target = home.copy()
            target[0] += 0.3 * np.sin(1.7 * time) * np.sin(0.9 * time)
            target[5] += 0.4 * np.sin(1.1 * time + 1) * np.sin(0.5 * time)
            world.set_command(target)
            world.step()
            position = world.joint_state().position.copy()
            if step % 2 == 0:
                late = messages.encode_joint_state(stamp + _LATE_NS, names, position)
                recorded.append(Message("/joint_states", messages.JOINT_STATE, stamp + _LATE_NS, late))
            if step % 8 == 4:
                truth[stamp] = position
                recorded.append(frame(stamp, world.render()))
    bag = written_bag(tmp_path / "bag", sorted(recorded, key=lambda message: message.stamp_ns))
    report = measure_bag(bag)
    (offset,) = [measure.numbers for measure in report.measures if measure.title.startswith("Offset")]
    assert abs(offset["joint_stamp_offset_s"] + _LATE_NS / 1e9) < 0.008
    assert offset["confidence"] > 0.6

    def error(name: str, offset_s: float) -> float:
        prepare([bag], tmp_path / name, PrepareSettings(image_size=16, joint_stamp_offset_s=offset_s))
        data = PreparedData.open(tmp_path / name)
        inside = [place for place, stamp in enumerate(data.stamps_ns) if stamp > SECOND + SECOND // 5]
        right = np.stack([truth[int(data.stamps_ns[place])] for place in inside])
        return float(np.abs(np.asarray(data.joint_position)[inside] - right).max())

    wrong, corrected = error("wrong", 0.0), error("corrected", offset["joint_stamp_offset_s"])
    assert corrected < 0.15 * wrong
