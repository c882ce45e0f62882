"""The folder of a demo: its paths, and a record of the finished stages."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aassl_ros.demo.plan import DemoSettings
from aassl_ros.errors import DataError
from aassl_ros.files import write_whole

REPORT_STAGE = "report"


_OURS = ("bags", "data", "offline", "online", "logs", "checkpoint", "live.json", "metrics.json", "report.html",
         "demo.json", "scratch", "evaluation_frozen.json", "evaluation_offline.json", "evaluation_online.json",
         "evaluation_scratch.json")  # fmt: skip


@dataclass(frozen=True)
class DemoFolder:
    """Paths in the folder of one demo run."""

    root: Path

    collect_bag = property(lambda self: self.root / "bags" / "collect")
    online_bag = property(lambda self: self.root / "bags" / "online")
    data = property(lambda self: self.root / "data")
    offline_run = property(lambda self: self.root / "offline")
    online_run = property(lambda self: self.root / "online")
    scratch_run = property(lambda self: self.root / "scratch")
    checkpoint = property(lambda self: self.root / "checkpoint")
    logs = property(lambda self: self.root / "logs")
    live = property(lambda self: self.root / "live.json")
    metrics = property(lambda self: self.root / "metrics.json")
    report = property(lambda self: self.root / "report.html")
    record = property(lambda self: self.root / "demo.json")

    def evaluation(self, phase: str) -> Path:
        """Return the file with the evaluation of the encoder. phase: frozen, offline, online or scratch."""
        return self.root / f"evaluation_{phase}.json"


class StageRecord:
    """Record of a demo's finished stages and their durations, kept in demo.json."""

    def __init__(self, folder: DemoFolder, settings: DemoSettings) -> None:
        """Continue an interrupted run of the same settings. Any other earlier demo in this folder is removed.

        Raises DataError if the folder cannot be written, or holds files that no demo has made.
        """
        self._folder = folder
        self._settings = asdict(settings)
        try:
            folder.root.mkdir(parents=True, exist_ok=True)
            _check_ours(folder)
            self._seconds = self._read()
            if not self._seconds or REPORT_STAGE in self._seconds:
                self._seconds = {}
                _clear(folder.root)
            write_json(folder.record, {"settings": self._settings, "stages": self._seconds})
        except OSError as error:
            raise DataError(
                f"{folder.root} cannot be written: {error.strerror}. Name another folder with --out."
            ) from error

    def is_done(self, stage: str) -> bool:
        return stage in self._seconds

    def mark_done(self, stage: str, seconds: float) -> None:
        self._seconds[stage] = seconds
        write_json(self._folder.record, {"settings": self._settings, "stages": self._seconds})

    def _read(self) -> dict[str, float]:
        if not self._folder.record.exists():
            return {}
        found: Mapping[str, Any] = read_json(self._folder.record)
        return dict(found["stages"]) if found.get("settings") == self._settings else {}


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically."""
    write_whole(path, json.dumps(value, indent=1))


def read_json(path: Path) -> Any:
    """Read a JSON file of a demo. Raises DataError if it is missing or damaged, or not in the folder of a demo."""
    folder = DemoFolder(path.parent)
    if not folder.record.exists():
        raise DataError(
            f"{folder.root} was not made by aassl demo (there is no {folder.record.name}). Give the folder that "
            "aassl demo made: demo, or the one given with --out."
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(
            f"{path} cannot be read ({error}). Run the demo again: aassl demo --out {path.parent}."
        ) from error


def _check_ours(folder: DemoFolder) -> None:
    """Raise DataError if files have the names of a demo's files, but there is no demo.json: they are the user's own."""
    foreign = [name for name in _OURS if os.path.lexists(folder.root / name)]
    if foreign and not folder.record.exists():
        raise DataError(
            f"{folder.root} contains {', '.join(foreign)}, not made by a demo (there is no {folder.record.name}). "
            "Name another folder with --out."
        )


def _clear(root: Path) -> None:
    """Remove the files of an earlier demo. Other files in the folder stay."""
    for name in _OURS:
        path = root / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
