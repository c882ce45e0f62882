"""Notes about columns of frames.csv that are perhaps angles in another form than their name says.

Nothing is converted: the user decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WORDS = ("angle", "azimuth", "yaw", "theta", "rot", "elev")
_DEGREES, _RADIANS = "_deg", "_rad"
_MOST_RADIANS = 4 * np.pi


def angle_notes(names: Sequence[str], values: NDArray[np.float64], unused: Sequence[str]) -> tuple[str, ...]:
    """One line for each column that is perhaps an angle in another form.

    Args:
        names: NAME of each column action.NAME.
        values: float64 [n, len(names)], their cells; NaN if unknown.
        unused: columns that are not read at all.

    Returns:
        Notes about actions that sound like angles but have no unit, units that do not fit the values, and unused
        columns that sound like angles.
    """
    notes = [note for name, column in zip(names, values.T, strict=True) if (note := _note(name, column))]
    notes += [f"column {name}: did you mean action.{_with_unit(name)}?" for name in unused if _sounds(name)]
    return tuple(notes)


def _note(name: str, column: NDArray[np.float64]) -> str:
    known = column[np.isfinite(column)]
    if not known.size:
        return ""
    least, most = float(known.min()), float(known.max())
    if name.endswith(_DEGREES):
        if 0 < most - least <= 2 * np.pi and (known != np.round(known)).any():
            other = name.removesuffix(_DEGREES) + _RADIANS
            return f"action.{name} is from {least:.4g} to {most:.4g} degrees: did you mean action.{other} (radians)?"
    elif name.endswith(_RADIANS):
        if max(-least, most) > _MOST_RADIANS:
            other = name.removesuffix(_RADIANS) + _DEGREES
            return f"action.{name} is from {least:.4g} to {most:.4g} rad: did you mean action.{other} (degrees)?"
    elif _sounds(name):
        return (
            f"action.{name} is not an angle that wraps, because its name has no unit: did you mean "
            f"action.{name}{_DEGREES} (degrees) or action.{name}{_RADIANS} (radians)?"
        )
    return ""


def _sounds(name: str) -> bool:
    return any(word in name.casefold() for word in _WORDS)


def _with_unit(name: str) -> str:
    return name if name.endswith((_DEGREES, _RADIANS)) else f"{name}{_DEGREES}"
