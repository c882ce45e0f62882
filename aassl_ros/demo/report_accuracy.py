"""The first part of the demo's report: how well each encoder tells the categories of unseen objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from aassl_ros.report import plots
from aassl_ros.report.page import Page

PHASES = ("frozen", "offline", "online", "scratch")
_NAMES = {
    "frozen": "frozen (ImageNet weights)",
    "offline": "offline (adapted to recordings)",
    "online": "online (adapted further, live)",
    "scratch": "scratch (trained only here)",
}
_NAMES_FROM_SCRATCH = {"offline": "offline encoder", "online": "online encoder"}
_BASELINES = {"random_encoder": "random encoder", "colour_histogram": "colour histogram"}


def add_summary(page: Page, metrics: Mapping[str, Any]) -> None:
    """Add what was done, in two sentences and some large numbers."""
    online, stream = metrics["online"], metrics["stream"]
    begin = (
        f"A simulated arm handled {len(online['train_instances'])} objects while its camera and joints were recorded. "
    )
    if "frozen" in metrics:
        what = (
            "An encoder with ImageNet weights was adapted to them without labels "
            f"({online['method']}), first from the bags, then in the trainer node while the robot worked. "
        )
        key = (
            percent(metrics["frozen"]["probe"]["accuracy"]),
            "accuracy on unseen objects, frozen encoder",
        )
        adapted = "adapted encoder"
    else:
        what = (
            f"An encoder was trained on them without labels ({online['method']}), first from the bags, then in the "
            "trainer node. "
        )
        key, adapted = None, "category accuracy on unseen objects, after the online part"
    page.text(f"{begin}{what}It is measured on {len(online['test_instances'])} objects that it has never seen.")
    numbers = [
        (percent(online["probe"]["accuracy"]), adapted),
        (percent(metrics["live"]["accuracy"]), f"of {metrics['live']['answers']} live answers correct"),
        (f"{stream['frames_dropped']} of {stream['frames_received']}", "camera frames dropped"),
        (f"{metrics['live']['latency_ms_p50']:.1f} ms", "from receipt to answer (median)"),
    ]
    page.figures([key, *numbers] if key is not None else numbers)


def add_accuracy(page: Page, metrics: Mapping[str, Any], updates: Mapping[str, int]) -> None:
    """Add the accuracies of all encoders side by side. updates: number of updates of each that was trained here."""
    page.heading("Category accuracy on unseen objects")
    phases = [phase for phase in PHASES if phase in metrics]
    names = _NAMES if "frozen" in metrics else _NAMES_FROM_SCRATCH
    best = metrics["online"]
    series = {names[phase]: metrics[phase]["probe"]["accuracy"] for phase in ("online", "offline", "frozen", "scratch")
              if phase in metrics}  # fmt: skip
    series |= {_BASELINES[name]: value for name, value in best["baselines"].items()}
    page.picture(plots.accuracy_bars(series, best["chance"]), "accuracy of each encoder and baseline (linear probe)")
    if "frozen" in metrics:
        page.text(_explanation(metrics, updates))
    _add_categories(page, metrics, phases)
    _add_other_measures(page, metrics, phases)
    confusion = best["confusion"]
    matrix = np.asarray(confusion["matrix"], dtype=np.float64)
    page.picture(plots.confusion(matrix, confusion["categories"]), "confusion matrix of the online encoder")
    rows = zip(confusion["categories"], confusion["matrix"], strict=True)
    page.data("confusion", ["true", *confusion["categories"]], [[name, *counts] for name, counts in rows])


def percent(fraction: float | None) -> str:
    """Write a fraction as percent; nothing for None."""
    return "" if fraction is None else f"{100 * fraction:.1f} %"


def _explanation(metrics: Mapping[str, Any], updates: Mapping[str, int]) -> str:
    counted = len(metrics["online"]["test_instances"])
    return (
        "All bars are a linear probe on features: the labels train only the probe. Frozen: the published encoder as it "
        f"is. Offline: after {updates.get('offline', 0)} updates on the recordings, without labels. Online: after "
        f"{updates.get('online', 0)} more updates in the trainer node. Scratch: a small ResNet with random first "
        f"weights after {updates.get('scratch', 0)} updates on the same recordings: where a new encoder is after less "
        f"than a minute, and not what it reaches in hours. With {counted} test objects, one object is "
        f"{percent(1 / counted)}, so small differences can be chance: run the demo with another --seed to see."
    )


def _add_categories(page: Page, metrics: Mapping[str, Any], phases: list[str]) -> None:
    best = metrics["online"]
    chance = percent(best["chance"])
    columns = [metrics[phase]["probe"]["per_category"] for phase in phases]
    columns += [best["baselines_per_category"][name] for name in _BASELINES]
    rows = [
        (category, *(percent(column.get(category)) for column in columns), chance)
        for category in best["probe"]["per_category"]
    ]
    overall = [metrics[phase]["probe"]["accuracy"] for phase in phases] + [
        best["baselines"][name] for name in _BASELINES
    ]
    rows.append(("all categories", *map(percent, overall), chance))
    page.table(["linear probe", *phases, *_BASELINES.values(), "chance"], rows)


def _add_other_measures(page: Page, metrics: Mapping[str, Any], phases: list[str]) -> None:
    rows = [("20 nearest neighbours", *(percent(metrics[phase]["knn"]["accuracy"]) for phase in phases))]
    for count in metrics["online"]["few_shot"]:
        label = f"{count} labelled object{'s' * (count != '1')} per category"
        rows.append((label, *(percent(metrics[phase]["few_shot"].get(count)) for phase in phases)))
    page.table(["other measures", *phases], rows)
