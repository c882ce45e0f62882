"""The result of a recovery: what was saved and what was lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass
class Recovered:
    """Counts of a recovery.

    messages: saved. discarded_messages: recorded but not saved, as far as known. damaged_chunks, damaged_records:
    parts of an MCAP file that were skipped (records other than messages). discarded_bytes: after the place where
    reading ended. whole: whether all files were closed. notes: other information, one line each.
    """

    messages: int = 0
    discarded_messages: int = 0
    damaged_chunks: int = 0
    damaged_records: int = 0
    discarded_bytes: int = 0
    whole: bool = True
    notes: list[str] = field(default_factory=list)

    @property
    def lossless(self) -> bool:
        """Whether no recorded message is missing."""
        lost = self.discarded_messages + self.damaged_chunks + self.damaged_records + self.discarded_bytes
        return self.whole and lost == 0

    def note(self, text: str) -> None:
        """Add a note, once."""
        if text not in self.notes and len(self.notes) < 100:
            self.notes.append(text)


class Attachment(NamedTuple):
    """An attachment in an MCAP file."""

    create_ns: int
    log_ns: int
    name: str
    media_type: str
    data: bytes


class NamedTexts(NamedTuple):
    """A metadata record in an MCAP file."""

    name: str
    content: dict[str, str]
