"""The messages of the evaluator's answers."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header

from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams import messages
from aassl_ros.learning.recognition.recognizer import Answer

try:
    from vision_msgs.msg import Classification, ObjectHypothesis
except ImportError:
    Classification = None


def classification_publisher(node: Node) -> Any:
    """The publisher of vision_msgs/Classification; None if vision_msgs is not installed."""
    return None if Classification is None else Node.create_publisher(node, Classification, topics.CLASSIFICATION, 10)


def to_classification(answer: Answer, header: Header) -> Any:
    """Make a vision_msgs/Classification, best category first.

    For an unknown object `__unknown__` comes first, with more than half of the probability: many programs take the
    highest score and not the first one. The categories share the rest in proportion.
    """
    scores = list(answer.scores)
    if answer.label == UNKNOWN:
        total = sum(score for _, score in scores)
        unknown = max(0.51, 1.0 - scores[0][1]) if scores else 1.0
        rest = (1.0 - unknown) / total if total else 0.0
        scores = [(UNKNOWN, unknown), *((name, score * rest) for name, score in scores)]
    results = [ObjectHypothesis(class_id=name, score=score) for name, score in scores]
    return Classification(header=header, results=results)


def answer_json(answer: Answer, header: Header, latency_ms: float, skipped: int = 0) -> str:
    """Make the JSON text of an answer. Raises JsonMessageError if a score is not a probability.

    skipped: frames between the previous answer and this one that got none.
    """
    scores = {name: round(score, 4) for name, score in answer.scores}
    reported = EvaluatorAnswer(
        messages.stamp_ns(header.stamp),
        answer.label,
        scores,
        answer.checkpoint,
        round(latency_ms, 3),
        round(answer.familiarity, 4),
        round(answer.familiar_from, 4),
        skipped,
    )
    return reported.to_json()
