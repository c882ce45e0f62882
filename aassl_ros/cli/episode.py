"""`aassl episode start|stop|discard`: mark the start and end of an episode by hand."""

from __future__ import annotations

import argparse
import json
import os
import sys
import uuid
from pathlib import Path

from aassl_ros.data.streams.episodes import SETS, EpisodeEvent
from aassl_ros.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("event", choices=("start", "stop", "discard"), help="start, stop or discard the episode")
    parser.add_argument("--instance", help="name of the object instance that is handled (start)")
    parser.add_argument("--category", help="category of the object, if known (start)")
    parser.add_argument("--set", choices=SETS, default="train", help="set of the episode (start; default: train)")
    parser.add_argument("--id", help="episode to stop or discard; default: the one started last from here")
    parser.add_argument("--namespace", default="", help="namespace of the robot's nodes")
    parser.add_argument("--use-sim-time", action="store_true", help="take the stamp from /clock, as in simulation")


def run(arguments: argparse.Namespace) -> int:
    event = _event(arguments)
    from aassl_ros.ros.episode_marker import publish_episode

    published = publish_episode(event, namespace=arguments.namespace, use_sim_time=arguments.use_sim_time)
    print(published.to_json())
    if published.event == "start":
        try:
            _state_file().parent.mkdir(parents=True, exist_ok=True)
            _state_file().write_text(json.dumps({"id": published.id}), encoding="utf-8")
        except OSError as error:
            note = f"{_state_file()} cannot be written ({error.strerror}). Stop this episode with --id {published.id}."
            print(f"aassl: {note}", file=sys.stderr)
    return 0


def _event(arguments: argparse.Namespace) -> EpisodeEvent:
    if arguments.event == "start":
        if not arguments.instance:
            raise ConfigError("episode start needs --instance NAME, the object that is handled.")
        identity = arguments.id or str(uuid.uuid4())
        return EpisodeEvent(identity, 0, "start", arguments.instance, arguments.category, arguments.set)
    identity = arguments.id
    if identity is None:
        try:
            identity = json.loads(_state_file().read_text(encoding="utf-8"))["id"]
        except (OSError, ValueError, KeyError, TypeError):
            raise ConfigError("no episode was started from here. Name the episode to end with --id UUID.") from None
    return EpisodeEvent(identity, 0, arguments.event)


def _state_file() -> Path:
    """Return the file that holds the id of the last started episode (XDG base directories)."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "aassl_ros" / "episode.json"
