"""Damaged, hostile or odd bags: each ends in one line that names the file, or in a counted skip. Never in a traceback,
a hang, or memory without a bound.
"""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType, Writer
from mutants import HARM, harmed
from rosbags.rosbag1 import Writer as Rosbag1Writer
from rosbags.typesys import Stores, get_typestore

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.streams import messages
from aassl_ros.errors import AasslError, BagError, DataError

GIB = 1 << 30
SESSION = json.dumps(
    {"robot": "r", "arm": "", "base_link": "", "tip_link": "", "roles": {"cameras": {"c": "/c"}, "joint_states": "/j"}}
)
TEXTS = [messages.encode_string(SESSION)] + [messages.encode_string(f"text {number}" * 9) for number in range(40)]
STATES = [messages.encode_joint_state(number, ["a", "b"], [0.1, 0.2]) for number in range(20)]


def fill(writer: BagWriter) -> None:
    writer.add_topic("/recorder/session", messages.STRING)
    writer.add_topic("/joint_states", messages.JOINT_STATE)
    for number, data in enumerate(TEXTS):
        writer.write("/recorder/session", 100 + number, 100 + number, data)
    for number, data in enumerate(STATES):
        writer.write("/joint_states", 100 + number, 100 + number, data)


def own(storage: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with BagWriter(path, storage) as writer:
            fill(writer)
            writer.set_custom_data("recorder/ledger", "[]")

    return make


def mcap(compression: CompressionType, **options: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        with (path / "bag_0.mcap").open("wb") as stream:
            writer = Writer(stream, compression=compression, chunk_size=500, **options)
            writer.start("ros2")
            numbers = []
            for topic, kind in (("/episode", messages.STRING), ("/joint_states", messages.JOINT_STATE)):
                schema = writer.register_schema(kind, "ros2msg", messages.definition(kind)[0].encode())
                numbers.append(writer.register_channel(topic, "cdr", schema, {}))
            for number, data in [*((0, data) for data in TEXTS), *((1, data) for data in STATES)]:
                writer.add_message(numbers[number], 100, data, 100)
            writer.finish()

    return make


def ros1(path: Path) -> None:
    store = get_typestore(Stores.ROS1_NOETIC)
    path.mkdir()
    writer = Rosbag1Writer(path / "bag.bag")
    writer.set_compression(Rosbag1Writer.CompressionFormat.LZ4)
    with writer:
        text = writer.add_connection("/episode", messages.STRING, typestore=store)
        for number in range(40):
            message = store.types[messages.STRING](data=f"text {number}" * 9)
            writer.write(text, 100 + number, store.serialize_ros1(message, messages.STRING))


BAGS: dict[str, Callable[[Path], None]] = {
    "own mcap": own("mcap"),
    "own sqlite3": own("sqlite3"),
    "mcap zstd": mcap(CompressionType.ZSTD),
    "mcap lz4": mcap(CompressionType.LZ4),
    "mcap without chunks": mcap(CompressionType.NONE, use_chunking=False),
    "mcap without index": mcap(CompressionType.NONE, index_types=IndexType.NONE, use_summary_offsets=False),
    "ros1": ros1,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One sound bag of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    for name, make in BAGS.items():
        make(folder / name)
        assert read_all(folder / name) >= 40
    return {name: folder / name for name in BAGS}


def read_all(path: Path) -> int:
    """Everything that a command asks of a bag; the number of messages that can be decoded."""
    said: list[AasslError] = []
    decoded = 0
    with BagReader(path) as reader:
        for ask in (lambda: reader.session, lambda: reader.ledger, reader.episodes):
            try:
                ask()
            except AasslError as error:
                said.append(error)
        for message in reader.messages(verify=True):
            try:
                reader.decode(message)
                decoded += 1
            except DataError as error:
                said.append(error)
    assert all("\n" not in str(error) for error in said)
    return decoded


def one_line_or_counts(path: Path) -> None:
    """Read and recover; what fails must say so in one line that names the bag."""
    out = path.with_name("saved")
    said: list[str] = []
    for act in (lambda: read_all(path), lambda: recover_bag(path, out)):
        try:
            act()
        except BagError as error:
            said.append(str(error))
    assert all("\n" not in line and path.name in line and len(line) < 2000 for line in said)
    shutil.rmtree(out, ignore_errors=True)


def try_mutant(
    whole: dict[str, Path], folder: Path, name: str, which: int, harms: list[tuple[str, float, int]]
) -> None:
    path = folder / "mutant"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(whole[name], path)
    files = sorted(path.iterdir())
    file = files[which % len(files)]
    data = file.read_bytes()
    for harm in harms:
        data = harmed(data, harm)
    file.write_bytes(data)
    one_line_or_counts(path)


MUTANT = {
    "name": st.sampled_from(sorted(BAGS)),
    "which": st.integers(0, 1),
    "harms": st.lists(HARM, min_size=1, max_size=3),
}
ODD = settings(suppress_health_check=list(HealthCheck), deadline=None)


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GIB


@settings(ODD, max_examples=60)
@given(**MUTANT)
# sqlite's own message held bytes of the file.
@example(name="own sqlite3", which=0, harms=[("drop", 0.9482555368580389, 245), ("huge64", 0.10257079275428582, 161)])
def test_mutants_end_in_one_line_or_in_counts(
    whole: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, name: str, which: int, harms: Any
) -> None:
    try_mutant(whole, tmp_path_factory.getbasetemp(), name, which, harms)


@pytest.mark.slow
@settings(ODD, max_examples=1000)
@given(**MUTANT)
def test_a_thousand_mutants_end_in_one_line_or_in_counts(
    whole: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, name: str, which: int, harms: Any
) -> None:
    try_mutant(whole, tmp_path_factory.getbasetemp(), name, which, harms)
