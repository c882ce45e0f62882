"""Finds the topic of each role (camera, joints, ...) in a bag: from the user, the session, or the message types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aassl_ros.data.bags.joint_topics import choose_commands, choose_joint_topics
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.stored import in_few_words
from aassl_ros.data.interfaces import topics
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.commands import COMMAND_TYPES, CONTROLLER_STATE, FLOAT64_MULTI_ARRAY
from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.errors import BagError

_IMAGES = (messages.IMAGE, messages.COMPRESSED_IMAGE)
_POSE = "geometry_msgs/msg/PoseStamped"
_NO_JOINTS = (
    "no joint states: the frames have no joints, so only methods and actions that need none can use them (simclr and "
    "simclr_tt need no action)"
)
_OPTIONS = ("camera", "joint-states", "command", "episode", "object-pose")


@dataclass(frozen=True)
class NamedTopics:
    """Topics that the user names. An empty one is taken from the session, else it is the only topic of its type.

    camera: the name of the camera or its image topic. command: TOPIC or GROUP:TOPIC. command_joints: GROUP:JOINT.
    """

    camera: str = ""
    joint_states: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    episode: str = ""
    object_pose: str = ""
    base_link: str = ""
    tip_link: str = ""
    command_joints: tuple[str, ...] = ()


@dataclass(frozen=True)
class BagRoles:
    """The roles for one camera of a bag.

    session: the recorder's session, or one made from the topics found. camera: the camera's name in it.
    joint_topics: every topic of joint states; they are merged by joint name. notes: what was chosen or is missing.
    """

    session: Session
    camera: str
    camera_topic: str
    joint_topics: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[str, ...]:
        """The topics that frames and their states are computed from."""
        roles = self.session.roles
        return (self.camera_topic, *self.joint_topics, *roles.commands.values(), roles.object_pose)

    def command_joints(self, topic: str) -> tuple[str, ...]:
        """The joints of the group that a topic commands; empty if they are not known."""
        group = next((group for group, own in self.session.roles.commands.items() if own == topic), "")
        return self.session.joint_groups.get(group, ())


def find_roles(
    reader: BagReader, named: NamedTopics, *, episodes_needed: bool = True, joints_needed: bool = True
) -> BagRoles:
    """Find the topic of each role in a bag.

    Args:
        reader: the open bag.
        named: the topics that the user names.
        episodes_needed: whether a bag without episode events is an error.
        joints_needed: whether a bag of another recorder without joint states is an error. If not, it has no
            `joint_topics`. A bag of our recorder has joint states, unless they were lost.

    Returns:
        The roles.

    Raises:
        BagError: the topic of the camera, joints or episodes is not clear or is empty, a named topic is not in the
            bag, or a topic has a type that its role cannot use; the message lists the topics.
    """
    _check_named(reader, named)
    session = reader.session
    found = choose_joint_topics(reader, named.joint_states, session)
    session = _override(session or _guess(reader), named, found.topics)
    cameras = session.roles.cameras
    if len(cameras) > 1 and not named.camera:
        raise _problem(reader, f"holds cameras {', '.join(cameras)}", "Choose one with --camera.")
    camera = named.camera if named.camera in cameras else next(iter(cameras), "")
    if named.camera and named.camera not in (camera, cameras.get(camera)):
        raise _problem(reader, f"holds no camera {named.camera}", "Name another with --camera.")
    roles = session.roles
    needed = [("camera frames", cameras.get(camera, ""), "the camera topic with --camera")]
    if joints_needed or reader.session is not None or found.topics:
        needed.append(("joint states", roles.joint_states, "their topic with --joint-states"))
    if episodes_needed and reader.labels is None:
        label = "their topic with --episode, or label the bag with aassl bag label"
        needed.append(("episode events", roles.episode, label))
    for what, topic, option in needed:
        if topic not in reader.topics or reader.topics[topic].message_count == 0:
            advice = "Nothing was recorded on it: omit this bag, or name" if topic else "Name"
            raise _problem(reader, f"holds no {what}", f"{advice} {option}.")
    _check_types(reader, session, cameras[camera], found.topics)
    notes = [*found.notes, *(() if found.topics else (_NO_JOINTS,))]
    if not roles.object_pose and (poses := _of_type(reader, (_POSE,))):
        notes.append(f"no object pose: name its topic with --object-pose ({', '.join(poses)})")
    held = _held_commands(reader, roles, notes)
    _check_arrays(reader, session, held)
    commands = choose_commands(reader, held, roles.joint_states, session.joint_groups)
    session = replace(session, roles=replace(roles, commands=commands.groups))
    return BagRoles(session, camera, cameras[camera], found.topics, (*notes, *commands.notes))


def _check_arrays(reader: BagReader, session: Session, commands: Mapping[str, str]) -> None:
    """Raise BagError if commands without joint names are of a group whose joints are not known."""
    for group, topic in commands.items():
        if reader.topics[topic].type == FLOAT64_MULTI_ARRAY and not session.joint_groups.get(group):
            what = f"has commands of the group {group} on {topic}, which name no joints"
            advice = f"Name them in their order: --command {group}:{topic} --command-joints {group}:JOINT,{group}:JOINT"
            raise _problem(reader, what, f"{advice}.")


def _held_commands(reader: BagReader, roles: Roles, notes: list[str]) -> dict[str, str]:
    """The groups whose topic holds commands, and a note for each that does not."""
    held = {}
    for group, topic in roles.commands.items():
        if topic in reader.topics and reader.topics[topic].message_count:
            held[group] = topic
            continue
        problem = f"{topic} is empty" if topic in reader.topics else f"nobody published {topic}"
        action = "If an action drives the arm, its goals are not on this topic"
        if states := [name for name in _of_type(reader, (CONTROLLER_STATE,)) if reader.topics[name].message_count]:
            action += f"; the reference of its controller is: --command {group}:{states[0]}"
        notes.append(f"no commands of {group}: {problem}. {action}")
    return held


def _check_types(reader: BagReader, session: Session, camera_topic: str, joint_topics: Sequence[str]) -> None:
    """Raise BagError if a topic is of a type that its role cannot have: its messages would be read as another's."""
    roles = session.roles
    samples = [name for camera in roles.cameras for name in topics.sample_topics(camera)]
    expected = [
        ("camera", camera_topic, _IMAGES),
        *(("joint-states", topic, (messages.JOINT_STATE,)) for topic in joint_topics),
        *(("command", topic, COMMAND_TYPES) for topic in roles.commands.values()),
        ("episode", roles.episode, (messages.STRING,)),
        ("object-pose", roles.object_pose, (_POSE,)),
        *((name, session.topic(name), (messages.JOINT_STATE,)) for name in samples),
    ]
    for role, topic, types in expected:
        if topic in reader.topics and reader.topics[topic].type not in types:
            found = reader.topics[topic].type or "no type"
            option = f"Name another with --{role}" if role in _OPTIONS else "Leave this bag out"
            what = f"has {topic} of type {found} as {role}, expected {' or '.join(types)}"
            raise _problem(reader, what, f"{option}.")


def _check_named(reader: BagReader, named: NamedTopics) -> None:
    """Raise BagError if a topic that the user names is not there: leaving it out would be a wrong value unsaid."""
    for option, names in (
        ("--camera", (named.camera if named.camera.startswith("/") else "",)),
        ("--joint-states", named.joint_states),
        ("--command", tuple(entry.rpartition(":")[2] for entry in named.command)),
        ("--episode", (named.episode,)),
        ("--object-pose", (named.object_pose,)),
    ):
        for topic in names:
            if topic and topic not in reader.topics:
                raise _problem(reader, f"holds no topic {topic}", f"Name another with {option}, or leave it out.")


def has_frames(reader: BagReader) -> bool:
    """Whether the bag contains camera frames. A recording that failed early has none."""
    return any(reader.topics[topic].message_count for topic in _of_type(reader, _IMAGES))


def _guess(reader: BagReader) -> Session:
    """A session for a bag of another recorder: for each role the only topic of its type, or that of the usual name."""
    images = _of_type(reader, _IMAGES)
    commands = _of_type(reader, (messages.JOINT_TRAJECTORY,))
    if not any(reader.topics[topic].message_count for topic in commands):
        # An action commands the arm. Its controller says what it follows.
        commands = _of_type(reader, (CONTROLLER_STATE,)) or commands
    roles = Roles(
        cameras={topic: topic for topic in images},
        joint_states="",  # the caller chooses them
        commands=_groups(commands),
        episode=_usual(_of_type(reader, (messages.STRING,)), topics.EPISODE),
        object_pose=_usual(_of_type(reader, (_POSE,)), topics.OBJECT_POSE),
    )
    return Session(robot="", arm="", base_link="", tip_link="", roles=roles)


def _of_type(reader: BagReader, types: tuple[str, ...]) -> list[str]:
    return [name for name, topic in reader.topics.items() if topic.type in types]


def _usual(found: list[str], name: str) -> str:
    """The only topic of that relative name in any namespace, else ""."""
    named = [topic for topic in found if topic == name or topic.endswith(f"/{name}")]
    return named[0] if len(named) == 1 else ""


def _groups(commands: Sequence[str]) -> dict[str, str]:
    """A joint group for each topic of commands, TOPIC or GROUP:TOPIC.

    If no group is named, it is arm; if there are several topics, it has the name of the topic.
    """
    named = [entry.rpartition(":") for entry in commands]
    return {group or ("arm" if len(named) == 1 else topic): topic for group, _, topic in named}


def _override(session: Session, named: NamedTopics, joint_topics: Sequence[str]) -> Session:
    roles = session.roles
    if named.camera.startswith("/") and named.camera not in roles.cameras:
        roles = replace(roles, cameras={named.camera: named.camera})
    if named.command:
        roles = replace(roles, commands=_groups(named.command))
    groups = dict(session.joint_groups)
    for group in dict.fromkeys(entry.partition(":")[0] for entry in named.command_joints):
        own = [entry.partition(":")[2] for entry in named.command_joints if entry.partition(":")[0] == group]
        if not all(own):
            raise BagError(f"--command-joints contains {group!r}, expected GROUP:JOINT, for example arm:joint_1.")
        groups[group] = tuple(own)
    roles = replace(
        roles,
        joint_states=joint_topics[0] if joint_topics else "",
        episode=named.episode or roles.episode,
        object_pose=named.object_pose or roles.object_pose,
    )
    return replace(
        session,
        roles=roles,
        joint_groups=groups,
        base_link=named.base_link or session.base_link,
        tip_link=named.tip_link or session.tip_link,
    )


def _problem(reader: BagReader, what: str, advice: str) -> BagError:
    # Omit the recorder's own topics, which every recording has.
    telling = {name: topic for name, topic in reader.topics.items() if "/recorder/" not in f"/{name}"}
    found = in_few_words([f"{name} {topic.message_count}" for name, topic in telling.items()])
    return BagError(f"{reader.path} {what} (found: {found}). {advice}")
