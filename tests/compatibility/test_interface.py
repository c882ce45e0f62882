"""What users type or connect to is still there, with the same defaults. More may be there."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

INTENDED: dict[str, str] = {
    "commands/bag/check bag/nargs": "several bags are accepted; one still is",
    "commands/bag/info bag/nargs": "several bags are accepted; one still is",
    "commands/demo/--seconds/help": "less to record: evaluation and adaptation of a pretrained encoder take longer",
    "commands/demo/--image-size/help": "a pretrained encoder sees little in 48 px",
    "commands/evaluate/data/nargs": "several folders are accepted; one still is",
    "commands/train/data/nargs": "several folders are accepted; one still is",
}
"""Changes that were meant, by where they are ("commands/collect/--seconds/default"), with the reason."""


def missing(then: Any, now: Any, where: str) -> list[str]:
    """Where something of `then` is not in `now` as it was, but for what was meant."""
    if where in INTENDED:
        return []
    if isinstance(then, dict) and isinstance(now, dict):
        found = []
        for key in then:
            below = f"{where}/{key}"
            if key in now:
                found += missing(then[key], now[key], below)
            elif below not in INTENDED:
                found.append(f"{below} is gone")
        return found
    return [] if then == now else [f"{where} is {now!r}, was {then!r}"]


def test_every_option_is_there_with_its_default(interface: ModuleType, interface_then: Any) -> None:
    now = interface.commands()
    wrong = []
    for command, then in interface_then["commands"].items():
        known = by_option(now.get(command, {}))
        for option, old in by_option(then).items():
            where = f"commands/{command}/{option}"
            if option not in known:
                wrong += missing({option: old}, known, f"commands/{command}")
                continue
            new = known[option]
            if not set(old["choices"] or ()) <= set(new["choices"] or old["choices"] or ()):
                wrong += missing(old["choices"], new["choices"], f"{where}/choices")
            if new["required"] and not old["required"]:
                wrong += missing(False, True, f"{where}/required")
            for fact in ("nargs", "default"):
                wrong += missing(old[fact], new[fact], f"{where}/{fact}")
            # The words of help may change; the default that it tells may not.
            if old["default_in_help"].lower() not in new["help"].lower():
                wrong += missing(old["default_in_help"], new["help"], f"{where}/help")
    assert wrong == []


def by_option(arguments: dict[str, Any]) -> dict[str, Any]:
    """Facts by each spelling of an option (-o, --out), those of a subcommand as "info --json"."""
    found: dict[str, Any] = {}
    for name, facts in arguments.items():
        if "nargs" in facts:
            found |= dict.fromkeys(name.split(), facts)
        else:
            found |= {f"{name} {option}": below for option, below in by_option(facts).items()}
    return found


@pytest.mark.parametrize("system", ["collect", "train", "evaluate", "online"])
def test_every_launch_argument_does_what_it_did(system: str, interface: ModuleType, interface_then: Any) -> None:
    now, wrong = interface.launch(system), []
    for argument, then in interface_then["launch"][system].items():
        if argument == "shown":
            wrong += missing(then, now["shown"], f"launch/{system}/shown")
            continue
        for module, words in then.items():
            where = f"launch/{system}/{argument}/{module}"
            found = now.get(argument, {}).get(module, [])
            left = [word for word in words if word not in found]
            wrong += [f"{where} has no {word}" for word in left if f"{where}/{word}" not in INTENDED]
    assert wrong == []


def test_every_executable_is_there(interface: ModuleType, interface_then: Any) -> None:
    now = interface.executables()
    for kind, names in interface_then["executables"].items():
        assert set(names) <= set(now[kind])
