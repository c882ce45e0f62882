"""The report of a study: its table, its differences and its plots."""

from __future__ import annotations

from pathlib import Path

from aassl_ros.errors import DataError
from aassl_ros.report.page import Page

TABLE = "table.md"
_PICTURES = ("plot.png", "label_efficiency.png")


def write_study_report(folder: Path, out: Path) -> None:
    """Write the page of a study that has a table.

    Args:
        folder: of the study.
        out: the HTML file.

    Raises:
        DataError: no run of the study is finished.
        OSError: the page cannot be written.
    """
    table = folder / TABLE
    if not table.is_file():
        raise DataError(f"{folder} has no {TABLE} yet: no setting of the study is finished. Run it to its end.")
    lines = table.read_text(encoding="utf-8").splitlines()
    page = Page(f"Study {lines[0].lstrip('# ')}")
    for name in _PICTURES:
        if (folder / name).is_file():
            page.picture((folder / name).read_bytes(), name.removesuffix(".png").replace("_", " "))
    rows: list[list[str]] = []
    number = 0
    for line in [*lines[1:], ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("| ").split("|")])
            continue
        if rows:
            header, body = rows[0], [row for row in rows[1:] if not set("".join(row)) <= {"-", ":"}]
            number += 1
            page.table(header, body)
            page.data(f"table {number}", header, body)
            rows = []
        if line.startswith("#"):
            page.heading(line.lstrip("# "))
        elif line:
            page.text(line)
    page.write(out)
