"""A study's table as Markdown: a row per setting, a column per measure, then the paired differences."""

from __future__ import annotations

from collections.abc import Mapping

from aassl_ros.studies.request import Conclusion
from aassl_ros.studies.shots import labels_all, shown_shots
from aassl_ros.studies.spec import OVERHEAD
from aassl_ros.studies.table import MINUS, PAIRED, SHOT, Row, without_repeated

_SHOWN = {
    "probe": "probe", "knn": "kNN", "few_shot_1": "1 shot", "few_shot_2": "2 shots", "few_shot_5": "5 shots",
    "few_shot_10": "10 shots", "few_shot_all": "all shots", "other_probe": "probe, other categories",
    "val_probe": "probe, validation", "val_knn": "kNN, validation",
    "alignment_viewpoint": "viewpoint alignment", "alignment_same_view_neighbour": "neighbour at the same view",
    "alignment_view_invariance": "view invariance", "alignment_category_separation": "category separation",
    "action_hit_at_1": "action hit@1", "action_chance_hit_at_1": "by chance",
    "action_rotation_r2_kernel": "rotation R2",
    "structure_rankme": "RankMe", "structure_consistency_neighbours": "consistency",
    "step_ms": "step, ms", "peak_mb": "peak memory, MB",
    "time_over_simclr": "time over SimCLR", "memory_over_simclr": "memory over SimCLR",
}  # fmt: skip
"""The measures in the table, with their headings; table.json has all measures."""
_FRACTIONS = (
    "probe",
    "knn",
    "few_shot",
    "other_",
    "val_",
    "action_hit",
    "action_chance",
    "alignment_same_view_neighbour",
)


def markdown(conclusion: Conclusion, rows: list[Row]) -> str:
    """Make the page of a study from its rows."""
    study = conclusion.study
    lines = [f"# {study.name}", "", study.question, ""]
    if conclusion.request.quick:
        lines += ["**--quick: there was so little training that the numbers are meaningless.**", ""]
    lines += [_conditions(conclusion), ""]
    lines += [*(f"- {note}" for note in conclusion.notes), ""] if conclusion.notes else []
    most = conclusion.objects
    rows = without_repeated(rows, most)
    shown = {metric: _heading(metric, most) for metric in _SHOWN}
    lines += _grid([row for row in rows if row.metric in shown], shown)
    lines += ["", *(f"- {note}" for note in conclusion.shot_notes)] if conclusion.shot_notes else []
    lines += _differences([row for row in rows if MINUS in row.metric], shown)
    if conclusion.failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {setting}, seed {seed}: {reason}" for (setting, seed), reason in conclusion.failed.items()]
    return "\n".join(lines) + "\n"


def _heading(metric: str, most: int) -> str:
    """The heading of a measure. most: largest number of labelled objects of a category, 0 if unknown."""
    count = metric.removeprefix(SHOT)
    whole = count != metric and most and labels_all(count, most)
    return f"{shown_shots(count, most)} shots" if whole else _SHOWN[metric]


def _conditions(conclusion: Conclusion) -> str:
    request = conclusion.request
    common = ", ".join(f"{name} {_text(value)}" for name, value in request.settings.items()) or "the defaults"
    if conclusion.study.settings[0].kind == OVERHEAD:
        return f"{request.seeds} repetitions on `{request.data}`; settings: {common}. Mean and 95 % interval over them."
    actions = {run.get("action", "") for runs in conclusion.results.values() for run in runs.values()} - {""}
    actions_text = f" Actions: {'; '.join(sorted(actions))}." if actions else ""
    return (
        f"Seeds 0 to {request.seeds - 1}, paired; {request.length} updates a run; settings: {common}; "
        f"{conclusion.test_instances} test instances of `{request.data}`. Mean and 95 % interval over the seeds "
        f"(Student); accuracies in percent.{actions_text}"
    )


def _grid(rows: list[Row], shown: Mapping[str, str]) -> list[str]:
    """Make the table: a row per setting, a column per measure. shown: the measures and their headings."""
    metrics = [metric for metric in shown if any(row.metric == metric for row in rows)]
    settings = list(dict.fromkeys(row.setting for row in rows))
    found = {(row.setting, row.metric): row for row in rows}
    headings = " | ".join(shown[metric] for metric in metrics)
    lines = [f"| setting | runs | {headings} |", "|---" * (len(metrics) + 2) + "|"]
    for setting in settings:
        cells = [_cell(found[setting, metric]) if (setting, metric) in found else "" for metric in metrics]
        count = max(len(row.values) for row in rows if row.setting == setting)
        lines.append(f"| {setting} | {count} | " + " | ".join(cells) + " |")
    return lines


def _differences(rows: list[Row], shown: Mapping[str, str]) -> list[str]:
    if not rows:
        return []
    lines = ["", "## Paired differences", "", "In percentage points; bootstrap over test instances and seeds.", ""]
    paired = [metric for metric in PAIRED if any(row.metric.startswith(metric + MINUS) for row in rows)]
    lines += [
        f"| setting | minus | {' | '.join(shown[metric] for metric in paired)} |",
        "|---" * (len(paired) + 2) + "|",
    ]
    found = {(row.setting, row.metric): row for row in rows}
    pairs = dict.fromkeys((row.setting, row.metric.split(MINUS, 1)[1]) for row in rows)
    for ours, theirs in pairs:
        each = [found.get((ours, f"{metric}{MINUS}{theirs}")) for metric in paired]
        cells = " | ".join("" if row is None else _cell(row) for row in each)
        lines.append(f"| {ours} | {theirs} | {cells} |")
    return lines


def _cell(row: Row) -> str:
    scale, digits = (100, 1) if row.metric.startswith(_FRACTIONS) else (1, 3)
    mean = f"{scale * row.interval.mean:.{digits}f}"
    if row.interval.ci95 is None:
        return mean
    low, high = (f"{scale * bound:.{digits}f}" for bound in row.interval.ci95)
    return f"{mean} [{low}, {high}]"


def _text(value: object) -> str:
    """A setting's value as users write it."""
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
