"""Fits the pages to the site: README, CONTRIBUTING and CHANGELOG are pages too, and links to code lead to the code.

On GitHub the same files are read where they lie, so their links are relative to the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"(!?\[[^]]*\])\(([^)#:\s]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are not in docs/."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Point links to other pages of the site; a link to a file of the repository becomes its name."""
    source = next((name for name, made in PAGES.items() if made == page.file.src_uri), f"docs/{page.file.src_uri}")

    def fit(match: re.Match[str]) -> str:
        text, target, anchor = match.group(1), match.group(2), match.group(3) or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if not (ROOT / path).exists():
            raise PluginError(f"{source} links to {target}, which is not in the repository.")
        if path in PAGES:
            return f"{text}({PAGES[path]}{anchor})"
        if path.startswith("docs/"):
            return f"{text}({path.removeprefix('docs/')}{anchor})"
        return f"{text[1:-1]} (`{path}`)" if text != f"[{path}]" else f"`{path}`"

    # Code is left as it is: what looks like a link there is none.
    parts, at = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_LINK.sub(fit, markdown[at : code.start()]), code.group()]
        at = code.end()
    return "".join([*parts, _LINK.sub(fit, markdown[at:])])
