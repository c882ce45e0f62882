"""Continue from a checkpoint with further action spaces: the heads that it has stay, new ones start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from aassl_ros.learning.checkpoints.checkpoint import Checkpoint
from aassl_ros.learning.checkpoints.facts import TrainingState
from aassl_ros.learning.training.learner import Learner

_TERM = "objective.action."
_HEADS = f"{_TERM}heads."


def with_new_heads(checkpoint: Checkpoint, learner: Learner) -> tuple[Checkpoint, TrainingState]:
    """Extend a checkpoint to what a learner with further action heads restores.

    Args:
        checkpoint: with one action space, or several.
        learner: newly made. Its action spaces begin with those of the checkpoint.

    Returns:
        The checkpoint with the learner's weights of the new heads, and a state in which these have no history.

    Raises:
        CheckpointError: the state is damaged.
    """
    spaces = checkpoint.action_spaces
    weights = dict(checkpoint.weights)
    if len(spaces) == 1:
        weights = {_below_head(name, spaces[0].key): value for name, value in weights.items()}
    known = tuple(f"{_HEADS}{each.key}." for each in spaces)
    fresh: dict[str, Tensor] = {
        name: value
        for name, value in learner.weights().items()
        if name.startswith(_HEADS) and not name.startswith(known)
    }
    state = checkpoint.read_state()
    state = replace(state, optimizer=_with_more_weights(state.optimizer, learner.optimizer.state_dict()))
    return replace(checkpoint, weights=weights | fresh), state


def _below_head(name: str, key: str) -> str:
    """The name of a weight of the only action term, as that of one term of several."""
    return f"{_HEADS}{key}.{name.removeprefix(_TERM)}" if name.startswith(_TERM) else name


def _with_more_weights(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The optimizer's state with the groups of a larger network, whose further weights come last in the last group."""
    groups = [
        {**group, "params": larger["params"]}
        for group, larger in zip(old.get("param_groups", ()), new["param_groups"], strict=False)
    ]
    return {**old, "param_groups": groups}
