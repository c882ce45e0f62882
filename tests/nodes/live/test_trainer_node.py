"""The trainer node in its own process: it trains, announces checkpoints, answers services and survives bad messages."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rcl_interfaces.msg import Log
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import Header, String
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from aassl_ros.cli.main import main
from aassl_ros.data.interfaces import topics
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.nodes.trainer import TrainerNode, TrainerSettings
from aassl_ros.paths import share
from aassl_ros.ros import conversions
from aassl_ros.settings import from_mapping

SMALL = {"checkpoint": "none", "width": 8, "image_size": 32, "batch": 16, "device": "cpu", "min_frames": 30,
         "min_episodes": 1, "normalisation_frames": 40, "episode_delay_s": 0.2, "nice": 0}  # fmt: skip
LATEST = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def announced(stage: Any) -> list[dict[str, Any]]:
    """What the trainer announces."""
    received: list[dict[str, Any]] = []
    stage.node.create_subscription(
        String, topics.CHECKPOINT, lambda message: received.append(json.loads(message.data)), LATEST
    )
    return received


def test_it_learns_from_topics_and_announces_checkpoints_that_load(
    ros: Any, stage: Any, start_node: Any, announced: list[dict[str, Any]], tmp_path: Path
) -> None:
    process = start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", "save_seconds": 1.0})
    stage.begin("lying_0000")
    ros.wait_for(lambda: len(announced) >= 2, what="two checkpoints")
    stage.begin("standing_0001", "test")
    ros.wait_for(lambda: int(stage.values("trainer").get("frames_left_alone: test", 0)) > 5, what="frames left alone")
    for reported in announced[-1:]:
        checkpoint = load_checkpoint(reported["path"])
        assert (checkpoint.digest, checkpoint.step) == (reported["digest"], reported["step"])
        assert checkpoint.instances == ("lying_0000",)
        assert checkpoint.action_space.name == "object_pose"
    values = stage.values("trainer")
    assert float(values["updates_per_s"]) > 0
    assert np.isfinite(float(values["loss"]))
    assert float(values["rankme"]) >= 1
    assert int(values["frames_kept"]) == int(values["buffer_frames"]) > 30
    process.send_signal(signal.SIGINT)
    ros.wait_for(lambda: process.poll() is not None, what="the end")
    assert process.returncode == 0
    assert load_checkpoint(tmp_path / "run").step >= announced[-1]["step"] > 0


def test_it_logs_the_topics_that_it_receives_and_the_start_of_training(
    ros: Any, stage: Any, start_node: Any, announced: list[dict[str, Any]], tmp_path: Path
) -> None:
    process = start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", "save_seconds": 0.1})
    stage.begin("lying_0000")
    ros.wait_for(lambda: announced, what="a checkpoint")
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    for topic in ("/camera/image_raw", "/joint_states", "/episode", "/simulator/truth/object_pose"):
        assert said.count(f"receiving {topic}.") == 1
    assert said.count("training started with ") == 1
    assert said.index("receiving /camera/image_raw.") < said.index("training started") < said.index("saved step")


def test_settings_of_the_pace_are_changed_at_once_and_settings_of_the_learner_are_refused(
    ros: Any, stage: Any, start_node: Any, announced: list[dict[str, Any]], tmp_path: Path
) -> None:
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", "updates_per_second": 0.001, "save_seconds": 1000.0})
    stage.begin("lying_0000")
    ros.wait_for(lambda: stage.values("trainer").get("step") == "1", what="the first update")
    client = stage.node.create_client(SetParameters, "/trainer/set_parameters")
    changes = {"updates_per_second": 0.0, "lr": 2e-5, "max_replay_ratio": 2000.0, "batch": 8, "replay_fraction": 0.25,
               "encoder_lr": 1e-5, "min_replay_ratio": 3000.0}  # fmt: skip
    parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in changes.items()]
    *applied, batch, fraction, rate, bound = ros.call(client, SetParameters.Request(parameters=parameters)).results
    assert [result.successful for result in applied] == [True] * 3
    assert batch.reason.startswith("trainer: batch is read when the node is configured")
    assert fraction.reason == "trainer: replay_fraction has no effect without replay_data."
    assert rate.reason == "trainer: encoder_lr = 1e-05, but the whole encoder is trained with lr: set that."
    assert bound.reason == "min_replay_ratio = 3000, expected at most max_replay_ratio = 2000."
    ros.wait_for(lambda: int(stage.values("trainer").get("step", 0)) >= 3, what="further updates")
    values = stage.values("trainer")
    assert float(values["lr"]) == 2e-5
    # Before, the trainer rested for 1,000 s after an update; the rest of the shares depends on the machine.
    assert float(values["share_update"]) > 0
    assert float(values["replay_ratio"]) > 0


def test_pause_and_save_do_as_they_say(
    ros: Any, stage: Any, start_node: Any, announced: list[dict[str, Any]], tmp_path: Path
) -> None:
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", "save_seconds": 1000.0})
    save = stage.node.create_client(Trigger, "trainer/save")
    pause = stage.node.create_client(SetBool, "trainer/pause")

    def call(client: Any, request: Any) -> Any:
        return ros.call(client, request)

    assert not call(save, Trigger.Request()).success
    stage.begin("lying_0000")
    ros.wait_for(lambda: int(stage.values("trainer").get("step", 0)) > 1, what="updates")
    assert call(pause, SetBool.Request(data=True)).success
    ros.wait_for(lambda: stage.values("trainer")["state"] == "paused", what="the pause")
    assert call(save, Trigger.Request()).success
    ros.wait_for(lambda: announced, what="the checkpoint")
    assert call(pause, SetBool.Request(data=False)).success
    ros.wait_for(lambda: int(stage.values("trainer")["step"]) > announced[0]["step"], what="updates after the pause")


@pytest.mark.slow
def test_unreadable_messages_are_counted_and_training_continues(
    ros: Any, stage: Any, start_node: Any, tmp_path: Path
) -> None:
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run"})
    commands = stage.node.create_publisher(JointTrajectory, topics.COMMAND, 10)
    stage.begin("lying_0000")
    ros.wait_for(lambda: int(stage.values("trainer").get("step", 0)) > 0, what="updates")
    unknown, short, small = stage.picture(), stage.picture(), stage.picture()
    unknown.encoding = "32FC4"
    short.height = 1000
    small.height = 24
    now = Header(stamp=conversions.time_message(stage.now_ns()))
    stage.joints.publish(JointState(header=now, name=["wrist"], position=[float("nan")]))
    stage.joints.publish(JointState(header=Header(), name=["wrist"], position=[0.0]))
    commands.publish(JointTrajectory(joint_names=["wrist"]))
    stage.episodes.publish(String(data="no json"))

    def counted() -> bool:
        for image in (unknown, short, small):  # the camera's topic may lose some
            stage.images.publish(image)
        values = stage.values("trainer")
        return (
            int(values.get("frames_unreadable", 0)) >= 2
            and int(values.get("joint_states_dropped", 0)) >= 2
            and int(values.get("bad: image of another size than the first", 0)) >= 1
            and values.get("bad: command refused") == "1"
            and values.get("bad: episode event refused") == "1"
        )

    ros.wait_for(counted, what="all counts")
    step = int(stage.values("trainer")["step"])
    ros.wait_for(lambda: int(stage.values("trainer")["step"]) > step, what="further updates")


def test_it_continues_from_a_checkpoint(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, announced: list[dict[str, Any]], tmp_path: Path
) -> None:
    start = make_checkpoint("start")
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", "checkpoint": start, "save_seconds": 0.5})
    stage.begin("lying_0000")
    ros.wait_for(lambda: announced, what="a checkpoint")
    assert load_checkpoint(announced[-1]["path"]).method == "simclr"


def test_killed_and_started_again_it_goes_on_with_its_own_checkpoint_and_announces_it_at_once(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, announced: list[dict[str, Any]], tmp_path: Path
) -> None:
    start = make_checkpoint("start")
    parameters = {**SMALL, "run_dir": tmp_path / "run", "checkpoint": start, "save_seconds": 0.5}
    first = start_node("trainer", parameters)
    stage.begin("lying_0000")
    ros.wait_for(lambda: len(announced) >= 2, what="two checkpoints")
    second = start_node("trainer", {**parameters, "run_dir": tmp_path / "run"}, "-r", "__node:=second")
    said = second.communicate(timeout=120)[0]
    assert second.returncode == 1
    assert f"another trainer is at work in {tmp_path / 'run'}" in said
    first.kill()
    first.wait()
    stage.silent = {"images", "joints"}  # it has no frame to train on
    ros.spin(1.0)  # what was on its way arrives
    kept, count = load_checkpoint(tmp_path / "run"), len(announced)
    third = start_node("trainer", parameters)
    ros.wait_for(lambda: len(announced) > count, what="the announcement of its checkpoint")
    assert (announced[-1]["digest"], announced[-1]["step"]) == (kept.digest, kept.step)
    third.terminate()
    assert f"continuing from {kept.path} (step {kept.step})" in third.communicate(timeout=120)[0]
    assert load_checkpoint(tmp_path / "run").digest == kept.digest


def test_after_a_checkpoint_the_parameters_say_its_rates_and_a_change_has_an_effect(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, tmp_path: Path
) -> None:
    start = make_checkpoint("start")
    rate = load_checkpoint(start).settings.lr
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", "checkpoint": start, "resumed_lr": rate / 4})
    stage.begin("lying_0000")
    ros.wait_for(lambda: float(stage.values("trainer").get("lr", 0)) == rate / 4, what="the lower rate")
    get = stage.node.create_client(GetParameters, "/trainer/get_parameters")
    assert ros.call(get, GetParameters.Request(names=["lr"])).values[0].double_value == rate / 4
    change = stage.node.create_client(SetParameters, "/trainer/set_parameters")
    request = SetParameters.Request(parameters=[Parameter("lr", value=rate).to_parameter_msg()])
    assert ros.call(change, request).results[0].successful
    ros.wait_for(lambda: float(stage.values("trainer")["lr"]) == rate, what="the rate that was set")


def test_activated_again_it_continues_where_it_stopped(ros: Any, stage: Any, tmp_path: Path) -> None:
    values = {**SMALL, "run_dir": str(tmp_path / "run")}
    node = TrainerNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])
    ros.executor.add_node(node)
    assert node.autostart()
    stage.begin("lying_0000")
    ros.wait_for(lambda: int(stage.values("trainer").get("step", 0)) > 1, what="updates")
    node.trigger_deactivate()
    ended_at = load_checkpoint(tmp_path / "run").step
    node.trigger_activate()
    ros.wait_for(lambda: int(stage.values("trainer").get("step", 0)) > ended_at, what="further updates")
    node.close()
    assert node.error is None
    assert load_checkpoint(tmp_path / "run").step > ended_at


def test_the_parameter_file_holds_the_defaults() -> None:
    values = yaml.safe_load(share("config/trainer.yaml").read_text())["/**/trainer"]["ros__parameters"]
    assert from_mapping(TrainerSettings, values, source="config/trainer.yaml") == TrainerSettings()


@pytest.mark.parametrize(
    ("mistake", "value", "line"),
    [
        ("arm", "nine_arms", "is unknown"),
        ("run_dir", "FILE/run", "cannot be written"),
        ("checkpoint", "DAMAGED", "is damaged"),
    ],
)
def test_a_wrong_start_is_one_line_and_status_1(
    mistake: str, value: str, line: str, start_node: Any, make_checkpoint: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    damaged = make_checkpoint("damaged")
    (damaged / "weights.safetensors").write_bytes(b"damaged")
    wrong = value.replace("FILE", str(tmp_path / "file")).replace("DAMAGED", str(damaged))
    process = start_node("trainer", {**SMALL, "run_dir": tmp_path / "run", mistake: wrong})
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    assert len([reported for reported in output.splitlines() if line in reported]) == 1, output


@pytest.mark.slow
def test_missing_frames_and_missing_episodes_are_logged(
    ros: Any, start_node: Any, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    said: list[str] = []
    ros.node("listener").create_subscription(Log, "/rosout", lambda log: said.append(log.msg), 100)
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run"})
    ros.wait_for(lambda: any("no publisher on /camera/image_raw" in line for line in said), what="the silent camera")
    request.getfixturevalue("stage")
    ros.wait_for(
        lambda: any("Mark the object in view: aassl episode start" in line for line in said), what="no episode"
    )
    assert sum("no publisher on" in line for line in said) == 1


@pytest.mark.slow
def test_from_the_command_line_it_can_be_paused_and_asked_to_save(
    ros: Any, start_node: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start_node("trainer", {**SMALL, "run_dir": tmp_path / "run"})
    client = ros.node("looker").create_client(Trigger, "trainer/save")
    ros.wait_for(client.service_is_ready, what="the trainer")
    assert main(["call", "trainer/pause", "true"]) == 0
    assert capsys.readouterr().out == "paused\n"
    assert main(["call", "trainer/save"]) == 1
    assert capsys.readouterr().err == "aassl: /trainer/save: nothing to save yet.\n"
    assert main(["call", "explorer/next"]) == 1
    assert "there is no service /explorer/next (waited 5 s)" in capsys.readouterr().err
    assert main(["call", "trainer/save", "true"]) == 2
    assert main(["call", "trainer/pause"]) == 2
    assert "call trainer/pause takes true or false." in capsys.readouterr().err
