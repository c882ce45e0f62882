"""How far a study has come: what the schedulers tell, and who shows it hears."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from aassl_ros.studies.run import RunSpec

Outcome = dict[str, Any] | str
"""Of a run: its result, or the reason for its failure."""


@dataclass
class Standing:
    """What is known of a study's runs while it goes on; running: those under way, by name."""

    runs: int
    finished: int = 0
    failed: int = 0
    running: dict[str, Steps] = field(default_factory=dict)


@dataclass(frozen=True)
class Steps:
    """Of one run: updates done and in all, and what else it says."""

    done: int
    total: int
    note: str


Show = Callable[[Standing], None]


class Scheduler(Protocol):
    """Executes runs somewhere, as many at once as there is room for."""

    def run(self, specs: Sequence[RunSpec], show: Show, stop: Callable[[], bool]) -> dict[str, Outcome]:
        """The outcome of each run by its folder's name. Raises Interrupted, with all saved, once stop() is true."""
        ...


def name_of(spec: RunSpec) -> str:
    return spec.folder.name
