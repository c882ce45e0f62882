"""Play a bag: which messages, in which order, and when. Publishing them is in ros/bag_player.py."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from aassl_ros.data.bags.reader import BagMessage, BagReader
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams.messages import COMPRESSED_IMAGE, IMAGE
from aassl_ros.errors import BagError, ConfigError
from aassl_ros.settings import setting

_SECOND = 1_000_000_000
_IMAGES = (IMAGE, COMPRESSED_IMAGE)
# In YAML of rosbag2: a number up to version 8 of the metadata, later a word.
_DURABILITY = re.compile(r"durability: *(\w+)")
_TRANSIENT_LOCAL = ("1", "transient_local")
_CLOCK = "/clock"


@dataclass(frozen=True)
class PlaySettings:
    """What is played, and how fast."""

    rate: float = setting(1.0, "Speed: 2 plays twice as fast as recorded", minimum=0.001, maximum=1000.0)
    start_s: float = setting(0.0, "Time in the bag at which to begin, s", minimum=0.0, maximum=1e9)
    seconds: float = setting(0.0, "How much of the bag to play, s; 0: to its end", minimum=0.0, maximum=1e9)
    topics: tuple[str, ...] = setting((), "Play only these topics; empty: all")
    wait_s: float = setting(3.0, "How long to wait for the first subscriber, s", minimum=0.0, maximum=1e6)
    clock_hz: float = setting(
        100.0, "Rate of /clock, per second of the clock of this computer; 0: none", minimum=0.0, maximum=1000.0
    )


class Output(Protocol):
    """Receives what is played."""

    def publish(self, message: BagMessage) -> None: ...
    def clock(self, time_ns: int) -> None: ...


class Playback:
    """The part of a bag that is to be played.

    The recorder's own topics (session, ledger, samples) are not played: another recorder would take them for its own.
    A /clock in the bag is played only if we publish none.

    Args:
        reader: the bag.
        settings: what to play.

    Raises:
        BagError: there is nothing to play.
        ConfigError: a topic is not in the bag, or the start is after its end.
    """

    def __init__(self, reader: BagReader, settings: PlaySettings) -> None:
        self._reader, self._settings = reader, settings
        for name in settings.topics:
            if name not in reader.topics:
                raise ConfigError(f"--topics: {name} is not in {reader.path}. aassl bag info shows its topics.")
        own = _own_topics(reader) | ({_CLOCK} if settings.clock_hz else set())
        self.topics: dict[str, str] = {
            name: topic.type
            for name, topic in reader.topics.items()
            if name in (settings.topics or reader.topics) and name not in own
        }
        self.begin_ns = reader.start_ns + round(settings.start_s * _SECOND)
        end_ns = reader.start_ns + round(reader.duration_s * _SECOND)
        if settings.start_s > reader.duration_s:
            raise ConfigError(f"--start-s {settings.start_s:g}: the bag has only {reader.duration_s:.3f} s.")
        if settings.seconds:
            end_ns = min(end_ns, self.begin_ns + round(settings.seconds * _SECOND))
        self.end_ns = end_ns
        if not self.topics or not reader.message_count:
            raise BagError(f"{reader.path} has no message to play.")
        self._stepped = {name for name, kind in self.topics.items() if kind in _IMAGES} or set(self.topics)

    @property
    def duration_s(self) -> float:
        """Length of the part that is played, in seconds of the bag."""
        return (self.end_ns - self.begin_ns) / _SECOND

    def latched(self, topic: str) -> bool:
        """Return whether late subscribers must also get the messages of a topic (transient local)."""
        if topic.endswith((topics.TF_STATIC, topics.ROBOT_DESCRIPTION, f"/{topics.EPISODE}")):
            return True
        offered = _DURABILITY.findall(self._reader.qos(topic))
        return bool(offered) and all(durability in _TRANSIENT_LOCAL for durability in offered)

    def earlier(self) -> Iterator[BagMessage]:
        """Yield the messages of latched topics before the start: a node that starts then would have got them."""
        names = [name for name in self.topics if self.latched(name)]
        for message in self._reader.messages(names) if names else ():
            if message.log_ns >= self.begin_ns:
                return
            yield message

    def messages(self) -> Iterator[BagMessage]:
        """Yield the messages to play, in order of receipt."""
        for message in self._reader.messages(self.topics):
            if message.log_ns > self.end_ns:
                return
            if message.log_ns >= self.begin_ns:
                yield message

    def play(
        self,
        output: Output,
        *,
        on_progress: Callable[[float], None] = lambda seconds: None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Played:
        """Play once, at the recorded times. now, sleep: the clock, s.

        Returns what was played.
        """
        played = Played()
        for message in self.earlier():
            output.publish(message)
        started, tick = now(), 0
        for message in self.messages():
            due = started + (message.log_ns - self.begin_ns) / _SECOND / self._settings.rate
            # Ticks of /clock until the message is due. If we are late, missed ticks are left out.
            tick = self._tick(output, started, tick, due, now, sleep)
            wait = due - now()
            if wait > 0:
                sleep(wait)
            played.late_s = max(played.late_s, -wait)
            output.publish(message)
            played.messages += 1
            on_progress((message.log_ns - self.begin_ns) / _SECOND)
        return played

    def _tick(
        self,
        output: Output,
        started: float,
        tick: int,
        due: float,
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> int:
        """Publish /clock until `due`. tick: number of the next tick. Returns the number of the next one."""
        hertz = self._settings.clock_hz
        if not hertz:
            return tick
        tick = max(tick, int((now() - started) * hertz))
        while (at := started + tick / hertz) <= due:
            wait = at - now()
            if wait > 0:
                sleep(wait)
            output.clock(self.begin_ns + round(tick / hertz * self._settings.rate * _SECOND))
            tick += 1
        return tick

    def step(self, output: Output, ask: Callable[[int, float], int]) -> Played:
        """Play in steps of one camera frame, or of one message if the bag has no images.

        Args:
            output: receives the messages. /clock is published before each message.
            ask: called before each step with the number of steps done and the time in the bag, s. Returns how many
                steps to do now; 0 ends.
        """
        played, steps, allowed = Played(), 0, 0
        for message in self.earlier():
            output.publish(message)
        for message in self.messages():
            if allowed == 0:
                allowed = ask(steps, (message.log_ns - self.begin_ns) / _SECOND)
                if allowed == 0:
                    break
            if self._settings.clock_hz:
                output.clock(message.log_ns)
            output.publish(message)
            played.messages += 1
            if message.topic in self._stepped:
                steps, allowed = steps + 1, allowed - 1
        return played


@dataclass
class Played:
    """What was played. late_s: the largest delay of a message, s."""

    messages: int = 0
    late_s: float = 0.0


def _own_topics(reader: BagReader) -> set[str]:
    """Return the topics that only a recorder writes."""
    session = reader.session
    if session is None:
        return set()
    own = {session.topic(name) for name in (topics.SESSION, topics.LEDGER, topics.EPISODE_LEDGER)}
    for camera in session.roles.cameras:
        own.update(session.topic(name) for name in topics.sample_topics(camera))
    return own
