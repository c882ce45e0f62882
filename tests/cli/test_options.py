from __future__ import annotations

import argparse
from dataclasses import dataclass

import pytest

from aassl_ros.cli.options import add_settings, help_text, read_settings
from aassl_ros.errors import ConfigError
from aassl_ros.settings import describe, setting


@dataclass(frozen=True)
class Example:
    image_size: int = setting(64, "how large, in % of something", minimum=8)
    names: tuple[str, ...] = setting(("a", "b"), "which")
    wait: bool = setting(False, "whether")
    kind: str = setting("", "of what kind.", choices=("", "round"))
    parts: tuple[str, ...] = setting((), "of it", choices=("head", "tail"))


def read(*words: str) -> Example:
    parser = argparse.ArgumentParser()
    add_settings(parser, Example)
    parser.format_help()
    return read_settings(parser.parse_args(words), Example)


def test_flags_have_the_fields_names_and_types() -> None:
    assert read() == Example()
    assert read("--image-size", "32", "--names", "x, y", "--wait", "true") == Example(32, ("x", "y"), True)
    assert read("--names", "x", "--names", "y,z") == Example(names=("x", "y", "z"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--image-size", "small"), "command line: image_size = 'small', expected an integer of at least 8."),
        (("--image-size", "4"), "command line: image_size = 4, expected an integer of at least 8."),
        (("--wait", "maybe"), "command line: wait = 'maybe', expected true or false."),
        (("--kind", "flat"), "command line: kind = 'flat', expected one of \"\", round."),
        (("--parts", "head,leg"), "command line: parts = 'leg', expected some of head, tail."),
    ],
)
def test_a_wrong_flag_is_named(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(*words)
    assert str(caught.value) == message


@dataclass(frozen=True)
class Explained:
    size: int = setting(64, "Side in pixels", minimum=8)
    steps: int = setting(0, "Steps", minimum=0, maximum=10**9)
    wait: bool = setting(False, "Whether to wait.")
    topic: str = setting("", "Topic of the images")
    arm: str = setting("panda", "Arm")
    kind: str = setting("", "Kind", choices=("", "round"))
    names: tuple[str, ...] = setting(("a", "b"), "Names")
    weights: tuple[float, ...] = setting((), "Weights")


def test_help_has_valid_values_and_the_default_but_neither_an_empty_default_nor_the_word_string() -> None:
    assert [help_text(info) for info in describe(Explained)] == [
        "Side in pixels (an integer of at least 8; default: 64)",
        "Steps (an integer from 0 to 1000000000; default: 0)",
        "Whether to wait (true or false; default: false)",
        "Topic of the images",
        "Arm (default: panda)",
        'Kind (one of "", round)',
        "Names (separated by commas; default: a,b)",
        "Weights (a list of numbers; separated by commas)",
    ]
