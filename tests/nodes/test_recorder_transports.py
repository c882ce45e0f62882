"""The recorder's parameter `image_transport`."""

from __future__ import annotations

import pytest

from aassl_ros.errors import ConfigError
from aassl_ros.nodes.recorder_transports import camera_transports

CAMERAS = ("front", "wrist", "left/eye")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("raw", ("raw", "raw", "raw")),
        ("compressed", ("compressed", "compressed", "compressed")),
        ("wrist:compressed", ("raw", "compressed", "raw")),
        ("compressed, wrist:raw", ("compressed", "raw", "compressed")),
        ("left/eye:compressed,front:raw", ("raw", "raw", "compressed")),
    ],
)
def test_each_camera_has_its_own_transport_or_that_of_all(text: str, expected: tuple[str, ...]) -> None:
    assert camera_transports(text, CAMERAS) == dict(zip(CAMERAS, expected, strict=True))


@pytest.mark.parametrize(
    "text", ["", "zip", "hand:raw", "wrist:zip", "raw,", "raw,compressed", "wrist:raw,wrist:raw", ":raw"]
)
def test_a_wrong_entry_is_an_error_that_names_key_value_and_cameras(text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        camera_transports(text, CAMERAS)
    assert str(raised.value).startswith(f"recorder: image_transport = {text!r}, expected raw, compressed, or for some")
    assert str(raised.value).endswith("the cameras are front, wrist, left/eye.")
