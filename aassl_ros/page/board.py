"""What the page shows, in parts that change each on its own. A part is encoded once for all viewers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aassl_ros.page.curves import Curves

# Another node may publish anything as diagnostics: the page shows the beginning.
_MOST_NODES, _MOST_VALUES, _LONGEST = 40, 80, 400


@dataclass(frozen=True)
class Status:
    """The status of a node. name: with its namespace; level: 0 ok, 1 warning, 2 error, 3 stale."""

    name: str
    level: int
    message: str
    values: Mapping[str, str]


@dataclass
class Seen:
    """What one viewer has been sent: the version of each part, and the number of the newest point."""

    versions: dict[str, int] = field(default_factory=dict)
    point: int = 0


class Board:
    """The newest answer, gallery, status of each node, and the curves. It belongs to one thread.

    namespace: of the page's own robot, without slashes; its nodes are shown by their short names.
    """

    def __init__(self, namespace: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._prefix = f"/{namespace}/" if namespace else "/"
        self._clock = clock
        self._parts: dict[str, tuple[int, str]] = {}
        self._version = 0
        self.curves = Curves()

    def put(self, part: str, content: Mapping[str, Any]) -> None:
        """Replace a part, and note when. `part` begins with its kind: answer, gallery, camera, page or node/NAME."""
        self._version += 1
        # As ASCII: names of other nodes may contain what cannot be sent as UTF-8.
        text = json.dumps([part, {**content, "heard": round(self._clock(), 2)}])
        self._parts[part] = (self._version, text)

    def hear(self, status: Status) -> None:
        """Take the status of a node. Of very many nodes or values, only the first are shown."""
        name = status.name.removeprefix(self._prefix)[:_LONGEST] or "?"
        part = f"node/{name}"
        if part not in self._parts and sum(key.startswith("node/") for key in self._parts) >= _MOST_NODES:
            return
        values = {key[:_LONGEST]: value[:_LONGEST] for key, value in list(status.values.items())[:_MOST_VALUES]}
        shown = {"name": name, "level": status.level, "message": status.message[:_LONGEST], "values": values}
        self.put(part, shown)
        self.curves.add(name, status.values, self._clock())

    def news(self, seen: Seen) -> str:
        """Return the JSON text of what a viewer has not seen, and note it in `seen`; empty if there is nothing."""
        fresh = [text for part, (version, text) in self._parts.items() if version > seen.versions.get(part, 0)]
        points = self.curves.since(seen.point) if self.curves.newest > seen.point else []
        if not fresh and not points:
            return ""
        seen.versions = {part: version for part, (version, _) in self._parts.items()}
        seen.point = self.curves.newest
        parts = f'"now": {self._clock():.3f}, "parts": [{", ".join(fresh)}]'
        return f'{{{parts}, "points": {json.dumps(points)}}}' if points else f"{{{parts}}}"
