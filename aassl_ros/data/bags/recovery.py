"""Makes a whole bag of one that was not closed or is damaged: what can be verified, with index, metadata and ledger.

The original is only read. The new bag is made beside its place under another name, read back and compared, and only
then gets its name; so there is never half a bag.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from aassl_ros.data.bags.containers import find_files, plain_name, storage_files
from aassl_ros.data.bags.damage import DamagedError
from aassl_ros.data.bags.decompression import expand_file, message_bytes
from aassl_ros.data.bags.mcap_salvage import McapSalvage, profile_of
from aassl_ros.data.bags.metadata import FILE_NAME, read_metadata
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovered import Attachment, NamedTexts, Recovered
from aassl_ros.data.bags.recovered_facts import RecoveredFacts
from aassl_ros.data.bags.sqlite_salvage import SqliteSalvage
from aassl_ros.data.bags.stored import StoredMessage
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.errors import BagError

__all__ = ["Recovered", "recover_bag", "recover_in_place", "recovered_path"]

_STORAGE = {".mcap": "mcap", ".db3": "sqlite3"}
# rosbag2's copy of metadata.yaml, which is made anew.
_OWN_TEXTS = "rosbag2"


def recover_bag(bag: Path, out: Path) -> Recovered:
    """Save what can be read of a bag into a new bag `out`; `bag` stays as it is.

    bag: a folder or one file, MCAP or sqlite3, compressed or not.
    Raises BagError if there is none, `out` exists, or nothing can be saved.
    """
    if out.exists():
        raise BagError(f"{out} exists already: give another path or move it away; a bag is never overwritten.")
    draft = _draft(out)
    report = _recover(bag, draft, out.name)
    draft.rename(out)
    return report


def recover_in_place(bag: Path) -> Recovered:
    """Put a whole bag in a damaged one's place; the damaged one is then BAG-original. A sound bag is left alone.

    Raises BagError as `recover_bag`, and for one file alone or if BAG-original exists.
    """
    original, draft = bag.with_name(f"{bag.name}-original"), _draft(bag)
    if not bag.exists() and original.is_dir() and (draft / FILE_NAME).is_file():
        # A recovery was killed between its two last steps: the draft was verified before the first.
        draft.rename(bag)
    if bag.is_file():
        raise BagError(f"{bag} is one file, and a recovered bag is a folder. Use -o OUT.")
    if (sound := _sound(bag)) is not None:
        return sound
    if original.exists():
        raise BagError(f"{original} exists already, where the damaged bag is to go. Move it away.")
    report = _recover(bag, draft, bag.name)
    bag.rename(original)
    draft.rename(bag)
    report.note(f"The damaged bag is kept as {original}.")
    return report


def recovered_path(bag: Path) -> Path:
    """Where a bag is recovered to if nobody says: BAG-recovered, beside it."""
    name = Path(plain_name(bag)).stem if bag.is_file() else bag.name
    return bag.with_name(f"{name}-recovered")


def _draft(out: Path) -> Path:
    return out.with_name(f".{out.name}.recovering")


def _recover(bag: Path, draft: Path, name: str) -> Recovered:
    files = _files(bag)
    report = Recovered()
    if draft.exists():  # of a recovery that was killed: the name is ours alone
        shutil.rmtree(draft)
    draft.parent.mkdir(parents=True, exist_ok=True)
    storage = _STORAGE[Path(plain_name(files[0])).suffix]
    try:
        with TemporaryDirectory(prefix=".aassl-recover-", dir=draft.parent) as scratch:
            plain = [_expanded(file, Path(scratch), report) for file in files]
            profile = profile_of(plain[0]) if storage == "mcap" else "ros2"
            with BagWriter(draft, storage, name=name, profile=profile) as writer:
                facts = RecoveredFacts(_custom_data(bag))
                for file in plain:
                    _copy(file, writer, facts, report, Path(scratch))
                for key, value in facts.custom_data(writer.counts, whole=report.lossless).items():
                    writer.set_custom_data(key, value)
        if not report.messages and not report.whole:
            raise BagError(f"{bag} holds nothing that can be saved. {' '.join(report.notes[:1])}".strip())
        _verify(draft, report)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise BagError(f"{bag} cannot be recovered: {error.strerror or error}.") from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return report


def _files(bag: Path) -> list[Path]:
    """The files that hold messages, those too that metadata.yaml does not name: it is written when they are closed."""
    files = storage_files(bag) if bag.is_dir() else list(find_files(bag).files)
    # A file beside its own compressed copy is one file.
    files = [file for file in files if plain_name(file) == file.name or file.with_name(plain_name(file)) not in files]
    kinds = {Path(plain_name(file)).suffix for file in files}
    if not files or kinds == {".bag"}:
        raise BagError(
            f"{bag} holds no .mcap or .db3 file, expected a bag that was not closed"
            f"{'. Save a bag of ROS 1 by its own `rosbag reindex`' if kinds else ''}."
        )
    if len(kinds) > 1:
        raise BagError(f"{bag} holds files of several kinds ({', '.join(sorted(kinds))}): recover them one by one.")
    return files


def _expanded(file: Path, scratch: Path, report: Recovered) -> Path:
    if plain_name(file) == file.name:
        return file
    out = scratch / plain_name(file)
    if not expand_file(file, out, partly=True):
        report.whole = False
        report.note(f"{file.name} is cut short or damaged: it was decompressed as far as it goes.")
    return out


def _copy(file: Path, writer: BagWriter, facts: RecoveredFacts, report: Recovered, scratch: Path) -> None:
    contents: Iterator[StoredMessage | Attachment | NamedTexts]
    if file.suffix == ".mcap":
        contents = McapSalvage(file, report).contents()
    else:
        try:
            salvage = SqliteSalvage(file, report, scratch)
        except DamagedError as error:
            report.whole = False
            report.discarded_bytes += file.stat().st_size
            report.note(str(error))
            return
        facts.take_metadata(salvage.metadata_text, file)
        contents = salvage.contents()
    for item in contents:
        if isinstance(item, Attachment):
            writer.add_attachment(*item)
        elif isinstance(item, NamedTexts):
            if item.name == _OWN_TEXTS:
                facts.take_metadata(item.content.get("serialized_metadata", ""), file)
            else:
                writer.add_metadata(*item)
        else:
            _copy_message(item, writer, facts, report)


def _copy_message(message: StoredMessage, writer: BagWriter, facts: RecoveredFacts, report: Recovered) -> None:
    try:
        data = message_bytes(message.data)
    except ValueError as error:
        report.discarded_messages += 1
        report.note(f"A message of {message.topic.name} cannot be read: {error}.")
        return
    # Counts are the new bag's own; with them, topics of two files would differ.
    number = writer.copy_topic(replace(message.topic, message_count=None))
    writer.copy(number, message.log_ns, message.publish_ns, data)
    report.messages += 1
    facts.take_message(message.topic, data)


def _custom_data(bag: Path) -> dict[str, str]:
    """What metadata.yaml says, if it is there and whole."""
    described = bag / FILE_NAME
    if bag.is_dir() and described.is_file():
        with contextlib.suppress(DamagedError, OSError):
            return read_metadata(described).custom_data
    return {}


def _verify(draft: Path, report: Recovered) -> None:
    """Read the new bag back. Raises BagError if it does not hold what was saved."""
    with BagReader(draft) as reader:
        count = sum(1 for _ in reader.messages(verify=True))
    if count != report.messages:
        raise BagError(f"{draft} holds {count} messages, expected {report.messages}: the disk may be failing.")


def _sound(bag: Path) -> Recovered | None:
    """The counts of a bag that needs no recovery."""
    try:
        with BagReader(bag) as reader:
            count = sum(1 for _ in reader.messages(verify=True))
            told = sum(reader.declared_counts.values())
            unlisted = len(storage_files(bag)) - len(find_files(bag).files)
            described = (bag / FILE_NAME).is_file()
    except BagError:
        return None
    return Recovered(messages=count) if described and count == told and not unlisted else None
