"""Registries of methods, encoders and readers, which are chosen by name. Other packages can add their own.

Another package adds an item by calling `register`, or by an entry point. With an entry point the item is found
without importing that package first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from aassl_ros.errors import ConfigError, first_line

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Items by name, in the order in which they were registered.

    Entry points of `group` are loaded if a name is not registered yet, or if all names are asked for. The name of an
    entry point is the item's name; its object is the item.
    """

    def __init__(self, kind: str, group: str, item_type: type | None = None) -> None:
        """kind: what an item is called in errors ("method"); item_type: the required class of every item."""
        self._kind, self._group, self._item_type = kind, group, item_type
        self._items: dict[str, T] = {}
        self._loaded = False

    @property
    def kind(self) -> str:
        """What an item is called, such as "method"."""
        return self._kind

    def register(self, name: str, item: T) -> T:
        """Add `item` under `name` and return it.

        Raises ConfigError if the name is empty or already used by another item, or if the item has the wrong type.
        """
        if not name or name != name.strip():
            raise ConfigError(f"{self._kind} {name!r}: expected a name without spaces around it.")
        if self._item_type is not None and not isinstance(item, self._item_type):
            raise ConfigError(
                f"{self._kind} {name!r} is of type {type(item).__name__}, expected {self._item_type.__name__}."
            )
        if self._items.get(name, item) is not item:
            raise ConfigError(f"there are two {self._kind}s called {name!r}. Give yours another name.")
        self._items[name] = item
        return item

    def __getitem__(self, name: str) -> T:
        if name not in self._items:
            self._load()
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        if name not in self._items:
            self._load()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(tuple(self._items))

    def __len__(self) -> int:
        self._load()
        return len(self._items)

    def _load(self) -> None:
        """Load the entry points once. Raises ConfigError if one cannot be loaded."""
        if self._loaded:
            return
        self._loaded = True  # set before loading, because a loaded package may ask this registry for a name
        for entry in entry_points(group=self._group):
            try:
                self.register(entry.name, entry.load())
            except Exception as error:  # the other package may raise anything when it is imported
                self._loaded = False
                raise ConfigError(
                    f"{self._kind} {entry.name!r} of {_origin(entry)} cannot be loaded "
                    f"({type(error).__name__}: {first_line(error)}). Fix or uninstall that package."
                ) from error


def _origin(entry: EntryPoint) -> str:
    return f"the package {entry.dist.name}" if entry.dist is not None else entry.value
