"""Which joint of a robot belongs to which column: robots of one kind may name their joints differently."""

from __future__ import annotations

from collections.abc import Sequence

_SEPARATORS = "_/-.:"


def same_joints(wanted: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Find the joints of a robot that mean the same as those of another robot.

    Args:
        wanted: joints of the first robot.
        names: joints of the second, in any order.

    Returns:
        For each wanted joint its name in `names`, "" if there is none. It is the same name. If the robots have no name
        in common, it is the same without the prefix that all joints of a robot share (left_joint1, right_joint1).
    """
    if set(wanted) & set(names):
        return tuple(name if name in names else "" for name in wanted)
    by_rest = {name[len(shared_prefix(names)) :]: name for name in names}
    return tuple(by_rest.get(name[len(shared_prefix(wanted)) :], "") for name in wanted)


def shared_prefix(names: Sequence[str]) -> str:
    """The prefix that all names have, up to and with one of the separators _ / - . and :."""
    first, last = min(names, default=""), max(names, default="")  # all others sort between these two
    shared = next((i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: 1 + max(first.rfind(separator, 0, shared) for separator in _SEPARATORS)]
