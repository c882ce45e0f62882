"""Checkpoints: RUN/checkpoints/STEP, never changed once written, and RUN/checkpoint, a link to the newest.

weights.safetensors  encoder.* and objective.*: all weights and buffers; averaged_encoder.* if an average is kept
state.pt             optimizer and random state; read with weights_only, so that it cannot run code
checkpoint.json      settings, action spaces and their normalisation, instances seen, digests, versions
"""

from __future__ import annotations

import io
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from aassl_ros import __version__
from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.scaled_space import ScaledSpace
from aassl_ros.errors import CheckpointError, ConfigError, DataError, TrainingError, first_line
from aassl_ros.learning.checkpoints.facts import FormatError, TrainingState, parse_facts
from aassl_ros.learning.checkpoints.folder import FOLDER, LINK, point_link, remove_old, write_folder
from aassl_ros.learning.checkpoints.provenance import Provenance
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.factory import build_encoder
from aassl_ros.learning.encoders.weights import check_memory
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.settings import from_mapping

FORMAT = 1
FORMAT_OF_SEVERAL_SPACES = 2
WEIGHTS, STATE, FACTS = "weights.safetensors", "state.pt", "checkpoint.json"
AVERAGED = "averaged_encoder"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, read from disk.

    encoder: the averaged one if there is one; on the CPU, in evaluation mode.
    config: every setting it was written with; settings: those of the learner.
    action_dimension: A, of all action spaces together, 0 without an action term; categories: number of labels, 0
    without labels.
    trainer: what the training loop needs to resume; digest: SHA-256 of the weights file, state_digest: of state.pt.
    """

    path: Path
    encoder: Encoder
    settings: LearnerSettings
    config: dict[str, Any]
    provenance: Provenance
    action_dimension: int
    categories: int
    step: int
    digest: str
    state_digest: str
    trainer: dict[str, Any]
    versions: dict[str, str]
    weights: dict[str, Tensor] = field(repr=False)

    @property
    def method(self) -> str:
        return self.settings.method

    @property
    def image_size(self) -> int:
        """Side of the training images in pixels."""
        return self.settings.image_size

    @property
    def action_space(self) -> ActionSpace | None:
        """The only action space; None if there is none, or several."""
        return self.provenance.action_space

    @property
    def normalisation(self) -> Normalisation | None:
        """That of the only action space."""
        return self.provenance.normalisation

    @property
    def action_spaces(self) -> tuple[ScaledSpace, ...]:
        """All action spaces with their normalisations, in the order of the action's columns."""
        return self.provenance.action_spaces

    @property
    def instances(self) -> tuple[str, ...]:
        """Every object instance seen in training, sorted."""
        return self.provenance.instances

    def fill(self, module: nn.Module, prefix: str) -> None:
        """Load the weights named PREFIX.* into `module`. Raises CheckpointError if any of them does not fit."""
        start = len(prefix) + 1
        weights = {name[start:]: value for name, value in self.weights.items() if name.startswith(f"{prefix}.")}
        wanted = module.state_dict()
        for name in [*wanted, *weights]:
            found = tuple(weights[name].shape) if name in weights else "none"
            expected = tuple(wanted[name].shape) if name in wanted else "none"
            if found != expected:
                raise CheckpointError(
                    f"{self.path} has another architecture: weight {name} has shape {found}, expected {expected}."
                )
        module.load_state_dict(weights)

    def read_state(self) -> TrainingState:
        """Read optimizer and random state, to resume training. Raises CheckpointError if the file is damaged."""
        content = _read(self.path / STATE, self.state_digest)
        try:
            return TrainingState.of(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
        except Exception as error:  # torch raises many kinds of exceptions for a damaged file
            raise CheckpointError(f"{self.path / STATE} is damaged: {first_line(error)}.") from error


@dataclass(frozen=True)
class Content:
    """The content of a checkpoint to be written.

    weights: encoder.*, objective.* and averaged_encoder.*, on the CPU; state: everything else that the next update
    depends on, loadable with weights_only; trainer: what the training loop needs to resume, as JSON values.
    """

    settings: LearnerSettings
    provenance: Provenance
    action_dimension: int
    categories: int
    step: int
    weights: Mapping[str, Tensor]
    state: Mapping[str, Any]
    trainer: Mapping[str, Any] = field(default_factory=dict)


def write_checkpoint(run: Path, content: Content, *, keep: int = 3) -> Path:
    """Write RUN/checkpoints/STEP atomically, point RUN/checkpoint to it and remove all but the newest `keep`.

    Returns the new folder. Raises CheckpointError if it cannot be written, TrainingError if a weight is not finite.
    """
    bad = next((name for name, tensor in content.weights.items() if not tensor.isfinite().all()), None)
    if bad is not None:
        raise TrainingError(f"weight {bad} is no longer a number at step {content.step}, so nothing was written.")
    files = {WEIGHTS: safetensors.torch.save(dict(content.weights)), STATE: _to_bytes(dict(content.state))}
    digests = {name: sha256(part).hexdigest() for name, part in files.items()}
    files[FACTS] = _facts(content, digests)
    folder = run / FOLDER
    try:
        target = write_folder(folder, files, content.step)
        point_link(run, target)
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be written ({error}). Free some disk space or choose another folder."
        ) from error
    remove_old(folder, keep, target)
    return target


def find_checkpoint(path: str | Path) -> Path:
    """Find the folder of a checkpoint. path: that folder, a run (its newest checkpoint), or a link to either.

    Raises CheckpointError if there is none.
    """
    path = Path(path)
    for candidate in (path, path / LINK):
        if (candidate / FACTS).is_file():
            return candidate.resolve()
    what = "contains no checkpoint" if path.exists() else "does not exist"
    raise CheckpointError(
        f"{path} {what} (no {FACTS}). Give a folder that aassl train or the trainer node has written."
    )


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: RUN, RUN/checkpoint or one step's folder.

    Returns:
        the checkpoint, its encoder on the CPU.

    Raises:
        CheckpointError: it is missing or damaged, or this machine cannot build its encoder.
    """
    folder = find_checkpoint(path)
    try:
        facts = parse_facts((folder / FACTS).read_text(encoding="utf-8"), formats=(FORMAT, FORMAT_OF_SEVERAL_SPACES))
        known = {entry.name for entry in fields(LearnerSettings)}
        given = {name: value for name, value in facts["config"].items() if name in known}
        settings = from_mapping(LearnerSettings, given, source=str(folder / FACTS))
        content = _read(folder / WEIGHTS, facts["digest"])
        checkpoint = Checkpoint(
            path=folder,
            settings=settings,
            encoder=_new_encoder(settings, folder),
            config=facts["config"],
            provenance=Provenance.from_json(facts),
            action_dimension=facts["action_dimension"],
            categories=facts["categories"],
            step=facts["step"],
            digest=facts["digest"],
            state_digest=facts["state_digest"],
            trainer=facts["trainer"],
            versions=facts["versions"],
            weights=safetensors.torch.load(content),
        )
        _check(checkpoint)
    except FormatError as error:
        raise CheckpointError(f"{folder / FACTS} {error}. Update aassl_ros.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError, ConfigError, DataError) as error:
        raise CheckpointError(
            f"{folder} is damaged: {first_line(error)}. Use another checkpoint of the run."
        ) from error
    checkpoint.fill(checkpoint.encoder, AVERAGED if checkpoint.settings.ema else "encoder")
    checkpoint.encoder.eval()
    return checkpoint


def _new_encoder(settings: LearnerSettings, folder: Path) -> Encoder:
    """Build the encoder. Raises CheckpointError if this machine cannot; the checkpoint itself is not damaged."""
    try:
        return build_encoder(settings)
    except ConfigError as error:
        raise CheckpointError(f"{folder} cannot be loaded: {error}") from error


def _check(checkpoint: Checkpoint) -> None:
    """Raise ValueError if parts of a checkpoint contradict each other."""
    if checkpoint.image_size < 1:
        raise ValueError(f"image_size is {checkpoint.image_size}")
    dimension = checkpoint.action_dimension
    if METHODS[checkpoint.method].action_term is not None and dimension < 1:
        raise ValueError(f"{checkpoint.method} with actions of {dimension} entries")
    if METHODS[checkpoint.method].uses_labels and checkpoint.categories < 2:
        raise ValueError(f"{checkpoint.method} with {checkpoint.categories} categories")
    checkpoint.provenance.check_dimension(dimension)
    bad = next((name for name, tensor in checkpoint.weights.items() if not tensor.isfinite().all()), None)
    if bad is not None:
        raise ValueError(f"weight {bad} is not a number")


def _facts(content: Content, digests: Mapping[str, str]) -> bytes:
    facts = {
        "format": FORMAT_OF_SEVERAL_SPACES if content.provenance.several_spaces else FORMAT,
        "step": content.step,
        "method": content.settings.method,
        "image_size": content.settings.image_size,
        "config": asdict(content.settings),
        "action_dimension": content.action_dimension,
        "categories": content.categories,
        **content.provenance.to_json(),
        "trainer": dict(content.trainer),
        "digest": digests[WEIGHTS],
        "state_digest": digests[STATE],
        "versions": {"aassl_ros": __version__, "torch": torch.__version__, "python": platform.python_version()},
    }
    return json.dumps(facts, indent=1).encode()


def _read(file: Path, digest: str) -> bytes:
    try:
        check_memory(file)
        content = file.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}. Use another checkpoint of the run.") from error
    if sha256(content).hexdigest() != digest:
        raise CheckpointError(f"{file} is damaged: its digest differs from the recorded one. Use another checkpoint.")
    return content


def _to_bytes(state: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()
