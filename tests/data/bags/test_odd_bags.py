"""Made by hand: inputs that cost other readers a traceback, minutes or gigabytes. Each is one line here, and soon."""

from __future__ import annotations

import bz2
import contextlib
import json
import resource
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import yaml
from backports import zstd
from mcap.writer import CompressionType, Writer

from aassl_ros.data.bags.check import check_bag
from aassl_ros.data.bags.decompression import decompress
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovery import recover_bag
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.interfaces import bounded_yaml
from aassl_ros.data.streams import messages
from aassl_ros.errors import AasslError, BagError, DataError

GIB = 1 << 30
MAGIC = b"\x89MCAP0\r\n"
# Each line stands for nine times the one before.
LAUGHS = "a: &a [1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)
DEEP = b"p0/T0 x\n" + b"".join(
    b"=" * 80 + b"\nMSG: p%d/T%d\np%d/T%d x\n" % (number, number, number + 1, number + 1) for number in range(60)
)


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GIB


def bag(path: Path, custom: dict[str, str] | None = None) -> Path:
    with BagWriter(path) as writer:
        writer.add_topic("/text", messages.STRING)
        for number in range(10):
            writer.write("/text", number, number, messages.encode_string("text"))
        for key, value in (custom or {}).items():
            writer.set_custom_data(key, value)
    return path


def refused(path: Path) -> str:
    """What is said of a bag that cannot be read, in one line with its name."""
    with pytest.raises(BagError) as caught, BagReader(path) as reader:
        list(reader.messages())
    said = str(caught.value)
    assert "\n" not in said
    assert path.name in said
    return said


def changed_metadata(path: Path, change: Any) -> Path:
    described = yaml.safe_load((path / "metadata.yaml").read_text())
    change(described["rosbag2_bagfile_information"])
    (path / "metadata.yaml").write_text(yaml.safe_dump(described))
    return path


# --- metadata.yaml ---


@pytest.mark.parametrize(
    "odd",
    [
        [],
        [1, 2],
        5,
        "text",
        {"a": [1, [2]]},
        {"a": 5},
        {"recorder/session": [1]},
        {"recorder/ledger": {"a": {"b": {}}}},
    ],
)
def test_custom_data_of_any_shape_are_passed_over(tmp_path: Path, odd: Any) -> None:
    path = changed_metadata(bag(tmp_path / "bag"), lambda found: found.update(custom_data=odd))
    with BagReader(path) as reader:
        assert len(list(reader.messages())) == 10
        assert reader.session is None
        assert reader.ledger is None


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("version", 99, "version 99"),
        ("version", [], "version is a list, expected an integer"),
        ("storage_identifier", None, "storage_identifier is missing, expected a text"),
        ("relative_file_paths", ["bag_0.mcap"] * 1000, "names 'bag_0.mcap' more than once"),
        ("relative_file_paths", [["a"]], "relative_file_paths is a list, expected a text"),
        ("relative_file_paths", ["../../../etc/passwd"], "names the file 'passwd', which is not there"),
        ("relative_file_paths", ["metadata.yaml"], "names the file 'metadata.yaml', which is none of"),
        ("starting_time", 5, "starting_time is '5', expected a map"),
        ("topics_with_message_count", {"a": 1}, "topics_with_message_count is a map, expected a list"),
        ("topics_with_message_count", [{"message_count": 1}], "topic_metadata is missing, expected a map"),
    ],
)
def test_metadata_of_another_shape_names_the_key(tmp_path: Path, key: str, value: Any, said: str) -> None:
    path = changed_metadata(bag(tmp_path / "bag"), lambda found: found.update({key: value}))
    assert said in refused(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [*x, *x]", "nested deeper"),
        (LAUGHS, "more than 200000 values"),
        ("[" * 100_000, "nested deeper"),
        ("x" * 20_000_000, "bytes, expected at most"),
        ("a: " + "x" * 5_000_000, "characters long, expected at most"),
        ("- 1\n" * 900_000, "more than 200000 values"),
        ("? [1]\n: 2", "a key that is not text"),
        ("!!python/object/apply:os.system ['touch /tmp/never']", "expected a map"),
        ("\x00\x01", "is not YAML"),
        ("rosbag2_bagfile_information: 5", "expected a map"),
        ("", "missing, expected a map"),
    ],
)  # fmt: skip
def test_yaml_of_any_kind_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = bag(tmp_path / "bag")
    (path / "metadata.yaml").write_text(text)
    assert said in refused(path)


def test_yaml_scalars_stay_the_text_they_are() -> None:
    found = bounded_yaml.parse("a: 1.10\nb: 'null'\nc: null\nd: yes\ne: &x [0x10]\nf: *x\n")
    assert found == {"a": "1.10", "b": "null", "c": None, "d": "yes", "e": ["0x10"], "f": ["0x10"]}


# --- session and ledger ---


@pytest.mark.parametrize(
    "text", ["[]", "5", "null", '{"robot": []}', "[" * 100_000, '{"roles": {"cameras": [1]}}', "{" * 9]
)
@pytest.mark.parametrize("key", ["recorder/session", "recorder/ledger"])
def test_session_and_ledger_of_another_shape_are_one_line(tmp_path: Path, key: str, text: str) -> None:
    path = bag(tmp_path / "bag", {key: text})
    with BagReader(path) as reader, pytest.raises(BagError, match=str(path)) as caught:
        _ = reader.session, reader.ledger
    assert "\n" not in str(caught.value)
    assert all("\n" not in finding for finding in check_bag(path))
    assert recover_bag(path, tmp_path / "saved").messages == 10


def test_a_session_that_is_no_string_is_no_session(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/recorder/session", messages.JOINT_STATE)
        writer.write("/recorder/session", 1, 1, messages.encode_joint_state(1, ["a"], [0.0]))
    with BagReader(tmp_path / "bag") as reader:
        assert reader.session is None


# --- definitions ---


def defined(path: Path, definition: bytes, encoding: str = "ros2msg", data: bytes = b"\0\1\0\0" + b"\0" * 64) -> Path:
    with path.open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.NONE)
        writer.start("ros2")
        schema = writer.register_schema("my_msgs/msg/A", encoding, definition)
        channel = writer.register_channel("/extra", "cdr", schema, {})
        writer.add_message(channel, 5, data, 5)
        writer.finish()
    return path


@pytest.mark.parametrize(
    "definition",
    [
        b"int32 X=banana\nint32 Y=1e400\nstring Z=\"\"\" + __import__('os').system('touch /tmp/never')\nint32 value\n",
        b"# only a comment\nstring TEXT='#'\nint32[<=3] bounded\nstring<=5 short\nstring<=5[<=2] both 'x'\n",
        b"float64 from\nfloat64 class\nfloat64 self\nfloat64 int\n",
        b'int32[3] value [1, 2, 3]\nbool flag true\n\n@verbatim (language="comment", text="x")\n',
    ],
)
def test_definitions_that_are_odd_but_right_are_used(tmp_path: Path, definition: bytes) -> None:
    with BagReader(defined(tmp_path / "bag.mcap", definition)) as reader:
        (message,) = reader.messages()
        with contextlib.suppress(DataError):  # the bytes are not of that type, but the definition is one
            reader.decode(message)
        assert "my_msgs/msg/A" in reader._types._store.fielddefs  # type: ignore[union-attr]
    assert not Path("/tmp/never").exists()


@pytest.mark.parametrize(
    ("definition", "encoding", "said"),
    [
        (b"other_msgs/Thing thing\n", "ros2msg", "names other_msgs/msg/Thing, which it does not define"),
        (b"A again\n", "ros2msg", "is made of itself"),
        (b"int32 x\n" * 2_000_000, "ros2msg", "longer than"),
        (b"int32 a\n" * 60_000, "ros2msg", "more than 5000 fields"),
        (b"\xff\xfe\x00 = =", "ros2msg", "line 1 of its definition is no field"),
        (b"string[4000000000] x\n", "ros2msg", "an array of 4000000000"),
        (b"uint8[4294967295] x\n", "ros2msg", "an array of 4294967295"),
        (b"int32 x\nint32 x\n", "ros2msg", "x"),
        (b"wstring x\n", "ros2msg", "wstring"),
        (b"int32 ../../x\n", "ros2msg", "no field"),
        (b"x" * 10_000_000, "ros2idl", "longer than"),
        (b"module {", "ros2idl", "cannot be decoded"),
        (b"{}", "jsonschema", "of the kind 'jsonschema'"),
        (b"", "", "brings no definition"),
        (DEEP, "ros2msg", "too deep"),
    ],
)  # fmt: skip
def test_definitions_that_cannot_be_used_say_why(tmp_path: Path, definition: bytes, encoding: str, said: str) -> None:
    with BagReader(defined(tmp_path / "bag.mcap", definition, encoding)) as reader:
        (message,) = reader.messages()
        for _ in range(2):
            with pytest.raises(DataError) as caught:
                reader.decode(message)
            assert said in str(caught.value)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 700


@pytest.mark.parametrize("kind", ["string[]", "uint8[]", "string", "geometry_msgs/Point[]", "float64[]", "bool[]"])
def test_a_length_that_the_message_cannot_hold_is_refused(tmp_path: Path, kind: str) -> None:
    extra = b"=" * 80 + b"\nMSG: geometry_msgs/Point\nfloat64 x\nfloat64 y\nfloat64 z\n"
    data = b"\0\1\0\0" + struct.pack("<I", 0xFFFF_FFF0) + b"\0" * 60
    with BagReader(defined(tmp_path / "bag.mcap", f"{kind} x\n".encode() + extra, data=data)) as reader:
        (message,) = reader.messages()
        with pytest.raises(DataError, match=r"is no my_msgs/msg/A"):
            reader.decode(message)


def test_a_definition_counts_for_its_own_bag_only(tmp_path: Path) -> None:
    values = []
    for name, kind, data in (("one", "int32", struct.pack("<i", 7)), ("two", "float32", struct.pack("<f", 0.5))):
        path = defined(tmp_path / f"{name}.mcap", f"{kind} x\n".encode(), data=b"\0\1\0\0" + data)
        with BagReader(path) as reader:
            values.append([reader.decode(message).x for message in reader.messages()])
    assert values == [[7], [0.5]]


def test_a_standard_type_with_fields_of_other_names_is_read_by_ours_and_one_of_other_kinds_is_refused(
    tmp_path: Path,
) -> None:
    for text, right in ((b"string DATA\n", True), (b"int32 data\n", False), (b"string data\nint32 more\n", False)):
        path = tmp_path / "bag.mcap"
        with path.open("wb") as stream:
            writer = Writer(stream)
            writer.start("ros2")
            schema = writer.register_schema(messages.STRING, "ros2msg", text)
            channel = writer.register_channel("/text", "cdr", schema, {})
            writer.add_message(channel, 1, messages.encode_string("said"), 1)
            writer.finish()
        with BagReader(path) as reader:
            (message,) = reader.messages()
            if right:
                assert reader.decode(message).data == "said"
            else:
                with pytest.raises(DataError, match=r"the bag defines std_msgs/msg/String with other fields"):
                    reader.decode(message)


# --- MCAP ---


def record(opcode: int, content: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(content)) + content


def text(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def chunk(data: bytes, compression: bytes, size: int, crc: int = 0) -> bytes:
    return record(6, struct.pack("<QQQI", 5, 5, size, crc) + text(compression) + struct.pack("<Q", len(data)) + data)


def mcap(path: Path, body: bytes, summary: bytes = b"") -> Path:
    start = record(1, text(b"ros2") + text(b"hostile"))
    schema = record(3, struct.pack("<H", 1) + text(b"std_msgs/msg/String") + text(b"ros2msg") + text(b"string data\n"))
    schema += record(4, struct.pack("<HH", 1, 1) + text(b"/text") + text(b"cdr") + text(b""))
    before = MAGIC + start + schema + body + record(15, b"\0\0\0\0")
    footer = record(2, struct.pack("<QQI", len(before) if summary else 0, 0, 0))
    path.write_bytes(before + (schema + summary if summary else b"") + footer + MAGIC)
    return path


def message(log_ns: int) -> bytes:
    return record(5, struct.pack("<HIQQ", 1, 0, log_ns, log_ns) + messages.encode_string("text"))


@pytest.mark.parametrize("kind", ["zstd", "lz4"])
@pytest.mark.parametrize("claimed", [100, 8 << 30, (1 << 64) - 1])
def test_a_chunk_that_unpacks_to_gigabytes_is_refused(tmp_path: Path, kind: str, claimed: int) -> None:
    compress = zstd.compress if kind == "zstd" else lz4.frame.compress
    bomb = compress(b"\0" * (64 << 20))
    said = refused(mcap(tmp_path / "bag.mcap", chunk(bomb, kind.encode(), claimed)))
    assert "at byte" in said


@pytest.mark.parametrize("kind", ["zstd", "lz4", "bz2"])
def test_decompression_stops_at_its_limit(kind: str) -> None:
    compress = {"zstd": zstd.compress, "lz4": lz4.frame.compress, "bz2": bz2.compress}[kind]
    assert decompress(kind, compress(b"text") + compress(b"more"), 8) == b"textmore"
    with pytest.raises(ValueError, match="hold more than 7 bytes"):
        decompress(kind, compress(b"textmore"), 7)
    with pytest.raises(ValueError, match="end too early"):
        decompress(kind, compress(b"text" * 1000)[:-5], 4000)
    with pytest.raises(ValueError, match="cannot be read"):
        decompress(kind, b"none of it at all", 100)


def test_a_chunk_index_that_repeats_itself_is_refused(tmp_path: Path) -> None:
    body = chunk(message(5), b"", len(message(5)))
    place = len(MAGIC + record(1, text(b"ros2") + text(b"hostile")))
    place += len(record(3, b"\0\0" + text(b"std_msgs/msg/String") + text(b"ros2msg") + text(b"string data\n")))
    place += len(record(4, b"\0\0\0\0" + text(b"/text") + text(b"cdr") + text(b"")))
    index = struct.pack("<QQQQ", 5, 5, place, len(body)) + text(b"") + struct.pack("<Q", 0) + text(b"")
    index += struct.pack("<QQ", 9, 9)
    statistics = struct.pack("<QHIIIIQQ", 1, 1, 1, 0, 0, 1, 5, 5) + text(struct.pack("<HQ", 1, 1))
    path = mcap(tmp_path / "one.mcap", body, record(8, index) + record(11, statistics))
    with BagReader(path) as reader:
        assert len(list(reader.messages())) == 1
    said = refused(mcap(tmp_path / "many.mcap", body, record(8, index) * 100_000 + record(11, statistics)))
    assert "more than once" in said


def test_an_index_of_more_chunks_than_any_recording_has_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aassl_ros.data.bags.mcap_file._MAX_CHUNKS", 500)

    def index(place: int) -> bytes:
        fields = struct.pack("<QQQQ", 5, 5, 8 + place, 1) + text(b"") + struct.pack("<Q", 0) + text(b"")
        return record(8, fields + struct.pack("<QQ", 9, 9))

    said = refused(mcap(tmp_path / "bag.mcap", b"", b"".join(map(index, range(1, 600)))))
    assert "more than 500 chunks" in said


@pytest.mark.parametrize("length", [1 << 31, 1 << 40, (1 << 64) - 1])
def test_a_record_longer_than_the_file_names_its_place(tmp_path: Path, length: int) -> None:
    body = message(5) + struct.pack("<BQ", 5, length) + b"\0" * 100
    said = refused(mcap(tmp_path / "bag.mcap", body))
    assert f"a record of {length} bytes begins" in said
    assert "at byte" in said
    assert recover_bag(tmp_path / "bag.mcap", tmp_path / "saved").messages == 1


def test_a_file_without_chunks_or_index_is_closed_and_read_in_order_of_receipt(tmp_path: Path) -> None:
    path = mcap(tmp_path / "bag.mcap", b"".join(message(time) for time in (9, 3, 7, 5)))
    with BagReader(path) as reader:
        assert [one.log_ns for one in reader.messages()] == [3, 5, 7, 9]
        assert (reader.message_count, reader.start_ns) == (4, 3)
        assert reader.topics["/text"].message_count == 4


def test_a_chunk_with_another_checksum_is_found_when_asked(tmp_path: Path) -> None:
    data = message(5)
    path = mcap(tmp_path / "bag.mcap", chunk(data, b"", len(data), zlib.crc32(data) ^ 1))
    with BagReader(path) as reader:
        assert len(list(reader.messages())) == 1
        with pytest.raises(BagError, match=r"bag\.mcap is damaged at byte \d+: a chunk has another checksum"):
            list(reader.messages(verify=True))


# --- sqlite3 ---


def database(path: Path, *statements: str) -> Path:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


TOPICS = "CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT)"
TABLE = "CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB)"
ONE = "INSERT INTO topics VALUES(1, '/text', 'std_msgs/msg/String', 'cdr')"


def test_a_view_that_never_ends_is_no_table_of_messages(tmp_path: Path) -> None:
    endless = (
        "CREATE VIEW messages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS id, 1 AS topic_id, i AS timestamp, x'00' AS data FROM n"
    )
    assert "so it is no bag" in refused(database(tmp_path / "bag.db3", TOPICS, ONE, endless))


def test_a_tree_of_pages_that_all_have_the_same_children_ends(tmp_path: Path) -> None:
    """Each interior page of the table names one child for all: rows without end in a small file."""
    path = tmp_path / "bag.db3"
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        "INSERT INTO messages(topic_id, timestamp, data) SELECT 1, i, x'00' FROM n"
    )
    database(path, "PRAGMA page_size = 512", TOPICS, ONE, TABLE, many)
    data = bytearray(path.read_bytes())
    size = struct.unpack(">H", data[16:18])[0]
    for start in range(size, len(data), size):
        if data[start] == 5:  # interior page: its cells begin with the number of the child
            count = struct.unpack(">H", data[start + 3 : start + 5])[0]
            cells = struct.unpack(f">{count}H", data[start + 12 : start + 12 + 2 * count])
            for cell in cells:
                data[start + cell : start + cell + 4] = data[start + cells[0] : start + cells[0] + 4]
    path.write_bytes(data)
    with contextlib.suppress(BagError), BagReader(path) as reader:
        list(reader.messages())
    with contextlib.suppress(BagError):
        recover_bag(path, tmp_path / "saved")


@pytest.mark.parametrize("values", ["1, 'soon', x'00'", "1, 5, 'text'", "1, 5, NULL", "1, 1e30, x'00'"])
def test_a_message_of_other_values_is_named(tmp_path: Path, values: str) -> None:
    path = database(
        tmp_path / "bag.db3", TOPICS, ONE, TABLE, f"INSERT INTO messages(topic_id, timestamp, data) VALUES({values})"
    )
    assert "message 1 has values of other types" in refused(path)


def test_text_that_is_not_utf8_does_no_harm(tmp_path: Path) -> None:
    path = database(
        tmp_path / "bag.db3", TOPICS, TABLE, "INSERT INTO topics VALUES(1, CAST(x'ff2f' AS TEXT), x'fe', 'cdr')"
    )
    with BagReader(path) as reader:
        assert list(reader.messages()) == []


def test_empty_and_foreign_files_say_what_they_are_not(tmp_path: Path) -> None:
    for suffix in (".mcap", ".db3", ".bag"):
        for content, said in ((b"", "the file is empty"), (b"x" * 500, "it does not begin as")):
            path = tmp_path / f"bag{suffix}"
            path.write_bytes(content)
            found = refused(path)
            assert said in found
            assert "recover" not in found
    (tmp_path / "bag.txt").write_text(json.dumps({}))
    assert "is no file of a bag" in refused(tmp_path / "bag.txt")


def test_names_that_would_tear_a_line_apart_do_not(tmp_path: Path) -> None:
    path = tmp_path / "bag.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start("ros2")
        for number in range(500):
            writer.register_channel(f"/to\npic\x1b[31m{number}" + "x" * 5000, "cdr", 0, {})
        writer.finish()
    with BagReader(path) as reader, pytest.raises(BagError) as caught:
        list(reader.messages(["/typo"]))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 10_000


def test_no_error_of_another_class_comes_through() -> None:
    assert issubclass(BagError, AasslError)
