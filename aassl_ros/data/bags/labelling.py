"""Changes the episodes of a bag after the recording: new ranges, labels, splits, discards. The bag does not change."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aassl_ros.data.bags.frame_times import FrameTimes
from aassl_ros.data.streams.episodes import Episode
from aassl_ros.errors import BagError

_SHORTEST_ID = 4


@dataclass(frozen=True)
class Label:
    """What an episode shows. None: unchanged, or in a new episode: no category, set "train", not discarded."""

    instance: str | None = None
    category: str | None = None
    set: str | None = None
    discarded: bool | None = None

    @property
    def empty(self) -> bool:
        """Whether it changes nothing."""
        return self == Label()


class Labelling:
    """The episodes of one bag while they are changed.

    Args:
        frames: the frames of the bag's camera.
        episodes: those of the bag so far, in order of their start. An open one ends with the last frame.
        name: the bag, for error messages.
    """

    def __init__(self, frames: FrameTimes, episodes: Sequence[Episode], name: str) -> None:
        self._frames, self._name = frames, name
        ends = [*(episode.start_ns for episode in episodes[1:]), None]
        self._episodes = [_closed(one, end_ns, frames) for one, end_ns in zip(episodes, ends, strict=False)]

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """The episodes in order of their start, also discarded ones."""
        return tuple(sorted(self._episodes, key=lambda episode: episode.start_ns))

    def find(self, reference: str) -> Episode:
        """Find an episode by its number in the list (from 1), its id, or the beginning of its id. Raises BagError."""
        text = reference.strip()
        if text.isdecimal() and 1 <= int(text) <= len(self._episodes):
            return self.episodes[int(text) - 1]
        found = [one for one in self._episodes if one.id == text]
        if not found and len(text) >= _SHORTEST_ID:
            found = [one for one in self._episodes if one.id.startswith(text)]
        if len(found) != 1:
            what = "more than one episode" if found else "no episode"
            raise BagError(
                f"{self._name} holds {what} {text!r} (it has {len(self._episodes)}). List them with: "
                f"aassl bag label {self._name} --list"
            )
        return found[0]

    def change(self, episode: Episode, label: Label) -> None:
        """Give an episode another label."""
        self._put(episode, _labelled(episode, label))

    def add(self, span: tuple[int, int], label: Label, *, replacing: bool = False) -> None:
        """Add an episode, or label the one that has exactly these frames.

        Args:
            span: start and stop, ns, without stop.
            label: with an instance.
            replacing: remove the episodes that it overlaps.

        Raises:
            BagError: it overlaps another episode, or has no instance.
        """
        start_ns, stop_ns = span
        overlapping = [one for one in self._episodes if one.start_ns < stop_ns and start_ns < _stop(one)]
        same = [one for one in overlapping if self._same_frames(one, span)]
        if len(overlapping) == 1 and same:
            self.change(same[0], label)
            return
        if overlapping and not replacing:
            one = overlapping[0]
            from_s, to_s = (self._frames.seconds_of(stamp) for stamp in (one.start_ns, _stop(one)))
            raise BagError(
                f"{self._name}: the range {self._frames.seconds_of(start_ns):.3f} to "
                f"{self._frames.seconds_of(stop_ns):.3f} s overlaps episode {self.episodes.index(one) + 1} "
                f"({one.instance}, {from_s:.3f} to {to_s:.3f} s). Change that with --episode, or add --replace."
            )
        if not label.instance:
            raise BagError(f"{self._name}: a new episode needs the name of its object. Give --instance.")
        self._episodes = [one for one in self._episodes if one not in overlapping]
        made = Episode("", str(uuid.uuid4()), label.instance, None, "train", start_ns, stop_ns)
        self._episodes.append(_labelled(made, label))

    def split(self, episode: Episode, at_ns: int) -> None:
        """Split an episode in two with the same label; the second gets a new id. Raises BagError."""
        stop_ns = _stop(episode)
        halves = (episode.start_ns, at_ns), (at_ns, stop_ns)
        if not episode.start_ns < at_ns < stop_ns or any(self._frames.count(*half) == 0 for half in halves):
            from_s, to_s = self._frames.seconds_of(episode.start_ns), self._frames.seconds_of(stop_ns)
            raise BagError(
                f"{self._name}: {self._frames.seconds_of(at_ns):.3f} s does not split episode {episode.instance} "
                f"({from_s:.3f} to {to_s:.3f} s): frames must be on both sides."
            )
        self._put(episode, replace(episode, stop_ns=at_ns))
        self._episodes.append(replace(episode, id=str(uuid.uuid4()), start_ns=at_ns))

    def remove(self, episode: Episode) -> None:
        """Remove an episode; its frames are then in none."""
        self._episodes.remove(episode)

    def _same_frames(self, episode: Episode, span: tuple[int, int]) -> bool:
        stop_ns = _stop(episode)
        common = self._frames.count(max(episode.start_ns, span[0]), min(stop_ns, span[1]))
        return common == self._frames.count(episode.start_ns, stop_ns) == self._frames.count(*span)

    def _put(self, old: Episode, new: Episode) -> None:
        self._episodes[self._episodes.index(old)] = new


def _stop(episode: Episode) -> int:
    assert episode.stop_ns is not None  # closed when they were taken
    return episode.stop_ns


def _closed(episode: Episode, next_ns: int | None, frames: FrameTimes) -> Episode:
    """The episode with a stop after its start: at the latest, the start of the next one, which ends it."""
    stop_ns = frames.end_ns if episode.stop_ns is None else episode.stop_ns
    if next_ns is not None:
        stop_ns = min(stop_ns, next_ns)
    return replace(episode, stop_ns=max(stop_ns, episode.start_ns + 1))


def _labelled(episode: Episode, label: Label) -> Episode:
    return replace(
        episode,
        instance=label.instance if label.instance is not None else episode.instance,
        category=(label.category or None) if label.category is not None else episode.category,
        set=label.set if label.set is not None else episode.set,
        discarded=label.discarded if label.discarded is not None else episode.discarded,
    )
