"""Teaching without ROS: varied views are taken, commands are carried out in order, and answers follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from aassl_ros.benchmarks.patterns import CATEGORIES, draw_pattern
from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.gallery.store import GalleryStore
from aassl_ros.data.interfaces.json_records import GalleryCommand
from aassl_ros.learning.checkpoints.checkpoint import Provenance, load_checkpoint
from aassl_ros.learning.recognition.gallery_source import GallerySource
from aassl_ros.learning.recognition.recognizer import RecognitionSettings, Recognizer
from aassl_ros.learning.recognition.reloading import RecognizerLoader
from aassl_ros.learning.recognition.smoothing import Smoothing
from aassl_ros.learning.recognition.teaching import PICTURE_SIZE, Teacher, most_different
from aassl_ros.learning.settings import LearnerSettings
from aassl_ros.learning.training.learner import Learner
from aassl_ros.learning.training.saving import save_checkpoint

CPU = torch.device("cpu")


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    return Teacher(GalleryStore(tmp_path / "taught"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = LearnerSettings(method="simclr", width=8, image_size=32, device="cpu")
    return save_checkpoint(tmp_path_factory.mktemp("run"), Learner(settings), Provenance(None, None, ()))


def show(teacher: Teacher, recognizer: Recognizer, category: str, begin_s: float, seconds: float = 3.5) -> bool:
    """Show an object to a lesson at 30 Hz; returns whether the gallery changed."""
    rng = np.random.default_rng(len(category))
    changed = False
    for number in range(round(30 * seconds)):
        frame = draw_pattern(category, 64, rng.random(), rng)
        teacher.see(begin_s + number / 30, frame, recognizer.feature(frame))
        changed |= teacher.tick(begin_s + number / 30)
    return changed


def test_objects_are_taught_one_by_one_until_all_are_named(teacher: Teacher, checkpoint: Path) -> None:
    source = GallerySource(None, teacher.store)
    recognizer = Recognizer(load_checkpoint(checkpoint), source.gallery(32), RecognitionSettings(refuse_known=0.0), CPU)
    rng = np.random.default_rng(3)
    assert recognizer.answer(draw_pattern(CATEGORIES[0], 64, 0.5, rng)).label == UNKNOWN
    assert recognizer.answer(draw_pattern(CATEGORIES[0], 64, 0.5, rng)).scores == ()
    for number, category in enumerate(CATEGORIES):
        teacher.take(GalleryCommand("teach", category), 10.0 * number)
        assert teacher.teaching == category
        assert show(teacher, recognizer, category, 10.0 * number)
        recognizer = recognizer.with_gallery(source.gallery(32))
        assert recognizer.categories == tuple(sorted(CATEGORIES[: number + 1]))
    shown = [category for category in CATEGORIES for _ in range(20)]
    named = [recognizer.answer(draw_pattern(category, 64, rng.random(), rng)).label for category in shown]
    assert np.mean([name == category for name, category in zip(named, shown, strict=True)]) > 0.7
    assert [news.done for news in teacher.news() if news.done] == [f"teach {name} (10 views)" for name in CATEGORIES]


def test_only_new_views_are_embedded_after_a_lesson(teacher: Teacher, checkpoint: Path) -> None:
    recognizer = Recognizer(load_checkpoint(checkpoint), None, RecognitionSettings(), CPU)
    source = GallerySource(None, teacher.store)
    for number, category in enumerate(CATEGORIES[:2]):
        teacher.take(GalleryCommand("teach", category), 10.0 * number)
        show(teacher, recognizer, category, 10.0 * number)
    recognizer = recognizer.with_gallery(source.gallery(32))
    embedded = []
    recognizer.encoder.register_forward_pre_hook(lambda _, inputs: embedded.append(len(inputs[0])))
    teacher.take(GalleryCommand("teach", CATEGORIES[2], views=4), 30.0)
    show(teacher, recognizer, CATEGORIES[2], 30.0)
    embedded.clear()
    recognizer.with_gallery(source.gallery(32))
    assert sum(embedded) == 4


def test_views_that_differ_most_are_kept() -> None:
    turns = torch.tensor([0.0, 0.01, 0.02, 0.5, 0.51, 1.0, 0.03, 0.04])
    features = torch.stack([turns.cos(), turns.sin()], dim=1)
    groups = [0, 0, 0, 1, 1, 2, 0, 0]
    assert sorted(groups[place] for place in most_different(features, 3)) == [0, 1, 2]
    assert len(most_different(features, 100)) == len(features)


def test_stored_views_are_square_and_large_enough_for_other_encoders(teacher: Teacher, checkpoint: Path) -> None:
    recognizer = Recognizer(load_checkpoint(checkpoint), None, RecognitionSettings(), CPU)
    teacher.take(GalleryCommand("teach", "mug", seconds=0.5, views=1), 0.0)
    frame = np.zeros((480, 640, 3), np.uint8)
    teacher.see(0.1, frame, recognizer.feature(frame))
    teacher.tick(1.0)
    assert teacher.store.pictures(PICTURE_SIZE).frames[0].shape == (PICTURE_SIZE, PICTURE_SIZE, 3)


def test_ten_commands_at_once_are_all_answered_in_order(teacher: Teacher, checkpoint: Path) -> None:
    recognizer = Recognizer(load_checkpoint(checkpoint), None, RecognitionSettings(), CPU)
    for number in range(10):
        teacher.take(GalleryCommand("teach", f"object {number}", seconds=0.2, request=number), 0.0)
    for tick in range(300):
        frame = draw_pattern(CATEGORIES[tick % 3], 32, tick / 7, np.random.default_rng(tick))
        teacher.see(tick / 30, frame, recognizer.feature(frame))
        teacher.tick(tick / 30)
    done = [news.request for news in teacher.news() if news.done]
    assert done == list(range(10))
    assert len(teacher.store.lessons) == 10


def test_a_lesson_whose_first_frame_comes_late_takes_it(teacher: Teacher, checkpoint: Path) -> None:
    recognizer = Recognizer(load_checkpoint(checkpoint), None, RecognitionSettings(), CPU)
    teacher.take(GalleryCommand("teach", "mug", seconds=0.2), 0.0)
    assert not teacher.tick(0.5)  # storing the lesson before took longer than this one
    for time_s in (0.6, 0.7):
        frame = draw_pattern(CATEGORIES[0], 32, time_s, np.random.default_rng(0))
        teacher.see(time_s, frame, recognizer.feature(frame))
    assert teacher.tick(0.8)
    assert [len(lesson.pictures) for lesson in teacher.store.lessons] == [1]


def test_more_commands_than_can_wait_are_refused_with_an_answer(teacher: Teacher) -> None:
    for number in range(40):
        teacher.take(GalleryCommand("teach", "mug", seconds=5, request=number), 0.0)
    refused = [news for news in teacher.news() if news.error]
    assert refused
    assert all("wait already" in news.error for news in refused)


def test_a_lesson_without_a_frame_ends_with_a_line_and_changes_nothing(teacher: Teacher) -> None:
    teacher.take(GalleryCommand("teach", "mug", seconds=1.0, request="a"), 0.0)
    assert not teacher.tick(1.5)
    assert not teacher.tick(10.0)
    answers = teacher.news()
    assert (answers[-1].request, answers[-1].done) == ("a", "")
    assert "Is the camera running?" in answers[-1].error
    assert teacher.teaching == ""


def test_a_wrong_command_is_answered_with_its_error_and_a_right_one_still_works(teacher: Teacher) -> None:
    assert not teacher.take(GalleryCommand("delete", "mug", request=1), 0.0)
    assert not teacher.take(GalleryCommand("teach", "__unknown__", request=2), 0.0)
    assert not teacher.take(GalleryCommand("list", request=3), 0.0)
    answers = teacher.news()
    assert ["expected" in news.error for news in answers] == [True, True, False]
    assert answers[2].done == "list"


def test_an_encoder_that_names_fewer_objects_left_out_is_not_used(teacher: Teacher, checkpoint: Path) -> None:
    source = GallerySource(None, teacher.store)
    rng = np.random.default_rng(0)
    for category in CATEGORIES:
        for number in range(3):
            views = [draw_pattern(category, 64, rng.random(), rng) for _ in range(6)]
            teacher.store.teach(category, views, f"{category} {number}")
    loader = RecognizerLoader(source, RecognitionSettings(), CPU)
    try:
        loader.load(checkpoint)
        good = loader.current
        assert good is not None
        settings = LearnerSettings(method="simclr", width=8, image_size=32, device="cpu")
        blind = Learner(settings)
        with torch.no_grad():
            for weight in blind.encoder.parameters():
                weight.zero_()
        loader.load(save_checkpoint(checkpoint.parent / "blind", blind, Provenance(None, None, ())))
        assert loader.current is good
        assert loader.worse == 1
        assert "the old one stays" in loader.refused
        loader.load(checkpoint)
        assert loader.refused == ""
    finally:
        loader.close()


def test_the_first_frame_of_an_object_counts_no_more_than_the_later_ones() -> None:
    smoothing = Smoothing()
    wrong, right = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    smoothing.add("a", 0.0, wrong, 0.0, 100.0)
    for number in range(1, 4):
        mean, familiarity = smoothing.add("a", 0.1 * number, right, 1.0, 100.0)
    assert mean.tolist() == pytest.approx([0.25, 0.75], abs=0.01)
    assert familiarity == pytest.approx(0.75, abs=0.01)


def test_smoothing_follows_an_episode_and_forgets_the_last_one() -> None:
    smoothing = Smoothing()
    sure, wrong = np.float32([0.9, 0.1]), np.float32([0.3, 0.7])
    for number in range(10):
        smoothing.add("a", 0.1 * number, sure, 0.8, 0.5)
    mean, familiarity = smoothing.add("a", 1.0, wrong, 0.2, 0.5)
    assert mean.argmax() == 0  # one wrong frame does not change the answer
    assert 0.2 < familiarity < 0.8
    smoothing.forget()
    mean, _ = smoothing.add("a", 1.1, wrong, 0.2, 0.5)
    np.testing.assert_array_equal(mean, wrong)
    for key, stamp_s, time_s in (("b", 1.2, 0.5), ("b", 60.0, 0.5), ("b", 1.0, 0.5), ("b", 1.1, 0.0)):
        mean, _ = smoothing.add(key, stamp_s, sure if stamp_s == 1.2 else wrong, 0.5, time_s)
        np.testing.assert_array_equal(mean, sure if stamp_s == 1.2 else wrong)


def test_an_encoder_that_is_replaced_during_a_lesson_does_not_end_it(teacher: Teacher, checkpoint: Path) -> None:
    recognizer = Recognizer(load_checkpoint(checkpoint), None, RecognitionSettings(), CPU)
    teacher.take(GalleryCommand("teach", "mug", seconds=2.0, views=4), 0.0)
    for tick in range(20):
        frame = draw_pattern(CATEGORIES[0], 32, tick / 7, np.random.default_rng(tick))
        feature = recognizer.feature(frame) if tick < 10 else torch.ones(1, 3)  # of another size, too
        teacher.see(tick / 10, frame, feature, "first" if tick < 10 else "second")
    assert teacher.tick(2.1)
    assert [len(lesson.pictures) for lesson in teacher.store.lessons] == [4]


def test_a_command_during_a_lesson_is_told_that_it_waits(teacher: Teacher) -> None:
    teacher.take(GalleryCommand("teach", "mug", seconds=20.0, request="lesson"), 0.0)
    teacher.take(GalleryCommand("undo", request="later"), 0.1)
    first, second = teacher.news()
    assert (first.request, first.waiting) == ("lesson", False)
    assert (second.request, second.waiting, second.done, second.error) == ("later", True, "", "")
