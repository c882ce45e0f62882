"""The report of one training run, offline or online, or of two side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.checkpoints.checkpoint import Checkpoint, load_checkpoint
from aassl_ros.report import plots
from aassl_ros.report.page import Page
from aassl_ros.reports.recognition import look
from aassl_ros.reports.recognition_part import add_recognition

LOG = "log.jsonl"
_LOSSES = ("loss", "contrastive", "action")
_NOT_PLOTTED = {"step", "epoch", "seconds", *_LOSSES}
# A log of a long run has a line for each update; a page with all of them would be slow.
_MOST_POINTS = 2000


@dataclass(frozen=True)
class Run:
    """A run. name: its folder's name, or the whole path if two runs have the same. log: the lines of its log."""

    name: str
    path: Path
    checkpoint: Checkpoint
    log: list[dict[str, Any]]


def read_run(path: Path, name: str = "") -> Run:
    """Read a run. Raises CheckpointError if it has no checkpoint; a broken line of the log is left out."""
    log = []
    file = path / LOG
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed
        if isinstance(entry, dict) and isinstance(entry.get("step"), int):
            log.append(entry)
    return Run(name or path.resolve().name, path, load_checkpoint(path), log)


def write_run_report(paths: Sequence[Path], data: Path | None, out: Path) -> None:
    """Write the page.

    Args:
        paths: one run, or two to compare.
        data: prepared data on which the encoders are looked at; None: only what the runs hold.
        out: the HTML file.

    Raises:
        CheckpointError: a run has no checkpoint.
        DataError: the data cannot be used.
        OSError: the page cannot be written.
    """
    same = len({path.resolve().name for path in paths}) < len(paths)
    runs = [read_run(path, str(path) if same else "") for path in paths]
    page = Page("Training run " + " and ".join(run.name for run in runs))
    page.table(["", *(run.name for run in runs)], _facts(runs))
    _losses(page, runs)
    if data is not None:
        prepared = PreparedData.open(data)
        for run in runs:
            add_recognition(page, look(run.path, prepared), prepared, run.name)
    page.heading("Configuration")
    if len(runs) == 2:
        page.text("Settings in which the runs differ come first.")
    page.table(["setting", *(run.name for run in runs)], _settings(runs))
    page.heading("Versions")
    versions = sorted({name for run in runs for name in run.checkpoint.versions})
    rows = [(name, *(run.checkpoint.versions.get(name, "") for run in runs)) for name in versions]
    page.table(["", *(run.name for run in runs)], rows)
    page.write(out)


def _facts(runs: Sequence[Run]) -> list[list[Any]]:
    checkpoints = [run.checkpoint for run in runs]
    rows: list[list[Any]] = [
        ["method", *(one.method for one in checkpoints)],
        ["updates", *(one.step for one in checkpoints)],
        ["encoder", *(one.settings.encoder for one in checkpoints)],
        ["input, pixels", *(one.image_size for one in checkpoints)],
        ["action", *(" and ".join(each.space.name for each in one.action_spaces) or "none" for one in checkpoints)],
        ["objects trained on", *(len(one.instances) for one in checkpoints)],
        ["weights (SHA-256)", *(one.digest[:16] for one in checkpoints)],
    ]
    last = [run.log[-1] if run.log else {} for run in runs]
    for key in sorted({key for entry in last for key in entry} - {"step", "epoch"}):
        rows.append([f"last {key}", *(_short(entry.get(key, "")) for entry in last)])
    return rows


def _losses(page: Page, runs: Sequence[Run]) -> None:
    logged = [run for run in runs if run.log]
    if not logged:
        page.text("There is no log of the losses.")
        return
    page.heading("Losses and measures")
    thin = {run.name: run.log[:: max(1, len(run.log) // _MOST_POINTS)] for run in logged}
    page.picture(plots.loss_curves(thin, _LOSSES), "losses over the updates")
    keys = sorted({key for log in thin.values() for entry in log for key in entry} - _NOT_PLOTTED)
    numbers = [key for key in keys if any(_is_number(entry.get(key)) for log in thin.values() for entry in log)]
    for first in range(0, len(numbers), 3):
        page.picture(
            plots.loss_curves(thin, numbers[first : first + 3], unit=""), ", ".join(numbers[first : first + 3])
        )
    for name, log in thin.items():
        columns = ["step", *(key for key in (*_LOSSES, *numbers) if any(key in entry for entry in log))]
        page.data(f"log of {name}", columns, [[entry.get(key, "") for key in columns] for entry in log])


def _settings(runs: Sequence[Run]) -> list[list[Any]]:
    values = [run.checkpoint.config for run in runs]
    names = sorted({name for one in values for name in one})
    rows = [[name, *(_short(one.get(name, "")) for one in values)] for name in names]
    return sorted(rows, key=lambda row: len(set(map(str, row[1:]))) == 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value
