"""Makes decoders from the message definitions in a bag, with limits. Only checked names of a definition reach Python.

rosbags generates the decoders. Its parser needs minutes for some texts, so this module parses definitions, line by
line. Constants and defaults are skipped, because decoders do not need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_idl, get_typestore
from rosbags.typesys.store import Typestore

from aassl_ros.data.bags.stored import StoredTopic, normal_type
from aassl_ros.errors import DataError, first_line

# rosbags' own description of types: name -> (constants, fields).
Types = dict[str, tuple[list[Any], list[tuple[str, Any]]]]

_MAX_CHARACTERS = 1 << 20
_MAX_IDL_CHARACTERS = 1 << 16
_MAX_FIELDS = 5000
_MAX_DEPTH = 32
_MAX_NAME = 255
_LARGE = 4096  # bytes of a message that are better not copied
# The generated decoder of a fixed-length array has a line for each item, unless the items are numbers.
_MAX_UNROLLED = 1000
_MAX_ARRAY = 1 << 28
_INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_NUMBERS = ("bool", "byte", "char", "float32", "float64", *_INTEGERS)
_USUAL = {
    "time": "builtin_interfaces/msg/Time",
    "duration": "builtin_interfaces/msg/Duration",
    "Header": "std_msgs/msg/Header",
}
# Types whose fields are read by their names (data/streams/messages.py).
_READ_BY_NAME = (
    "builtin_interfaces/msg/Time",
    "builtin_interfaces/msg/Duration",
    "std_msgs/msg/String",
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/CompressedImage",
    "trajectory_msgs/msg/JointTrajectory",
    "trajectory_msgs/msg/JointTrajectoryPoint",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/Pose",
    "geometry_msgs/msg/Point",
    "geometry_msgs/msg/Quaternion",
)
_USUAL_TYPES = (
    "builtin_interfaces/msg/Time",
    "std_msgs/msg/Header",
    "std_msgs/msg/String",
    "sensor_msgs/msg/JointState",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/CompressedImage",
)
_SEPARATOR = re.compile(r"={20,}")
_FIELD = re.compile(
    r"(?P<type>[A-Za-z][A-Za-z0-9_]*(?:/[A-Za-z][A-Za-z0-9_]*){0,2})(?:<=(?P<bound>\d{1,10}))?"
    r"(?P<array>\[(?P<most><=)?(?P<size>\d{0,10})\])?[ \t]+(?P<name>[A-Za-z][A-Za-z0-9_]*)[ \t]*(?P<rest>.*)",
    re.ASCII,
)
_TYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*/(msg|srv|action)/[A-Za-z][A-Za-z0-9_]*", re.ASCII)


class BagTypes:
    """Decodes the messages of one bag with the definitions in the bag, else with the standard ones."""

    def __init__(self, topics: Iterable[StoredTopic] = ()) -> None:
        self._brought: dict[str, StoredTopic] = {}
        self._store: Typestore | None = None
        self._refused: dict[str, str] = {}
        self._checked: set[str] = set()
        for topic in topics:
            self.add(topic)

    def add(self, topic: StoredTopic) -> None:
        """Store a topic's definition until a message of its type is decoded."""
        if topic.definition and topic.type not in self._brought:
            self._brought[topic.type] = topic

    def decode(self, msgtype: str, cdr: bytes | memoryview) -> Any:
        """Decode CDR. Raises DataError if the type has no usable definition or the bytes are not of that type."""
        store = self._known(msgtype)
        try:
            # rosbags slices the bytes, which copies them, but not those of a view.
            return store.deserialize_cdr(memoryview(cdr) if len(cdr) > _LARGE else cdr, msgtype)
        except (Exception, RecursionError) as error:  # generated readers raise whatever slicing and unpacking raise
            raise DataError(f"A message of {len(cdr)} bytes is no {msgtype}: {first_line(error)}.") from error

    def cdr(self, msgtype: str, ros1: bytes) -> bytes:
        """Convert a message of ROS 1 to CDR. Raises DataError like `decode`."""
        store = self._known(msgtype)
        try:
            return bytes(store.ros1_to_cdr(ros1, msgtype))
        except (Exception, RecursionError) as error:  # see decode
            raise DataError(f"A message of {len(ros1)} bytes is no {msgtype} of ROS 1: {first_line(error)}.") from error

    def _known(self, msgtype: str) -> Typestore:
        if self._store is None:
            self._store = _standard_types()
        if msgtype in self._checked and msgtype not in self._brought:
            return self._store
        if msgtype in self._refused:
            raise DataError(self._refused[msgtype])
        brought = self._brought.pop(msgtype, None)
        try:
            if brought is not None:
                self._checked.clear()  # it may define a part of another type anew
                _register(self._store, definition_types(brought))
            if msgtype not in self._store.fielddefs:
                raise ValueError("the bag brings no definition of it, and it is no standard type")
            _check_tree(self._store, msgtype)
        except (Exception, RecursionError) as error:  # the code generator of rosbags has its own exceptions
            reason = f"Messages of type {msgtype[:_MAX_NAME]} cannot be decoded: {first_line(error)}."
            self._refused[msgtype] = reason
            raise DataError(reason) from error
        self._checked.add(msgtype)
        return self._store


@lru_cache(maxsize=1)
def _latest() -> Typestore:
    store = get_typestore(Stores.LATEST)
    for name in _USUAL_TYPES:  # made once for all bags: it takes as long as reading 20 images
        store.get_msgdef(name)
    return store


def _standard_types() -> Typestore:
    """A store of the standard types, to which types can be added. A copy: making one anew takes a fifth of a second."""
    store, standard = Typestore(), _latest()
    store.fielddefs.update(standard.fielddefs)
    store.types.update(standard.types)
    store.cache.update(standard.cache)
    return store


def definition_types(topic: StoredTopic) -> Types:
    """The types in a topic's definition. Raises ValueError if the definition is wrong."""
    text = topic.definition[: 4 * _MAX_CHARACTERS + 1].decode(errors="replace")
    limit = _MAX_IDL_CHARACTERS if topic.definition_encoding == "ros2idl" else _MAX_CHARACTERS
    if len(text) > limit:
        raise ValueError(f"its definition is longer than {limit} characters")
    if topic.definition_encoding == "ros2idl":
        return _checked(get_types_from_idl(text))
    if topic.definition_encoding not in ("ros2msg", "ros1msg"):
        raise ValueError(f"its definition is of the kind {topic.definition_encoding[:40]!r}, expected ros2msg")
    return _checked(message_types(text, topic.type))


def message_types(text: str, msgtype: str) -> Types:
    """The types in a .msg text, including those appended to it, as in bags. Raises ValueError."""
    types: Types = {}
    owner = msgtype
    types[owner] = ([], [])
    fields, awaits_name = 0, False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if _SEPARATOR.fullmatch(line):
            awaits_name = True
        elif awaits_name and line.startswith(("MSG:", "IDL:")):
            owner, awaits_name = normal_type(line[4:].strip()), False
            types[owner] = ([], [])
        elif line and not line.startswith(("#", "@")):
            field = _field(line, owner, number)
            if field is not None:
                types[owner][1].append(field)
                fields += 1
        if fields > _MAX_FIELDS:
            raise ValueError(f"its definition has more than {_MAX_FIELDS} fields")
    return types


def _field(line: str, owner: str, number: int) -> tuple[str, Any] | None:
    """The name and description of a field; None for a constant."""
    found = _FIELD.fullmatch(line[:2000])
    if found is None:
        raise ValueError(f"line {number} of its definition is no field: {line[:60]!r}")
    # Only a comment or a default may follow.
    if found["rest"].startswith("=") and not found["array"]:
        return None
    kind = found["type"]
    if kind == "string" or kind in _NUMBERS:
        inner: Any = (Nodetype.BASE, (kind, int(found["bound"] or 0)))
    elif kind == "wstring":
        raise ValueError("it has a wstring, which cannot be decoded here")
    else:
        package = owner.rpartition("/")[0]
        name = _USUAL.get(kind) or (normal_type(kind) if "/" in kind else f"{package}/{kind}")
        inner = (Nodetype.NAME, name)
    if not found["array"]:
        return found["name"], inner
    fixed = bool(found["size"]) and not found["most"]
    size = int(found["size"] or 0)
    return found["name"], (Nodetype.ARRAY if fixed else Nodetype.SEQUENCE, (inner, size))


def _checked(types: Any) -> Types:
    """The types without constants, after checks of all names and of the lengths of arrays. Raises ValueError."""
    unrolled = 0
    for name, (_, fields) in types.items():
        if not _TYPE_NAME.fullmatch(name) or len(name) > _MAX_NAME:
            raise ValueError(f"{name[:60]!r} is no name of a type")
        for field, (node, inner) in fields:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", field, re.ASCII) or len(field) > _MAX_NAME:
                raise ValueError(f"{field[:60]!r} is no name of a field")
            if node == Nodetype.ARRAY:
                (item, of), size = inner
                numbers = item == Nodetype.BASE and of[0] in _NUMBERS
                unrolled += 0 if numbers else size
                if size > _MAX_ARRAY or unrolled > _MAX_UNROLLED:
                    raise ValueError(f"field {field} is an array of {size}, more than can be decoded here")
    return {name: ([], list(fields)) for name, (_, fields) in types.items()}


def _register(store: Typestore, types: Types) -> None:
    """Add types. A standard type that the bag defines with other fields has those for this bag."""
    fresh: Types = {}
    for name, (_, fields) in types.items():
        known = store.fielddefs.get(name)
        # ROS 1's header has a counter more, which rosbags leaves out by itself.
        if name == "std_msgs/msg/Header" or (known and _kinds(known[1]) == _kinds(fields)):
            continue
        if name in _READ_BY_NAME:
            raise ValueError(f"the bag defines {name} with other fields than ROS 2 does")
        if known is not None:
            del store.fielddefs[name], store.types[name]
            store.cache.clear()
        fresh[name] = ([], fields)
    if fresh:
        store.register(fresh)  # type: ignore[arg-type]


def _kinds(fields: Iterable[Any]) -> list[Any]:
    """What bytes show of fields: not their names, which ROS 1 writes otherwise here and there.

    An empty message has one field in rosbags.
    """
    return [_plain(kind) for name, kind in fields if name != "structure_needs_at_least_one_member"]


def _plain(kind: Any) -> Any:
    """The kind of a field without bounds, which do not change the encoding."""
    node, inner = kind
    if node == Nodetype.BASE:
        return int(node), {"char": "uint8", "byte": "uint8"}.get(inner[0], inner[0])
    if node in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        return int(node), _plain(inner[0]), inner[1] if node == Nodetype.ARRAY else 0
    return int(node), inner


def _check_tree(store: Typestore, msgtype: str) -> None:
    """Raise ValueError if a type in the fields of a type is unknown, or a type contains itself."""
    sound: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above or len(above) > _MAX_DEPTH:
            raise ValueError(f"{name} is made of itself" if name in above else "it is nested too deep")
        if name not in store.fielddefs:
            raise ValueError(f"its definition names {name[:_MAX_NAME]}, which it does not define")
        if name not in sound:
            for _, description in store.fielddefs[name][1]:
                kind: Any = description
                if kind[0] in (Nodetype.ARRAY, Nodetype.SEQUENCE):
                    kind = kind[1][0]
                if kind[0] == Nodetype.NAME:
                    visit(str(kind[1]), (*above, name))
            sound.add(name)

    visit(msgtype, ())
