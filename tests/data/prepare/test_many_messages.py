"""A bag of 10^6 joint states and 10^5 small frames is prepared in seconds."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from aassl_ros.benchmarks.recordings import SMALL, record_bag
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.processes import InProcess
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData

FRAMES, JOINT_HZ = 100_000, 300
READ = 50_000  # messages that the plain loop reads


@pytest.mark.slow
def test_a_million_states_and_a_hundred_thousand_frames_take_less_time_than_decoding_alone(tmp_path: Path) -> None:
    pictures = record_bag(tmp_path / "bag", "small", FRAMES, JOINT_HZ, seed=0)

    begun = time.process_time()
    report = prepare([tmp_path / "bag"], tmp_path / "data", PrepareSettings(image_size=SMALL), runner=InProcess())
    all_s = time.process_time() - begun

    begun = time.process_time()
    with AnyReader([tmp_path / "bag"], default_typestore=get_typestore(Stores.LATEST)) as reader:
        count = sum(connection.msgcount for connection in reader.connections)
        for connection, _, data in islice(reader.messages(), READ):
            reader.deserialize(data, connection.msgtype)
    decoded_s = (time.process_time() - begun) * count / READ

    print(f"prepare {all_s:.1f} s, decoding alone by AnyReader {decoded_s:.0f} s")
    assert report.frames == FRAMES
    data = PreparedData.open(tmp_path / "data")
    for number in range(0, FRAMES, 7919):
        assert (data.frames[number] == pictures[number][..., None]).all()
        stamp_s = data.stamps_ns[number] / 1e9
        right = np.sin(np.arange(len(data.joint_names)) + stamp_s)
        np.testing.assert_allclose(data.joint_position[number], right, atol=1e-5)
    assert count > 1_000_000
    assert all_s < decoded_s / 1.5
