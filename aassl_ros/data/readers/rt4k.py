"""Reads RT4K (Revolve Toys4K): 180 views of each toy, 2 degrees apart about the vertical, rendered with ThreeDWorld.

Format from the authors' code (github trieschlab/AASSL, utils/datasets.py; the files are in rt4k_tables.py): the view is
the third last part of the file name, from 1 to 180, and view 1 follows view 180. One table is for training and one for
testing. The camera pose is not published. So an object's pose is its rotation about the vertical as if the camera
looked horizontally from distance 1: x y z = 0 0 1. The generator of the predecessor data set rotated the object by a
positive yaw. In ThreeDWorld this is clockwise as seen from above, so a positive rotation about the y axis of the
optical frame. We could not verify that RT4K rotates in the same direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aassl_ros.data.pictures.pictures import Picture, PictureEpisode
from aassl_ros.data.prepared.writer import EpisodeStates
from aassl_ros.data.readers.published import SECOND_NS, PublishedSet
from aassl_ros.data.readers.rt4k_tables import PICTURES, SETS, PictureFiles, Row, StoredPictures, read_table, table_file
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

VIEWS = 180
TURN = "turn_deg"
"""The recorded angle. With `--action-space recorded --rotation 6d` its action is that of the paper: the cosine and sine
of the rotation.
"""
LOOKS_LIKE = f"dataset.parquet and dataset_test.parquet, with {PICTURES} or OBJECT/*.png"


def recognises(folder: Path) -> bool:
    """Whether the folder contains both tables."""
    return all(table_file(folder, name) is not None for name in SETS)


def read(folder: Path) -> PublishedSet:
    """Read one episode for each object and background.

    Raises DataError if a table is missing or damaged, a picture is missing, or an object is in both tables.
    """
    stored = (folder / PICTURES).is_file()
    episodes: list[PictureEpisode] = []
    seen: dict[str, str] = {}
    short = 0
    for name, stem in SETS.items():
        file = table_file(folder, name)
        if file is None:
            raise DataError(f"{folder} has no {stem}.parquet (nor .csv): it lists the {name} pictures of RT4K.")
        rows = read_table(file, stored)
        pictures = StoredPictures(folder / PICTURES, name) if stored else PictureFiles(folder)
        for key, clip in _clips(rows, file).items():
            views = sorted(clip)
            listed = [clip[view] for view in views]
            if seen.setdefault(listed[0].object, name) != name:
                raise DataError(f"{file}: object {listed[0].object} is also in the table of the other set.")
            short += len(views) < VIEWS
            episodes.append(_episode(key, views, listed, name, pictures.of(listed)))
    notes = (f"{short} of {len(episodes)} episodes have fewer than {VIEWS} views",) if short else ()
    return PublishedSet(folder, tuple(episodes), notes)


def _clips(rows: Sequence[Row], file: Path) -> dict[str, dict[int, Row]]:
    """The row of each view of each episode. The id of an episode is OBJECT/BACKGROUND, with a number if it repeats."""
    clips: dict[str, dict[int, Row]] = {}
    rounds: dict[tuple[str, str, int], int] = {}
    for row in rows:
        view = _view(row, file)
        key = row.object, row.background, view
        rounds[key] = again = rounds.get(key, 0) + 1
        name = f"{row.object}/{row.background}" + (f"/{again}" if again > 1 else "")
        clips.setdefault(name, {})[view] = row
    return clips


def _view(row: Row, file: Path) -> int:
    """The number of the view in OBJECT_VIEW_ORIENTATION_PLACE.png."""
    parts = row.file.split("_")
    text = parts[-3] if len(parts) > 3 else ""
    if not text.isdecimal() or not 1 <= int(text) <= VIEWS:
        raise DataError(
            f"{file}: {row.file!r}, expected OBJECT_VIEW_ORIENTATION_PLACE.png with a view from 1 to {VIEWS}."
        )
    return int(text)


def _episode(
    name: str, views: list[int], rows: list[Row], instance_set: str, images: Sequence[Picture]
) -> PictureEpisode:
    turns = np.array(views)[:, None] * (2 * np.pi / VIEWS)
    poses = np.zeros((len(views), 7))
    poses[:, 2] = 1.0
    poses[:, 3:] = rotations.from_rotation_vector(turns * [0.0, 1.0, 0.0])
    # A turntable has no times, so one second per view is used.
    stamps = np.array(views) * SECOND_NS
    states = EpisodeStates(stamps, object_pose=poses, recorded_names=(TURN,), recorded=np.degrees(turns))
    return PictureEpisode(name, rows[0].object, rows[0].category, instance_set, images, states)
