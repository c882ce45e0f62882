"""Where runs on several machines write how far they are. (Apart from on_ray.py: its process needs no torch.)"""

from __future__ import annotations

from aassl_ros.studies.progress import Steps


class Board:
    """An actor on which runs write how far they are, and read whether to stop."""

    def __init__(self) -> None:
        self._running: dict[str, Steps] = {}
        self._stopped = False

    def tell(self, name: str, steps: Steps) -> bool:
        """Whether to stop."""
        self._running[name] = steps
        return self._stopped

    def end(self, name: str) -> None:
        self._running.pop(name, None)

    def read(self) -> dict[str, Steps]:
        return self._running

    def stop(self) -> None:
        self._stopped = True
