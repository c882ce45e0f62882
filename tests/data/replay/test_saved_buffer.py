"""A buffer on disk survives its process: what was saved is there, and nothing else."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from pathlib import Path

import numpy as np
import pytest
from buffer_writing import append_and_save, append_numbers, layout, told_numbers

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.data.replay.folder import FRAMES, ROWS, TABLE
from aassl_ros.data.replay.saved_buffer import SavedReplayBuffer
from aassl_ros.errors import DataError

STORED = pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "in memory"])


def numbers_in(buffer: ReplayBuffer) -> list[int]:
    """The numbers of the frames in the buffer; asserts that each is whole and has its own row."""
    slots = np.flatnonzero(buffer.serial[: buffer.capacity] > 0)
    told = told_numbers(buffer.frames[slots])
    np.testing.assert_array_equal(buffer.stamps_ns[slots], told[:, 0] * 1000)
    np.testing.assert_array_equal(buffer.joint_position[slots, 0], told[:, 0])
    episodes = {number: entry.id for number, entry in buffer.episodes.items()}
    assert [episodes[number] for number in buffer.episode_of[slots].tolist()] == [str(e) for e in told[:, 1].tolist()]
    return sorted(told[:, 0].tolist())


def pairs_of(buffer: ReplayBuffer) -> set[tuple[int, int]]:
    rng, found = np.random.default_rng(0), set()
    for _ in range(500):  # so many that no possible pair is missed
        batch = buffer.sample(8, Window("frames", 1, 2), ActionSpace("joints"), rng)
        first, second = told_numbers(batch.first), told_numbers(batch.second)
        np.testing.assert_array_equal(first[:, 1], second[:, 1])
        np.testing.assert_array_equal(batch.actions[:, 0], second[:, 0] - first[:, 0])
        found |= set(zip(first[:, 0].tolist(), second[:, 0].tolist(), strict=True))
    return found


@STORED
@pytest.mark.parametrize("keep", ["newest", "reservoir"])
def test_a_saved_buffer_is_opened_as_it_was_and_goes_on(tmp_path: Path, mapped: bool, keep: str) -> None:
    before = SavedReplayBuffer.create(tmp_path / "buffer", layout(64, keep), mapped=mapped)
    append_numbers(before, range(100))
    before.append(np.zeros((32, 32, 3), np.uint8), 0, "other", robot="right")
    before.discard("other", robot="right")
    before.save()
    had, pairs, episodes = numbers_in_first_robot(before), pairs_of(before), before.episodes
    before.close()

    after = SavedReplayBuffer.open(tmp_path / "buffer", mapped=mapped)
    assert (after.damaged, after.appended, len(after)) == (0, before.appended, len(before))
    assert numbers_in_first_robot(after) == had
    assert pairs_of(after) == pairs
    assert after.episodes == episodes
    assert after.instances == {f"i{episode}" for episode in range(10)}
    assert after.robots == before.robots
    append_numbers(after, range(100, 164))
    assert numbers_in_first_robot(after)
    if keep == "newest":
        assert numbers_in(after) == list(range(100, 164))
    assert {number // 10 for number, _ in pairs_of(after)} <= set(range(17))


def numbers_in_first_robot(buffer: ReplayBuffer) -> list[int]:
    slots = np.flatnonzero(buffer.valid & (buffer.serial > 0))
    return sorted(told_numbers(buffer.frames[slots])[:, 0].tolist())


@STORED
def test_what_was_not_saved_is_not_there_and_what_was_is(tmp_path: Path, mapped: bool) -> None:
    before = SavedReplayBuffer.create(tmp_path / "buffer", layout(64), mapped=mapped)
    append_numbers(before, range(60))
    before.save()
    append_numbers(before, range(60, 84))  # 20 of them take the slots of the oldest
    before.close()
    after = SavedReplayBuffer.open(tmp_path / "buffer", mapped=mapped)
    assert numbers_in(after) == list(range(20 if mapped else 0, 60))
    append_numbers(after, range(60, 100))
    assert numbers_in(after) == list(range(36, 100))


@STORED
def test_a_late_pose_and_a_discarded_episode_are_saved(tmp_path: Path, mapped: bool) -> None:
    before = SavedReplayBuffer.create(tmp_path / "buffer", layout(64), mapped=mapped)
    append_numbers(before, range(40))
    before.save()
    before.set_object_pose(39_000, np.arange(7))
    before.discard("1")
    before.save()
    before.close()
    after = SavedReplayBuffer.open(tmp_path / "buffer", mapped=mapped)
    assert after.episode_count == 3
    assert not {number for pair in pairs_of(after) for number in pair} & set(range(10, 20))
    np.testing.assert_array_equal(after.object_pose[39], np.arange(7))


def test_a_save_writes_only_what_is_new(tmp_path: Path) -> None:
    buffer = SavedReplayBuffer.create(tmp_path / "buffer", layout(2000), mapped=False)
    append_numbers(buffer, range(1500))
    first = written_bytes(buffer)
    append_numbers(buffer, range(1500, 1505))
    assert first > 1500 * 32 * 32 * 3
    assert written_bytes(buffer) < first / 20


def written_bytes(buffer: SavedReplayBuffer) -> int:
    """Bytes that a save passes to the system."""

    def total() -> int:
        return int(Path("/proc/self/io").read_text().split("wchar: ")[1].split()[0])

    begun = total()
    buffer.save()
    return total() - begun


def test_another_process_may_look_but_not_write(tmp_path: Path) -> None:
    writer = SavedReplayBuffer.create(tmp_path / "buffer", layout(64))
    append_numbers(writer, range(30))
    writer.save()
    with pytest.raises(DataError, match="another process writes to the replay buffer"):
        SavedReplayBuffer.open(tmp_path / "buffer")
    reader = SavedReplayBuffer.open(tmp_path / "buffer", writable=False)
    assert numbers_in(reader) == list(range(30))
    with pytest.raises(DataError, match="only for reading"):
        append_numbers(reader, range(30, 31))
    append_numbers(writer, range(30, 64))
    assert numbers_in(writer) == list(range(64))


def test_damaged_frames_are_left_out_and_counted(tmp_path: Path) -> None:
    buffer = SavedReplayBuffer.create(tmp_path / "buffer", layout(64))
    append_numbers(buffer, range(40))
    buffer.save()
    buffer.close()
    with open(tmp_path / "buffer" / FRAMES, "r+b") as file:
        file.seek(15 * 32 * 32 * 3 + 100)
        file.write(b"xyz")
    opened = SavedReplayBuffer.open(tmp_path / "buffer")
    assert opened.damaged == 1
    assert numbers_in(opened) == [number for number in range(40) if number != 15]
    assert {(14, 16), (13, 14)} <= pairs_of(opened)  # two frames apart, as before
    assert (14, 17) not in pairs_of(opened)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: (path / TABLE).write_text("{"), "buffer.json is damaged"),
        (lambda path: (path / TABLE).write_text(json.dumps({"format": 9})), "format 9, expected 1"),
        (lambda path: (path / TABLE).write_text(json.dumps({"format": 1})), "buffer.json is damaged"),
        (lambda path: (path / FRAMES).write_bytes(b""), "frames.uint8 has 0 bytes, expected"),
        (lambda path: (path / ROWS).unlink(), "rows.bin has 0 bytes, expected"),
        (lambda path: (path / TABLE).unlink(), "contains no replay buffer"),
        (lambda path: change(path, episodes=[]), "belong to no episode"),
        (lambda path: change(path, retention={}), "buffer.json is damaged"),
        (lambda path: change(path, robots=7), "buffer.json is damaged"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line(tmp_path: Path, spoil: object, message: str) -> None:
    buffer = SavedReplayBuffer.create(tmp_path, layout(64))
    append_numbers(buffer, range(40))
    buffer.save()
    buffer.close()
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as error:
        SavedReplayBuffer.open(tmp_path)
    assert "\n" not in str(error.value)
    SavedReplayBuffer.create(tmp_path, layout(64))  # the failed attempt holds no lock


def change(path: Path, **values: object) -> None:
    (path / TABLE).write_text(json.dumps(json.loads((path / TABLE).read_text()) | values))


def test_a_folder_with_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(DataError, match=r"other files \(thesis.tex\)"):
        SavedReplayBuffer.create(tmp_path, layout(64))


def test_a_buffer_larger_than_the_disk_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot hold a buffer of"):
        SavedReplayBuffer.create(tmp_path, layout(2**40))


def kill_again_and_again(path: Path, mapped: bool, kills: int) -> None:
    """Kill a process that appends and saves, at random moments, and look each time what is left."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["aassl_ros.data.replay.saved_buffer"])
    moments, capacity = random.Random(0), 60
    saved_before = 0
    for _ in range(kills):
        progress = context.Array("q", 2, lock=False)
        arguments = (path, capacity, "newest", mapped, progress)
        process = context.Process(target=append_and_save, args=arguments, daemon=True)
        process.start()
        while progress[1] == 0:  # the first save of this process
            assert process.is_alive()
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.08))  # any moment will do: what is awaited is chance itself
        process.kill()
        process.join()
        begun, saved = progress[0], progress[1]
        buffer = SavedReplayBuffer.open(path, writable=False, mapped=mapped)
        assert buffer.damaged == 0
        assert buffer.appended >= saved > saved_before
        found = numbers_in(buffer)
        # All that was saved and whose slot is not taken by a newer frame; the serial is the number and 1.
        assert found[-1] == buffer.appended - 1
        assert set(range(max(0, begun - capacity), buffer.appended)) <= set(found)
        saved_before = saved


@STORED
def test_a_kill_at_any_moment_leaves_the_last_finished_save(tmp_path: Path, mapped: bool) -> None:
    kill_again_and_again(tmp_path / "buffer", mapped, 20)


@pytest.mark.slow
@STORED
def test_a_hundred_kills_leave_the_last_finished_save(tmp_path: Path, mapped: bool) -> None:
    kill_again_and_again(tmp_path / "buffer", mapped, 100)
