"""`aassl bag play BAG`: publish a bag as live topics, with /clock."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from aassl_ros.cli.options import add_settings, read_settings
from aassl_ros.data.bags.playback import Output, Playback, Played, PlaySettings
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.errors import ConfigError
from aassl_ros.progress import Bar, progress

_HELP = "publish a bag as live topics, with /clock; start the nodes that receive it with use_sim_time:=true"


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `play` to the actions of `aassl bag`."""
    parser = actions.add_parser("play", help=_HELP, description=f"{_HELP.capitalize()}.")
    parser.add_argument("bag", metavar="BAG", help="the bag: a folder, or a .mcap, .db3 or .bag file")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--loop", action="store_true", help="play again and again; /clock goes back at each start")
    how.add_argument(
        "--step", action="store_true", help="wait for Enter before each camera frame; a number N: N frames; q: quit"
    )
    parser.add_argument(
        "--remap", action="append", default=[], metavar="OLD:=NEW", help="publish topic OLD under the name NEW"
    )
    add_settings(parser, PlaySettings)
    parser.set_defaults(act=play)


def play(arguments: argparse.Namespace) -> int:
    """Play the bag. Returns 3 if some topics could not be published, else 0."""
    settings = read_settings(arguments, PlaySettings)
    with BagReader(arguments.bag) as reader:
        playback = Playback(reader, settings)
        remapped = _remapped(arguments.remap, playback)
        from aassl_ros.ros.bag_player import BagPlayer

        with BagPlayer(playback, remapped=remapped, clock=settings.clock_hz > 0) as player:
            for name, kind in player.left_out.items():
                print(f"aassl: {name} is not played: its type {kind} is not installed.", file=sys.stderr)
            if not player.wait_for_subscribers(settings.wait_s):
                print("aassl: no node subscribes yet. Playing anyway; --wait-s waits longer.", file=sys.stderr)
            played = playback.step(player, _ask) if arguments.step else _play(playback, player, loop=arguments.loop)
            player.finish()
    late = "" if arguments.step else f", at most {played.late_s * 1000:.0f} ms late"
    print(f"{arguments.bag}: {played.messages} messages played{late}.")
    return 3 if player.left_out else 0


def _play(playback: Playback, player: Output, *, loop: bool) -> Played:
    while True:
        with progress("playing, s", round(playback.duration_s, 1)) as bar:
            played = playback.play(player, on_progress=_rarely(bar))
        if not loop:
            return played


def _rarely(bar: Bar) -> Callable[[float], None]:
    """Return a callback that updates the bar ten times for each second of the bag: drawing costs time."""
    last = [-1.0]

    def show(seconds: float) -> None:
        if seconds - last[0] >= 0.1:
            last[0] = seconds
            bar.update(round(seconds, 1))

    return show


def _ask(steps: int, seconds: float) -> int:
    """Ask for the number of steps to do now."""
    while True:
        print(f"{steps} frames played, {seconds:.3f} s. Enter: next, N: N frames, q: quit > ", end="", file=sys.stderr)
        sys.stderr.flush()
        line = sys.stdin.readline()
        word = line.strip()
        if not line or word == "q":
            return 0
        if not word:
            return 1
        if word.isascii() and word.isdigit() and int(word) > 0:
            return int(word)
        print(f"{word!r}: expected Enter, a number of at least 1, or q.", file=sys.stderr)


def _remapped(texts: list[str], playback: Playback) -> dict[str, str]:
    """Read OLD:=NEW. Raises ConfigError if it is something else, or if OLD is not played."""
    found = {}
    for text in texts:
        old, sign, new = text.partition(":=")
        if not sign or not new:
            raise ConfigError(f"--remap {text}: expected OLD:=NEW, for example /camera/image_raw:=/front/image_raw.")
        if old not in playback.topics:
            raise ConfigError(f"--remap {text}: {old} is not played. aassl bag info shows the topics of the bag.")
        found[old] = new
    return found
