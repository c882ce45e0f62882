"""The calibration file of ROS's camera_calibration."""

from __future__ import annotations

from pathlib import Path

import pytest

from aassl_ros.data.streams.camera_calibration import CameraCalibration
from aassl_ros.errors import ConfigError

# As camera_calibration writes it.
TEXT = """\
image_width: 64
image_height: 48
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [438.78, 0.0, 305.59, 0.0, 437.35, 243.73, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.361, 0.11, 0.001, -0.0, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [393.65, 0, 322.79, 0, 0, 241.09, 282.36, 0, 0, 0, 1, 0]
"""


def test_a_calibration_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(TEXT)
    found = CameraCalibration.read(path)
    assert (found.width, found.height, found.model) == (64, 48, "plumb_bob")
    assert found.matrix == (438.78, 0.0, 305.59, 0.0, 437.35, 243.73, 0.0, 0.0, 1.0)
    assert found.distortion == (-0.361, 0.11, 0.001, 0.0, 0.0)
    assert (found.projection[0], len(found.projection)) == (393.65, 12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("[1, 2", "is not YAML"),
        ("5", "is missing or wrong, expected a file of ROS's camera_calibration"),
        (TEXT.replace("image_width", "width"), "'image_width' is missing or wrong"),
        (TEXT.replace("438.78, ", ""), "8 numbers where 9 were expected"),
        (TEXT.replace("438.78", ".nan"), "is missing or wrong"),
        (TEXT.replace("438.78", "wide"), "wide"),
    ],
)
def test_another_file_is_named_with_what_was_expected(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        CameraCalibration.read(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"calibration {path}")
    assert "\n" not in str(caught.value)
