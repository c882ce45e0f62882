"""The camera node in its own process: a video file is published like the frames of any camera driver."""

from __future__ import annotations

import itertools
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from aassl_ros.data.streams import messages
from aassl_ros.nodes.camera import CameraSettings
from aassl_ros.paths import share
from aassl_ros.settings import from_mapping

BLUE, RED = (200, 30, 30), (30, 30, 200)  # BGR, as OpenCV writes


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten blue and ten red frames of 64 x 48 pixels at 20 Hz."""
    writer = cv2.VideoWriter(str(tmp_path / "video.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (64, 48))
    for colour in [BLUE] * 10 + [RED] * 10:
        writer.write(np.full((48, 64, 3), colour, np.uint8))
    writer.release()
    return tmp_path / "video.avi"


@pytest.fixture
def heard(ros: Any) -> dict[str, list[Any]]:
    """The messages of the camera, and its diagnostics as (level, line, values)."""
    found: dict[str, list[Any]] = {"images": [], "jpegs": [], "infos": [], "states": []}
    node = ros.node()
    best_effort = QoSProfile(depth=30, reliability=ReliabilityPolicy.BEST_EFFORT)
    node.create_subscription(Image, "camera/image_raw", found["images"].append, 30)
    node.create_subscription(CompressedImage, "camera/image_raw/compressed", found["jpegs"].append, best_effort)
    node.create_subscription(CameraInfo, "camera/camera_info", found["infos"].append, 30)

    def take(message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            found["states"].append((int.from_bytes(status.level, "big"), status.message, values))

    node.create_subscription(DiagnosticArray, "/diagnostics", take, 10)
    return found


def test_a_video_file_is_published_with_size_rising_stamps_and_its_colours(
    ros: Any, start_node: Any, heard: dict[str, list[Any]], video: Path
) -> None:
    start_node("camera", {"source": video})
    ros.wait_for(lambda: len(heard["images"]) >= 45, what="two rounds of the video")
    images = heard["images"]
    stamps = [messages.stamp_ns(image.header.stamp) for image in images]
    assert all(before < after for before, after in itertools.pairwise(stamps))
    assert {image.header.frame_id for image in images} == {"camera_optical_frame"}
    colours = {tuple(messages.frame_from_message(image)[24, 32].round(-1)) for image in images}
    assert {(30, 30, 200), (200, 30, 30)} <= colours  # RGB
    info = heard["infos"][-1]
    assert (info.width, info.height, info.k[0]) == (64, 48, 0.0)
    assert {messages.stamp_ns(info.header.stamp) for info in heard["infos"]} & set(stamps)
    level, line, values = ros.wait_for(
        lambda: [one for one in heard["states"] if float(one[2].get("rate_hz", 0)) > 10], what="its rate"
    )[-1]
    assert (level, line) == (0, f"reading {video}")
    assert (values["width"], values["height"], values["losses"]) == ("64", "48", "0")


def test_frames_may_be_jpeg_and_the_file_may_end(
    ros: Any, start_node: Any, heard: dict[str, list[Any]], video: Path
) -> None:
    parameters = {"source": video, "compressed": True, "loop": False, "frame_id": "eye"}
    process = start_node("camera", {**parameters, "rate_hz": 4.0})  # slow, so that frames come after discovery, too
    ended = ros.wait_for(lambda: [one for one in heard["states"] if "has ended" in one[1]], what="the end")
    assert ended[0][:2] == (1, f"{video} has ended after 20 frames")
    assert not heard["images"]
    jpeg = heard["jpegs"][-1]
    assert jpeg.format == "bgr8; jpeg compressed bgr8"
    assert jpeg.header.frame_id == "eye"
    assert messages.frame_from_message(jpeg).shape == (48, 64, 3)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert output.count("has ended after 20 frames") == 1


def test_camera_info_has_the_calibration_if_it_fits_the_frames(
    ros: Any, start_node: Any, heard: dict[str, list[Any]], video: Path, tmp_path: Path
) -> None:
    path = tmp_path / "camera.yaml"
    matrices = {"camera_matrix": [50, 0, 32, 0, 51, 24, 0, 0, 1], "rectification_matrix": [1, 0, 0, 0, 1, 0, 0, 0, 1],
                "projection_matrix": [50, 0, 32, 0, 0, 51, 24, 0, 0, 0, 1, 0],
                "distortion_coefficients": [-0.3, 0.1, 0, 0, 0]}  # fmt: skip
    content = {"image_width": 64, "image_height": 48, "distortion_model": "plumb_bob"}
    content |= {name: {"data": numbers} for name, numbers in matrices.items()}
    path.write_text(yaml.safe_dump(content))
    process = start_node("camera", {"source": video, "calibration": path})
    info = ros.wait_for(lambda: heard["infos"], what="camera info")[-1]
    assert (info.k.tolist(), info.distortion_model) == (matrices["camera_matrix"], "plumb_bob")
    assert (info.p[0], list(info.d)) == (50.0, matrices["distortion_coefficients"])
    process.kill()
    process.wait(timeout=60)
    path.write_text(yaml.safe_dump(content | {"image_width": 640, "image_height": 480}))
    start_node("camera", {"source": video, "calibration": path})
    # Messages of the killed node may still be on their way.
    info = ros.wait_for(lambda: [one for one in heard["infos"] if not one.k[0]], what="uncalibrated camera info")[-1]
    assert (info.width, info.p[0], list(info.d)) == (64, 0.0, [])
    line = "the calibration is of 640 x 480, frames are 64 x 48: not used"
    ros.wait_for(lambda: [one for one in heard["states"] if one[:2] == (1, line)], what="the warning")


def test_a_killed_camera_that_is_started_again_goes_on(
    ros: Any, start_node: Any, heard: dict[str, list[Any]], video: Path
) -> None:
    for _ in range(2):
        process = start_node("camera", {"source": video})
        count = len(heard["images"])
        ros.wait_for(partial(lambda before: len(heard["images"]) > before + 5, count), what="frames")
        process.kill()
        process.wait(timeout=60)
        ros.spin(0.5)


def test_an_absent_camera_is_one_line_and_an_error_until_it_is_there(
    ros: Any, start_node: Any, heard: dict[str, list[Any]]
) -> None:
    process = start_node("camera", {"source": "/dev/video99"})
    found = ros.wait_for(lambda: [one for one in heard["states"] if one[0] == 2], what="the error")
    assert found[0][1].startswith("there is no camera /dev/video99 (")
    ros.spin(2.5)  # it tries again
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert output.count("there is no camera /dev/video99") == 1, output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"source": "/nowhere.mp4"}, "source = '/nowhere.mp4' does not exist"),
        ({"source": str(Path(__file__))}, "is not a video that OpenCV can read"),
        ({"source": "VIDEO", "calibration": "/nowhere.yaml"}, "calibration /nowhere.yaml cannot be read"),
        ({"source": 0}, "source = 0, expected a string (put it in quotes, as '1')"),
        ({"source": "VIDEO", "rate_hz": -1.0}, "rate_hz = -1.0, expected a number from 0 to 1000"),
    ],
)
def test_a_wrong_start_is_one_line_and_status_1(
    parameters: dict[str, Any], line: str, start_node: Any, video: Path
) -> None:
    process = start_node("camera", {key: video if value == "VIDEO" else value for key, value in parameters.items()})
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "Traceback" not in output
    assert len([said for said in output.splitlines() if line in said]) == 1, output


def test_the_parameter_file_holds_the_defaults() -> None:
    values = yaml.safe_load(share("config/camera.yaml").read_text())["/**/camera"]["ros__parameters"]
    assert from_mapping(CameraSettings, values, source="config/camera.yaml") == CameraSettings()
