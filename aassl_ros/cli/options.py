"""Command-line options made from a settings class: --episode-seconds for the field episode_seconds."""

from __future__ import annotations

import argparse
from typing import Any, TypeVar

from aassl_ros.settings import SettingInfo, describe, from_mapping

S = TypeVar("S")


def add_settings(parser: argparse._ActionsContainer, cls: type) -> None:
    """Add an option for each field of the settings class `cls`."""
    for info in describe(cls):
        add_setting(parser, info)


def add_setting(parser: argparse._ActionsContainer, info: SettingInfo) -> None:
    """Add an option for one field of a settings class. It is None if the user does not give it."""
    flag = "--" + info.name.replace("_", "-")
    # A list may be given in one option, separated by commas, or in several.
    action = "append" if info.item_type is not None else "store"
    parser.add_argument(flag, metavar="VALUE", help=help_text(info).replace("%", "%%"), default=None, action=action)


def help_text(info: SettingInfo) -> str:
    """Describe a field for help: its description, the valid values and the default.

    As "Side of the images in pixels (an integer of at least 8; default: 64)". An empty default is left out, and so is
    the type of a field that takes any text.
    """
    if info.item_type is None:
        free, default = info.kind is str, str(info.default).lower() if info.kind is bool else str(info.default)
    else:
        free, default = info.item_type is str, ",".join(map(str, info.default))
    facts = [] if free and info.choices is None else [info.expected()]
    facts += ["separated by commas"] if info.item_type is not None else []
    facts += [f"default: {default}"] if default else []
    description = info.description.rstrip(".")
    return f"{description} ({'; '.join(facts)})" if facts else description


def read_settings(arguments: argparse.Namespace, cls: type[S]) -> S:
    """Return the settings that the options give. Raises ConfigError if a value is wrong."""
    given: dict[str, Any] = {}
    for info in describe(cls):
        text = getattr(arguments, info.name)
        if text is not None:
            given[info.name] = parse_text(info, text)
    return from_mapping(cls, given, source="command line")


def parse_text(info: SettingInfo, text: str | list[str]) -> Any:
    """Convert the text of a setting to its value. Lists are separated by commas, or given in several texts.

    Text that cannot be converted is returned unchanged: from_mapping then names it in an error.
    """
    if isinstance(text, list):
        text = ",".join(text)
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
