"""The files of the page, in memory: HTML, style and scripts. None is read from another machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class PageFile:
    """One file. kind: its media type; tag: changes with its content (ETag)."""

    content: bytes
    kind: str
    tag: str


def page_files() -> dict[str, PageFile]:
    """Return the files by name."""
    found = {}
    for entry in (resources.files("aassl_ros.page") / "static").iterdir():
        kind = _TYPES.get(entry.name.rpartition(".")[2])
        if kind is not None:
            content = entry.read_bytes()
            found[entry.name] = PageFile(content, kind, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
    return found
