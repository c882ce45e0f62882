"""`aassl teach NAME`: teach a running evaluator the object in front of the camera."""

from __future__ import annotations

import argparse

from aassl_ros.cli.gallery import send, told


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="category of the object, in any language")
    parser.add_argument("--instance", help="the object, if it was taught before (default: a new object)")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long views are taken (default: 3)")
    parser.add_argument("--views", type=int, default=10, help="at most so many views, the most different (default: 10)")
    parser.add_argument("--namespace", default="", help="namespace of the robot's nodes")


def run(arguments: argparse.Namespace) -> int:
    news = send(
        arguments.namespace,
        begun=lambda: print(f"Turn the object in front of the camera for {arguments.seconds:g} s.", flush=True),
        command="teach",
        category=arguments.name,
        instance=arguments.instance,
        seconds=arguments.seconds,
        views=arguments.views,
    )
    print(told(news))
    return 0
