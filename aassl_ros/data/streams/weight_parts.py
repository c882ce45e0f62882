"""Sends a file in parts and puts it together again: the encoder of a trainer, for evaluators on other machines."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from aassl_ros.data.interfaces.json_records import WeightsPart

PART_BYTES = 256 * 1024
"""Size of a part: DDS sends it as a few datagrams, and a lost one costs little to send again."""
MOST_PARTS = 1000
"""More are not made: larger files have larger parts. Subscribers may have to hold all of them."""
_MOST_UNFINISHED = 2
_REMEMBERED = 8


def part_bytes(size: int) -> int:
    """The size of each part, but the last, of a file of `size` bytes."""
    return max(PART_BYTES, -(-size // MOST_PARTS))


def cut(content: bytes, *, checkpoint: str, step: int, sender: str) -> Iterator[tuple[WeightsPart, bytes]]:
    """Cut a file into parts, each with what a receiver must know about it.

    Args:
        content: the file, not empty.
        checkpoint, step: of the encoder in it.
        sender: see json_catalogue.py.
    """
    digest, each = hashlib.sha256(content).hexdigest(), part_bytes(len(content))
    count = -(-len(content) // each)
    for place in range(count):
        piece = content[place * each : (place + 1) * each]
        told = WeightsPart(checkpoint, sender, digest, len(content), place, count, zlib.crc32(piece), step)
        yield told, piece


@dataclass
class _Unfinished:
    """A file of which some parts are missing. told: the label of its first part that came."""

    told: WeightsPart
    pieces: dict[int, bytes] = field(default_factory=dict)


class WeightsAssembler:
    """Takes parts in any order, also of two files in turn, and returns each file that is whole.

    Attributes:
        damaged: number of parts, or of whole files, that are not what their label says.
        abandoned: number of files that were never whole, because a newer one came.
        complete: number of whole files.
        problem: the last problem in words; empty after a whole file.
    """

    def __init__(self) -> None:
        self.damaged = self.abandoned = self.complete = 0
        self.problem = ""
        self._unfinished: dict[str, _Unfinished] = {}
        self._done: list[str] = []
        self._newest_step: dict[str, int] = {}

    @property
    def missing(self) -> int:
        """How many parts the newest unfinished file lacks; 0 if there is none."""
        newest = next(reversed(self._unfinished.values()), None)
        return 0 if newest is None else newest.told.parts - len(newest.pieces)

    def add(self, told: WeightsPart, piece: bytes) -> bytes | None:
        """Take a part. Returns the whole file if this was its last one, else None.

        A file that is older than one that was whole before, by the same sender, is left alone.
        """
        if told.content in self._done or told.step < self._newest_step.get(told.sender, 0):
            return None
        each = part_bytes(told.bytes)
        expected = min(each, told.bytes - told.part * each)
        if told.parts != -(-told.bytes // each) or len(piece) != expected or zlib.crc32(piece) != told.crc32:
            self._refuse(f"part {told.part + 1} of {told.parts} of step {told.step} is damaged")
            return None
        file = self._file(told)
        if _facts(file.told) != _facts(told):
            self._refuse(f"part {told.part + 1} of step {told.step} contradicts the parts before it")
            return None
        file.pieces[told.part] = piece
        if len(file.pieces) < told.parts:
            return None
        del self._unfinished[told.content]
        content = b"".join(file.pieces[place] for place in range(told.parts))
        if hashlib.sha256(content).hexdigest() != told.content:
            self._refuse(f"the weights of step {told.step} differ from their digest")
            return None
        self._finish(told)
        return content

    def _file(self, told: WeightsPart) -> _Unfinished:
        if told.content not in self._unfinished:
            while len(self._unfinished) >= _MOST_UNFINISHED:
                self._abandon(next(iter(self._unfinished)))
            self._unfinished[told.content] = _Unfinished(told)
        return self._unfinished[told.content]

    def _finish(self, told: WeightsPart) -> None:
        self.complete, self.problem = self.complete + 1, ""
        self._done = [*self._done, told.content][-_REMEMBERED:]
        self._newest_step = {told.sender: told.step}
        for content, file in list(self._unfinished.items()):
            if file.told.sender == told.sender and file.told.step <= told.step:
                self._abandon(content)

    def _abandon(self, content: str) -> None:
        file = self._unfinished.pop(content)
        self.abandoned += 1
        lacking = file.told.parts - len(file.pieces)
        self.problem = (
            f"the weights of step {file.told.step} never came whole: {lacking} parts of {file.told.parts} missing"
        )

    def _refuse(self, problem: str) -> None:
        self.damaged += 1
        self.problem = problem


def _facts(told: WeightsPart) -> tuple[object, ...]:
    return told.checkpoint, told.sender, told.bytes, told.parts, told.step
