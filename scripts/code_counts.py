"""Counts of the code: size of files, docstrings of what is public, import circles.

python scripts/code_counts.py            prints them and writes them to the last section of docs/architecture.md
python scripts/code_counts.py --check    fails if a limit is broken or the page is far from the truth
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from pathlib import Path

from import_graph import find_circle, import_graph, two_way_ties

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
HEADING = "## Counts"
MAX_LINES = 300
_TOLERANCE = 0.1
"""How far a number of the page may be off before it has to be written again: every commit changes some."""
_OVER = f"files over {MAX_LINES} lines"
_LIMITS = {"import circles": 0, "folders that import each other": 0, _OVER: 0}
_MIN_DOCSTRINGS = {"exported names with a docstring, %": 100, "public functions and classes with a docstring, %": 80}


def counts() -> dict[str, int]:
    """Each count by its name in the page."""
    package, tests = (sorted((ROOT / folder).rglob("*.py")) for folder in ("aassl_ros", "tests"))
    lines = [_line_count(file) for file in package]
    graph = import_graph(ROOT / "aassl_ros")
    public = [node for file in package for node in _public(file)]
    exported = [node for node in public if node[0] in _exported(package)]
    return {
        "files of the package": len(package),
        "lines of the package": sum(lines),
        "median lines of a file": round(statistics.median(lines)),
        "longest file, lines": max(lines),
        _OVER: sum(count > MAX_LINES for count in lines),
        "exported names with a docstring, %": _share(exported),
        "public functions and classes with a docstring, %": _share(public),
        "import circles": int(bool(find_circle(graph))),
        "folders that import each other": len(two_way_ties(graph)),
        "files of tests": len(tests),
        "lines of tests": sum(map(_line_count, tests)),
    }


def section(found: dict[str, int]) -> str:
    """The section of the page."""
    rows = "".join(f"| {name} | {count} |\n" for name, count in found.items())
    return f"{HEADING}\n\n`python scripts/code_counts.py` writes this section.\n\n| what | count |\n|---|---|\n{rows}"


def problems(found: dict[str, int], page: str) -> list[str]:
    """What is over a limit, and what the page says that is far from the truth."""
    wrong = [f"{name}: {found[name]}, expected at most {most}" for name, most in _LIMITS.items() if found[name] > most]
    wrong += [
        f"{name}: {found[name]}, expected at least {least}"
        for name, least in _MIN_DOCSTRINGS.items()
        if found[name] < least
    ]
    written = {
        name: int(count) for name, count in re.findall(r"^\| (.+) \| (\d+) \|$", page.partition(HEADING)[2], re.M)
    }
    for name, count in found.items():
        if name not in written or abs(written[name] - count) > _TOLERANCE * count:
            wrong.append(
                f"docs/architecture.md: {name} is {written.get(name)}, found {count}. Run scripts/code_counts.py"
            )
    return wrong


def main() -> int:
    found = counts()
    page = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        wrong = problems(found, page)
        print("\n".join(wrong) or "counts are within their limits", file=sys.stderr if wrong else sys.stdout)
        return int(bool(wrong))
    for name, count in found.items():
        print(f"{count:8d}  {name}")
    PAGE.write_text(f"{page.partition(HEADING)[0].rstrip()}\n\n{section(found)}", encoding="utf-8")
    return 0


def _line_count(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def _public(file: Path) -> list[tuple[str, bool]]:
    """(name, whether it has a docstring) of each function, class and method whose name does not start with _."""
    found = []
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for node in [*body, *(inner for outer in body if isinstance(outer, ast.ClassDef) for inner in outer.body)]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append((node.name, ast.get_docstring(node) is not None))
    return found


def _exported(files: list[Path]) -> set[str]:
    """The names in the `__all__` of the package's rooms."""
    names: set[str] = set()
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body if file.name == "__init__.py" else ():
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                names |= set(ast.literal_eval(node.value))
    return names


def _share(nodes: list[tuple[str, bool]]) -> int:
    """Per cent of the nodes that have a docstring, rounded down."""
    return 100 * sum(has for _, has in nodes) // len(nodes)


if __name__ == "__main__":
    sys.exit(main())
