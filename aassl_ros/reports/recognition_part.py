"""The part of a report that shows what an encoder sees in data."""

from __future__ import annotations

import numpy as np

from aassl_ros.data.prepared.data import EpisodeRow, PreparedData
from aassl_ros.report import plots
from aassl_ros.report.page import Page
from aassl_ros.reports import viewpoints
from aassl_ros.reports.judged_part import add_judged
from aassl_ros.reports.recognition import Recognition

_MISTAKES = 18


def add_recognition(page: Page, seen: Recognition, data: PreparedData, name: str) -> None:
    """Add accuracy, mistakes, neighbours and the map of features to a page. name: of the encoder."""
    page.heading(f"What {name} sees in {data.path}")
    chance = 1.0 / len(seen.categories)
    page.figures(
        [
            (f"{100 * seen.accuracy:.1f} %", "linear probe on objects not seen in training"),
            (f"{100 * seen.by_colour:.1f} %", "linear probe on colour histograms"),
            (f"{100 * chance:.1f} %", "chance"),
            (str(len(seen.mistakes)), "frames named wrongly"),
        ]
    )
    _add_mistakes(page, seen, data)
    _add_neighbours(page, seen, data)
    _add_features(page, seen)
    add_judged(page, seen.judged)
    _add_viewpoints(page, seen.by_viewpoint)
    page.text("Accuracy by the place in the episode: objects turn while they are handled.")
    page.picture(
        plots.curves(
            np.arange(len(seen.accuracy_by_place)) / max(1, len(seen.accuracy_by_place) - 1),
            {"accuracy": 100 * seen.accuracy_by_place},
            "place in the episode (0: first frame, 1: last)",
            "accuracy (%)",
            100 * chance,
        ),
        "accuracy by place in the episode",
    )
    page.data("accuracy by place", ["place", "accuracy"], list(enumerate(seen.accuracy_by_place.round(4).tolist())))


def _add_viewpoints(page: Page, found: viewpoints.ByViewpoint | None) -> None:
    if found is None:
        page.text("From which sides objects are hard to recognize is not known: the data have no poses of the objects.")
        return
    rows, columns = viewpoints.ELEVATIONS, viewpoints.sectors()
    page.text(
        "Accuracy by viewpoint: the side from which the camera sees the object, as the angle around the object's z "
        "axis and above or below it. In brackets: the number of frames."
    )
    page.picture(plots.accuracy_map(found.accuracy, found.frames, rows, columns), "accuracy by viewpoint")
    page.data(
        "accuracy by viewpoint",
        ["seen", "angle", "frames", "correct", "accuracy"],
        [
            (row, column, frames, right, f"{right / frames:.4f}" if frames else "")
            for row, *lists in zip(rows, found.frames.tolist(), found.right.tolist(), strict=True)
            for column, frames, right in zip(columns, *lists, strict=True)
        ],
    )


def _add_mistakes(page: Page, seen: Recognition, data: PreparedData) -> None:
    page.picture(plots.confusion(seen.confusion.astype(np.float64), seen.categories), "confusion matrix")
    page.data(
        "confusion",
        ["true", *seen.categories],
        [[one, *row] for one, row in zip(seen.categories, seen.confusion.tolist(), strict=True)],
    )
    if seen.mistakes:
        page.text("The hardest mistakes: frames whose wrong category is the surest.")
        shown = seen.mistakes[:_MISTAKES]
        captions = [f"{one.truth}\nnamed {one.named}" for one in shown]
        page.picture(plots.frames_grid(data.frames[np.array([one.frame for one in shown])], captions), "mistakes")
        page.data(
            "mistakes",
            ["frame", "object", "true", "named", "surer by (nats)"],
            [
                (
                    one.frame,
                    _episode(data, one.frame).instance,
                    one.truth,
                    one.named,
                    f"{one.surer:.3f}",
                )
                for one in seen.mistakes
            ],
        )


def _add_neighbours(page: Page, seen: Recognition, data: PreparedData) -> None:
    page.text(
        "Nearest neighbours: a frame of an object not seen in training, then the nearest frames of training objects."
    )
    rows = [frame for row in seen.neighbours for frame in row]
    names = [_episode(data, frame).category for frame in rows]
    columns = len(seen.neighbours[0])
    page.picture(plots.frames_grid(data.frames[np.array(rows)], names, columns=columns), "nearest neighbours")
    page.data(
        "nearest neighbours",
        ["asked frame", "its category", "place", "frame", "category", "object"],
        [
            (asked, _episode(data, asked).category, place, frame, *_named(data, frame))
            for asked, *found in seen.neighbours
            for place, frame in enumerate(found, 1)
        ],
    )


def _add_features(page: Page, seen: Recognition) -> None:
    page.text("Features (t-SNE) by category, and by the place in the episode: nearby frames show nearby sides.")
    page.picture(plots.embedding(seen.points, seen.point_categories, seen.point_is_train), "features by category")
    page.picture(plots.shaded_points(seen.points, seen.point_places, "place in the episode"), "features by view")
    page.data(
        "features",
        ["x", "y", "category", "place in the episode", "train object"],
        [
            (f"{x:.3f}", f"{y:.3f}", category, f"{place:.3f}", int(train))
            for (x, y), category, place, train in zip(
                seen.points, seen.point_categories, seen.point_places, seen.point_is_train, strict=True
            )
        ],
    )


def _named(data: PreparedData, frame: int) -> tuple[str, str]:
    row = _episode(data, frame)
    return row.category, row.instance


def _episode(data: PreparedData, frame: int) -> EpisodeRow:
    return data.episodes[data.episode_of[frame]]
