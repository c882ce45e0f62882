"""One self-contained HTML page of headings, text, tables and pictures."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from aassl_ros.files import write_whole

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #212529; max-width: 1060px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.7em; margin-bottom: 0; } h2 { margin-top: 2em; border-bottom: 1px solid #dee2e6; padding-bottom:
.2em; } img { max-width: 100%; display: block; margin: .8em 0; } table { border-collapse: collapse; margin: .8em 0; }
td, th { padding: .25em .9em; text-align: right; border-bottom: 1px solid #e9ecef; } td:first-child, th:first-child {
text-align: left; } .lead { color: #495057; } .figures { display: flex; flex-wrap: wrap; gap: 2.2em; margin: 1.2em 0; }
.figures div { font-size: .85em; color: #6c757d; } .figures b { display: block; font-size: 1.9em; color: #212529;
line-height: 1.2; } .strip { display: flex; flex-wrap: wrap; gap: .5em; } .strip figure { margin: 0; font-size: .8em;
color: #6c757d; text-align: center; } .strip img { margin: 0; } code { background: #f1f3f5;
padding: .1em .3em; border-radius: 3px; }
:root { color-scheme: light dark; }
@media (prefers-color-scheme: dark) { body { color: #e6ebf0; background: #10151a; } h2 { border-color: #313c46; }
td, th { border-color: #2b353e; } .lead, .figures div, .strip figure { color: #98a6b3; } .figures b { color: #e6ebf0; }
code { background: #2b353e; } a { color: #4aa3e8; } img { background: #fff; border-radius: 4px; } }
"""

_SHOWN_ROWS = 100


@dataclass
class Page:
    """A report page that is built part by part. All text is escaped, so that no object name can break the HTML."""

    title: str
    _parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Add a heading."""
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(f"<p>{escape(text)}</p>")

    def figures(self, figures: Sequence[tuple[str, str]]) -> None:
        """Add large numbers in a row. Each is a pair (value, name); the name is shown below the value."""
        cells = "".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for value, name in figures)
        self._parts.append(f'<div class="figures">{cells}</div>')

    def picture(self, png: bytes, description: str) -> None:
        """Add a PNG picture. description: the text for readers who cannot see it."""
        data = base64.b64encode(png).decode()
        self._parts.append(f'<img alt="{escape(description)}" src="data:image/png;base64,{data}">')

    def strip(self, jpegs: Sequence[bytes | None], captions: Sequence[str]) -> None:
        """Add small JPEG pictures side by side, each with its caption below; None: only the caption."""
        figures = []
        for jpeg, caption in zip(jpegs, captions, strict=True):
            data = "" if jpeg is None else base64.b64encode(jpeg).decode()
            picture = data and f'<img alt="{escape(caption)}" src="data:image/jpeg;base64,{data}">'
            figures.append(f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>")
        self._parts.append(f'<div class="strip">{"".join(figures)}</div>')

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add a table."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
        self._parts.append(f"<table><tr>{head}</tr>{body}</table>")

    def data(self, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add the data behind a plot: a table that unfolds, and the same as a CSV file to save."""
        text = io.StringIO()
        csv.writer(text).writerows([header, *rows])
        encoded = base64.b64encode(text.getvalue().encode()).decode()
        file = "".join(letter if letter.isalnum() else "_" for letter in name)[:60]
        self._parts.append(
            f"<details><summary>data: {escape(name)} ({len(rows)} rows)</summary>"
            f'<p><a download="{escape(file)}.csv" href="data:text/csv;base64,{encoded}">save as CSV</a></p>'
        )
        self.table(header, rows[:_SHOWN_ROWS])
        if len(rows) > _SHOWN_ROWS:
            self.text(f"... and {len(rows) - _SHOWN_ROWS} more rows in the file.")
        self._parts.append("</details>")

    def write(self, path: Path) -> None:
        """Write the page, whole or not at all: nobody sees half a page."""
        html = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{escape(self.title)}</h1>{''.join(self._parts)}</body></html>"
        )
        write_whole(path, html)
