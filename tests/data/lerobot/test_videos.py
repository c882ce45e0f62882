"""Bags whose cameras are video files: prepared from their pictures and stamps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import two_cameras
from two_cameras import stamp_of

from aassl_ros.data.lerobot.export import export_lerobot
from aassl_ros.data.lerobot.settings import ExportSettings
from aassl_ros.data.lerobot.video_bag import Video
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import AasslError, ConfigError, DataError

FRAMES = 20


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """bag: without the pictures of the first camera; side.mp4: these pictures; stamps.json: their stamps."""
    folder = tmp_path_factory.mktemp("recorded")
    two_cameras.record_with_video(folder, FRAMES)
    return folder


def in_csv(folder: Path, stamps: list[int]) -> Path:
    rows = "\n".join(f"{number},{stamp}" for number, stamp in enumerate(stamps))
    (folder / "side.csv").write_text(f"frame,stamp_ns\n{rows}\n")
    return folder / "side.csv"


def in_json_seconds(folder: Path, stamps: list[int]) -> Path:
    text = ", ".join(f"{stamp // 10**9}.{stamp % 10**9:09d}" for stamp in stamps)
    (folder / "side.json").write_text(
        f'{{"timestamp": [{", ".join(chr(34) + one + chr(34) for one in text.split(", "))}]}}'
    )
    return folder / "side.json"


def in_parquet(folder: Path, stamps: list[int]) -> Path:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"stamp_ns": stamps}), folder / "side.parquet")
    return folder / "side.parquet"


@pytest.mark.parametrize("write", [in_csv, in_json_seconds, in_parquet])
def test_a_video_with_stamps_is_prepared_as_the_pictures_in_a_bag(
    write: Callable[[Path, list[int]], Path], recorded: Path, tmp_path: Path
) -> None:
    stamps = write(tmp_path, [stamp_of(number) for number in range(FRAMES)])
    video = f"side={recorded / 'side.mp4'}:{stamps}"
    settings = PrepareSettings(image_size=32, video=(video,))
    report = prepare([recorded / "bag"], tmp_path / "data", settings)
    assert report.frames == FRAMES
    data = PreparedData.open(tmp_path / "data")
    assert data.stamps_ns.tolist() == [stamp_of(number) for number in range(FRAMES)]
    assert [two_cameras.number_of(data.frames[number]) for number in range(FRAMES)] == list(range(FRAMES))
    prepare([recorded / "whole"], tmp_path / "of-bag", PrepareSettings(image_size=32, camera="wrist"))
    of_bag = PreparedData.open(tmp_path / "of-bag")
    np.testing.assert_array_equal(data.joint_position, of_bag.joint_position)
    np.testing.assert_array_equal(data.joint_command, of_bag.joint_command)


def test_videos_in_the_folder_of_the_bag_are_found(recorded: Path, tmp_path: Path) -> None:
    shutil.copytree(recorded / "bag", tmp_path / "bag")
    shutil.copy(recorded / "side.mp4", tmp_path / "bag/side.mp4")
    in_csv(tmp_path / "bag", [stamp_of(number) for number in range(FRAMES)])
    assert prepare([tmp_path / "bag"], tmp_path / "data", PrepareSettings(image_size=32)).frames == FRAMES
    assert prepare([tmp_path / "bag"], tmp_path / "data", PrepareSettings(image_size=32)).already_there
    in_csv(tmp_path / "bag", [stamp_of(number) + 1 for number in range(FRAMES)])
    again = prepare([tmp_path / "bag"], tmp_path / "data", PrepareSettings(image_size=32))
    assert not again.already_there


def test_the_times_in_the_video_with_an_offset_and_the_stamps_of_a_topic(recorded: Path, tmp_path: Path) -> None:
    settings = PrepareSettings(image_size=32, video=(f"side={recorded / 'side.mp4'}:offset=1700000000.020",))
    prepare([recorded / "bag"], tmp_path / "data", settings)
    stamps = PreparedData.open(tmp_path / "data").stamps_ns
    expected = [1_700_000_000_020_000_000 + number * 1e9 / 30 for number in range(FRAMES)]
    np.testing.assert_allclose(stamps - 1_700_000_000_000_000_000, np.array(expected) - 1.7e18, atol=1000)
    video = f"side={recorded / 'side.mp4'}:/top/image_raw/compressed"
    prepare([recorded / "whole"], tmp_path / "by-topic", PrepareSettings(image_size=32, camera="side", video=(video,)))
    stamps = PreparedData.open(tmp_path / "by-topic").stamps_ns
    assert stamps.tolist() == [stamp_of(number) + 4_000_000 for number in range(FRAMES)]


def test_a_video_is_exported_to_lerobot(recorded: Path, tmp_path: Path) -> None:
    settings = ExportSettings(video=(f"side={recorded / 'side.mp4'}:{recorded / 'stamps.json'}",))
    assert export_lerobot([recorded / "bag"], tmp_path / "out", settings).counts.rows == FRAMES


@pytest.mark.parametrize(
    ("stamps", "said"),
    [
        (json.dumps([stamp_of(number) for number in range(FRAMES - 1)]), f"holds {FRAMES} pictures, but"),
        (json.dumps([stamp_of(0)] * FRAMES), "is not after the one before it"),
        (json.dumps({"times": [1, 2]}), "no list named one of stamp_ns"),
        (json.dumps(["a"] * FRAMES), "'a' is no stamp"),
        ("{", "cannot be read"),
    ],
)
def test_wrong_stamps_are_one_line_with_both_numbers(stamps: str, said: str, recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "stamps.json").write_text(stamps)
    settings = PrepareSettings(video=(f"side={recorded / 'side.mp4'}:{tmp_path / 'stamps.json'}",))
    with pytest.raises(DataError, match=r".") as raised:
        prepare([recorded / "bag"], tmp_path / "data", settings)
    assert said in str(raised.value)
    assert f"{FRAMES - 1} stamps" in str(raised.value) or "pictures" not in said


@pytest.mark.parametrize("text", ["side", "=file.mp4", "side=", "side=file.mp4:"])
def test_a_video_is_named_as_camera_and_file(text: str) -> None:
    with pytest.raises(ConfigError, match="expected CAMERA=FILE"):
        Video.parse(text)


def test_a_missing_video_and_missing_stamps_are_named(recorded: Path, tmp_path: Path) -> None:
    for text, said in (
        ("side=nowhere.mp4", "no video nowhere.mp4"),
        (f"side={recorded / 'side.mp4'}", "has no stamps"),
    ):
        with pytest.raises(AasslError, match=said):
            prepare([recorded / "bag"], tmp_path / "data", PrepareSettings(video=(text,)))
