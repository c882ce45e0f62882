"""Imports PyBullet if it is installed. Only the simulator needs it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from aassl_ros.errors import SimulationError

__all__ = ["pybullet", "require_pybullet"]


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Discard everything written to stderr, also by compiled code: PyBullet prints a line at import."""
    try:
        kept = os.dup(2)
    except OSError:  # a service may have no stderr at all
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


try:
    with _muted():
        import pybullet
except ImportError:
    pybullet = None


def require_pybullet() -> None:
    """Check that PyBullet is installed. Raises SimulationError, which says how to install it, if it is missing."""
    if pybullet is None:
        raise SimulationError("PyBullet is not installed, but the simulator needs it. pip install 'aassl_ros[sim]'.")
