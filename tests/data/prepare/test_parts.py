"""Several bags in several processes, interrupted and continued, with bags added: always the same data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_streams import SIZE, record, stream

from aassl_ros.data.prepare.parts import PartStore
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import BagError, DataError

SMALL = PrepareSettings(image_size=SIZE, workers=1)
BAGS, FRAMES = 4, 29  # frames of a bag


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Bags of a second, with an episode each."""
    folder = tmp_path_factory.mktemp("bags")
    return [record(folder / f"b{number}", stream(1.0, first_episode=number)) for number in range(BAGS)]


@pytest.fixture(scope="module")
def expected(bags: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The data of all bags, made by one process without an interruption."""
    out = tmp_path_factory.mktemp("expected") / "data"
    prepare(bags, out, SMALL)
    return contents(out)


def contents(out: Path) -> dict[str, bytes]:
    """Every file of prepared data; the path of the folder, which is in the report, is replaced."""
    return {file.name: file.read_bytes().replace(str(out).encode(), b"DATA") for file in out.iterdir()}


class Interrupting:
    """A progress that raises KeyboardInterrupt at a frame, and remembers the last call."""

    def __init__(self, at: int | None = None) -> None:
        self._at = at
        self.total = 0

    def __call__(self, done: int, total: int) -> None:
        self.total = total
        if done == self._at:
            raise KeyboardInterrupt


def start(bags: list[Path], out: Path, *options: str) -> subprocess.Popen[str]:
    words = [*map(str, bags), "-o", str(out), "--image-size", str(SIZE), *options]
    command = [sys.executable, "-m", "aassl_ros.cli.main", "prepare", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)  # what another program does


def parts_of(out: Path) -> list[Path]:
    return list(out.parent.glob(f".{out.name}.parts/*/part.json"))


def test_the_data_do_not_depend_on_the_number_of_processes(
    bags: list[Path], expected: dict[str, bytes], tmp_path: Path
) -> None:
    prepare(bags, tmp_path / "data", PrepareSettings(image_size=SIZE, workers=3))

    assert contents(tmp_path / "data") == expected
    assert os.listdir(tmp_path) == ["data"]


def test_after_interruptions_only_the_rest_is_read_and_the_data_are_the_same(
    bags: list[Path], expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, totals = tmp_path / "data", []
    for at in (3, FRAMES + 3, 2 * FRAMES - 5, None):
        progress = Interrupting(at)
        try:
            prepare(bags, out, SMALL, progress=progress)
        except KeyboardInterrupt:
            assert not out.exists()
        totals.append(progress.total // FRAMES)

    assert totals == [4, 4, 3, 2]
    assert contents(out) == expected
    assert os.listdir(tmp_path) == ["data"]


def test_a_part_that_was_damaged_is_made_again(bags: list[Path], expected: dict[str, bytes], tmp_path: Path) -> None:
    out, progress = tmp_path / "data", Interrupting()
    with pytest.raises(KeyboardInterrupt):
        prepare(bags, out, SMALL, progress=Interrupting(2 * FRAMES + 3))
    damaged = next(tmp_path.glob(".data.parts/*/data/frames.uint8"))
    damaged.write_bytes(b"\0" + damaged.read_bytes()[1:-1] + b"\xff")

    prepare(bags, out, SMALL, progress=progress)

    assert progress.total == 3 * FRAMES
    assert contents(out) == expected


def test_a_killed_command_leaves_its_finished_parts_to_the_next(
    bags: list[Path], expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "data"
    process = start(bags, out, "--workers", "2")
    wait_until(lambda: bool(parts_of(out)) or process.poll() is not None)
    process.kill()
    process.communicate()
    done = {path: path.stat().st_mtime_ns for path in parts_of(out)}
    if not out.exists():  # else it was faster than the signal
        wait_until(lambda: not is_taken(out))
        assert done

    prepare(bags, out, SMALL)

    assert contents(out) == expected
    assert os.listdir(tmp_path) == ["data"]


def is_taken(out: Path) -> bool:
    try:
        with PartStore(out):
            return False
    except DataError:
        return True


@pytest.mark.slow
def test_an_interrupted_command_says_what_is_finished_and_ends_all_its_processes(
    bags: list[Path], expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "data"
    process = start(bags, out, "--workers", "2")
    wait_until(lambda: bool(parts_of(out)) or process.poll() is not None)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does, which reaches the children too
    _, said = process.communicate(timeout=60)
    if process.returncode == 0:
        return  # it was faster than the signal
    assert process.returncode == 1
    assert "finished and will not be read again" in said
    assert said.endswith("aassl: interrupted.\n")
    assert "Traceback" not in said

    prepare(bags, out, SMALL)

    assert contents(out) == expected


def test_added_bags_are_read_and_the_others_are_taken_from_the_data(
    bags: list[Path], expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, progress = tmp_path / "data", Interrupting()
    prepare(bags[1:3], out, SMALL)

    prepare(bags, out, SMALL, progress=progress)

    assert progress.total == 2 * FRAMES
    assert contents(out) == expected


def test_data_that_changed_on_the_disk_are_not_taken(
    bags: list[Path], expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, progress = tmp_path / "data", Interrupting()
    prepare(bags[:2], out, SMALL)
    frames = bytearray((out / "frames.uint8").read_bytes())
    frames[-1] ^= 255
    (out / "frames.uint8").write_bytes(frames)

    prepare(bags, out, SMALL, progress=progress)

    assert progress.total == 3 * FRAMES
    assert contents(out) == expected


def test_with_force_everything_is_read_again(bags: list[Path], expected: dict[str, bytes], tmp_path: Path) -> None:
    out, progress = tmp_path / "data", Interrupting()
    prepare(bags, out, SMALL)

    prepare(bags, out, SMALL, force=True, progress=progress)

    assert progress.total == BAGS * FRAMES
    assert contents(out) == expected


def test_other_settings_share_no_part(bags: list[Path], tmp_path: Path) -> None:
    progress = Interrupting()
    prepare(bags, tmp_path / "data", SMALL)

    prepare(bags, tmp_path / "data", PrepareSettings(image_size=SIZE - 1, workers=1), progress=progress)

    assert progress.total == BAGS * FRAMES
    assert PreparedData.open(tmp_path / "data").image_size == SIZE - 1


def test_a_damaged_bag_is_named_by_several_processes_and_the_others_are_kept(
    bags: list[Path], expected: dict[str, bytes], tmp_path: Path
) -> None:
    out, broken = tmp_path / "data", record(tmp_path / "broken", stream(1.0, first_episode=9))
    file = broken / "broken_0.mcap"
    data = bytearray(file.read_bytes())
    data[3000:6000] = bytes(3000)
    file.write_bytes(data)

    with pytest.raises(BagError, match="broken"):
        prepare([*bags, broken], out, PrepareSettings(image_size=SIZE, workers=2))
    progress = Interrupting()
    prepare(bags, out, SMALL, progress=progress)

    assert progress.total < BAGS * FRAMES
    assert contents(out) == expected


def test_two_commands_at_once_for_one_folder_are_refused(bags: list[Path], tmp_path: Path) -> None:
    with PartStore(tmp_path / "data"), pytest.raises(DataError, match="another aassl prepare is writing"):
        prepare(bags, tmp_path / "data", SMALL)
