"""Finds which topics of a bag hold the joint states and the commands of one robot, by the joint names in them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import FLOAT64_MULTI_ARRAY
from aassl_ros.data.streams.session import Session
from aassl_ros.errors import BagError, DataError

# A message may hold only some of the joints, so the names of the first few are collected.
_MESSAGES_READ = 20


@dataclass(frozen=True)
class JointTopics:
    """The topics of joint states to merge, and what is to be said about the choice."""

    topics: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Commands:
    """Joint group -> topic of its commands, and what is to be said about the choice."""

    groups: dict[str, str]
    notes: tuple[str, ...] = ()


def choose_joint_topics(reader: BagReader, named: Sequence[str], session: Session | None) -> JointTopics:
    """Choose the topics of joint states: those that the user names, the session's, else all whose joints differ.

    Args:
        reader: the open bag.
        named: topics that the user names; they are merged by joint name.
        session: of the bag; None in a bag of another recorder.

    Returns:
        The topics; none if the bag has none.

    Raises:
        BagError: several topics hold the same joints, and none of them holds the joints of all.
    """
    if named or session is not None:
        return JointTopics(tuple(named) or (session.roles.joint_states if session else "",))
    found = _filled(reader, messages.JOINT_STATE)
    found = [topic for topic in found if not topic.endswith(f"/{topics.JOINT_TRUTH}")]
    if len(found) < 2:
        return JointTopics(tuple(found))
    names = {topic: _joint_names(reader, topic) for topic in found}
    every = frozenset[str]().union(*names.values())
    if whole := [topic for topic in found if names[topic] == every]:
        usual = [topic for topic in whole if topic.endswith(topics.JOINT_STATES)] or whole
        if len(usual) == 1:
            others = ", ".join(topic for topic in found if topic != usual[0])
            return JointTopics(
                (usual[0],), (f"joint states are those of {usual[0]}, which has all joints of {others}",)
            )
    if shared := _shared(names):
        raise BagError(
            f"{reader.path} holds joint {shared[0]} on {' and '.join(shared[1])}: these may be two robots, or two "
            "publishers of one. Choose with --joint-states; several topics are given as A,B."
        )
    return JointTopics(tuple(found), (f"joint states are merged from {', '.join(found)}",))


def choose_commands(
    reader: BagReader, groups: Mapping[str, str], joint_states: str, joints: Mapping[str, Sequence[str]]
) -> Commands:
    """Check that the commands of several topics are of different joints.

    If not, those in the namespace of the joint states are taken.

    Args:
        reader: the open bag.
        groups: joint group -> topic, all in the bag.
        joint_states: topic of the joint states.
        joints: of each group, for commands that name none.

    Returns:
        The groups to use.

    Raises:
        BagError: several topics command the same joint.
    """
    if len(groups) < 2:
        return Commands(dict(groups))
    names = {topic: _joint_names(reader, topic) | frozenset(_unnamed(reader, group, topic, joints))
             for group, topic in groups.items()}  # fmt: skip
    shared = _shared(names)
    if not shared:
        return Commands(dict(groups), (f"commands are taken from {', '.join(names)}",))
    namespace = joint_states.rpartition("/")[0] + "/"
    near = {group: topic for group, topic in groups.items() if namespace != "/" and topic.startswith(namespace)}
    if near and not _shared({topic: names[topic] for topic in near.values()}):
        return Commands(near, (f"commands are those of {', '.join(near.values())}, in the namespace {namespace}",))
    raise BagError(
        f"{reader.path} holds commands of joint {shared[0]} on {' and '.join(shared[1])}: these may be two arms. "
        "Choose with --command; several topics are given as A,B."
    )


def _unnamed(reader: BagReader, group: str, topic: str, joints: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The joints of a group whose commands name none."""
    return joints.get(group, ()) if reader.topics[topic].type == FLOAT64_MULTI_ARRAY else ()


def _filled(reader: BagReader, kind: str) -> list[str]:
    """Topics of a type that hold messages, without the recorder's own."""
    return [
        name
        for name, topic in reader.topics.items()
        if topic.type == kind and topic.message_count and "/recorder/" not in f"/{name}"
    ]


def _joint_names(reader: BagReader, topic: str) -> frozenset[str]:
    names: set[str] = set()
    for message in islice(reader.messages([topic]), _MESSAGES_READ):
        with contextlib.suppress(DataError):
            decoded = reader.decode(message)
            names.update(decoded.name if hasattr(decoded, "name") else getattr(decoded, "joint_names", ()))
    return frozenset(names)


def _shared(names: Mapping[str, frozenset[str]]) -> tuple[str, list[str]] | None:
    """A joint that several topics hold, and these topics."""
    for joint in sorted(frozenset[str]().union(*names.values())):
        holding = [topic for topic, own in names.items() if joint in own]
        if len(holding) > 1:
            return joint, holding
    return None
