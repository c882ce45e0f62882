"""What a recovery saved and what it could not, and the lenient readers' ways to tell of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass
class Recovered:
    """Counts of a recovery.

    messages: saved. discarded_messages: known to have been there, and not saved. damaged_chunks, damaged_records:
    parts of an MCAP file that were left out, the second beside messages. discarded_bytes: behind the place where
    reading ended. whole: whether every file was closed after all. notes: what else is to be known, a line each.
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
        """Whether nothing that was recorded is missing."""
        lost = self.discarded_messages + self.damaged_chunks + self.damaged_records + self.discarded_bytes
        return self.whole and lost == 0

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes and len(self.notes) < 100:
            self.notes.append(text)


class Attachment(NamedTuple):
    """A file inside an MCAP file."""

    create_ns: int
    log_ns: int
    name: str
    media_type: str
    data: bytes


class NamedTexts(NamedTuple):
    """A metadata record of an MCAP file."""

    name: str
    content: dict[str, str]
