"""Makers of recordings and readers of what the export wrote, without the lerobot package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import two_cameras

pytest.importorskip("av")
pytest.importorskip("pyarrow")


class Exported:
    """An exported dataset, read with av and pyarrow alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def rows(self) -> dict[str, np.ndarray]:
        import pyarrow.parquet as parquet

        files = sorted((self.root / "data").rglob("*.parquet"))
        tables = [parquet.read_table(file).to_pydict() for file in files]
        return {name: np.array([value for table in tables for value in table[name]]) for name in tables[0]}

    def episodes(self) -> list[dict[str, Any]]:
        import pyarrow.parquet as parquet

        return parquet.read_table(self.root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()

    def numbers(self, camera: str) -> list[int]:
        """The number that each picture of the video shows; its time must be its place divided by the rate."""
        import av

        path = self.root / f"videos/observation.images.{camera}/chunk-000/file-000.mp4"
        found = []
        with av.open(str(path)) as container:
            for place, frame in enumerate(container.decode(video=0)):
                assert float(frame.pts * frame.time_base) == pytest.approx(place / 30, abs=1e-5)
                found.append(two_cameras.number_of(frame.to_ndarray(format="rgb24")))
        return found


@pytest.fixture
def exported() -> type[Exported]:
    return Exported
