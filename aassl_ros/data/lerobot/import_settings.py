"""The settings and the report of `aassl bag import`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aassl_ros.data.bags.writer import STORAGES
from aassl_ros.data.lerobot.picture_messages import FORMS
from aassl_ros.settings import setting


@dataclass(frozen=True)
class ImportSettings:
    """Settings of the import."""

    images: str = setting("jpeg", "How pictures are written: as JPEG or PNG, or raw", choices=FORMS)
    storage: str = setting("mcap", "Storage of the bag", choices=STORAGES)
    degrees: bool = setting(False, "The joints of the dataset are in degrees: convert them to rad")
    instance: str = setting("{dataset}_{episode}", "Instance of an episode that the dataset does not name; {task} too")
    category: str = setting("", "Category of an episode that the dataset does not name; {task} is its task")


@dataclass(frozen=True)
class ImportReport:
    """What was written. repeated: rows whose picture repeats the row before, which are not written again."""

    path: Path
    dataset: str
    episodes: int
    rows: int
    pictures: int
    repeated: int
    missing: int
    true_stamps: bool
    notes: tuple[str, ...] = ()

    @property
    def lossy(self) -> bool:
        """Whether pictures of the dataset could not be read."""
        return self.missing > 0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path), "lossy": self.lossy}

    def lines(self) -> list[str]:
        """The report as text."""
        stamps = "true stamps" if self.true_stamps else "stamps made from the column timestamp"
        found = [
            f"{self.path}: {self.episodes} episodes, {self.rows} rows and {self.pictures} pictures of {self.dataset}, "
            + stamps
        ]
        if self.repeated:
            found.append(f"  {self.repeated} pictures repeat the row before (column filled) and are not written")
        if self.missing:
            found.append(f"  unreadable: {self.missing} pictures")
        return [*found, *(f"  note: {note}" for note in self.notes)]
