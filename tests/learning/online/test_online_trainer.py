"""Training runs while frames arrive, from new weights or a checkpoint, until it is stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from online_trainers import online_trainers, wait_until

from aassl_ros.benchmarks.patterns import write_patterns
from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.streams.sync import SyncSettings
from aassl_ros.errors import CheckpointError, ConfigError
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, Provenance, load_checkpoint
from aassl_ros.learning.online.buffer_filler import BufferFiller, BufferFillerSettings
from aassl_ros.learning.online.settings import OnlineSettings, starting_checkpoint
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

LEARNER = LearnerSettings(width=8, image_size=32, batch=16, device="cpu")
FRAME_NS = 33_333_333
JOINTS = ("shoulder", "wrist")


@pytest.fixture
def online(tmp_path: Path) -> Iterator[Any]:
    """online(settings...) makes a trainer; all are stopped at the end."""
    with online_trainers(tmp_path / "run", LEARNER, min_frames=60, min_episodes=4, normalisation_frames=100) as make:
        yield make


def test_learning_begins_once_there_is_enough_and_ends_in_a_checkpoint(
    online: Any, tmp_path: Path, make_arm: Any, filled: Any
) -> None:
    trainer = online(min_episodes=4)
    intake = filled(episodes=3)
    trainer.start(intake)
    assert "3 of 4" in wait_until(trainer, lambda status: "3 of 4" in status.line).line
    assert trainer.status.step == 0
    more = make_arm(intake)
    more.now_ns = intake.newest_ns + FRAME_NS
    more.handle("slanted_0009")
    learnt = wait_until(trainer, lambda status: status.step >= 3)
    assert learnt.losses is not None
    assert learnt.losses.action is not None
    trainer.stop()
    checkpoint = load_checkpoint(tmp_path / "run")
    saved = trainer.status.saved
    assert saved is not None
    assert (saved.step, saved.digest) == (checkpoint.step, checkpoint.digest)
    assert checkpoint.action_space is not None
    assert checkpoint.action_space.name == "object_pose"
    assert checkpoint.trainer["action"] == {"share": 1.0, "chosen_automatically": True, "too_few": {}}
    assert learnt.action == f"{checkpoint.action_space}, chosen automatically, known for 100 % of the frames"
    assert "slanted_0009" in checkpoint.instances
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert log[0].keys() >= {"step", "seconds", "loss", "contrastive", "action", "images_per_s", "rankme"}
    assert 1 <= log[0]["rankme"] <= 2 * trainer.learner_settings.batch


def test_settings_changed_during_a_wait_apply_at_once(online: Any, filled: Any) -> None:
    trainer = online(updates_per_second=0.001)
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step == 1)
    trainer.adjust(replace(trainer._settings, updates_per_second=0.0))  # else the next came in a quarter of an hour
    wait_until(trainer, lambda status: status.step >= 3)


def test_the_scale_of_actions_is_measured_once_and_kept(online: Any, tmp_path: Path, filled: Any) -> None:
    trainer = online(save_seconds=0.1)
    intake = filled()
    trainer.start(intake)
    first = wait_until(trainer, lambda status: status.saved).saved
    second = wait_until(trainer, lambda status: status.saves >= 2).saved
    scales = [load_checkpoint(saved.path).normalisation for saved in (first, second)]
    np.testing.assert_array_equal(scales[0].scale, scales[1].scale)


def test_training_continues_from_a_checkpoint_with_its_actions_and_instances(
    online: Any, tmp_path: Path, make_arm: Any, filled: Any
) -> None:
    first = online()
    first.start(filled())
    wait_until(first, lambda status: status.step >= 2)
    first.stop()
    start = load_checkpoint(tmp_path / "run")
    other = LearnerSettings(width=16, encoder="resnet34", batch=8, device="cpu")
    second = online(other, start=start, run_dir=str(tmp_path / "second"), resumed_lr=1e-5)
    assert second.learner_settings.width == 8
    assert second.learner_settings.lr == 1e-5
    intake = BufferFiller(BufferFillerSettings(), SyncSettings(), second.frame_size)
    arm = make_arm(intake)
    for number in range(4):
        arm.handle(f"standing_{100 + number}")
    second.start(intake)
    wait_until(second, lambda status: status.step >= start.step + 2)
    second.stop()
    ended = load_checkpoint(tmp_path / "second")
    assert ended.step > start.step
    assert set(ended.instances) == {*start.instances, *intake.instances}
    assert ended.normalisation is not None
    assert start.normalisation is not None
    np.testing.assert_array_equal(ended.normalisation.median, start.normalisation.median)


def test_without_a_checkpoint_a_run_resumes_from_its_own(online: Any, tmp_path: Path, filled: Any) -> None:
    settings = OnlineSettings(run_dir=str(tmp_path / "run"))
    assert starting_checkpoint(settings) is None
    trainer = online()
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 1)
    trainer.stop()
    found = starting_checkpoint(settings)
    assert found is not None
    assert found.step == trainer.status.step


def test_a_run_without_updates_still_ends_with_the_checkpoint_it_resumed_from(online: Any, tmp_path: Path) -> None:
    start = begun(tmp_path / "start")
    trainer = online(start=start)
    trainer.start(BufferFiller(BufferFillerSettings(), SyncSettings(), 32))
    trainer.stop()
    ended = load_checkpoint(tmp_path / "run")
    assert (ended.digest, ended.instances) == (start.digest, ("mug_0001",))


def begun(path: Path, steps: int = 0) -> Checkpoint:
    """A checkpoint to continue from, after this number of updates."""
    space, scale = ActionSpace("object_pose"), Normalisation(np.zeros(6, np.float32), np.ones(6, np.float32))
    learner = Learner(LEARNER, 6)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        first, second = rng.integers(0, 256, (2, 16, 32, 32, 3), dtype=np.uint8)
        learner.step(first, second, rng.normal(size=(16, 6)).astype(np.float32))
    return load_checkpoint(save_checkpoint(path, learner, Provenance(space, scale, ("mug_0001",))))


def test_a_resumed_trainer_that_still_waits_for_frames_saves_when_it_is_asked(online: Any, tmp_path: Path) -> None:
    start = begun(tmp_path / "start")
    trainer = online(start=start)
    trainer.start(BufferFiller(BufferFillerSettings(), SyncSettings(), 32))
    assert trainer.request_save()
    saved = wait_until(trainer, lambda status: status.saves == 1, timeout_s=120).saved
    assert trainer.status.state == "waiting"
    assert (saved.step, saved.digest) == (start.step, start.digest)


def test_a_save_asked_for_as_it_stops_is_made(online: Any, tmp_path: Path) -> None:
    trainer = online(start=begun(tmp_path / "run"))  # its own run: there is nothing else to save
    trainer.stop()
    assert trainer.request_save()
    trainer.start(BufferFiller(BufferFillerSettings(), SyncSettings(), 32))
    wait_until(trainer, lambda status: status.saves == 1, timeout_s=120)


def test_a_resumed_run_drops_log_lines_of_updates_that_are_repeated(online: Any, tmp_path: Path, filled: Any) -> None:
    start = begun(tmp_path / "run", steps=2)
    log = tmp_path / "run" / "log.jsonl"
    log.write_text("".join(json.dumps({"step": step}) + "\n" for step in (1, 2, 3, 900)) + '{"step": 9')
    trainer = online(start=start)
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= start.step + 2)
    trainer.stop()
    steps = [json.loads(line)["step"] for line in log.read_text().splitlines()]
    assert steps[:3] == [1, 2, 3]
    assert steps == sorted(set(steps))
    assert 900 not in steps


def test_a_full_buffer_is_enough_for_every_minimum(online: Any, make_arm: Any) -> None:
    intake = BufferFiller(BufferFillerSettings(capacity=100), SyncSettings(), 32)
    make_arm(intake).handle("lying_0000", frames=130)
    assert intake.buffer is not None
    assert len(intake.buffer) == 100
    trainer = online(min_frames=1000, min_episodes=4)
    trainer.start(intake)
    wait_until(trainer, lambda status: status.step >= 1)


def test_prepared_data_are_mixed_in_and_their_instances_listed(online: Any, tmp_path: Path, filled: Any) -> None:
    replay = write_patterns(tmp_path / "data", instances=2, frames=20)
    trainer = online(replay=replay, replay_fraction=0.5)
    intake = filled()
    batches = trainer._live.batches
    batch = batches.draw(intake.buffer, np.random.default_rng(0))
    from_replay = {frame.tobytes() for frame in replay.frames}
    assert sum(frame.tobytes() in from_replay for frame in batch.first) == 8
    assert len(batch.first) == len(batch.second) == len(batch.action) == 16
    trainer.start(intake)
    wait_until(trainer, lambda status: status.step >= 1)
    trainer.stop()
    assert set(load_checkpoint(tmp_path / "run").instances) >= {"lying_0000", "standing_0001"}


def test_replay_data_of_another_size_is_refused(online: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"frame_size = 32, but .* have 48 px\. Set it to 0\."):
        online(replay=write_patterns(tmp_path / "data", image_size=48), frame_size=32)


def test_frames_are_stored_as_in_replay_data_and_resized_for_the_encoder(online: Any, tmp_path: Path) -> None:
    trainer = online(replay=write_patterns(tmp_path / "data", image_size=48))
    assert trainer.frame_size == 48
    assert trainer.learner_settings.image_size == 32


@pytest.mark.parametrize("method", ["simclr", "simclr_tt"])
def test_methods_without_actions_need_no_pose(online: Any, tmp_path: Path, method: str, filled: Any) -> None:
    trainer = online(LearnerSettings(method=method, width=8, image_size=32, batch=16, device="cpu"))
    trainer.start(filled(with_pose=False))
    assert wait_until(trainer, lambda status: status.step >= 2).losses.action is None
    trainer.stop()
    assert load_checkpoint(tmp_path / "run").action_space is None


def test_without_object_poses_the_joints_are_the_action(online: Any, tmp_path: Path, filled: Any) -> None:
    trainer = online()
    trainer.start(filled(with_pose=False))
    wait_until(trainer, lambda status: status.step >= 1)
    trainer.stop()
    space = load_checkpoint(tmp_path / "run").action_space
    assert space is not None
    assert (space.name, space.components) == ("joints", JOINTS)


def test_actions_that_the_stream_does_not_tell_are_said_to_be_missing(online: Any, tmp_path: Path, filled: Any) -> None:
    first = online()
    first.start(filled())
    wait_until(first, lambda status: status.step >= 1)
    first.stop()
    second = online(start=load_checkpoint(tmp_path / "run"), run_dir=str(tmp_path / "second"))
    second.start(filled(with_pose=False))
    assert "0 of" in wait_until(second, lambda status: "pairs can be made" in status.line).line
    assert second.status.state == "waiting"


def test_a_checkpoint_of_other_joints_waits_and_says_which(online: Any, tmp_path: Path, filled: Any) -> None:
    learner, scale = Learner(LEARNER, 2), Normalisation(np.zeros(2, np.float32), np.ones(2, np.float32))
    space = ActionSpace("joints", components=("left", "right"))
    start = load_checkpoint(save_checkpoint(tmp_path / "start", learner, Provenance(space, scale, ())))
    trainer = online(start=start)
    trainer.start(filled())
    line = wait_until(trainer, lambda status: "no component" in status.line).line
    assert "action space joints: no component 'left' in these data (found: shoulder, wrist)" in line


def test_learning_online_has_the_optimizers_and_averages_of_learning_offline(
    online: Any, tmp_path: Path, filled: Any
) -> None:
    settings = replace(LEARNER, optimizer="lars", lr=0.5, accumulate=2, ema=0.9, precision="bf16")
    trainer = online(settings)
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 2)
    trainer.stop()
    start = load_checkpoint(tmp_path / "run")
    second = online(start=start, run_dir=str(tmp_path / "second"))
    assert second.learner_settings == replace(settings, image_size=32, precision="auto")
    second.start(filled())
    wait_until(second, lambda status: status.step >= start.step + 2)
    second.stop()
    ended = load_checkpoint(tmp_path / "second")
    assert not torch.equal(ended.encoder.conv1.weight, ended.weights["encoder.conv1.weight"])  # it is the average


def test_pause_stops_updates_and_continues_them(online: Any, filled: Any) -> None:
    trainer = online()
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 2)
    trainer.pause(True)
    trainer.request_save()  # once it is made, the update under way has ended
    wait_until(trainer, lambda status: status.saves == 1)
    step = trainer.status.step
    time.sleep(0.3)  # an update takes a tenth of that
    assert (trainer.status.state, trainer.status.step) == ("paused", step)
    trainer.pause(False)
    wait_until(trainer, lambda status: status.step > step)


def test_a_requested_save_is_done_at_once_even_while_paused(online: Any, filled: Any) -> None:
    trainer = online()
    assert not trainer.request_save()
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 1)
    trainer.pause(True)
    assert trainer.request_save()
    assert wait_until(trainer, lambda status: status.saves == 1).saved is not None


def test_updates_come_no_oftener_than_asked(online: Any, filled: Any) -> None:
    trainer = online(updates_per_second=4.0)
    trainer.start(filled())
    wait_until(trainer, lambda status: status.step >= 1)
    begun = time.monotonic()  # before the step is read: the next update is then still to come
    step = trainer.status.step
    wait_until(trainer, lambda status: status.step >= step + 5)
    assert time.monotonic() - begun > 0.95


def test_a_loss_that_is_no_number_stops_learning_and_nothing_is_saved(online: Any, tmp_path: Path, filled: Any) -> None:
    first = online()
    first.start(filled())
    wait_until(first, lambda status: status.step >= 1)
    first.stop()
    good = load_checkpoint(tmp_path / "run")
    learner = resume_learner(good)
    with torch.no_grad():
        list(learner.objective["base"].parameters())[-2][0] = 3e38  # finite, but no sum of such numbers is
    bad = save_checkpoint(tmp_path / "bad", learner, good.provenance)
    trainer = online(start=load_checkpoint(bad), run_dir=str(tmp_path / "second"))
    trainer.start(filled())
    failed = wait_until(trainer, lambda status: status.state == "failed")
    assert "loss is nan" in failed.line
    trainer.stop()
    assert trainer.status.saved is None
    assert not (tmp_path / "second" / "checkpoint").exists()


def test_a_run_folder_that_cannot_be_written_is_one_line(online: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="run_dir"):
        online(run_dir=str(tmp_path / "file" / "run"))


def test_a_checkpoint_of_another_architecture_is_one_line(tmp_path: Path) -> None:
    learner = Learner(LearnerSettings(method="simclr", width=8, image_size=32, device="cpu"))
    path = save_checkpoint(tmp_path / "run", learner, Provenance(None, None, ()))
    facts = json.loads((path / "checkpoint.json").read_text())
    facts["config"]["width"] = 16
    (path / "checkpoint.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="another architecture"):
        starting_checkpoint(OnlineSettings(checkpoint=str(path)))
