from __future__ import annotations

import contextlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.errors import ConfigError
from aassl_ros.settings import from_mapping, setting


@dataclass(frozen=True)
class Example:
    rate_hz: float = setting(30.0, "how often", minimum=1, maximum=240)
    depth: int = setting(5, "how many", minimum=1)
    storage: str = setting("mcap", "what kind", choices=("mcap", "sqlite3"))
    cameras: tuple[str, ...] = setting(("camera",), "which")
    wait: bool = setting(False, "whether")


def test_what_is_absent_keeps_its_default() -> None:
    assert from_mapping(Example, {"depth": 7}, source="x.yaml") == Example(depth=7)


def test_an_integer_passes_for_a_number_and_a_list_for_a_tuple() -> None:
    made = from_mapping(Example, {"rate_hz": 15, "cameras": ["front", "wrist"]}, source="x.yaml")
    assert made == Example(rate_hz=15.0, cameras=("front", "wrist"))
    assert isinstance(made.rate_hz, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate_hz": -3}, "x.yaml: rate_hz = -3.0, expected a number from 1 to 240."),
        ({"rate_hz": float("nan")}, "x.yaml: rate_hz = nan, expected a number from 1 to 240."),
        ({"depth": 0}, "x.yaml: depth = 0, expected an integer of at least 1."),
        ({"depth": True}, "x.yaml: depth = True, expected an integer of at least 1."),
        ({"storage": "zip"}, "x.yaml: storage = 'zip', expected one of mcap, sqlite3."),
        ({"cameras": "front"}, "x.yaml: cameras = 'front', expected a list of strings."),
        ({"wait": "yes"}, "x.yaml: wait = 'yes', expected true or false."),
        ({"dept": 1}, "x.yaml: unknown key 'dept', expected one of rate_hz, depth, storage, cameras, wait."),
    ],
)
def test_a_wrong_value_names_the_key_the_value_and_what_was_expected(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(Example, values, source="x.yaml")
    assert str(caught.value) == message


@given(
    st.dictionaries(st.sampled_from(["rate_hz", "depth", "storage", "cameras", "wait", "other"]), st.none() | st.text())
)
def test_nothing_read_from_a_file_makes_anything_but_settings_or_a_config_error(values: dict[str, object]) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(from_mapping(Example, values, source="x.yaml"), Example)
