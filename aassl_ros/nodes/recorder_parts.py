"""The bags of a recorder, one after the other: their names, and the rule that says when the next one begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aassl_ros.data.bags.jpeg_cameras import JpegCameras
from aassl_ros.data.bags.recording import Recording
from aassl_ros.data.bags.split_rule import SplitRule
from aassl_ros.data.streams.session import Session
from aassl_ros.nodes.recorder_settings import RecorderSettings

EPISODE_STARTED = "an episode started"


class RecorderParts:
    """Opens the bags. made: every bag that this node has made."""

    def __init__(self) -> None:
        self.made: set[Path] = set()
        self.rule = SplitRule(RecorderSettings(), "")
        self._part = 0
        self._jpeg: JpegCameras | None = None

    def begin(self, settings: RecorderSettings, session: Session) -> None:
        """Begin a series of bags."""
        self.rule = SplitRule(settings, session.roles.episode)
        self._part = -1
        encoded = settings.encoded_topics(session)
        self._jpeg = JpegCameras(encoded, settings.jpeg_quality) if encoded else None

    def end(self) -> None:
        """End the series before its last bags are closed: no message comes any more."""
        if self._jpeg is not None:
            self._jpeg.close()

    def split_reason(self, topic: str, log_ns: int, data: bytes) -> str:
        """Return why a new bag must be opened before this message is recorded; see `SplitRule.due`."""
        return self.rule.due(topic, log_ns, data, self._jpeg.size(topic, data) if self._jpeg is not None else None)

    def open(self, settings: RecorderSettings, session: Session) -> Recording:
        """Open the next bag. If this node has already made a bag of that name, use the next number. Raises BagError."""
        part = self._part + 1
        while (path := settings.bag_path(part)) in self.made:
            part += 1
        # So that each part says which one it is.
        session = replace(session, settings={**session.settings, "part": part})
        recording = Recording(
            path,
            session,
            storage=settings.storage,
            sync=settings,
            queue_mb=settings.queue_mb,
            file=settings,
            jpeg=self._jpeg,
        )
        self._part = part
        self.made.add(path)
        self.rule.begin()
        return recording
