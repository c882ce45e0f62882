"""An encoder and a gallery name what a frame shows; a new checkpoint is taken into use while the old one answers."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.benchmarks.patterns import CATEGORIES, draw_pattern, write_patterns
from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.errors import CheckpointError, DataError
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.readout.classifiers import CLASSIFIERS, fit_classifier
from aassl_ros.learning.recognition.gallery import Gallery
from aassl_ros.learning.recognition.gallery_source import GallerySource
from aassl_ros.learning.recognition.judge import SEEN
from aassl_ros.learning.recognition.recognizer import RecognitionSettings, Recognizer
from aassl_ros.learning.recognition.reloading import RecognizerLoader
from aassl_ros.learning.recognition.seen_frames import open_seen
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    data = write_patterns(tmp_path_factory.mktemp("patterns") / "data")
    return Gallery.from_prepared(data, per_instance=10)


def write_checkpoint(run: Path, seed: int = 0) -> Path:
    settings = LearnerSettings(method="simclr", width=8, image_size=32, seed=seed, device="cpu")
    return save_checkpoint(run, Learner(settings), Provenance(None, None, ()))


def recognizer(run: Path, gallery: Gallery, **settings: object) -> Recognizer:
    return Recognizer(load_checkpoint(write_checkpoint(run)), gallery, RecognitionSettings(**settings), CPU)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_each_classifier_names_new_frames_of_the_gallerys_categories(
    classifier: str, gallery: Gallery, tmp_path: Path
) -> None:
    names = recognizer(tmp_path, gallery, classifier=classifier)
    rng = np.random.default_rng(7)
    shown = [category for category in CATEGORIES for _ in range(10)]
    named = [names.answer(draw_pattern(category, 48, rng.random(), rng)).label for category in shown]
    assert np.mean([name == category for name, category in zip(named, shown, strict=True)]) > 0.7  # chance: a third


def test_an_answer_lists_the_best_categories_first_and_its_checkpoint(gallery: Gallery, tmp_path: Path) -> None:
    names = recognizer(tmp_path, gallery, top_k=2)
    answer = names.answer(gallery.frames[0])
    assert len(answer.scores) == 2
    assert answer.label == answer.scores[0][0] == gallery.labels[0]
    assert answer.scores[0][1] >= answer.scores[1][1]
    assert answer.checkpoint == load_checkpoint(tmp_path).digest


def test_scores_of_all_categories_sum_to_one(gallery: Gallery, tmp_path: Path) -> None:
    for classifier in CLASSIFIERS:
        answer = recognizer(tmp_path, gallery, classifier=classifier).answer(gallery.frames[0])
        assert sum(score for _, score in answer.scores) == pytest.approx(1, abs=1e-4)


def test_seen_objects_are_embedded_by_each_encoder_and_kept_if_the_gallery_changes(
    tmp_path: Path, gallery: Gallery
) -> None:
    data = write_patterns(tmp_path / "seen", instances=6, frames=4)
    seen = open_seen(data.path, ("train",))
    chosen = seen.chosen
    assert (np.diff(chosen.objects) >= 0).all()
    assert all(len(set(data.episode_of[chosen.frames[chosen.objects == one]])) == 1 for one in set(chosen.objects))
    settings = RecognitionSettings(classifier="prototypes", refuse_known=0.1)
    few = Gallery(gallery.frames[::10], gallery.labels[::10], gallery.instances[::10])
    checkpoint = load_checkpoint(write_checkpoint(tmp_path / "run"))
    plain = Recognizer(checkpoint, few, settings, CPU)
    names = Recognizer(checkpoint, None, settings, CPU, seen)
    assert names.answer(gallery.frames[0]).label == UNKNOWN
    names = names.with_gallery(few)
    answer = names.answer(gallery.frames[0])
    assert answer.scores == plain.answer(gallery.frames[0]).scores  # the classifier was named: it stays
    assert answer.familiarity != plain.answer(gallery.frames[0]).familiarity
    assert SEEN in (Recognizer(checkpoint, few, RecognitionSettings(), CPU, seen).facts or plain.facts).compared
    with pytest.raises(DataError, match="no episode of the sets test"):
        open_seen(data.path, ("test",))


def test_below_the_threshold_the_answer_is_unknown_but_the_scores_stay(gallery: Gallery, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    answer = recognizer(tmp_path, gallery, classifier="prototypes", threshold=1.0).answer(noise)
    assert answer.label == UNKNOWN
    assert answer.scores[0][0] in CATEGORIES


def test_top_k_and_threshold_may_change_from_answer_to_answer(gallery: Gallery, tmp_path: Path) -> None:
    names = recognizer(tmp_path, gallery, top_k=2)
    answer = names.answer(gallery.frames[0], RecognitionSettings(top_k=1, threshold=1.0))
    assert len(answer.scores) == 1
    assert answer.label == UNKNOWN
    assert len(names.answer(gallery.frames[0]).scores) == 2


def test_frames_of_another_size_and_shape_are_named_too(gallery: Gallery, tmp_path: Path) -> None:
    names = recognizer(tmp_path, gallery)
    wide = np.tile(gallery.frames[0], (1, 3, 1))
    assert names.answer(wide).label == gallery.labels[0]


def test_a_gallery_of_another_size_serves(gallery: Gallery, tmp_path: Path) -> None:
    larger = Gallery(gallery.at_size(64), gallery.labels, gallery.instances)
    assert recognizer(tmp_path, larger).answer(gallery.frames[0]).label == gallery.labels[0]


def test_one_category_is_enough_for_every_classifier() -> None:
    features, targets = torch.randn(5, 8), torch.zeros(5, dtype=torch.long)
    for name in CLASSIFIERS:
        assert fit_classifier(name, features, targets)(features[:1]).tolist() == [[pytest.approx(1.0)]]


@pytest.fixture
def loader(gallery: Gallery) -> object:
    loader = RecognizerLoader(GallerySource(gallery), RecognitionSettings(), CPU)
    yield loader
    loader.close()


def test_a_load_is_given_up_if_the_loader_is_closed(gallery: Gallery, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6000, *gallery.frames.shape[1:]), np.uint8)
    large = Gallery(frames, gallery.labels[:1] * 3000 + gallery.labels[-1:] * 3000, ("one", "other") * 3000)
    loading = threading.Event()

    class Told(GallerySource):
        def gallery(self, size: int) -> Gallery | None:
            if loader.current is None:
                return gallery
            loading.set()
            return large

    loader = RecognizerLoader(Told(), RecognitionSettings(worse_by=1.0), CPU)
    loader.load(write_checkpoint(tmp_path / "first"))
    first = loader.current
    loader.request(write_checkpoint(tmp_path / "second", seed=1))
    assert loading.wait(60)
    loader.close()
    assert loader.current is first
    assert loader.error is None


def test_an_announced_checkpoint_takes_the_place_of_the_old_one(loader: RecognizerLoader, tmp_path: Path) -> None:
    loader.load(write_checkpoint(tmp_path / "old"))
    new = load_checkpoint(write_checkpoint(tmp_path / "new", seed=1))
    loader.request(new.path, new.digest)
    loader.wait(timeout_s=120)
    assert loader.current is not None
    assert loader.current.digest == new.digest
    assert loader.error is None


@pytest.mark.parametrize("damage", ["missing", "weights", "architecture", "digest"])
def test_a_checkpoint_that_cannot_be_used_leaves_the_old_one_answering(
    loader: RecognizerLoader, tmp_path: Path, damage: str
) -> None:
    loader.load(write_checkpoint(tmp_path / "old"))
    old, new, digest = loader.current, write_checkpoint(tmp_path / "new", seed=1), ""
    if damage == "missing":
        new = tmp_path / "nowhere"
    elif damage == "weights":
        (new / "weights.safetensors").write_bytes(b"damaged")
    elif damage == "architecture":
        facts = json.loads((new / "checkpoint.json").read_text())
        facts["config"]["encoder"] = "resnet34"
        (new / "checkpoint.json").write_text(json.dumps(facts))
    else:
        digest = "0" * 64
    loader.request(new, digest)
    loader.wait(timeout_s=120)
    assert loader.current is old
    assert loader.error is not None
    assert "\n" not in loader.error
    with pytest.raises(CheckpointError):
        loader.load(new, digest)
