"""Recovers a bag that is damaged or was not closed: copies all verified messages to a complete new bag.

The original is only read. The new bag is written under a temporary name, read back and checked. Only then it gets its
name, so that there is never a partial bag.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from aassl_ros.data.bags.containers import find_files, plain_name, storage_files
from aassl_ros.data.bags.damage import DamagedError
from aassl_ros.data.bags.decompression import expand_file, message_bytes
from aassl_ros.data.bags.labels import labels_path
from aassl_ros.data.bags.mcap_salvage import McapSalvage, profile_of
from aassl_ros.data.bags.metadata import FILE_NAME, read_metadata
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.recovered import Attachment, NamedTexts, Recovered
from aassl_ros.data.bags.recovered_facts import RecoveredFacts
from aassl_ros.data.bags.sqlite_salvage import SqliteSalvage
from aassl_ros.data.bags.stored import StoredMessage
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.errors import BagError

__all__ = ["Recovered", "recover_bag", "recover_in_place", "recovered_copy", "recovered_path"]

_STORAGE = {".mcap": "mcap", ".db3": "sqlite3"}
# The copy of metadata.yaml by rosbag2, which is written again.
_OWN_TEXTS = "rosbag2"


def recover_bag(bag: Path, out: Path) -> Recovered:
    """Copy all readable messages of a bag to a new bag. The original does not change.

    Args:
        bag: a folder or one file, MCAP or sqlite3, compressed or not.
        out: the folder of the new bag.

    Returns:
        What was saved and what was lost.

    Raises:
        BagError: there is no bag, `out` exists, or nothing can be saved.
    """
    if out.exists():
        raise BagError(f"{out} exists already. Give another path or move it away: a bag is never overwritten.")
    draft = _draft(out)
    report = _recover(bag, draft, out.name)
    draft.rename(out)
    return report


def recover_in_place(bag: Path) -> Recovered:
    """Replace a damaged bag by its recovered copy, and rename the damaged bag to BAG-original.

    A bag without damage does not change.

    Args:
        bag: the folder of the bag.

    Returns:
        What was saved and what was lost.

    Raises:
        BagError: as for `recover_bag`; or `bag` is a single file, or BAG-original exists.
    """
    original, draft = bag.with_name(f"{bag.name}-original"), _draft(bag)
    if not bag.exists() and original.is_dir() and (draft / FILE_NAME).is_file():
        # A recovery was killed between its last two steps. The draft was verified before them.
        draft.rename(bag)
    if bag.is_file():
        raise BagError(f"{bag} is one file, and a recovered bag is a folder. Use -o OUT.")
    if (sound := _sound(bag)) is not None:
        return sound
    if original.exists():
        raise BagError(f"{original} exists already, but the damaged bag needs this name. Move it away.")
    report = _recover(bag, draft, bag.name)
    bag.rename(original)
    draft.rename(bag)
    report.note(f"The damaged bag is kept as {original}.")
    return report


def recovered_path(bag: Path) -> Path:
    """The default folder for the recovered bag: BAG-recovered, beside the bag."""
    name = Path(plain_name(bag)).stem if bag.is_file() else bag.name
    return bag.with_name(f"{name}-recovered")


def recovered_copy(bag: Path, bags: Collection[Path]) -> Path | None:
    """The recovered copy of a bag among `bags`: BAG-recovered; of a damaged BAG-original, BAG. None: there is none."""
    is_original = bag.name.endswith("-original")
    copy = bag.with_name(bag.name.removesuffix("-original") if is_original else f"{bag.name}-recovered")
    return copy if copy in bags and (not is_original or _sound(bag) is None) else None


def _draft(out: Path) -> Path:
    return out.with_name(f".{out.name}.recovering")


def _recover(bag: Path, draft: Path, name: str) -> Recovered:
    files = _files(bag)
    report = Recovered()
    if draft.exists():  # from a recovery that was killed
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
        if labels_path(bag).is_file():
            shutil.copyfile(labels_path(bag), labels_path(draft))
        _verify(draft, report)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise BagError(f"{bag} cannot be recovered: {error.strerror or error}.") from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return report


def _files(bag: Path) -> list[Path]:
    """The files with messages, also those that metadata.yaml does not name, because it is written at the end."""
    files = storage_files(bag) if bag.is_dir() else list(find_files(bag).files)
    # A file and its compressed copy count as one.
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
    # Without its count: the new bag has its own counts, and topics of two files must compare as equal.
    number = writer.copy_topic(replace(message.topic, message_count=None))
    writer.copy(number, message.log_ns, message.publish_ns, data)
    report.messages += 1
    facts.take_message(message.topic, data)


def _custom_data(bag: Path) -> dict[str, str]:
    """The custom data in metadata.yaml, if the file is readable."""
    described = bag / FILE_NAME
    if bag.is_dir() and described.is_file():
        with contextlib.suppress(DamagedError, OSError):
            return read_metadata(described).custom_data
    return {}


def _verify(draft: Path, report: Recovered) -> None:
    """Read the new bag back. Raises BagError if it does not contain the saved messages."""
    with BagReader(draft) as reader:
        count = sum(1 for _ in reader.messages(verify=True))
    if count != report.messages:
        raise BagError(f"{draft} holds {count} messages, expected {report.messages}: the disk may be failing.")


def _sound(bag: Path) -> Recovered | None:
    """The counts of a bag that needs no recovery; None if it needs one."""
    try:
        with BagReader(bag) as reader:
            count = sum(1 for _ in reader.messages(verify=True))
            told = sum(reader.declared_counts.values())
            unlisted = len(storage_files(bag)) - len(find_files(bag).files)
            described = (bag / FILE_NAME).is_file()
    except BagError:
        return None
    return Recovered(messages=count) if described and count == told and not unlisted else None
