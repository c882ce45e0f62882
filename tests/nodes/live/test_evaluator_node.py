"""The evaluator node in its own process: it recognizes the object in the image and loads new checkpoints."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Float64, String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.learning.checkpoints.checkpoint import load_checkpoint
from aassl_ros.learning.recognition.eye import load_eye
from aassl_ros.nodes.evaluator_settings import EvaluatorSettings
from aassl_ros.paths import share
from aassl_ros.settings import from_mapping

vision_msgs = pytest.importorskip("vision_msgs.msg")

LATEST = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


@pytest.fixture
def received(stage: Any) -> dict[str, list[Any]]:
    """What the evaluator publishes: answers (JSON objects), classifications and, once subscribed, images."""
    messages: dict[str, list[Any]] = {"answers": [], "classifications": [], "images": []}
    node = stage.node
    node.create_subscription(
        String, topics.ANSWER, lambda message: messages["answers"].append(json.loads(message.data)), 10
    )
    node.create_subscription(vision_msgs.Classification, topics.CLASSIFICATION, messages["classifications"].append, 10)
    return messages


def announce(stage: Any, path: Path, digest: str | None = None) -> None:
    if not hasattr(stage, "announcements"):
        stage.announcements = stage.node.create_publisher(String, topics.CHECKPOINT, LATEST)
    digest = digest or load_checkpoint(path).digest
    stage.announcements.publish(String(data=json.dumps({"path": str(path), "digest": digest, "step": 0})))


def test_it_names_each_frame_with_its_stamp_and_draws_the_name(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, gallery_data: Path, received: dict[str, list[Any]]
) -> None:
    checkpoint = make_checkpoint("first")
    start_node(
        "evaluator",
        {
            "checkpoint": checkpoint,
            "gallery": gallery_data,
            "device": "cpu",
            "top_k": 2,
            "smoothing_s": 0.0,
        },
    )
    for category in ("lying", "standing"):
        stage.shown = category
        since_ns = stage.now_ns()
        answers = _mostly_named(ros, received["answers"], since_ns, category)
    assert len(answers[0]["scores"]) == 2
    assert answers[0]["checkpoint"] == load_checkpoint(checkpoint).digest
    assert answers[0]["latency_ms"] > 0
    # The first messages of a topic may be lost until its subscription is matched.
    named = ros.wait_for(lambda: _told_twice(received, since_ns), what="a frame that both topics name")
    answer, classification = named[-1]
    assert classification.header.frame_id == "camera_optical_frame"
    assert [result.class_id for result in classification.results] == list(answer["scores"])
    stage.node.create_subscription(Image, topics.ANNOTATED, received["images"].append, 1)
    ros.wait_for(lambda: received["images"], what="a picture")
    assert messages.frame_from_message(received["images"][0]).shape == (48, 48, 3)
    values = ros.wait_for(lambda: "latency_ms" in stage.values("evaluator") and stage.values("evaluator"))
    assert float(values["rate_hz"]) > 0


def _told_twice(received: dict[str, list[Any]], stamp_ns: int) -> list[tuple[dict[str, Any], Any]]:
    """Answers and classifications of the same frames after a stamp."""
    classified = {messages.stamp_ns(one.header.stamp): one for one in received["classifications"]}
    answers = _since(received["answers"], stamp_ns)
    return [(answer, classified[answer["stamp"]]) for answer in answers if answer["stamp"] in classified]


def _mostly_named(ros: Any, answers: list[dict[str, Any]], stamp_ns: int, name: str) -> list[dict[str, Any]]:
    """Wait for thirty answers to frames after a stamp, and check that most have this name. Returns them.

    The encoder is not trained and names some frames wrong; of three categories, a guess would name a third right.
    """
    ros.wait_for(lambda: len(_since(answers, stamp_ns)) >= 30, what="thirty answers")
    later = _since(answers, stamp_ns)
    named = [answer["label"] for answer in later]
    assert named.count(name) > 0.55 * len(named), named
    return later


def _since(answers: list[dict[str, Any]], stamp_ns: int) -> list[dict[str, Any]]:
    return [answer for answer in answers if answer["stamp"] > stamp_ns]


def test_it_waits_for_a_checkpoint_then_follows_the_trainer_and_keeps_the_old_one_if_the_new_is_damaged(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, gallery_data: Path, received: dict[str, list[Any]]
) -> None:
    # The encoders are random, so one may be worse than another.
    start_node(
        "evaluator",
        {
            "checkpoint": "",
            "gallery": gallery_data,
            "device": "cpu",
            "worse_by": 1.0,
            "smoothing_s": 0.0,
            "refuse_known": 0.0,
        },
    )
    ros.wait_for(lambda: "no checkpoint yet" in stage.values("evaluator").get("message", ""), what="its waiting")
    assert not received["answers"]
    first, second, damaged = (
        make_checkpoint("first"),
        make_checkpoint("second", seed=1),
        make_checkpoint("third", seed=2),
    )
    for path in (first, second):
        announce(stage, path)
        digest = load_checkpoint(path).digest
        ros.wait_for(
            lambda: received["answers"] and received["answers"][-1]["checkpoint"] == digest,  # noqa: B023
            what="its answers",
        )
    stage.announcements.publish(String(data='{"path": 3}'))
    ros.wait_for(
        lambda: stage.values("evaluator")["announcements_refused"] == "1", what="the refusal of no announcement"
    )
    (damaged / "weights.safetensors").write_bytes(b"damaged")
    announce(stage, damaged, digest="0" * 64)
    ros.wait_for(lambda: "is damaged" in stage.values("evaluator")["message"], what="the complaint")
    so_far = len(received["answers"])
    ros.wait_for(lambda: len(received["answers"]) > so_far + 5, what="further answers")
    assert received["answers"][-1]["checkpoint"] == digest
    ros.wait_for(lambda: stage.values("evaluator")["failed_loads"] == "1", what="the count of one failed load")


def test_encoders_are_replaced_between_two_frames_and_every_frame_is_answered_or_counted_as_skipped(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, gallery_data: Path, received: dict[str, list[Any]]
) -> None:
    sent: list[int] = []
    publish = stage.images.publish

    def note(image: Image) -> None:
        sent.append(messages.stamp_ns(image.header.stamp))
        publish(image)

    stage.images.publish = note
    checkpoints = [make_checkpoint(f"number_{seed}", seed=seed) for seed in range(4)]
    digests = [load_checkpoint(path).digest for path in checkpoints]
    parameters = {"checkpoint": checkpoints[0], "gallery": gallery_data, "device": "cpu", "worse_by": 1.0, "taught": ""}
    start_node("evaluator", parameters)
    ros.wait_for(lambda: len(received["answers"]) > 10, what="answers")
    for path in [*checkpoints[1:], checkpoints[0]]:
        announce(stage, path)
        digest = load_checkpoint(path).digest
        ros.wait_for(partial(lambda one: received["answers"][-1]["checkpoint"] == one, digest), what="its answers")
    answers = received["answers"][5:]  # the first may be lost until the subscriptions are matched
    frames = sent[sent.index(answers[0]["stamp"]) : sent.index(answers[-1]["stamp"]) + 1]
    assert len(frames) == len(answers) + sum(answer["skipped"] for answer in answers[1:])
    versions = [answer["checkpoint"] for answer in answers]
    assert set(versions) <= set(digests)
    changes = [one for one, other in pairwise(versions) if one != other]
    assert len(changes) >= 2
    assert len(changes) == len({*changes})  # each version answers in one stretch


def test_it_answers_by_the_pretrained_encoder_before_any_checkpoint_of_a_trainer(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, gallery_data: Path, received: dict[str, list[Any]]
) -> None:
    eye = "pretrained:efficientnet_lite0:64"
    start_node(
        "evaluator",
        {
            "checkpoint": eye,
            "gallery": gallery_data,
            "device": "cpu",
            "worse_by": 1.0,
            "smoothing_s": 0.0,
            "refuse_known": 0.0,
        },
    )
    stage.shown = "standing"
    answers = ros.wait_for(lambda: received["answers"], what="an answer")
    assert answers[0]["checkpoint"] == load_eye(eye).digest
    _mostly_named(ros, received["answers"], stage.now_ns(), "standing")
    path = make_checkpoint("first")
    announce(stage, path)
    digest = load_checkpoint(path).digest
    ros.wait_for(lambda: received["answers"][-1]["checkpoint"] == digest, what="the trainer's encoder")


def test_frames_it_cannot_read_are_counted_and_sizes_may_change(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, gallery_data: Path, received: dict[str, list[Any]]
) -> None:
    start_node("evaluator", {"checkpoint": make_checkpoint("first"), "gallery": gallery_data, "device": "cpu"})
    ros.wait_for(lambda: received["answers"], what="an answer")
    unknown = stage.picture()
    unknown.encoding = "32FC4"

    def counted() -> bool:
        stage.images.publish(unknown)  # with a depth of 1 the next frame may push it out
        return int(stage.values("evaluator").get("frames_unreadable", 0)) > 0

    ros.wait_for(counted, what="the count")
    ros.wait_for(lambda: any(answer["skipped"] for answer in received["answers"]), what="an answer that tells of it")
    stage.size = 96
    since_ns = stage.now_ns()
    ros.wait_for(lambda: _since(received["answers"], since_ns), what="an answer on a larger frame")


def test_an_object_unlike_the_gallery_is_unknown(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, gallery_data: Path, received: dict[str, list[Any]]
) -> None:
    parameters = {"checkpoint": make_checkpoint("first"), "gallery": gallery_data, "device": "cpu",
                  "classifier": "prototypes", "threshold": 1.0}  # fmt: skip
    numbers: dict[str, list[float]] = {}
    for topic in (topics.CONFIDENCE, topics.IS_UNKNOWN, topics.LATENCY, topics.ANSWER_RATE):
        heard = numbers.setdefault(topic, [])
        stage.node.create_subscription(Float64, topic, lambda message, heard=heard: heard.append(message.data), 10)
    start_node("evaluator", parameters)
    ros.wait_for(lambda: received["classifications"] and received["answers"], what="an answer")
    assert received["answers"][0]["label"] == "__unknown__"
    ros.wait_for(lambda: all(numbers.values()), what="the numbers of its answers")
    assert set(numbers[topics.IS_UNKNOWN]) == {1.0}
    assert 0.0 < numbers[topics.CONFIDENCE][-1] <= 1.0
    assert numbers[topics.LATENCY][-1] > 0.0
    results = received["classifications"][0].results
    assert results[0].class_id == "__unknown__"
    assert [one.score for one in results] == sorted((one.score for one in results), reverse=True)
    assert sum(one.score for one in results) == pytest.approx(1.0, abs=0.01)
    client = stage.node.create_client(SetParameters, "/evaluator/set_parameters")
    changes = [Parameter("threshold", value=0.0), Parameter("top_k", value=1)]
    request = SetParameters.Request(parameters=[change.to_parameter_msg() for change in changes])
    assert all(result.successful for result in ros.call(client, request).results)
    ros.wait_for(lambda: received["answers"][-1]["label"] != "__unknown__", what="an answer with the new threshold")
    ros.wait_for(lambda: numbers[topics.IS_UNKNOWN][-1] == 0.0, what="the number of a known object")
    ros.wait_for(lambda: numbers[topics.ANSWER_RATE][-1] > 0.0, what="the rate of answers")
    assert len(received["answers"][-1]["scores"]) == 1


@pytest.mark.slow
def test_a_person_teaches_objects_by_the_command_line_and_they_are_named_then_undone_and_kept_on_disk(
    ros: Any, stage: Any, start_node: Any, make_checkpoint: Any, tmp_path: Path, received: dict[str, list[Any]]
) -> None:
    taught = tmp_path / "taught"
    parameters = {"checkpoint": make_checkpoint("first"), "device": "cpu", "taught": taught, "refuse_known": 0.0,
                  "smoothing_s": 0.3}  # fmt: skip
    process = start_node("evaluator", parameters)
    ros.wait_for(lambda: received["answers"], what="an answer")
    assert received["answers"][-1]["label"] == "__unknown__"
    assert received["answers"][-1]["scores"] == {}
    ros.wait_for(lambda: "nothing is taught yet" in stage.values("evaluator").get("message", ""), what="its advice")

    def aassl(*words: str) -> str:
        done = ros.run(*words)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    for category in ("lying", "standing"):
        stage.shown = category
        told = aassl("teach", category, "--seconds", "1", "--views", "6")
        assert f"done: teach {category}" in told
    for category in ("lying", "standing"):
        stage.shown = category
        since_ns = stage.now_ns() + 1_000_000_000  # by then the mean is of this object alone
        _mostly_named(ros, received["answers"], since_ns, category)
    renamed = aassl("gallery", "rename", "standing", "upright/über")
    assert "done: rename standing to upright/über" in renamed
    assert "labelled data" not in renamed  # the classifier that still knows the old name is no source of names
    listed = aassl("gallery")
    assert "upright/über" in listed
    assert "standing" not in listed.replace("rename standing", "")
    wrong = ros.run("gallery", "delete", "cup")
    assert wrong.returncode == 1
    assert "expected one of those taught" in wrong.stderr
    process.terminate()
    process.wait(timeout=60)
    start_node("evaluator", parameters)
    _mostly_named(ros, received["answers"], stage.now_ns(), "upright/über")
    assert "undo rename" in aassl("gallery", "undo")
    ros.wait_for(lambda: received["answers"][-1]["label"] == "standing", what="the old name")


def test_the_parameter_file_holds_the_defaults() -> None:
    values = yaml.safe_load(share("config/evaluator.yaml").read_text())["/**/evaluator"]["ros__parameters"]
    assert from_mapping(EvaluatorSettings, values, source="config/evaluator.yaml") == EvaluatorSettings()


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"gallery": "NOWHERE"}, "does not exist"),
        ({"gallery": "GALLERY", "checkpoint": "NOWHERE"}, "does not exist"),
        ({"seen": "NOWHERE"}, "does not exist"),
    ],
)
def test_a_wrong_start_is_one_line_and_status_1(
    parameters: dict[str, str], line: str, start_node: Any, gallery_data: Path, tmp_path: Path
) -> None:
    places = {"NOWHERE": str(tmp_path / "nowhere"), "GALLERY": str(gallery_data)}
    process = start_node("evaluator", {key: places.get(value, value) for key, value in parameters.items()})
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    assert len([reported for reported in output.splitlines() if line in reported]) == 1, output
