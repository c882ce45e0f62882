"""Two processes with a shard each read only their own files, and the batches of one process.

torchrun runs this file as each of the two processes: `test_shards.py FOLDER OUT`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aassl_ros.data.prepared import EpisodeStates, PreparedData, PreparedWriter
from aassl_ros.data.prepared.joined_frames import JoinedFrames
from aassl_ros.errors import ConfigError
from aassl_ros.learning.batches.pair_batches import PairBatches
from aassl_ros.learning.distributed.process_group import joined_ranks
from aassl_ros.learning.distributed.ranks import own_rank
from aassl_ros.learning.training.settings import TrainSettings

SIZE, EPISODES, FRAMES, BATCH = 8, 4, 10, 8
SETTINGS = TrainSettings(batch=BATCH, image_size=SIZE, accumulate=2, action_space="joints", width=4)


def write(path: Path, first: int, episodes: int = EPISODES) -> None:
    """Frames whose shade is their number."""
    with PreparedWriter(path, SIZE) as writer:
        for episode in range(episodes):
            shades = np.arange(first + episode * FRAMES, first + (episode + 1) * FRAMES, dtype=np.uint8)
            writer.append_frames(np.broadcast_to(shades[:, None, None, None], (FRAMES, SIZE, SIZE, 3)))
            joints = np.random.default_rng(first + episode).normal(size=(FRAMES, 1))
            states = EpisodeStates(np.arange(FRAMES), ("a",), joints)
            writer.add_episode("r", f"{first} {episode}", f"mug_{first}_{episode}", "mug", "train", states)
        writer.finish(f"of {first}")


def read(folder: Path) -> dict[str, Any]:
    """The frames of each batch of an epoch, and what was opened for them."""
    data = PreparedData.open(folder)
    batches = PairBatches(data, SETTINGS, ("train",), shards=2)
    drawn = [[*batch.first[:, 0, 0, 0].tolist(), *batch.second[:, 0, 0, 0].tolist()]
             for batch in batches.epoch(np.random.default_rng(0))]  # fmt: skip
    maps = Path(f"/proc/{os.getpid()}/maps").read_text()
    assert isinstance(data.frames, JoinedFrames)
    mapped = [name for name in ("one", "two") if f"{folder / name}/frames.uint8" in maps]
    return {"drawn": drawn, "opened": data.frames.opened, "mapped": mapped, "batches": len(batches)}


def main(folder: Path, out: Path) -> None:
    with joined_ranks(600.0):
        found = read(folder)
        (out / f"{own_rank()}.json").write_text(json.dumps(found))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "all"
    write(path / "one", 0)
    write(path / "two", EPISODES * FRAMES)
    return path


def test_each_of_two_processes_reads_its_own_file_and_together_the_batches_of_one(folder: Path, tmp_path: Path) -> None:
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    subprocess.run([*torchrun, __file__, folder, tmp_path], check=True, timeout=240, capture_output=True)
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    alone = read(folder)

    assert [rank["mapped"] for rank in ranks] == [["one"], ["two"]]
    assert [rank["opened"] for rank in ranks] == [[True, False], [False, True]]
    assert alone["mapped"] == ["one", "two"]
    assert [len(rank["drawn"]) for rank in ranks] == [alone["batches"]] * 2 == [EPISODES * FRAMES * 2 // BATCH] * 2
    for number, whole in enumerate(alone["drawn"]):
        assert sorted(ranks[0]["drawn"][number] + ranks[1]["drawn"][number]) == sorted(whole)
    frames = [frame for batch in alone["drawn"] for frame in batch[:BATCH]]
    assert sorted(frames) == list(range(2 * EPISODES * FRAMES))


def test_a_number_of_shards_that_does_not_fit_is_wrong_use(folder: Path) -> None:
    data = PreparedData.open(folder)
    with pytest.raises(ConfigError, match="batch = 8 cannot be drawn equally from 3 shards: choose a multiple of 6"):
        PairBatches(data, SETTINGS, ("train",), shards=3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
