"""Names spread over objects that were seen without names: more views are named, and strangers of seen kinds refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from aassl_ros.learning.measures.neighbours import nearest
from aassl_ros.learning.recognition.judge import SEEN, Judge
from aassl_ros.learning.recognition.seen import SeenObjects
from aassl_ros.learning.recognition.spreading import LeftOutSpreading, Spreading

D, VIEWS = 48, 6
CENTRES = torch.randn(8, D, generator=torch.Generator().manual_seed(99))


def objects_of(categories: range, instances: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Views of objects that vary much from view to view, in the same directions for all: features, targets, objects."""
    random = torch.Generator().manual_seed(seed)
    turns = torch.randn(4, D, generator=torch.Generator().manual_seed(7))
    features, targets, objects = [], [], []
    for place, category in enumerate(categories):
        for instance in range(instances):
            middle = CENTRES[category] + 0.5 * torch.randn(D, generator=random)
            features.append(middle + 1.5 * torch.randn(VIEWS, 4, generator=random) @ turns)
            targets += [place] * VIEWS
            objects += [place * instances + instance] * VIEWS
    return torch.cat(features), torch.tensor(targets), torch.tensor(objects)


def one_view_each(taught: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    features, targets, objects = taught
    return features[::VIEWS], targets[::VIEWS], objects[::VIEWS]


@pytest.fixture(scope="module")
def seen() -> SeenObjects:
    features, _, objects = objects_of(range(8), 12, seed=3)
    return SeenObjects(features, objects)


@pytest.fixture(scope="module")
def taught() -> tuple[Tensor, Tensor, Tensor]:
    return one_view_each(objects_of(range(5), 5, seed=0))


def test_more_new_views_are_named_and_more_strangers_refused_than_without_seen_objects(
    seen: SeenObjects, taught: tuple[Tensor, Tensor, Tensor]
) -> None:
    known, targets, _ = objects_of(range(5), 10, seed=1)
    unknown, _, _ = objects_of(range(5, 8), 10, seed=2)
    right, refused = {}, {}
    for name, given in (("with", seen), ("without", None)):
        judge = Judge(*taught, refuse_known=0.1, seen=given)
        probabilities, familiar = judge(known)
        right[name] = float((probabilities.argmax(dim=1) == targets).float().mean())
        refused[name] = float((judge(unknown)[1] < familiar.quantile(0.1)).float().mean())
        assert torch.allclose(probabilities.sum(dim=1), torch.ones(len(known)), atol=1e-4)
    assert right["with"] > right["without"] + 0.02
    assert refused["with"] > refused["without"] + 0.1


def test_its_own_limit_refuses_about_as_many_known_views_as_asked(
    seen: SeenObjects, taught: tuple[Tensor, Tensor, Tensor]
) -> None:
    judge = Judge(*one_view_each(objects_of(range(5), 12, seed=0)), refuse_known=0.1, seen=seen)
    limit = judge.facts.unknown.value
    known, unknown = objects_of(range(5), 10, seed=1)[0], objects_of(range(5, 8), 10, seed=2)[0]
    assert (judge(known)[1] < limit).float().mean() < 0.3
    assert (judge(unknown)[1] < limit).float().mean() > 0.7
    assert 0.0 <= float(judge(known)[1].min()) <= float(judge(known)[1].max()) <= 1.0


def test_an_object_left_out_gets_no_help_from_its_own_recording_among_the_seen_ones(seen: SeenObjects) -> None:
    """The views taught are often frames of recordings that are seen objects, too: they would be far too familiar."""
    features, targets, objects = objects_of(range(5), 4, seed=5)
    both = SeenObjects(torch.cat([seen.features, features]), torch.cat([seen.objects, seen.count + objects]))
    twins = both.twins(features)
    assert torch.equal(twins, seen.count + objects)
    assert bool((both.twins(torch.randn(5, D)) == -1).all())
    fitted, asked = objects % 4 != 0, objects % 4 == 0
    spreading = Spreading(both, features[fitted], targets[fitted], objects[fitted])
    left_out = LeftOutSpreading(spreading)
    assert not torch.allclose(left_out(features[asked]), spreading(features[asked])[1])


def test_the_classifier_of_seen_objects_is_used_only_if_it_names_most_objects_left_out(seen: SeenObjects) -> None:
    judge = Judge(*one_view_each(objects_of(range(5), 6, seed=0)), seen=seen)
    assert judge.facts.compared[judge.facts.classifier] == max(judge.facts.compared.values())
    assert SEEN in judge.facts.compared
    misleading = SeenObjects(torch.randn(60, D) * 5.0, torch.arange(60) // 6)
    assert Judge(*one_view_each(objects_of(range(5), 6, seed=0)), seen=misleading).facts.compared[SEEN] < 1.0


@pytest.mark.parametrize("views", [1, 2])
def test_one_category_of_one_object_works(views: int, seen: SeenObjects) -> None:
    zeros = torch.zeros(views, dtype=torch.long)
    judge = Judge(objects_of(range(1), 1, seed=0)[0][:views], zeros, zeros, refuse_known=0.1, seen=seen)
    probabilities, familiar = judge(objects_of(range(1), 1, seed=0)[0])
    assert probabilities.shape == (VIEWS, 1)
    assert bool((familiar >= judge.facts.unknown.value).any())


def test_the_nearest_views_are_those_of_a_plain_search_without_the_same_object() -> None:
    random = torch.Generator().manual_seed(0)
    known, objects = torch.randn(30, 5, generator=random), torch.arange(30) // 3
    cosines, places = nearest(known, known, 4, objects, objects)
    table = (known @ known.T).numpy()
    for row in range(30):
        others = [place for place in np.argsort(-table[row]) if objects[place] != objects[row]]
        assert places[row].tolist() == others[:4]
        assert np.allclose(cosines[row], table[row, others[:4]], atol=1e-5)
