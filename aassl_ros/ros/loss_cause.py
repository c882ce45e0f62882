"""Why the middleware lost messages: the receive queue was full, or the transport did not carry them.

A receive queue of depth N keeps the newest N messages. If it was full, the next message that is taken has waited for
about N periods. If that message is fresh, the queue was not full, and the messages were lost on their way.
"""

from __future__ import annotations

from aassl_ros.data.streams.topic_counts import RECEIVE_QUEUE_FULL, TRANSPORT, TRANSPORT_LARGE
from aassl_ros.paths import share

# The default segment of Fast DDS takes 0.5 MB. Two messages of this size do not fit while the first is being read.
_LARGE_BYTES = 250_000
# A message that waited for this part of the queue says that the queue was full: the age is measured a little later.
_WAITED = 0.5
# A larger age is a difference of clocks.
_OTHER_CLOCK_NS = 60_000_000_000
_SMOOTHING = 0.05

ADVICE = {
    RECEIVE_QUEUE_FULL: "Its receive queue was full: raise depth (image_depth for images), or give this node more CPU.",
    TRANSPORT: "Its receive queue was not full, so they were lost on their way: check the network and its buffers.",
    TRANSPORT_LARGE: "Its receive queue was not full; the messages are large, so the publisher's shared memory is "
    "probably too small: start the publisher with FASTDDS_DEFAULT_PROFILES_FILE and FASTRTPS_DEFAULT_PROFILES_FILE "
    f"set to {share('config/fastdds_images.xml')}, or record compressed images.",
}
"""Cause -> what happened and what to do."""


class LossCause:
    """Follows the age, period and size of a topic's messages. depth: of the receive queue, messages."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._period_ns = 0.0
        self._source_ns = 0
        self._age_ns = 0
        self._bytes = 0

    def take(self, source_ns: int, now_ns: int, size: int) -> None:
        """Take a message: when it was sent and received by the system's clock, ns, and its bytes."""
        spacing_ns = source_ns - self._source_ns
        if self._source_ns and 0 < spacing_ns < _OTHER_CLOCK_NS:
            # A gap must not change the period much.
            spacing_ns = min(spacing_ns, round(4 * self._period_ns)) if self._period_ns else spacing_ns
            self._period_ns += (_SMOOTHING if self._period_ns else 1.0) * (spacing_ns - self._period_ns)
        self._source_ns, self._age_ns, self._bytes = source_ns, now_ns - source_ns, size

    def cause(self) -> str:
        """The cause of a loss before the message that was taken last."""
        full_ns = self._depth * self._period_ns
        if full_ns and _WAITED * full_ns <= self._age_ns < _OTHER_CLOCK_NS:
            return RECEIVE_QUEUE_FULL
        return TRANSPORT_LARGE if self._bytes > _LARGE_BYTES else TRANSPORT
