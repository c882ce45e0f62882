from __future__ import annotations

import pytest

from aassl_ros.data.streams.topic_counts import RECEIVE_QUEUE_FULL, TRANSPORT, TRANSPORT_LARGE
from aassl_ros.ros.loss_cause import ADVICE, LossCause

MS = 1_000_000


@pytest.mark.parametrize(
    ("age_ms", "size", "cause"),
    [
        (2, 921_600, TRANSPORT_LARGE),  # a small shared-memory segment: never blamed on a full queue
        (2, 900, TRANSPORT),
        (330, 921_600, RECEIVE_QUEUE_FULL),  # ten periods old: the oldest in a queue of ten
        (-400_000, 900, TRANSPORT),  # the sender's clock is ahead
    ],
)
def test_the_age_of_the_next_message_tells_if_the_receive_queue_was_full(age_ms: int, size: int, cause: str) -> None:
    causes = LossCause(depth=10)
    sent = 1_700_000_000_000 * MS
    for k in [*range(100), 105]:  # five are missing
        causes.take(sent + k * 33 * MS, sent + (k * 33 + (age_ms if k > 99 else 1)) * MS, size)
    assert causes.cause() == cause
    assert ("shared memory" in ADVICE[cause]) == (cause == TRANSPORT_LARGE)
