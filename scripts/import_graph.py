"""The import graph of the package: which file imports which, circles between files, ties between folders.

`python scripts/import_graph.py` prints the circles and ties and exits with 1 if there are any. tests/test_layers.py
uses the same functions. It reads the source and imports nothing.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = Mapping[str, set[str]]


def imported_names(file: Path) -> set[str]:
    """Every dotted name that a file imports, anywhere in it; `from a import b` counts as `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def import_graph(package: Path) -> dict[str, set[str]]:
    """For each module of the package the modules of the package that it imports, by dotted name.

    Imports for type checking count, too. That Python also runs the __init__ of each parent folder does not count:
    every folder whose __init__ imports its own files would be a circle.
    """
    modules = {_dotted(file, package): file for file in sorted(package.rglob("*.py"))}
    graph: dict[str, set[str]] = {}
    for name, file in modules.items():
        found = {_module_of(imported, modules) for imported in imported_names(file)}
        graph[name] = {target for target in found if target and target != name}
    return graph


def find_circle(graph: Graph) -> list[str]:
    """The modules of one import circle, in order; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def two_way_ties(graph: Graph) -> list[tuple[str, str]]:
    """Pairs of folders of which each has a file that imports a file of the other."""
    edges = {(_folder(source, graph), _folder(target, graph)) for source in graph for target in graph[source]}
    return sorted((a, b) for a, b in edges if a < b and (b, a) in edges)


def _dotted(file: Path, package: Path) -> str:
    return ".".join(file.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")


def _module_of(imported: str, modules: Collection[str]) -> str | None:
    """The module of ours that an imported name means: itself, or the one that holds it."""
    for name in (imported, imported.rpartition(".")[0]):
        if name in modules:
            return name
    return None


def _folder(module: str, graph: Graph) -> str:
    is_package = any(name.startswith(f"{module}.") for name in graph)
    return module if is_package else module.rpartition(".")[0]


if __name__ == "__main__":
    graph = import_graph(Path(__file__).resolve().parent.parent / "aassl_ros")
    problems = [f"import circle: {' -> '.join(find_circle(graph))}"] if find_circle(graph) else []
    problems += [f"{a} and {b} import each other" for a, b in two_way_ties(graph)]
    print("\n".join(problems) or "no import circles, no folders that import each other")
    sys.exit(bool(problems))
