"""Continue a run with other data: more objects, or another robot."""

from __future__ import annotations

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import CheckpointError, DataError
from aassl_ros.learning.batches.space_choice import choose_spaces, same_space
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.training.settings import TrainSettings


def is_other_data(checkpoint: Checkpoint, data: PreparedData, settings: TrainSettings, *, add_data: bool) -> bool:
    """Tell whether a run continues with other data than its checkpoint was trained on.

    Args:
        checkpoint: the one to resume from.
        data: the data now.
        settings: of the run.
        add_data: if other data are allowed.

    Returns:
        if they are others.

    Raises:
        CheckpointError: they are others, and that is not allowed. The message names the action spaces without a head.
    """
    if checkpoint.provenance.data_fingerprint == data.fingerprint:
        return False
    if add_data:
        return True
    unknown = _unknown_spaces(checkpoint, data, settings)
    new = f", with a new action head for {' and '.join(unknown)}" if unknown else ""
    raise CheckpointError(
        f"{checkpoint.path} was trained on other data than {data.path}. Start a new run, or continue this one with "
        f"--add-data{new}."
    )


def _unknown_spaces(checkpoint: Checkpoint, data: PreparedData, settings: TrainSettings) -> list[str]:
    if not METHODS[settings.method].uses_actions:
        return []
    known = [each.space for each in checkpoint.action_spaces]
    try:
        found = choose_spaces(data, data.indices(settings.sets), settings, known).spaces
    except DataError:  # it is reported if the user continues with these data
        return []
    return [str(space) for space in found if not any(same_space(space, other) for other in known)]
