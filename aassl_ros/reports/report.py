"""Writes the report of a run, a study, a demo, a bag or the figures of `aassl bench openset`."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.demo.folder import DemoFolder
from aassl_ros.demo.report import write_report as write_demo_report
from aassl_ros.errors import ConfigError
from aassl_ros.reports.bag_report import write_bag_report
from aassl_ros.reports.openset_report import is_openset, write_openset_report
from aassl_ros.reports.run_report import write_run_report
from aassl_ros.reports.study_report import write_study_report

_RUN, _STUDY, _DEMO = "checkpoint", "study.json", "demo.json"
_BAGS = (".mcap", ".db3", ".bag")


def write_report(source: Path, other: Path | None, data: Path | None, out: Path | None) -> Path:
    """Write the page.

    Args:
        source: what to report on.
        other: a second run to compare with; None: none.
        data: prepared data on which runs are looked at; None: none.
        out: the HTML file; None: report.html in the folder, or NAME.report.html beside a bag or a file.

    Returns:
        The file that was written.

    Raises:
        ConfigError: it is nothing that has a report, or an argument does not apply.
        AasslError: it cannot be read.
        OSError: the page cannot be written.
    """
    if not source.exists():
        raise ConfigError(
            f"report: {source} does not exist, expected a run, a study, a demo, a bag or an open-set result."
        )
    is_run = (source / _RUN).exists() or (source / "checkpoint.json").exists()
    if not is_run and (other is not None or data is not None):
        raise ConfigError(f"report: {source} is no run. --compare and --data apply only to runs.")
    if (source / _DEMO).exists():
        folder = DemoFolder(source.resolve())
        write_demo_report(folder)
        return folder.report
    if (source / _STUDY).exists():
        out = out or source / "report.html"
        write_study_report(source, out)
    elif is_run:
        out = out or source / "report.html"
        write_run_report([source, *([other] if other is not None else [])], data, out)
    elif is_openset(source):
        out = out or source.resolve().with_name(f"{source.stem}.report.html")
        write_openset_report(source, out)
    elif source.suffix in _BAGS or any(source.glob("*.mcap")) or any(source.glob("*.db3")):
        out = out or source.resolve().with_name(f"{source.resolve().name}.report.html")
        write_bag_report(source, out)
    else:
        raise ConfigError(
            f"report: {source} is neither a run (checkpoint), a study (study.json), a demo (demo.json), a bag nor what "
            "aassl bench openset --json printed (NAME.json)."
        )
    return out
