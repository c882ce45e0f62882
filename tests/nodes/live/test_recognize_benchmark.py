"""The benchmark of recognition runs the real node and measures the time that it adds to its encoder."""

from __future__ import annotations

import argparse

from aassl_ros.benchmarks import recognize


def test_it_times_the_whole_way_of_a_frame_against_the_forward_alone(ros_domain: int) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    recognize.add_arguments(parser)
    figures = recognize.measure(parser.parse_args(["--quick", "--width", "8", "--image-size", "32", "--device", "cpu"]))
    assert figures["whole_ms_p50"] > figures["forward_ms_p50"] > 0
    assert 0 < figures["added_ms_p50"] <= figures["added_ms_p99"]
