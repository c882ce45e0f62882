"""The benchmark of the page starts a camera, an evaluator, the page and its viewers."""

from __future__ import annotations

import argparse

import pytest

from aassl_ros.benchmarks import page


@pytest.mark.slow
def test_it_measures_what_the_page_costs_with_each_number_of_viewers() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    page.add_arguments(parser)
    figures = page.measure(parser.parse_args(["--quick"]))
    assert figures["answers_per_s_without_page"] > 0
    for turn in ("1_viewers", "2_viewers"):
        assert 0 < figures[f"page_cpu_percent_{turn}"] < 100
        assert figures[f"pictures_per_s_{turn}"] > 0
    assert figures["kb_per_s_2_viewers"] > figures["kb_per_s_1_viewers"]
    assert figures["first_byte_ms"] > 0
    assert figures["core_share"] == figures["page_cpu_percent_2_viewers"] / 100
    if figures["first_paint_s"] is not None:
        assert figures["first_paint_s"] == figures["first_paint_ms"] / 1000
    assert isinstance(figures["first_paint_ms"], str) or figures["first_paint_ms"] > 0
