"""Objects differ within and between categories, repeat for one seed, and their colour does not reveal the category."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from aassl_ros.errors import ConfigError, SimulationError
from aassl_ros.sim.catalogue import Catalogue, ObjectModel, instance_id, load_catalogue
from aassl_ros.sim.categories.shapes import shaded


def test_there_are_at_least_twelve_categories() -> None:
    assert len(set(load_catalogue().categories)) >= 12


def test_an_instance_is_the_same_whenever_it_is_made() -> None:
    first, again = load_catalogue().find("lamp_0007"), load_catalogue().find("lamp_0007")

    assert [part.rgba for part in first.meshes] == [part.rgba for part in again.meshes]
    for one, other in zip(first.meshes, again.meshes, strict=True):
        np.testing.assert_array_equal(one.mesh.vertices, other.mesh.vertices)


def test_another_seed_gives_other_objects() -> None:
    one, other = Catalogue(seed=0).find("mug_0000"), Catalogue(seed=1).find("mug_0000")

    assert not np.allclose(one.extent, other.extent, atol=1e-4)


def test_the_demo_uses_sixteen_of_more_than_twenty_four_categories() -> None:
    assert len(load_catalogue().categories) == 16
    assert len(set(Catalogue().categories)) >= 24


@pytest.mark.parametrize("category", Catalogue().categories)
def test_instances_of_a_category_differ_in_proportion(category: str) -> None:
    catalogue = Catalogue()
    proportions = [_proportions(catalogue.instance(category, index)) for index in range(12)]

    assert len(np.unique(np.round(proportions, 6), axis=0)) == 12
    assert np.ptp(proportions, axis=0).max() > 0.08


@pytest.mark.parametrize("category", Catalogue().categories)
def test_an_object_has_few_triangles_and_fits_its_bounding_sphere(category: str) -> None:
    catalogue = Catalogue()
    for index in range(10):
        model = catalogue.instance(category, index)
        points = np.concatenate([part.mesh.vertices for part in model.meshes])
        assert np.linalg.norm(points, axis=1).max() == pytest.approx(model.radius)
        assert 0.085 <= model.radius <= 0.105
        assert sum(len(part.mesh.triangles) for part in model.meshes) < 2000
        for part in model.meshes:
            _, normals, _ = shaded(part.mesh)
            np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)


def test_colour_does_not_reveal_the_category() -> None:
    catalogue = Catalogue()
    instances = [(category, index) for category in catalogue.categories for index in range(24)]
    colours = np.array([_colour_histogram(catalogue.instance(*instance)) for instance in instances])
    labels = [category for category, _ in instances]

    accuracy = cross_val_score(LogisticRegression(max_iter=300), colours, labels, cv=4).mean()

    # By chance within 1/C and three standard errors.
    chance = 1 / len(catalogue.categories)
    assert accuracy < chance + 3 * np.sqrt(chance * (1 - chance) / len(instances))


def test_every_category_has_the_same_distribution_of_hues() -> None:
    catalogue = load_catalogue()
    for category in catalogue.categories:
        hues = [
            colorsys.rgb_to_hsv(*part.rgba[:3])[0]
            for index in range(40)
            for part in catalogue.instance(category, index).meshes
        ]
        counts, _ = np.histogram(hues, bins=4, range=(0.0, 1.0))
        assert counts.min() > 0.08 * len(hues), category


@pytest.mark.parametrize("instance", ["mug", "unicorn_0001", "mug_1", "", "../mug_0001"])
def test_an_unknown_instance_is_a_one_line_error(instance: str) -> None:
    with pytest.raises(SimulationError, match="expected") as caught:
        load_catalogue().find(instance)
    assert "\n" not in str(caught.value)


def test_an_instance_id_finds_its_instance() -> None:
    model = load_catalogue().find(instance_id("dog", 12345))

    assert (model.category, model.instance) == ("dog", "dog_12345")


def test_a_catalogue_file_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("seed: 1\ncolour: red\n")
    with pytest.raises(ConfigError, match="unknown key 'colour'"):
        load_catalogue(str(file))


def test_a_catalogue_file_with_an_unknown_category_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("categories: [mug, unicorn]\n")
    with pytest.raises(SimulationError, match="'unicorn' is unknown"):
        load_catalogue(str(file))


def test_a_missing_catalogue_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="household"):
        load_catalogue("nowhere")


def _proportions(model: ObjectModel) -> np.ndarray:
    return model.extent / model.extent.max()


def _colour_histogram(model: ObjectModel) -> np.ndarray:
    """Fraction of the object's surface in each of 4 x 4 x 4 colours."""
    histogram = np.zeros((4, 4, 4))
    for part in model.meshes:
        corners = part.mesh.vertices[part.mesh.triangles]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
        histogram[tuple(min(int(4 * channel), 3) for channel in part.rgba[:3])] += area
    return histogram.reshape(-1) / histogram.sum()
