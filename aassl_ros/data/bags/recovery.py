"""Saves what an MCAP bag holds that was never closed or is damaged: every chunk of messages that is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcap.records import Channel, Chunk, Footer, McapRecord, Message, Schema
from mcap.stream_reader import StreamReader, breakup_chunk
from rosbags.rosbag2.metadata import parse_qos

from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.errors import BagError

_JSON_TOPICS = (topics.SESSION, topics.LEDGER)


@dataclass
class Recovered:
    """messages: how many were saved. damaged_chunks: left out; whole: whether the files were closed after all."""

    messages: int = 0
    damaged_chunks: int = 0
    whole: bool = False


def recover_bag(path: Path, out: Path) -> Recovered:
    """Copy the messages of the MCAP files in `path` that can be read into a new bag `out`; `path` stays as it is.

    Raises BagError where there is none, `out` exists, or nothing can be saved (sqlite3 keeps nothing before its close).
    """
    files = sorted(path.glob("*.mcap")) if path.is_dir() else [path] if path.suffix == ".mcap" else []
    if not files:
        raise BagError(f"{path} holds no .mcap file, expected an MCAP bag that was not closed.")
    total = Recovered(whole=True)
    with BagWriter(out) as writer:
        for file in files:
            saved = _copy(file, writer)
            total.messages += saved.messages
            total.damaged_chunks += saved.damaged_chunks
            total.whole = total.whole and saved.whole
    return total


def _copy(file: Path, writer: BagWriter) -> Recovered:
    saved = Recovered()
    topic_of: dict[int, str] = {}
    schemas: dict[int, Schema] = {}
    for record in _records(file, saved):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel) and record.schema_id in schemas:
            schema = schemas[record.schema_id]
            messages.register(schema.name, schema.data.decode())
            qos = parse_qos(record.metadata.get("offered_qos_profiles", ""))
            writer.add_topic(record.topic, schema.name, qos=qos, type_hash=record.metadata.get("topic_type_hash", ""))
            topic_of[record.id] = record.topic
        elif isinstance(record, Message) and record.channel_id in topic_of:
            topic = topic_of[record.channel_id]
            writer.write(topic, record.log_time, record.publish_time, record.data)
            saved.messages += 1
            _keep_facts(topic, record.data, writer)
    return saved


def _records(file: Path, saved: Recovered) -> Iterator[McapRecord]:
    """What can be read, chunks opened; `saved` is told of the rest."""
    with file.open("rb") as stream:
        records = StreamReader(stream, emit_chunks=True).records
        while True:
            try:
                record = next(records, None)
            except Exception:  # a file cut anywhere: end of stream, struct.error, unknown record
                return
            if record is None:
                return
            saved.whole = saved.whole or isinstance(record, Footer)
            if not isinstance(record, Chunk):
                yield record
                continue
            try:
                inside = breakup_chunk(record, validate_crc=True)
            except Exception:  # its checksum, or what cannot be read at all
                saved.damaged_chunks += 1
                continue
            yield from inside


def _keep_facts(topic: str, data: bytes, writer: BagWriter) -> None:
    """The last session and ledger become custom data, as in a bag that was closed."""
    for name in _JSON_TOPICS:
        if topic.endswith(f"/{name}"):
            writer.set_custom_data(name, messages.decode(messages.STRING, data).data)
