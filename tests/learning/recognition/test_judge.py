"""A gallery's judge: the classifier that names objects left out best, calibrated, with unknown as an answer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from aassl_ros.learning.readout.classifiers import CLASSIFIERS
from aassl_ros.learning.recognition.calibration import at_temperature, best_temperature, reliability
from aassl_ros.learning.recognition.familiarity import Familiarity, unknown_threshold
from aassl_ros.learning.recognition.judge import Judge

D, VIEWS = 24, 12


def objects_of(
    categories: int, instances: int, *, seed: int = 0, spread: float = 0.6, first: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of objects that lie around a centre of their category: features, targets, objects."""
    centres = torch.randn(first + categories, D, generator=torch.Generator().manual_seed(99))[first:]
    random = torch.Generator().manual_seed(seed)
    features, targets, objects = [], [], []
    for category in range(categories):
        for instance in range(instances):
            middle = centres[category] + spread * torch.randn(D, generator=random)
            features.append(middle + 0.3 * torch.randn(VIEWS, D, generator=random))
            targets += [category] * VIEWS
            objects += [category * instances + instance] * VIEWS
    return torch.cat(features), torch.tensor(targets), torch.tensor(objects)


def test_most_unknown_objects_are_refused_and_few_known_ones() -> None:
    gallery = objects_of(5, 8)
    judge = Judge(*gallery, refuse_known=0.1)
    known, _, _ = objects_of(5, 8, seed=1)
    unknown, _, _ = objects_of(5, 8, seed=2, first=5)
    limit = judge.facts.unknown.value
    refused_known = (judge(known)[1] < limit).float().mean()
    refused_unknown = (judge(unknown)[1] < limit).float().mean()
    assert refused_known < 0.25  # 0.1 is asked for; 40 objects tell it only roughly
    assert refused_unknown > 0.8
    assert judge.facts.unknown.refused_unknown == pytest.approx(float(refused_unknown), abs=0.2)


def test_nothing_is_refused_if_no_known_view_may_be() -> None:
    features, targets, objects = objects_of(3, 2)
    limit = unknown_threshold(features, targets, objects, 0.0).value
    assert limit == -1.0


def test_few_views_with_many_dimensions_do_not_make_known_objects_unknown() -> None:
    """More dimensions than views: what varies in the gallery is not what varies in new objects."""
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(5, 600, generator=random)
    targets = torch.arange(5).repeat_interleave(10)
    features, new = (centres[targets] + 1.2 * torch.randn(50, 600, generator=random) for _ in range(2))
    limit = unknown_threshold(features, targets, torch.arange(50), 0.1).value
    assert (Familiarity(features, targets)(new) < limit).float().mean() < 0.3


@pytest.mark.parametrize("categories", [1, 3])
def test_an_object_that_turns_further_than_while_it_was_taught_stays_known(categories: int) -> None:
    """One object of each category, whose views change steadily: the later ones are unlike all that were taught."""
    random = torch.Generator().manual_seed(0)
    middles, ways = (torch.randn(categories + 1, 200, generator=random) for _ in range(2))
    turn = torch.linspace(0.0, 1.0, 24)[:, None]
    views = [
        middle + turn * way + 0.1 * torch.randn(24, 200, generator=random)
        for middle, way in zip(middles, ways, strict=True)
    ]
    taught, later = torch.cat([each[:12] for each in views[:-1]]), torch.cat([each[12:16] for each in views[:-1]])
    targets = torch.arange(categories).repeat_interleave(12)
    limit = unknown_threshold(taught, targets, targets, 0.05).value
    familiarity = Familiarity(taught, targets)
    assert (familiarity(later) < limit).float().mean() < 0.2
    assert (familiarity(views[-1]) < limit).float().mean() > 0.9


def test_one_view_of_a_category_says_nothing_about_new_ones_so_that_nothing_is_refused() -> None:
    assert unknown_threshold(torch.randn(3, D), torch.arange(3), torch.arange(3), 0.1).value == -1.0


def test_a_stricter_share_refuses_more() -> None:
    features, targets, objects = objects_of(4, 4)
    limits = [unknown_threshold(features, targets, objects, share).value for share in (0.01, 0.1, 0.4)]
    assert limits == sorted(limits)


def test_the_classifier_is_the_best_of_those_for_objects_left_out() -> None:
    judge = Judge(*objects_of(6, 4, spread=1.2))
    assert set(judge.facts.compared) == set(CLASSIFIERS)
    assert judge.facts.accuracy == max(judge.facts.compared.values()) > 1 / 6
    assert judge.facts.compared[judge.facts.classifier] == judge.facts.accuracy


def test_accuracy_is_that_of_objects_never_seen_and_not_of_the_gallery() -> None:
    gallery = objects_of(6, 4, spread=2.5)  # objects of a category differ much
    judge = Judge(*gallery, classifier="knn")
    own = float((judge(gallery[0])[0].argmax(dim=1) == gallery[1]).float().mean())
    features, targets, _ = objects_of(6, 4, seed=5, spread=2.5)
    unseen = float((judge(features)[0].argmax(dim=1) == targets).float().mean())
    assert own > 0.95
    assert judge.facts.accuracy == pytest.approx(unseen, abs=0.15)


@pytest.mark.parametrize("views", [1, 2, 5])
def test_one_object_of_one_category_with_few_views_already_works(views: int) -> None:
    features = torch.randn(views, D) * 0.1 + torch.ones(D)
    judge = Judge(
        features, torch.zeros(views, dtype=torch.long), torch.zeros(views, dtype=torch.long), refuse_known=0.1
    )
    probabilities, familiarity = judge(features)
    assert probabilities.tolist() == [[pytest.approx(1.0)]] * views
    assert bool((familiarity >= judge.facts.unknown.value).all())
    assert math.isnan(judge.facts.accuracy)
    assert judge.facts.reliability is None
    stranger = judge(-torch.ones(1, D))[1]
    assert float(stranger) < float(familiarity.min())


def test_with_one_view_of_each_category_new_views_go_to_the_nearest() -> None:
    """Nothing can be left out, so the classifiers cannot be compared; a linear one would be far worse."""
    random = torch.Generator().manual_seed(0)
    centres = torch.randn(5, 600, generator=random)
    one_each = centres + 1.5 * torch.randn(5, 600, generator=random)
    targets = torch.arange(5).repeat_interleave(40)
    new = centres[targets] + 1.5 * torch.randn(200, 600, generator=random)
    judge = Judge(one_each, torch.arange(5), torch.arange(5))
    assert judge.facts.classifier == "prototypes"
    assert (judge(new)[0].argmax(dim=1) == targets).float().mean() > 0.95


def test_one_view_of_each_of_two_categories_names_them() -> None:
    features = torch.stack([torch.ones(D), -torch.ones(D)])
    judge = Judge(features, torch.tensor([0, 1]), torch.tensor([0, 1]), refuse_known=0.05)
    assert judge(features)[0].argmax(dim=1).tolist() == [0, 1]


def test_a_temperature_makes_confidence_honest() -> None:
    random = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 4, (2000,), generator=random)
    honest = torch.randn(2000, 4, generator=random)
    honest[torch.arange(2000), truth] += 1.0
    honest = torch.softmax(honest, dim=1)
    honest_error = reliability(honest, truth).ece
    bold = at_temperature(honest, 0.25)  # too sure of everything
    temperature = best_temperature(bold, truth)
    calmed = at_temperature(bold, temperature)
    assert reliability(bold, truth).ece > 0.2
    assert reliability(calmed, truth).ece < honest_error + 0.03
    assert torch.equal(calmed.argmax(dim=1), bold.argmax(dim=1))


def test_a_reliability_diagram_is_of_the_best_name_of_each_view() -> None:
    diagram = reliability(torch.tensor([[0.95, 0.05], [0.55, 0.45], [0.0, 1.0]]), torch.tensor([0, 1, 1]))
    assert diagram.answers.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert diagram.ece == pytest.approx((0.55 + 2 * (1 - 0.975)) / 3)


def test_a_judge_knows_how_reliable_it_is_on_objects_left_out_and_is_about_as_reliable_on_new_ones() -> None:
    judge = Judge(*objects_of(5, 8, spread=1.0))
    facts = judge.facts
    assert facts.uncalibrated is not None
    assert facts.reliability is not None
    assert facts.reliability.answers.sum() == 5 * 40  # of each category at most 40 views
    assert facts.reliability.ece <= facts.uncalibrated.ece + 0.02
    new, targets, _ = objects_of(5, 8, spread=1.0, seed=1)
    assert reliability(judge(new)[0], targets).ece < 0.15
    assert Judge(*objects_of(1, 3)).facts.reliability is None
