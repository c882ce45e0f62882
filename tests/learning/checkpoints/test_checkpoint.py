"""Checkpoints: whole or not at all, refused when damaged, and unable to run code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.errors import CheckpointError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

SETTINGS = LearnerSettings(batch=8, image_size=32, width=4)
PROVENANCE = Provenance(
    ActionSpace("object_pose", "vector", ("rotation", "translation")),
    Normalisation(np.arange(6, dtype=np.float32), np.full(6, 0.5, np.float32)),
    ("mug_0002", "mug_0001"),
    "abc",
)


def triplets(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 256, (2, 8, 32, 32, 3), dtype=np.uint8)
    return first, second, rng.normal(size=(8, 6)).astype(np.float32)


@pytest.fixture
def learner() -> Learner:
    learner = Learner(SETTINGS, 6)
    for seed in range(3):
        learner.step(*triplets(seed))
    return learner


@pytest.fixture
def run(learner: Learner, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "run", learner, PROVENANCE, trainer={"epoch": 2})
    return tmp_path / "run"


def test_a_run_its_link_and_the_steps_own_folder_all_name_the_checkpoint(run: Path) -> None:
    assert os.readlink(run / "checkpoint") == "checkpoints/00000003"
    for path in (run, run / "checkpoint", run / "checkpoints" / "00000003"):
        assert load_checkpoint(path).path == (run / "checkpoints" / "00000003").resolve()


def test_a_checkpoint_contains_the_settings_of_its_encoder(run: Path) -> None:
    checkpoint = load_checkpoint(run)
    assert checkpoint.settings == SETTINGS
    assert (checkpoint.method, checkpoint.step, checkpoint.image_size) == ("aa_simclr", 3, 32)
    assert checkpoint.action_space == PROVENANCE.action_space
    assert np.array_equal(checkpoint.normalisation.median, PROVENANCE.normalisation.median)
    assert checkpoint.instances == ("mug_0001", "mug_0002")
    assert checkpoint.trainer == {"epoch": 2}
    assert checkpoint.digest == sha256((run / "checkpoint/weights.safetensors").read_bytes()).hexdigest()
    assert checkpoint.versions["torch"] == torch.__version__


def test_its_encoder_gives_the_very_features(run: Path, learner: Learner) -> None:
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(load_checkpoint(run).encoder(images), learner.encoder.eval()(images))


def test_a_resumed_learner_equals_one_that_never_stopped(run: Path, learner: Learner) -> None:
    again = resume_learner(load_checkpoint(run))
    for seed in range(3, 6):
        assert again.step(*triplets(seed)) == learner.step(*triplets(seed))
    assert again.steps == 6


def test_a_learner_can_resume_with_another_learning_rate(run: Path) -> None:
    learner = resume_learner(load_checkpoint(run), replace(SETTINGS, lr=0.25))
    assert learner.optimizer.param_groups[0]["lr"] == 0.25


def test_one_of_another_architecture_is_refused_naming_the_weight(run: Path) -> None:
    with pytest.raises(CheckpointError, match=r"another architecture: weight conv1.weight has shape \(4, 3, 7, 7\)"):
        resume_learner(load_checkpoint(run), replace(SETTINGS, width=8))
    facts = run / "checkpoint" / "checkpoint.json"
    facts.write_text(facts.read_text().replace('"width": 4', '"width": 8'))
    with pytest.raises(CheckpointError, match="another architecture"):
        load_checkpoint(run)


@pytest.mark.parametrize("name", ["weights.safetensors", "checkpoint.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "changed"])
def test_a_damaged_one_is_refused_in_one_line(run: Path, name: str, damage: str) -> None:
    file = run / "checkpoint" / name
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] + (b"" if damage == "cut" else b"\xff\xfe" + content[-9:]))
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(run)
    assert "\n" not in str(caught.value)


def test_damaged_random_state_stops_a_learner_but_not_an_evaluation(run: Path) -> None:
    file = run / "checkpoint" / "state.pt"
    file.write_bytes(file.read_bytes()[:-50])
    checkpoint = load_checkpoint(run)
    with pytest.raises(CheckpointError, match=r"state\.pt is damaged"):
        resume_learner(checkpoint)


class Mischief:
    """Pickled, it asks the reader to make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return (os.mkdir, (str(self.folder),))


def test_a_forged_state_cannot_run_code(run: Path, tmp_path: Path) -> None:
    state = run / "checkpoint" / "state.pt"
    torch.save({"optimizer": Mischief(tmp_path / "owned")}, state)
    facts = json.loads((run / "checkpoint" / "checkpoint.json").read_text())
    facts["state_digest"] = sha256(state.read_bytes()).hexdigest()
    (run / "checkpoint" / "checkpoint.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError):
        resume_learner(load_checkpoint(run))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, "format 99, expected 1"),
        ({"config": {"width": "wide"}}, "damaged"),
        ({"step": None}, "step = None, expected"),
        ({"step": -1}, "step = -1, expected"),
        ({"step": float("inf")}, "contains Infinity, expected finite numbers"),
        ({"step": 1.5}, "step = 1.5, expected"),
        ({"step": "7"}, "step = '7', expected"),
        ({"action_dimension": float("inf")}, "contains Infinity"),
        ({"action_dimension": 10**18}, "action_dimension = 1000000000000000000, expected"),
        ({"categories": float("inf")}, "contains Infinity"),
        ({"categories": [2]}, r"categories = \[2\], expected"),
        ({"normalisation": {"median": ["a"], "scale": [1.0]}}, r"normalisation\.median\.0 = 'a', expected"),
        ({"normalisation": [1.0]}, r"normalisation = \[1\.0\], expected"),
        ({"trainer": None}, "trainer = None, expected"),
        ({"versions": {"torch": 2}}, r"versions\.torch = 2, expected"),
        ({"digest": None}, "digest = None, expected"),
        ({"instances": "mug_0001"}, "instances = 'mug_0001', expected a list"),
        ({"instances": [3]}, r"instances\.0 = 3, expected"),
        ({"action_dimension": 0}, "aa_simclr with actions of 0 entries"),
        ({"action_dimension": 3}, "actions of 3 entries are normalised by"),
        ({"action_space": {"name": "bogus", "rotation": "vector", "components": []}}, "damaged: action space 'bogus'"),
    ],
)
def test_facts_that_make_no_sense_are_refused(run: Path, changes: dict, message: str) -> None:
    file = run / "checkpoint" / "checkpoint.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(run)


@pytest.mark.parametrize("gone", ["step", "config", "action_dimension", "instances", "trainer", "digest", "versions"])
def test_a_missing_fact_is_named(run: Path, gone: str) -> None:
    file = run / "checkpoint" / "checkpoint.json"
    facts = json.loads(file.read_text())
    del facts[gone]
    file.write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match=f"{gone} is missing, expected"):
        load_checkpoint(run)


def no_optimizer_slots(state: dict) -> None:
    state["optimizer"]["param_groups"] = None


def poisoned_moments(state: dict) -> None:
    next(iter(state["optimizer"]["state"].values()))["exp_avg"][:] = float("nan")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.update(optimizer=None), "optimizer is NoneType, expected a mapping"),
        (lambda state: state.update(steps=None), "steps = None, expected a number of updates"),
        (lambda state: state.update(steps=float("inf")), "steps = inf, expected"),
        (lambda state: state.update(steps=-3), "steps = -3, expected"),
        (lambda state: state.pop("generator"), "generator is missing"),
        (lambda state: state.update(generator=torch.zeros(3)), "generator is not the state of a random generator"),
        (lambda state: state.update(generator=torch.zeros(3, dtype=torch.uint8)), "does not fit"),
        (lambda state: state.update(precision=[1]), "precision is list, expected a mapping"),
        (lambda state: state.update(adaptation={"conv1": None}), "adaptation.conv1 is not a tensor"),
        (lambda state: state["optimizer"].update(state=None), "optimizer.state is NoneType, expected a mapping"),
        (no_optimizer_slots, "does not fit"),
        (poisoned_moments, r"optimizer\.state\.0\.exp_avg is not finite"),
    ],
)
def test_a_state_that_makes_no_sense_is_one_line(run: Path, change: Callable[[dict], None], message: str) -> None:
    folder = run / "checkpoint"
    state = torch.load(folder / "state.pt", weights_only=True)
    change(state)
    torch.save(state, folder / "state.pt")
    facts = json.loads((folder / "checkpoint.json").read_text())
    digest = sha256((folder / "state.pt").read_bytes()).hexdigest()
    (folder / "checkpoint.json").write_text(json.dumps({**facts, "state_digest": digest}))
    load_checkpoint(run)  # an evaluation does not need the state
    with pytest.raises(CheckpointError, match=message) as caught:
        resume_learner(load_checkpoint(run))
    assert len(str(caught.value).splitlines()) == 1


def test_weights_that_are_no_numbers_are_refused(run: Path) -> None:
    folder = run / "checkpoint"
    weights = safetensors.torch.load((folder / "weights.safetensors").read_bytes())
    weights["encoder.conv1.weight"][0] = float("nan")
    content = safetensors.torch.save(weights)
    (folder / "weights.safetensors").write_bytes(content)
    facts = json.loads((folder / "checkpoint.json").read_text())
    (folder / "checkpoint.json").write_text(json.dumps({**facts, "digest": sha256(content).hexdigest()}))
    with pytest.raises(CheckpointError, match=r"weight encoder\.conv1\.weight is not a number"):
        load_checkpoint(run)


def test_a_folder_without_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"contains no checkpoint \(no checkpoint.json\)"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(tmp_path / "nowhere")


def test_only_the_newest_are_kept_and_the_link_follows(run: Path, learner: Learner) -> None:
    for seed in range(4):
        learner.step(*triplets(seed))
        save_checkpoint(run, learner, PROVENANCE, keep=2)
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["00000006", "00000007"]
    assert load_checkpoint(run).step == 7


def test_a_step_written_before_is_not_changed(run: Path, learner: Learner) -> None:
    before = load_checkpoint(run).path
    other = Learner(replace(SETTINGS, seed=5), 6)
    for seed in range(3):
        other.step(*triplets(seed))
    after = save_checkpoint(run, other, PROVENANCE)
    assert after != before
    assert load_checkpoint(before).digest != load_checkpoint(run).digest


def test_a_run_can_be_moved(run: Path, tmp_path: Path) -> None:
    shutil.move(run, tmp_path / "elsewhere")
    assert load_checkpoint(tmp_path / "elsewhere").step == 3


def test_a_place_that_cannot_be_written_is_named(learner: Learner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_checkpoint(tmp_path / "file", learner, PROVENANCE)


SAVE_FOREVER = """
import sys
from pathlib import Path
from aassl_ros.learning.checkpoints.checkpoint import Provenance
from aassl_ros.learning.training.saving import save_checkpoint
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
learner = Learner(LearnerSettings(batch=8, image_size=32, width=4, method="simclr"))
while True:
    learner.steps += 1
    save_checkpoint(Path(sys.argv[1]), learner, Provenance(None, None, ()))
    print(learner.steps, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        for _ in range(20):
            written = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
    assert load_checkpoint(tmp_path).step >= written
