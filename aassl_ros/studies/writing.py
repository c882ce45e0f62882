"""Writes the results of a study to its folder: table.json, table.md, and each picture (PNG) with its data (CSV)."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from aassl_ros import __version__
from aassl_ros.errors import DataError
from aassl_ros.files import write_whole
from aassl_ros.studies.markdown import markdown
from aassl_ros.studies.pictures import draw
from aassl_ros.studies.request import Conclusion
from aassl_ros.studies.run import write_json
from aassl_ros.studies.table import Row, rows_of

TABLE, MARKDOWN = "table.json", "table.md"


def write(conclusion: Conclusion, out: Path) -> dict[str, Any]:
    """Write all files and return the table. Raises DataError if they cannot be written."""
    rows = rows_of(conclusion.study, conclusion.results, conclusion.objects)
    table, pictures = _table(conclusion, rows), draw(conclusion, rows)
    write_json(out / TABLE, table)
    try:
        write_whole(out / MARKDOWN, markdown(conclusion, rows))
        for name, drawn in pictures.items():
            data = io.StringIO()
            csv.writer(data).writerows([drawn.header, *drawn.rows])
            write_whole(out / f"{name}.csv", data.getvalue())
            write_whole(out / f"{name}.png", drawn.png)
    except OSError as error:
        raise DataError(f"{out} cannot be written ({error.strerror}). Free some disk space.") from error
    return table


def _table(conclusion: Conclusion, rows: list[Row]) -> dict[str, Any]:
    request = conclusion.request
    failed = [
        {"setting": setting, "seed": seed, "reason": reason} for (setting, seed), reason in conclusion.failed.items()
    ]
    return {
        "study": conclusion.study.name,
        "question": conclusion.study.question,
        "quick": request.quick,
        "seeds": request.seeds,
        "updates": request.length,
        "settings": request.settings,
        "evaluation": request.evaluation,
        "data": str(request.data),
        "data_fingerprint": conclusion.fingerprint,
        "test_instances": conclusion.test_instances,
        "notes": [*conclusion.notes, *conclusion.shot_notes],
        "version": __version__,
        "rows": [row.to_json() for row in rows],
        "failed": failed,
    }
