"""Saves what an MCAP bag holds that was never closed: all messages up to the place where writing stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mcap.records import Channel, Footer, Message, Schema
from mcap.stream_reader import StreamReader

from aassl_ros.data import messages, topics
from aassl_ros.data.bag_writer import BagWriter
from aassl_ros.errors import BagError

_JSON_TOPICS = (topics.SESSION, topics.LEDGER)


@dataclass
class Recovered:
    """messages: how many were saved. whole: whether the file was closed after all, so that nothing is missing."""

    messages: int = 0
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
            total.whole = total.whole and saved.whole
    return total


def _copy(file: Path, writer: BagWriter) -> Recovered:
    saved = Recovered()
    schemas: dict[int, Schema] = {}
    channels: dict[int, Channel] = {}
    with file.open("rb") as stream:
        try:
            for record in StreamReader(stream, validate_crcs=True).records:
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel):
                    channels[record.id] = record
                    schema = schemas[record.schema_id]
                    messages.register(schema.name, schema.data.decode())
                    writer.add_topic(record.topic, schema.name, type_hash=record.metadata.get("topic_type_hash", ""))
                elif isinstance(record, Message):
                    topic = channels[record.channel_id].topic
                    writer.write(topic, record.log_time, record.publish_time, record.data)
                    saved.messages += 1
                    _keep_facts(topic, record.data, writer)
                elif isinstance(record, Footer):
                    saved.whole = True
        except BagError:
            raise
        except Exception:  # a file cut anywhere: end of stream, struct.error, checksum, unknown record
            saved.whole = False
    return saved


def _keep_facts(topic: str, data: bytes, writer: BagWriter) -> None:
    """The last session and ledger become custom data, as in a bag that was closed."""
    for name in _JSON_TOPICS:
        if topic.endswith(f"/{name}"):
            writer.set_custom_data(name, messages.decode(messages.STRING, data).data)
