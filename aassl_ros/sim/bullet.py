"""PyBullet, which only the simulator needs: without it everything else works."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from aassl_ros.errors import SimulationError

__all__ = ["pybullet", "require_pybullet"]


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Nothing reaches stderr, not even what compiled code writes: PyBullet greets each process with a line."""
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
    """Raises SimulationError, saying how to get it, where PyBullet is not installed."""
    if pybullet is None:
        raise SimulationError(
            "PyBullet is not installed, and the simulator is made with it. pip install 'aassl_ros[sim]'."
        )
