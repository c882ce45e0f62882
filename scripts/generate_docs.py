"""Writes the pages of docs/ that are made from the code: api.md, cli.md, parameters.md and topics.md.

python scripts/generate_docs.py            writes them
python scripts/generate_docs.py --check    fails if a committed page differs
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def pages() -> dict[str, str]:
    """The text of each page by the name of its file."""
    from aassl_ros.ros_environment import prepare_environment

    prepare_environment()  # before the nodes, whose settings are described, import rclpy
    from doc_pages import api_page, cli_page, parameters_page

    from aassl_ros.data.interfaces import topics_page

    found = {"api": api_page, "cli": cli_page, "parameters": parameters_page, "topics": topics_page}
    return {f"{name}.md": module.page() for name, module in found.items()}


def main() -> int:
    old = [name for name, text in pages().items() if _read(DOCS / name) != text]
    if "--check" in sys.argv[1:]:
        for name in old:
            print(f"docs/{name} is not what the code says. Run: python scripts/generate_docs.py", file=sys.stderr)
        return int(bool(old))
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
    print(f"written: {', '.join(old) or 'nothing new'}")
    return 0


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


if __name__ == "__main__":
    sys.exit(main())
