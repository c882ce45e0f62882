"""Objectives: each computes its equation from heads of its published shape, and a learner resumes with it exactly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.learning.batches.later_frames import LaterFrames
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.losses.barlow_twins import barlow_twins
from aassl_ros.learning.losses.byol import byol
from aassl_ros.learning.losses.info_nce import info_nce
from aassl_ros.learning.losses.nt_xent import nt_xent
from aassl_ros.learning.losses.sie import sie
from aassl_ros.learning.losses.vicreg import vicreg
from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.base import Pairs, Sizes
from aassl_ros.learning.objectives.methods import METHODS
from aassl_ros.learning.objectives.mocov3 import MoCoV3
from aassl_ros.learning.objectives.seq_jepa import SeqJEPA
from aassl_ros.learning.objectives.sie import ActionMatrix
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint

SETTINGS = LearnerSettings(batch=16, image_size=32, width=4)
FEATURES, ACTION, COUNT, CATEGORIES = 32, 6, 16, 6
every_method = pytest.mark.parametrize("method", METHODS)
aligned_methods = pytest.mark.parametrize("method", [name for name in METHODS if name.startswith("aa_")])


def triplets(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 256, (2, COUNT, 32, 32, 3), dtype=np.uint8)
    return first, second, rng.normal(size=(COUNT, ACTION)).astype(np.float32)


def labelled(method: str, seed: int = 0) -> tuple[Any, ...]:
    """All that a step of the method takes."""
    later = None
    if count := METHODS[method].later_frames:
        more = [triplets(seed + 100 * number) for number in range(1, count + 1)]
        later = LaterFrames(np.stack([each[0] for each in more]), np.stack([each[2] for each in more]))
    return *triplets(seed), np.arange(COUNT) % CATEGORIES, later


def random_pairs(method: str = "aa_simclr") -> Pairs:
    f, f_next, slow, slow_next = torch.randn(4, COUNT, FEATURES, generator=torch.Generator().manual_seed(0))
    action = torch.randn(COUNT, ACTION, generator=torch.Generator().manual_seed(1))
    pairs = Pairs(f, f_next, action, (slow, slow_next), torch.arange(COUNT) % CATEGORIES)
    if not (count := METHODS[method].later_frames):
        return pairs
    later = torch.randn(count - 1, COUNT, FEATURES, generator=torch.Generator().manual_seed(2))
    actions = torch.randn(count, COUNT, ACTION, generator=torch.Generator().manual_seed(3))
    return replace(pairs, slow=(slow,), later=tuple(later), later_actions=tuple(actions))


def terms(method: str, **changes) -> torch.nn.ModuleDict:
    return Learner(replace(SETTINGS, method=method, **changes), ACTION).objective


def assert_equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@every_method
def test_a_step_teaches_the_encoder_and_every_head(method: str) -> None:
    learner = Learner(replace(SETTINGS, method=method), ACTION, categories=CATEGORIES)
    learner.step(*labelled(method))
    learnt = [*learner.encoder.named_parameters(), *learner.objective.named_parameters()]
    unmoved = [
        name for name, weight in learnt if weight.requires_grad and (weight.grad is None or not weight.grad.any())
    ]
    # A bias just before a batch norm, or one that embeddings of zero mean cancel, has nothing to learn.
    assert [name for name in unmoved if not name.endswith("bias")] == []


@every_method
def test_a_learner_saved_and_loaded_equals_one_that_never_stopped(method: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, method=method, slow_momentum=0.9)
    learner = Learner(settings, ACTION, categories=CATEGORIES)
    for seed in range(3):
        learner.step(*labelled(method, seed))
    save_checkpoint(tmp_path, learner, Provenance(None, None, ()))
    again = resume_learner(load_checkpoint(tmp_path))
    for seed in range(3, 6):
        assert again.step(*labelled(method, seed)) == learner.step(*labelled(method, seed))
    assert all(torch.equal(weight, learner.weights()[name]) for name, weight in again.weights().items())


@pytest.mark.parametrize("method", ["aa_byol", "aa_mocov3"])
def test_slow_copies_follow_after_the_update_and_learn_nothing_themselves(method: str) -> None:
    learner = Learner(replace(SETTINGS, method=method, slow_momentum=0.75), ACTION)
    base, term = learner.objective["base"], learner.objective["action"]
    copies = {
        learner.objective["slow_encoder"]: learner.encoder,
        base.slow_projector: base.projector,
        term.slow_joint_head: term.joint_head,
        term.slow_action_head: term.action_head,
    }
    before = [[weight.clone() for weight in slow.copy.parameters()] for slow in copies]
    learner.step(*triplets())
    for (slow, source), old in zip(copies.items(), before, strict=True):
        for now, was, weight in zip(slow.copy.parameters(), old, source.parameters(), strict=True):
            torch.testing.assert_close(now, 0.75 * was + 0.25 * weight)
            assert now.grad is None
    learnt = {id(weight) for group in learner.optimizer.param_groups for weight in group["params"]}
    assert not any(id(weight) for slow in copies for weight in slow.parameters() if id(weight) in learnt)


def test_batch_norm_of_slow_copies_has_statistics_of_its_own() -> None:
    learner = Learner(replace(SETTINGS, method="byol"))
    learner.step(*triplets()[:2])
    projector, slow = learner.objective["base"].projector[1], learner.objective["base"].slow_projector.copy[1]
    assert slow.training
    assert slow.running_mean.any()
    learner.step(*triplets(1)[:2])
    assert not torch.equal(slow.running_mean, projector.running_mean)


@pytest.mark.parametrize(("method", "half"), [("aa_byol", True), ("aa_mocov3", False)])
def test_slow_methods_predict_what_their_slow_copies_make_of_the_other_side(method: str, half: bool) -> None:
    objective, pairs = terms(method), random_pairs()

    def compare(query: Tensor, key: Tensor) -> Tensor:
        return byol(query, key) / 2 if half else info_nce(query, key, temperature=0.2)

    base, term = objective["base"], objective["action"]
    p, q_p, slow_p = base.projector, base.predictor, base.slow_projector.copy
    expected = compare(q_p(p(pairs.first)), slow_p(pairs.slow[1])) + compare(
        q_p(p(pairs.second)), slow_p(pairs.slow[0])
    )
    assert_equal(base(pairs), expected)

    g, h, slow_g, slow_h = term.joint_head, term.action_head, term.slow_joint_head.copy, term.slow_action_head.copy
    aligned = compare(term.joint_predictor(g(pairs.first, pairs.second)), slow_h(pairs.action))
    aligned = aligned + compare(term.action_predictor(h(pairs.action)), slow_g(*pairs.slow))
    assert_equal(term(pairs), aligned)


def test_moco_v3_heads_end_in_a_norm_without_weights_and_its_predictors_do_not() -> None:
    objective = terms("aa_mocov3")
    base, term = objective["base"], objective["action"]
    for head in (base.projector, term.joint_head.net, term.action_head.net):
        assert isinstance(head[-1], torch.nn.BatchNorm1d)
        assert head[-1].weight is None
    for predictor in (base.predictor, term.joint_predictor, term.action_predictor):
        assert isinstance(predictor[-1], torch.nn.Linear)


@pytest.mark.parametrize(("transformer", "layers"), [(False, 2), (True, 3)])
def test_moco_v3_has_a_deeper_projector_for_a_vision_transformer(transformer: bool, layers: int) -> None:
    projector = MoCoV3(Sizes(features=64, transformer=transformer), SETTINGS).projector
    assert sum(isinstance(layer, torch.nn.Linear) for layer in projector) == layers


@pytest.mark.parametrize(("method", "loss"), [("aa_vicreg", vicreg), ("aa_barlow", barlow_twins)])
def test_redundancy_reducing_methods_compare_projections_and_joint_with_action_embeddings(method: str, loss) -> None:
    objective, pairs = terms(method), random_pairs()
    base, term = objective["base"], objective["action"]
    assert_equal(base(pairs), loss(base.projector(pairs.first), base.projector(pairs.second)))
    g, h = term.joint_head(pairs.first, pairs.second), term.action_head(pairs.action)
    assert_equal(term(pairs), loss(h, g))
    assert g.shape[1] == (64 if method == "aa_barlow" else 128)


def test_ciper_predicts_the_standardised_action_from_both_images() -> None:
    term, pairs = terms("ciper")["action"], random_pairs()
    action = pairs.action - pairs.action.mean(0)
    action = action / torch.sqrt(action.square().mean(0) + 1e-5)
    predicted = term.regression.net(torch.cat([pairs.first, pairs.second], dim=1))
    assert predicted.shape == (COUNT, ACTION)
    assert_equal(term(pairs), (predicted - action).square().mean())
    assert [name for name, _ in term.standardise.named_parameters()] == []


def test_equimod_predicts_the_equivariant_projection_of_the_second_image_and_learns_from_both_sides() -> None:
    term, pairs = terms("equimod")["action"], random_pairs()
    pairs.first.requires_grad_()
    pairs.second.requires_grad_()
    known = torch.cat([term.projector(pairs.first), term.action_embedding(pairs.action)], dim=1)
    expected = nt_xent(term.predictor(known), term.projector(pairs.second), temperature=0.2)
    found = term(pairs)
    assert_equal(found, expected)
    found.backward()
    assert pairs.first.grad.any()
    assert pairs.second.grad.any()


def test_sie_keeps_one_half_of_the_features_and_moves_the_other() -> None:
    base, pairs = terms("sie")["base"], random_pairs()
    stays, moves = pairs.first[:, : FEATURES // 2], pairs.first[:, FEATURES // 2 :]
    stays_next, moves_next = pairs.second[:, : FEATURES // 2], pairs.second[:, FEATURES // 2 :]
    equivariant = base.equivariant_projector(moves)
    expected = sie(
        base.invariant_projector(stays),
        base.invariant_projector(stays_next),
        equivariant,
        base.equivariant_projector(moves_next),
        base.predictor(equivariant, pairs.action),
    )
    assert_equal(base(pairs), expected)


def test_the_matrix_of_an_action_is_linear_in_it_and_not_zero_for_none() -> None:
    predictor = ActionMatrix(ACTION, 8)
    embedding, action = torch.randn(COUNT, 8), torch.randn(COUNT, ACTION)
    matrices = predictor.matrices.weight.view(8, 1 + ACTION, 8)
    leading = torch.cat([torch.ones(COUNT, 1), action], dim=1)
    by_pair = torch.einsum("nk,dke->nde", leading, matrices)  # a matrix for each pair
    assert_equal(predictor(embedding, action), torch.einsum("nde,ne->nd", by_pair, embedding))
    assert predictor(embedding, torch.zeros(COUNT, ACTION)).any()


def test_the_temperature_left_at_zero_is_the_methods_own() -> None:
    for method, own in (("aa_simclr", 0.1), ("aa_mocov3", 0.2), ("equimod", 0.2)):
        assert [term.temperature for term in list(terms(method).values())[:2]] == [own, own]
        changed = terms(method, temperature=0.4, action_temperature=0.5)
        assert (changed["base"].temperature, changed["action"].temperature) == (0.4, 0.5)


def test_seq_jepa_predicts_the_next_view_from_the_observed_ones_and_the_next_action() -> None:
    base, pairs = terms("seq_jepa")["base"], random_pairs("seq_jepa")
    assert isinstance(base, SeqJEPA)
    predicted = base.predictor[-1].register_forward_hook(lambda *args: setattr(base, "said", args[2]))
    loss = base(pairs)
    cosines = [torch.cosine_similarity(p, t, dim=0) for p, t in zip(base.said, pairs.slow[0], strict=True)]
    assert_equal(loss, 1 - torch.stack(cosines).mean())
    predicted.remove()
    # A summary, not a list: the order of view and action together does not matter, which view has which action does.
    x, y = pairs.first, pairs.second
    a, b, *last = pairs.action, *pairs.later_actions
    assert_equal(base(replace(pairs, first=y, second=x, action=b, later_actions=(a, *last))), loss)
    assert not torch.allclose(base(replace(pairs, first=y, second=x)), loss)
    # The last action counts, and so does each view.
    assert not torch.allclose(base(replace(pairs, later_actions=(b, last[0].flip(0)))), loss)
    assert not torch.allclose(base(replace(pairs, later=(pairs.later[0].flip(0),))), loss)


@pytest.mark.parametrize("base", [name for name, method in METHODS.items() if method.action_term is None])
@pytest.mark.parametrize("term", [name for name, method in METHODS.items() if method.action_term is not None])
def test_every_action_term_goes_with_every_base(base: str, term: str) -> None:
    if METHODS[base].later_frames and METHODS[term].slow_encoder:
        pytest.skip("both need the momentum copy, but of different frames")
    pairs = random_pairs(base)
    sizes = Sizes(FEATURES, ACTION, categories=ACTION)
    made = [METHODS[base].base(sizes, SETTINGS), METHODS[term].action_term(sizes, SETTINGS)]
    total = sum(part(pairs) for part in made)
    assert total.shape == ()
    assert torch.isfinite(total)


@aligned_methods
def test_after_training_the_action_of_another_pair_fits_worse(turning_clouds: PreparedData, method: str) -> None:
    settings = LearnerSettings(
        method=method, batch=64, image_size=32, width=8, lr=2e-3, window="frames:1", slow_momentum=0.9,
        crop_minimum=1.0, jitter_probability=0.0, gray_probability=0.0,
    )  # fmt: skip
    batches = PairBatches(turning_clouds, settings, ("train",))
    learner, rng = Learner(settings, batches.action_dimension), np.random.default_rng(0)
    for _ in range(5):
        for batch in batches.epoch(rng):
            learner.step(batch.first, batch.second, batch.action)
    term = learner.objective["action"]
    assert isinstance(term, Alignment)
    x, x_next = (learner.augmentation.plain(torch.tensor(images)) for images in (batch.first, batch.second))
    with torch.no_grad():
        f, f_next, action = learner.encoder(x), learner.encoder(x_next), torch.tensor(batch.action)
        slow = dict(learner.objective).get("slow_encoder", learner.encoder)
        pairs = Pairs(f, f_next, action, (slow(x), slow(x_next)))
        right, wrong = term(pairs), term(replace(pairs, action=action.roll(1, dims=0)))
        joint, embedded = (torch.nn.functional.normalize(rows, dim=1) for rows in term.embed(pairs))
    assert right < wrong
    matching = (joint @ embedded.T).diagonal().mean()
    assert matching > (joint @ embedded.T).mean() + 0.03  # 0 where actions were shuffled in training
