"""Command-line flags from a settings class: --episode-seconds for episode_seconds, with its description and bounds."""

from __future__ import annotations

import argparse
from typing import Any, TypeVar

from aassl_ros.settings import SettingInfo, describe, from_mapping

S = TypeVar("S")


def add_settings(parser: argparse._ActionsContainer, cls: type) -> None:
    """A flag for each field of the settings class `cls`."""
    for info in describe(cls):
        default = ",".join(str(item) for item in info.default) if info.item_type else info.default
        text = f"{info.description.rstrip('.')}; {info.expected()} (default: {default})"
        parser.add_argument(_flag(info), metavar="VALUE", help=text.replace("%", "%%"), default=None)


def read_settings(arguments: argparse.Namespace, cls: type[S]) -> S:
    """The settings that the flags gave. Raises ConfigError naming the flag, the value and what was expected."""
    given: dict[str, Any] = {}
    for info in describe(cls):
        text = getattr(arguments, info.name)
        if text is not None:
            given[info.name] = parse_text(info, text)
    return from_mapping(cls, given, source="command line")


def parse_text(info: SettingInfo, text: str) -> Any:
    """A setting's value from its text: lists are comma-separated. What cannot be read stays text, for from_mapping
    to name.
    """
    if info.item_type is not None:
        return [_scalar(info.item_type, item.strip()) for item in text.split(",") if item.strip()]
    return _scalar(info.kind, text)


def _scalar(kind: type, text: str) -> Any:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        return text


def _flag(info: SettingInfo) -> str:
    return "--" + info.name.replace("_", "-")
