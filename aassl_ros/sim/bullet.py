"""PyBullet, which only the simulator needs: without it everything else works."""

from __future__ import annotations

from aassl_ros.errors import SimulationError

__all__ = ["pybullet", "require_pybullet"]

try:
    import pybullet
except ImportError:
    pybullet = None


def require_pybullet() -> None:
    """Raises SimulationError, saying how to get it, where PyBullet is not installed."""
    if pybullet is None:
        raise SimulationError(
            "PyBullet is not installed, and the simulator is made with it. pip install 'aassl_ros[sim]'."
        )
