"""The report of a study: its table, its differences and its plots, each with its data."""

from __future__ import annotations

import csv
from pathlib import Path

from aassl_ros.errors import DataError
from aassl_ros.report.page import Page
from aassl_ros.studies.pictures import PICTURES
from aassl_ros.studies.writing import MARKDOWN


def write_study_report(folder: Path, out: Path) -> None:
    """Write the page of a study that has a table.

    Args:
        folder: of the study.
        out: the HTML file.

    Raises:
        DataError: no run of the study is finished.
        OSError: the page cannot be written.
    """
    table = folder / MARKDOWN
    if not table.is_file():
        raise DataError(f"{folder} has no {MARKDOWN} yet: no setting of the study is finished. Run it to its end.")
    lines = table.read_text(encoding="utf-8").splitlines()
    page = Page(f"Study {lines[0].lstrip('# ')}")
    for name in PICTURES:
        _picture(page, folder, name)
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


def _picture(page: Page, folder: Path, name: str) -> None:
    """Add a picture of the study and its data, if the study has them."""
    picture, data = folder / f"{name}.png", folder / f"{name}.csv"
    caption = name.replace("_", " ")
    if picture.is_file():
        page.picture(picture.read_bytes(), caption)
    if data.is_file():  # studies made by version 0.2.0 may have none
        with data.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        page.data(caption, rows[0] if rows else (), rows[1:])
