"""The way of docs/pretrained.md with pictures of one's own: folders of photographs, prepared, then a study."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from aassl_ros.cli.main import main


def draw_photographs(folder: Path, names: str, categories: int, objects: int) -> None:
    """Draw CATEGORY/OBJECT/*.jpg: an ellipse whose shape tells the category turns before a background of noise."""
    rng = np.random.default_rng(0)
    for category in range(categories):
        for number in range(objects):
            place = folder / f"{names} {category}" / f"object {number}"
            place.mkdir(parents=True)
            colour = tuple(map(int, rng.integers(80, 256, 3)))
            for view in range(6):
                picture = rng.integers(0, 60, (180, 240, 3), dtype=np.uint8)
                axes = (70, 15 + 18 * category)
                cv2.ellipse(picture, (120, 90), axes, 30 * view, 0, 360, colour, -1)
                cv2.imwrite(str(place / f"img_{view}.jpg"), picture)


@pytest.mark.slow
def test_photographs_in_folders_are_prepared_and_a_published_encoder_is_adapted_to_them(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    draw_photographs(tmp_path / "pictures", "kind", categories=3, objects=5)
    draw_photographs(tmp_path / "others", "other", categories=2, objects=4)
    data, other, out = (str(tmp_path / name) for name in ("data", "other", "study"))
    assert main(["prepare", str(tmp_path / "pictures"), "-o", data]) == 0
    assert main(["prepare", str(tmp_path / "others"), "-o", other]) == 0
    assert main(["evaluate", "pretrained:efficientnet_lite0:64", data, "--json", "--measures", "category"]) == 0
    methods = "simclr_tt,aa_simclr concat"
    words = ["adaptation", data, "--forgetting", other, "--seeds", "1", "-o", out, "--methods", methods]
    assert main(["study", *words, "--jobs", "1", "--updates", "2", "--set", "batch=16", "few_shot_draws=5"]) == 0
    table = json.loads((tmp_path / "study" / "table.json").read_text())
    named = json.dumps(table)
    for setting in ("frozen", "best simclr_tt", "best aa_simclr concat", "actions shuffled"):
        assert setting in named
    assert "Traceback" not in capsys.readouterr().err
