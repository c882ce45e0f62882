"""The benchmark of live recognition starts all nodes and counts the evaluator's answers."""

from __future__ import annotations

import argparse

import pytest

from aassl_ros.benchmarks import live


@pytest.mark.slow
def test_it_counts_answers_while_all_nodes_run() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    live.add_arguments(parser)
    words = ["--quick", "--cores", "1", "--seconds", "4", "--eye", "pretrained:efficientnet_lite0:64"]
    figures = live.measure(parser.parse_args(words))
    assert figures["answers_per_s_one_core"] > 0
    assert figures["in_order_one_core"]
    assert figures["latency_ms_p50_one_core"] > 0
    assert figures["encoder_alone_per_s"] > 0
