"""Format the result of an evaluation as tables for a terminal."""

from __future__ import annotations

from rich.table import Table

from aassl_ros.learning.evaluation.action import ActionMeasures
from aassl_ros.learning.evaluation.category import Baselines, CategoryMeasures
from aassl_ros.learning.evaluation.result import Evaluation
from aassl_ros.learning.evaluation.structure import StructureMeasures
from aassl_ros.learning.evaluation.views import ViewMeasures, chance


def tables(evaluation: Evaluation) -> list[Table]:
    """Return a table for each group of measures in the evaluation."""
    found: list[Table] = []
    if evaluation.category is not None:
        found += [_accuracies(evaluation.category, evaluation.baselines, evaluation.chance)]
        found += [_per_category(evaluation.category, evaluation.categories)]
    if evaluation.views is not None:
        found += [_alignment(evaluation.views), _per_view(evaluation.views)]
    if evaluation.action is not None and evaluation.action.to_json()["action"]:
        found.append(_action(evaluation.action))
    if evaluation.structure is not None:
        found.append(_structure(evaluation.structure))
    return found


def _accuracies(category: CategoryMeasures, baselines: Baselines | None, by_chance: float) -> Table:
    table = Table("accuracy", "%")
    rows = {
        "linear probe": category.probe_accuracy,
        "nearest neighbours": category.knn_accuracy,
        **{f"{shots} labelled object(s) per category": value for shots, value in category.few_shot.items()},
    }
    if baselines is not None:
        rows["random encoder, linear probe"] = baselines.random_encoder
        rows["colour histogram, linear probe"] = baselines.colour_histogram
    for name, value in {**rows, "chance": by_chance}.items():
        table.add_row(name, _percent(value))
    return table


def _per_category(category: CategoryMeasures, names: tuple[str, ...]) -> Table:
    """List each category with the probe's accuracy on it and the category it was most often confused with."""
    table = Table("category", "%", "most often confused with")
    for name, accuracy in category.per_category.items():
        row = category.confusion[names.index(name)].copy()
        count = int(row.sum())
        row[names.index(name)] = 0
        worst = int(row.argmax())
        taken = f"{names[worst]} ({100 * row[worst] / count:.1f} %)" if row[worst] else ""
        table.add_row(name, _percent(accuracy), taken)
    return table


def _alignment(views: ViewMeasures) -> Table:
    table = Table("views", "measured", "random encoder", "chance")
    by_chance = chance(views.alignment)
    words = {
        "viewpoint": "alignment of objects of one category seen from the same view",
        "same_view_neighbour": "nearest other object of the category is seen from the same view",
        "view_invariance": "cosine between two views of an object",
        "category_separation": "cosine within a category minus cosine across categories",
    }
    for name, words_of in words.items():
        beside = None if views.random_encoder is None else getattr(views.random_encoder, name)
        table.add_row(words_of, _number(getattr(views.alignment, name)), _number(beside), _number(by_chance.get(name)))
    return table


def _per_view(views: ViewMeasures) -> Table:
    table = Table("view", "linear probe %", "nearest neighbours %")
    for name, accuracy in views.per_view.items():
        table.add_row(name, _percent(accuracy["probe"]), _percent(accuracy["knn"]))
    return table


def _action(action: ActionMeasures) -> Table:
    table = Table("action", "measured", "images of another pair", "chance")
    if action.retrieved is not None:
        found, shuffled, by_chance = action.retrieved.found, action.retrieved.shuffled, action.retrieved.by_chance
        for words, name in (("nearest is correct", "hit_at_1"), ("correct one is among the nearest 5", "hit_at_5"),
                            ("mean of 1 / rank", "mean_reciprocal_rank")):  # fmt: skip
            figures = (_number(getattr(part, name)) for part in (found, shuffled, by_chance))
            table.add_row(f"{words}, of {action.retrieved.candidates}", *figures)
    if action.rotation_r2 is not None:
        for way, value in (("linear", action.rotation_r2), ("kernel", action.rotation_r2_kernel)):
            words = f"R2 of the rotation ({action.rotation_of}), {way} regression"
            table.add_row(words, _number(value), "", _number(0.0))
    if action.gradient_cosine is not None:
        table.add_row("cosine between the gradients of both terms", _number(action.gradient_cosine))
    return table


def _structure(structure: StructureMeasures) -> Table:
    table = Table("features", "measured")
    table.add_row(f"RankMe, of {structure.dimension} features", f"{structure.rankme:.1f}")
    if structure.consistency is not None:
        table.add_row("cosine between consecutive frames", _number(structure.consistency.neighbours))
        table.add_row("cosine between random frames", _number(structure.consistency.random_pairs))
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
