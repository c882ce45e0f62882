"""What a browser may ask for: a command for the gallery, or one of the listed actions. All else is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aassl_ros.data.interfaces import bounded_json
from aassl_ros.data.interfaces.json_records import GalleryCommand
from aassl_ros.data.interfaces.json_schema import JsonMessageError
from aassl_ros.errors import DataError

SPLIT, TRIGGER = "recorder/split", "recorder/trigger"
START, STOP = "recorder/start", "recorder/stop"
HALT = "explorer/stop"
ACTIONS = (SPLIT, TRIGGER, START, STOP, HALT)

MAX_BYTES = 8192
_MAX_ID = 2**31


@dataclass(frozen=True)
class Drawn:
    """The browser has drawn the last picture and can take another one."""


@dataclass(frozen=True)
class Look:
    """Whether somebody looks at the page. Without, no pictures are sent."""

    on: bool


@dataclass(frozen=True)
class Action:
    """Something to do with the robot. id: of the browser, returned in the answer. One of gallery and name is set."""

    id: int
    gallery: GalleryCommand | None = None
    name: str = ""


class RefusedRequest(DataError):
    """A request is wrong. id: what the browser called it; None if that cannot be read."""

    def __init__(self, message: str, id: int | None = None) -> None:
        super().__init__(message)
        self.id = id


def parse(text: str) -> Drawn | Look | Action:
    """Read a message of a browser. Raises RefusedRequest."""
    try:
        message = bounded_json.parse(text, max_characters=MAX_BYTES, max_depth=4)
    except ValueError as error:
        raise RefusedRequest(f"the request {error}") from error
    if not isinstance(message, dict):
        raise RefusedRequest("the request is not an object")
    if message == {"drawn": True}:
        return Drawn()
    if message.keys() == {"look"} and isinstance(message["look"], bool):
        return Look(message["look"])
    return _action(message)


def _action(message: dict[str, Any]) -> Action:
    id = message.get("id")
    if isinstance(id, bool) or not isinstance(id, int) or not 0 <= id < _MAX_ID:
        raise RefusedRequest("the request has no id")
    if message.keys() == {"id", "gallery"}:
        try:
            return Action(id, gallery=GalleryCommand.parse(json.dumps(message["gallery"])))
        except JsonMessageError as error:
            raise RefusedRequest(str(error), id) from error
    if message.keys() == {"id", "action"} and message["action"] in ACTIONS:
        return Action(id, name=message["action"])
    raise RefusedRequest(f"unknown request, expected gallery or one of {', '.join(ACTIONS)}", id)
