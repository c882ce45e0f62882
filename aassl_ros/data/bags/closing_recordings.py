"""The bags from before a split. Each stays open until its last frames have their samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from rosbags.interfaces import Qos

from aassl_ros.data.bags.recording import Recording
from aassl_ros.errors import AasslError


class ClosingRecordings:
    """Recordings that only receive joint states and commands, until they are closed.

    Args:
        motion: topics of joint states and commands. Other topics are ignored.
        closed: called with each recording and its summary when it was closed.
        failed: called with the error if a recording cannot be closed. It is not raised, because the present bag must
            still be recorded and closed.
    """

    def __init__(
        self, motion: Collection[str], *, closed: Callable[[Recording, str], None], failed: Callable[[str], None]
    ) -> None:
        self._motion = frozenset(motion)
        self._closed, self._failed = closed, failed
        self._waiting: list[tuple[Recording, float]] = []
        self._ending: list[Recording] = []

    def add(self, recording: Recording, timeout_s: float) -> None:
        """Keep a recording open until all its frames have samples, but at most for timeout_s, in seconds."""
        self._waiting.append((recording, time.monotonic() + timeout_s))

    def add_topic(self, name: str, msgtype: str, *, qos: Sequence[Qos] = (), type_hash: str = "") -> None:
        """Add a topic that was found after the split. For arguments and errors, see `Recording.add_topic`."""
        if name in self._motion:
            for recording, _ in self._waiting:
                recording.add_topic(name, msgtype, qos=qos, type_hash=type_hash)

    def receive(self, topic: str, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Pass a message on to the recordings. For arguments and errors, see `Recording.receive`."""
        if self._waiting and topic in self._motion:
            for recording, _ in self._waiting:
                recording.receive(topic, log_ns, publish_ns, data)

    def close_settled(self) -> None:
        """Close the recordings whose frames all have samples, and those that have waited long enough.

        The disk is not waited for: a recording is closed by one of the next calls.
        """
        for entry in list(self._waiting):
            recording, until = entry
            if recording.settled or time.monotonic() > until:
                recording.begin_close()
                self._waiting.remove(entry)
                self._ending.append(recording)
        for recording in list(self._ending):
            if recording.finished:
                self._close(recording)

    def close_all(self) -> None:
        """Close all recordings, the oldest first."""
        self._ending += [recording for recording, _ in self._waiting]
        self._waiting.clear()
        for recording in list(self._ending):
            self._close(recording)

    def _close(self, recording: Recording) -> None:
        self._ending.remove(recording)
        try:
            summary = recording.close().told()
        except AasslError as error:
            self._failed(str(error))
        else:
            self._closed(recording, summary)
