"""The report's plots. Each function returns a matplotlib figure as PNG bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

_DPI = 110
_TITLES = {"loss": "total loss", "contrastive": "contrastive term", "action": "action term"}
COLOURS = {"offline": "#2a6f97", "online": "#d1495b", "frozen": "#6a994e", "scratch": "#bc8a5f", "chance": "#8d99ae"}
# Forty colours, because the catalogue has more than twenty categories.
_CATEGORY_COLOURS = np.array([plt.get_cmap(name)(index) for name in ("tab20", "tab20b") for index in range(20)])


def frames_grid(frames: NDArray[np.uint8], captions: Sequence[str], columns: int = 6) -> bytes:
    """Sample frames with captions. frames: uint8 [N, H, W, 3]."""
    rows = -(-len(frames) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.7 * columns, 2.0 * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, frame, caption in zip(axes.flat, frames, captions, strict=False):
        axis.imshow(frame)
        axis.set_title(caption, fontsize=7)
    return png_of(figure)


def joint_curves(
    times_s: NDArray[np.float64],
    positions: NDArray[np.float64],
    commands: NDArray[np.float64],
    names: Sequence[str],
) -> bytes:
    """Joint positions (solid) and commands (dashed) over time. times_s [T]; positions, commands [T, J] in rad."""
    figure, axis = plt.subplots(figsize=(10, 3.6))
    for index, name in enumerate(names):
        colour = f"C{index % 10}"
        axis.plot(times_s, positions[:, index], color=colour, linewidth=1.4, label=name)
        axis.plot(times_s, commands[:, index], color=colour, linewidth=1.0, linestyle="--")
    axis.set_xlabel("time (s)")
    axis.set_ylabel("joint position (rad)")
    axis.set_title("solid: measured joint position, dashed: command", fontsize=9)
    axis.legend(fontsize=7, ncol=4, loc="upper center", bbox_to_anchor=(0.5, -0.18), frameon=False)
    return png_of(figure)


def loss_curves(logs: Mapping[str, Sequence[Mapping[str, Any]]], keys: Sequence[str], unit: str = "nats") -> bytes:
    """Each loss over the updates. logs: phase -> log entries with "step" and the keys; unit: of all of them."""
    figure, axes = plt.subplots(1, len(keys), figsize=(5 * len(keys), 3.2), squeeze=False)
    for axis, key in zip(axes[0], keys, strict=True):
        for phase, entries in logs.items():
            points = [(entry["step"], entry[key]) for entry in entries if key in entry]
            if points:
                steps, values = zip(*points, strict=True)
                axis.plot(steps, values, color=COLOURS.get(phase), label=phase, linewidth=1.2)
        axis.set_title(_TITLES.get(key, key), fontsize=9)
        axis.set_xlabel("update")
        axis.set_ylabel(unit)
        if axis.lines:
            axis.legend(fontsize=8, frameon=False)
    return png_of(figure)


def confusion(matrix: NDArray[np.float64], categories: Sequence[str]) -> bytes:
    """Confusion matrix [C, C] of counts; rows are the true categories. Each row is shown in percent of its sum."""
    rows = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = 1.5 + 0.42 * len(categories)
    figure, axis = plt.subplots(figsize=(size, size))
    axis.imshow(rows, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(categories))
    axis.set_xticks(ticks, categories, rotation=60, ha="right", fontsize=8)
    axis.set_yticks(ticks, categories, fontsize=8)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    for row in ticks:
        for column in ticks:
            if rows[row, column] >= 0.05:
                shade = "white" if rows[row, column] > 0.5 else "black"
                text = f"{100 * rows[row, column]:.0f}"
                axis.text(column, row, text, ha="center", va="center", fontsize=7, color=shade)
    return png_of(figure)


def accuracy_map(
    accuracy: NDArray[np.float64], counts: NDArray[np.int64], rows: Sequence[str], columns: Sequence[str]
) -> bytes:
    """Accuracies [R, C] as shaded cells; NaN is blank. Below each: how many answers it counts. rows, columns: names."""
    figure, axis = plt.subplots(figsize=(2.0 + 0.85 * len(columns), 1.2 + 0.6 * len(rows)))
    axis.imshow(accuracy, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_xticks(range(len(columns)), columns, fontsize=8)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    for row, column in np.ndindex(accuracy.shape):
        if counts[row, column]:
            shade = "white" if accuracy[row, column] > 0.5 else "black"
            text = f"{100 * accuracy[row, column]:.0f} %\n({counts[row, column]})"
            axis.text(column, row, text, ha="center", va="center", fontsize=7, color=shade)
    return png_of(figure)


def embedding(points: NDArray[np.float64], labels: Sequence[str], seen: NDArray[np.bool_]) -> bytes:
    """A two-dimensional plot of features (t-SNE). points: [N, 2]. seen: [N], whether it is a training object (dots)."""
    figure, axis = plt.subplots(figsize=(7.5, 6))
    label_array = np.asarray(labels)
    for index, category in enumerate(sorted(set(labels))):
        for mask, marker in ((seen, "."), (~seen, "x")):
            chosen = (label_array == category) & mask
            axis.scatter(
                points[chosen, 0],
                points[chosen, 1],
                s=18,
                color=_CATEGORY_COLOURS[index % len(_CATEGORY_COLOURS)],
                marker=marker,
                linewidths=0.8,
                label=category if marker == "." else None,
            )
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title("dots: training objects, crosses: objects not seen in training", fontsize=9)
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return png_of(figure)


def shaded_points(points: NDArray[np.float64], shades: NDArray[np.float64], label: str) -> bytes:
    """A plot of features whose colour is a number. points: [N, 2]; shades: [N]; label: of the number."""
    figure, axis = plt.subplots(figsize=(7.5, 6))
    drawn = axis.scatter(points[:, 0], points[:, 1], s=14, c=shades, cmap="viridis", linewidths=0)
    axis.set_xticks([])
    axis.set_yticks([])
    figure.colorbar(drawn, label=label)
    return png_of(figure)


def embeddings(panels: Mapping[str, tuple[NDArray[np.float64], Sequence[str], NDArray[np.bool_]]]) -> bytes:
    """Several such plots, one for each name: points [N, 2], labels and seen as for `embedding`."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 4.0 * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, (name, (points, labels, seen)) in zip(axes.flat, panels.items(), strict=False):
        number = {label: index for index, label in enumerate(sorted(set(labels)))}
        colours = _CATEGORY_COLOURS[[number[label] % len(_CATEGORY_COLOURS) for label in labels]]
        for mask, marker in ((seen, "."), (~seen, "x")):
            axis.scatter(points[mask, 0], points[mask, 1], s=14, c=colours[mask], marker=marker, linewidths=0.8)
        axis.set_title(name, fontsize=9)
    figure.suptitle("dots: training objects, crosses: objects not seen in training; colour: category", fontsize=9)
    return png_of(figure)


def view_embeddings(panels: Mapping[str, tuple[NDArray[np.float64], Sequence[str]]]) -> bytes:
    """Maps of objects seen from canonical views, one for each name: points [N, 2], and views, which are the colours."""
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns + 1.8, 4.0 * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    names = list(dict.fromkeys(view for _, views in panels.values() for view in views))
    shades = plt.get_cmap("hsv")(np.arange(len(names)) / len(names))
    for axis, (name, (points, views)) in zip(axes.flat, panels.items(), strict=False):
        axis.scatter(*points.T, s=14, c=shades[[names.index(view) for view in views]], marker="x", linewidths=0.8)
        axis.set_title(name, fontsize=9)
    marks = [Line2D([], [], color=shade, marker="x", linestyle="") for shade in shades]
    figure.legend(marks, names, fontsize=6, loc="center right", frameon=False)
    figure.suptitle("objects not seen in training, from the canonical views; colour: view", fontsize=9)
    return png_of(figure)


def accuracy_bars(series: Mapping[str, float], chance: float) -> bytes:
    """One bar for each method: its accuracy in percent. A line shows the chance level."""
    figure, axis = plt.subplots(figsize=(6.5, 0.6 + 0.45 * len(series)))
    names = list(series)
    values = [100 * series[name] for name in names]
    colours = [COLOURS.get(name.split()[0], "#adb5bd") for name in names]
    bars = axis.barh(names[::-1], values[::-1], color=colours[::-1])
    axis.bar_label(bars, fmt="%.1f", padding=3, fontsize=8)
    axis.axvline(100 * chance, color="black", linestyle=":", linewidth=1, label="chance")
    axis.set_xlim(0, 112)
    axis.set_xlabel("accuracy on objects not seen in training (%)")
    axis.legend(fontsize=8, frameon=False, loc="lower right")
    return png_of(figure)


Bounded: TypeAlias = tuple[float, float, float]
"""A mean, and the lower and upper bound of its interval."""


def bars_with_intervals(bars: Mapping[str, Bounded], label: str) -> bytes:
    """One bar with an interval for each name. label: the quantity."""
    figure, axis = plt.subplots(figsize=(7, 0.9 + 0.33 * len(bars)))
    names = list(bars)[::-1]
    means, lows, highs = (np.array([bars[name][part] for name in names]) for part in range(3))
    axis.barh(names, means, xerr=[means - lows, highs - means], color=COLOURS["offline"], ecolor="black", capsize=2)
    axis.tick_params(axis="y", labelsize=8)
    axis.set_xlabel(label)
    return png_of(figure)


def lines_with_intervals(lines: Mapping[str, Sequence[tuple[float, Bounded]]], across: str, label: str) -> bytes:
    """One line for each name through points (value, mean and bounds). across, label: quantities of the two axes."""
    figure, axis = plt.subplots(figsize=(7, 4))
    for name, points in lines.items():
        values = np.array([value for value, _ in points])
        means, lows, highs = (np.array([bounded[part] for _, bounded in points]) for part in range(3))
        axis.errorbar(values, means, yerr=[means - lows, highs - means], label=name, marker="o", capsize=2)
    axis.set_xlabel(across)
    axis.set_ylabel(label)
    if lines:
        axis.legend(fontsize=8, frameon=False)
    return png_of(figure)


def answers_over_time(
    times_s: NDArray[np.float64], named: Sequence[str], truth: Sequence[str], categories: Sequence[str]
) -> bytes:
    """Live predictions over time: one dot each, correct ones green; the true category is a gray band. times_s [N]."""
    figure, axis = plt.subplots(figsize=(10, 0.8 + 0.3 * len(categories)))
    row = {category: index for index, category in enumerate(categories)}
    axis.scatter(times_s, [row[category] for category in truth], color="#ced4da", marker="s", s=30, label="truth")
    right = np.array([given == is_ for given, is_ in zip(named, truth, strict=True)], dtype=bool)
    rows = np.array([row.get(category, -1) for category in named])
    axis.scatter(times_s[right], rows[right], color="#2b9348", s=7, label="correct")
    axis.scatter(times_s[~right], rows[~right], color="#d1495b", s=7, label="wrong")
    axis.set_yticks(range(len(categories)), categories, fontsize=8)
    axis.set_xlabel("time (s)")
    axis.legend(fontsize=8, ncol=3, loc="upper center", bbox_to_anchor=(0.5, 1.15), frameon=False)
    return png_of(figure)


def curves(
    across: NDArray[np.float64],
    lines: Mapping[str, NDArray[np.float64]],
    x: str,
    y: str,
    level: float | None = None,
) -> bytes:
    """Curves over one axis. across, lines: float64 [N]; x, y: labels with units; level: a threshold, dashed."""
    figure, axis = plt.subplots(figsize=(9, 2.6))
    for name, values in lines.items():
        axis.plot(across, values, linewidth=0.9, color=COLOURS["offline"], label=name)
    if level is not None:
        axis.axhline(level, color=COLOURS["online"], linestyle="--", linewidth=0.9)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    return png_of(figure)


def accuracy_over_time(
    minutes: NDArray[np.float64], accuracies: NDArray[np.float64], levels: Mapping[str, float]
) -> bytes:
    """Accuracy over the time of training. minutes, accuracies [N]; levels: of other encoders, as dashed lines."""
    figure, axis = plt.subplots(figsize=(7, 3.6))
    axis.plot(minutes, 100 * accuracies, marker="o", color=COLOURS["online"], label="online")
    for (name, level), colour in zip(levels.items(), (COLOURS["offline"], COLOURS["chance"]), strict=False):
        axis.axhline(100 * level, color=colour, linestyle="--", label=name)
    axis.set_xlabel("minutes since the trainer was started")
    axis.set_ylabel("accuracy on unseen objects (%)")
    axis.legend(fontsize=8, frameon=False)
    return png_of(figure)


def png_of(figure: Figure) -> bytes:
    """Write a figure as a PNG file, and close it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, bbox_inches="tight")
    plt.close(figure)
    return stream.getvalue()
