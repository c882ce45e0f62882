"""LeRobot datasets imported as bags: ours with everything restored, others with what they hold."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import two_cameras
from two_cameras import JOINTS, stamp_of

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.lerobot.export import export_lerobot
from aassl_ros.data.lerobot.import_settings import ImportSettings
from aassl_ros.data.lerobot.to_bag import import_lerobot
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError, DataError


def frames(bag: Path, topic: str) -> dict[int, int]:
    """Stamp -> the number that the picture shows."""
    with BagReader(bag) as reader:
        found = {}
        for message in reader.messages([topic]):
            image = messages.frame_from_message(reader.decode(message))
            found[messages.header_stamp_ns(message.data)] = two_cameras.number_of(image)
        return found


def test_a_bag_comes_back_with_its_stamps_pictures_and_episodes(tmp_path: Path) -> None:
    bag = two_cameras.record(tmp_path / "bag", lost=(10, 11, 40, 41, 42, 43, 44, 45, 46))
    export_lerobot([bag], tmp_path / "dataset")
    report = import_lerobot(tmp_path / "dataset", tmp_path / "back")
    assert report.true_stamps
    assert (report.repeated, report.missing) == (2, 0)
    kept = [number for number in range(60) if number not in (10, 11) and not 40 <= number <= 46]
    assert frames(tmp_path / "back", "/wrist/image_raw/compressed") == {stamp_of(number): number for number in kept}
    with BagReader(bag) as first, BagReader(tmp_path / "back") as second:
        assert second.session is not None
        assert (second.session.robot, second.session.arm, second.session.tip_link) == ("left", "toy", "tip")
        names = [
            [(episode.id, episode.instance, episode.category, episode.set) for episode in reader.episodes()]
            for reader in (first, second)
        ]
        assert names[0] == names[1]
        texts = [second.decode(message).data for message in second.messages(["/robot_description"])]
        assert texts == [two_cameras.URDF]


def test_training_data_of_the_imported_bag_are_those_of_the_bag(tmp_path: Path) -> None:
    bag = two_cameras.record(tmp_path / "bag")
    export_lerobot([bag], tmp_path / "dataset")
    import_lerobot(tmp_path / "dataset", tmp_path / "back")
    assert check_bag(tmp_path / "back") == []
    settings = PrepareSettings(image_size=32, camera="wrist")
    for source in ("bag", "back"):
        assert prepare([tmp_path / source], tmp_path / f"{source}-data", settings).frames == 60
    first, second = (PreparedData.open(tmp_path / f"{source}-data") for source in ("bag", "back"))
    assert (first.stamps_ns == second.stamps_ns).all()
    np.testing.assert_allclose(first.joint_position, second.joint_position, atol=1e-6)
    known = np.isfinite(first.joint_command)
    assert (known == np.isfinite(second.joint_command)).all()
    np.testing.assert_allclose(first.joint_command[known], second.joint_command[known], atol=1e-6)
    assert np.abs(first.frames.astype(int) - second.frames.astype(int)).max() < 8


def foreign(dataset: Path, **changes: Any) -> Path:
    """Remove what only we write, as if lerobot had made the dataset."""
    (dataset / "meta/aassl.json").unlink()
    info = json.loads((dataset / "meta/info.json").read_text())
    for name in ("stamp_ns", "filled", "commanded"):
        del info["features"][name]
    info.update(changes)
    (dataset / "meta/info.json").write_text(json.dumps(info))
    return dataset


def test_a_dataset_of_others_gets_stamps_from_its_rate(tmp_path: Path) -> None:
    export_lerobot([two_cameras.record(tmp_path / "bag", frames=20)], tmp_path / "dataset")
    dataset = foreign(tmp_path / "dataset")
    settings = ImportSettings(images="raw", category="{task}")
    report = import_lerobot(dataset, tmp_path / "back", settings)
    assert not report.true_stamps
    shown = frames(tmp_path / "back", "/wrist/image_raw")
    assert list(shown.values()) == list(range(20))
    stamps = np.diff(list(shown))
    assert (np.abs(np.delete(stamps, 9) - 33_333_333) < 100).all()  # timestamp is a float32
    assert stamps[9] > 1_000_000_000  # between episodes
    assert check_bag(tmp_path / "back") == []
    assert prepare([tmp_path / "back"], tmp_path / "data", PrepareSettings(camera="top")).frames == 20


def test_degrees_become_rad(tmp_path: Path) -> None:
    export_lerobot([two_cameras.record(tmp_path / "bag", frames=8)], tmp_path / "dataset")
    for name, settings in (("rad", ImportSettings()), ("degrees", ImportSettings(degrees=True))):
        import_lerobot(tmp_path / "dataset", tmp_path / name, settings)
    states = []
    for name in ("rad", "degrees"):
        with BagReader(tmp_path / name) as reader:
            decoded = [reader.decode(message) for message in reader.messages(["/joint_states"])]
            assert tuple(decoded[0].name) == JOINTS
            states.append(np.array([state.position for state in decoded]))
    np.testing.assert_allclose(np.radians(states[0]), states[1])


@pytest.fixture(scope="module")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    export_lerobot([two_cameras.record(folder / "bag", frames=10)], folder / "dataset")
    return folder / "dataset"


def damage_info(dataset: Path, **changes: Any) -> None:
    path = dataset / "meta/info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def remove(path: str) -> Any:
    return lambda dataset: (dataset / path).unlink()


def cut(path: str, size: int) -> Any:
    return lambda dataset: (dataset / path).write_bytes((dataset / path).read_bytes()[:size])


VIDEO = "videos/observation.images.top/chunk-000/file-000.mp4"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda dataset: damage_info(dataset, codebase_version="v2.1"), "expected v3.x. Convert it"),
        (lambda dataset: damage_info(dataset, fps=0), "fps is 0"),
        (lambda dataset: damage_info(dataset, features=[]), "features is"),
        (lambda dataset: damage_info(dataset, data_path="/etc/{chunk_index}"), "a path inside the dataset"),
        (lambda dataset: damage_info(dataset, video_path="../{video_key}.mp4"), "a path inside the dataset"),
        (lambda dataset: damage_info(dataset, total_episodes=5), "holds 2 episodes, but"),
        (lambda dataset: (dataset / "meta/info.json").write_text("[" * 100_000), "cannot be read"),
        (remove("meta/info.json"), "is no LeRobot dataset v3"),
        (remove("meta/episodes/chunk-000/file-000.parquet"), "no table of episodes"),
        (remove("data/chunk-000/file-000.parquet"), "cannot be read"),
        (cut("data/chunk-000/file-000.parquet", 200), "cannot be read"),
        (remove(VIDEO), "cannot be read as a video"),
        (cut(VIDEO, 1500), "file-000.mp4"),
    ],
)
def test_a_damaged_dataset_is_an_error_that_leaves_nothing(
    damage: Any, said: str, small_dataset: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_dataset, tmp_path / "dataset")
    damage(tmp_path / "dataset")
    with pytest.raises(DataError, match=r".") as raised:
        import_lerobot(tmp_path / "dataset", tmp_path / "back")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "back").exists()


def test_a_bag_is_never_overwritten(tmp_path: Path) -> None:
    bag = two_cameras.record(tmp_path / "bag", frames=8)
    export_lerobot([bag], tmp_path / "dataset")
    with pytest.raises(BagError, match="exists already"):
        import_lerobot(tmp_path / "dataset", bag)
