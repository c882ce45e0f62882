"""A throttled subscription takes only what is asked for, and then the newest."""

from __future__ import annotations

from typing import Any

from std_msgs.msg import Int64

from aassl_ros.ros.throttle import ThrottledSubscription


def test_only_the_newest_message_is_taken_and_only_when_asked(ros: Any) -> None:
    node = ros.node()
    taken: list[int] = []
    heard: list[int] = []
    publisher = node.create_publisher(Int64, "numbers", 10)
    subscription = ThrottledSubscription(node, Int64, "numbers", lambda message: taken.append(message.data))
    node.create_subscription(Int64, "numbers", lambda message: heard.append(message.data), 10)
    ros.wait_for(lambda: publisher.get_subscription_count() == 2, what="both subscriptions")

    def send(*numbers: int) -> None:
        for number in numbers:
            publisher.publish(Int64(data=number))
        ros.wait_for(lambda: heard[-1:] == [numbers[-1]], what="the other subscription")

    send(1, 2, 3)
    assert taken == []
    subscription.ask()
    ros.wait_for(lambda: taken, what="the newest")
    send(4, 5)
    assert taken == [3]
    subscription.ask()
    ros.wait_for(lambda: len(taken) == 2, what="the newest again")
    assert taken == [3, 5]
    subscription.ask()
    ros.spin(0.3)
    assert taken == [3, 5]
    send(6)
    ros.wait_for(lambda: len(taken) == 3, what="the next one")
    subscription.stop()
    publisher.publish(Int64(data=7))
    ros.spin(0.3)
    assert taken == [3, 5, 6]
