"""One trainer, two robots in their namespaces: both are kept in one buffer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from std_srvs.srv import Trigger

from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint


def test_two_robots_in_their_namespaces_fill_one_buffer(
    ros: Any, start_node: Any, make_stage: Any, small_trainer: dict[str, Any], tmp_path: Path
) -> None:
    left, right = (make_stage(ros.node("stage", namespace=name)) for name in ("left", "right"))
    start_node(
        "trainer", {**small_trainer, "run_dir": tmp_path / "run", "robots": ["left", "right"], "save_seconds": 1000.0}
    )
    left.begin("lying_0000")
    right.begin("standing_0001")

    def both_kept() -> bool:
        values = left.values("trainer")
        return all(int(values.get(f"{name}/frames_kept", 0)) > 20 for name in ("left", "right"))

    ros.wait_for(both_kept, what="frames of both robots")
    ros.wait_for(lambda: int(left.values("trainer").get("step", 0)) > 0, what="updates")
    values = left.values("trainer")
    assert int(values["frames_kept"]) >= int(values["left/frames_kept"]) > 20
    assert int(values["buffer_episodes"]) == 2
    save = left.node.create_client(Trigger, "/trainer/save")
    assert ros.call(save, Trigger.Request()).success
    ros.wait_for(lambda: left.values("trainer")["saves"] != "0", what="the checkpoint")
    assert load_checkpoint(tmp_path / "run").instances == ("lying_0000", "standing_0001")
