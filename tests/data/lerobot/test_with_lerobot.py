"""Our export read by the lerobot package, what lerobot records imported by us, and lerobot-doctor.

scripts/lerobot_environment.sh makes the environment; the tests are skipped without it.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import two_cameras
from two_cameras import stamp_of

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.lerobot.export import export_lerobot
from aassl_ros.data.lerobot.import_settings import ImportSettings
from aassl_ros.data.lerobot.to_bag import import_lerobot
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.streams import messages

CHECKOUT = Path(__file__).resolve().parents[3]
PYTHON = Path(os.environ.get("AASSL_LEROBOT_PYTHON") or CHECKOUT / ".venv-lerobot/bin/python")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="no environment of lerobot: run scripts/lerobot_environment.sh"),
]


def run(arguments: list[str], folder: Path) -> str:
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LD_LIBRARY_PATH")},
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(folder / "hub"),
        "HF_LEROBOT_HOME": str(folder / "lerobot"),
    }
    done = subprocess.run([str(PYTHON), *arguments], capture_output=True, text=True, env=environment, timeout=800)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-2000:]
    return done.stdout


def lerobot(action: str, dataset: Path, folder: Path) -> dict[str, Any]:
    script = str(Path(__file__).with_name("lerobot_reads.py"))
    return json.loads(run([script, action, str(dataset)], folder).splitlines()[-1])


def test_lerobot_reads_every_row_of_our_export(tmp_path: Path) -> None:
    export_lerobot([two_cameras.record(tmp_path / "bag", frames=40, lost=(7,))], tmp_path / "dataset")
    found = lerobot("read", tmp_path / "dataset", tmp_path)
    assert found["fps"] == 30
    assert found["cameras"] == ["observation.images.wrist", "observation.images.top"]
    rows = found["rows"]
    wrist = [6 if number == 7 else number for number in range(40)]
    assert [round((row["levels"][0] - 40) / 3) for row in rows] == wrist
    assert [round((row["levels"][1] - 40) / 3) for row in rows] == list(range(40))
    assert [row["stamps"][0] for row in rows] == [stamp_of(number) for number in wrist]
    assert [row["task"] for row in rows] == ["Handle the mug."] * 20 + ["Handle the box."] * 20
    states = np.array([row["state"] for row in rows])
    expected = np.array([two_cameras.angles(stamp_of(number)) for number in wrist])
    np.testing.assert_allclose(states, expected, atol=2e-5)
    np.testing.assert_allclose(found["means"]["observation.state"], states.mean(axis=0), atol=1e-5)


def test_what_lerobot_records_becomes_a_bag(tmp_path: Path) -> None:
    lerobot("record", tmp_path / "recorded", tmp_path)
    report = import_lerobot(tmp_path / "recorded", tmp_path / "bag", ImportSettings(images="raw"))
    assert (report.episodes, report.rows, report.missing) == (2, 24, 0)
    assert check_bag(tmp_path / "bag") == []
    with BagReader(tmp_path / "bag") as reader:
        assert reader.session is not None
        assert reader.session.robot == "so101"
        images = [
            messages.frame_from_message(reader.decode(message)) for message in reader.messages(["/front/image_raw"])
        ]
        states = [reader.decode(message) for message in reader.messages(["/joint_states"])]
    levels = [round((float(image.mean()) - 40) / 10) for image in images]
    assert levels == [*range(12), *range(12)]
    assert images[0].shape == (64, 96, 3)
    assert list(states[0].name) == ["shoulder_pan.pos", "gripper.pos"]
    assert [state.position[0] for state in states] == [*range(12), *range(12)]
    assert prepare([tmp_path / "bag"], tmp_path / "data", PrepareSettings(image_size=32)).frames == 24


def test_lerobot_doctor_finds_no_fault(tmp_path: Path) -> None:
    export_lerobot([two_cameras.record(tmp_path / "bag")], tmp_path / "dataset")
    if not (PYTHON.parent / "lerobot-doctor").exists():
        pytest.skip("lerobot-doctor is not installed in the environment of lerobot")
    said = run(["-m", "lerobot_doctor.cli", "check", str(tmp_path / "dataset"), "--json"], tmp_path)
    summary = json.loads(said)["summary"]
    assert summary["FAIL"] == 0
    assert summary["PASS"] >= 5  # the others are warnings about so few and so short episodes
