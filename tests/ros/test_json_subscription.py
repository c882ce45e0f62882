"""Bad JSON messages over DDS are counted and logged, and the next valid one is passed on."""

from __future__ import annotations

import json
from typing import Any

from std_msgs.msg import String

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_catalogue import ANSWER, EPISODE
from aassl_ros.data.interfaces.json_records import CheckpointNews
from aassl_ros.ros.json_subscription import JsonSubscription
from aassl_ros.ros.monitor import Monitor
from aassl_ros.ros.qos import LATCHED

BAD = (
    "",
    "no json",
    "[1]",
    "{}",
    "[" * 1000,
    '{"digest": NaN}',
    json.dumps({"schema": "aassl_ros/trainer/checkpoint/9"}),
)


def test_invalid_messages_are_counted_and_valid_ones_are_passed_on(ros: Any) -> None:
    node, taken = ros.node("hearing"), []
    hearing = JsonSubscription(node, topics.CHECKPOINT, CheckpointNews.parse, taken.append, LATCHED)
    publisher = ros.node("speaking").create_publisher(String, topics.CHECKPOINT, LATCHED)
    news = CheckpointNews("/runs/a", "ab", 1)
    for text in (*BAD, news.to_json()):
        publisher.publish(String(data=text))
    ros.wait_for(lambda: taken, what="the right message")
    assert taken == [news]
    assert hearing.refused == len(BAD)


def test_the_monitor_leaves_invalid_messages_out(ros: Any) -> None:
    node = ros.node("speaking")
    episodes = node.create_publisher(String, topics.EPISODE, LATCHED)
    answers = node.create_publisher(String, topics.ANSWER, LATCHED)
    with Monitor() as monitor:
        ros.wait_for(lambda: episodes.get_subscription_count() and answers.get_subscription_count())
        for text in (*BAD, json.dumps(EPISODE.example)):
            episodes.publish(String(data=text))
        for text in (*BAD, '{"stamp": "now", "label": "mug"}', ANSWER.encode(ANSWER.example)):
            answers.publish(String(data=text))
        ros.wait_for(lambda: monitor.episodes and monitor.answers, what="the right messages")
    assert [event.instance for event in monitor.episodes] == ["red_mug"]
    assert [answer.label for answer in monitor.answers] == ["mug"]
