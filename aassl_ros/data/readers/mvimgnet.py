"""Reads MVImgNet and MVImgNet 2.0 as published: CLASS/INSTANCE/images/*.jpg and a COLMAP model in .../sparse/0.

Format from the publishers' READMEs (github GAP-LAB-CUHK-SZ/MVImgNet, luyues/MVImgNet2.0): CLASS is a number; its name
is in mvimgnet_category.txt (lines "0,bag") or mvimgnet2_category.json ({"0": "bag"}). From the issues of the first
repository: some clips have no model (18) or lack pictures (18); if there are several models, sparse/0 is the right one
(15). No split is published, so instances are split by a hash.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pictures.pictures import PictureEpisode
from aassl_ros.data.prepared.writer import EpisodeStates
from aassl_ros.data.readers.colmap import has_model, read_camera_poses
from aassl_ros.data.readers.folder_scan import list_folder
from aassl_ros.data.readers.object_from_cameras import object_poses
from aassl_ros.data.readers.published import SECOND_NS, Files, PublishedSet, counted, set_by_hash
from aassl_ros.errors import DataError

LOOKS_LIKE = "CLASS NUMBER/INSTANCE/images and sparse/0"
NAMES = ("mvimgnet_category.txt", "mvimgnet2_category.json")
MODEL = "sparse/0"


def recognises(folder: Path) -> bool:
    """Whether numbered class folders contain images, and a model or the file of categories is there."""
    return accepts(folder) and (
        any((folder / name).is_file() for name in NAMES)
        or any((instance / MODEL).is_dir() for place in _classes(folder) for instance in _folders(place))
    )


def accepts(folder: Path) -> bool:
    """Whether a numbered class folder contains an instance with images, as clips without a model do, too."""
    return any((instance / "images").is_dir() for place in _classes(folder) for instance in _folders(place))


def read(folder: Path) -> PublishedSet:
    """Read every clip with pictures.

    Raises DataError if there is none, or if a model is damaged or belongs to other pictures.
    """
    names = category_names(folder)
    counts = dict.fromkeys(_COUNTED, 0)
    episodes = []
    for place in _classes(folder):
        for instance in _folders(place):
            episode = _read_clip(instance, names.get(place.name, place.name), counts)
            if episode is not None:
                episodes.append(episode)
    if not episodes:
        raise DataError(f"{folder} contains no MVImgNet clip with pictures (expected {LOOKS_LIKE}).")
    notes = counted(counts)
    if not names:
        notes += (f"categories are class numbers: for names, put {' or '.join(NAMES)} into {folder}",)
    return PublishedSet(folder, tuple(episodes), notes)


_NO_PICTURES = "clips without pictures, skipped"
_NO_MODEL = "clips without a COLMAP model: no object pose"
_NOT_ONE_POINT = "clips whose cameras do not look at one point: no object pose"
_NOT_REGISTERED = "pictures that are not in the model of their clip: no object pose"
_NOT_THERE = "pictures of the models that are missing"
_HIDDEN = "hidden files beside the pictures, skipped"
_NOT_PICTURES = "files beside the pictures that are not pictures, skipped"
_COUNTED = (_NO_PICTURES, _NO_MODEL, _NOT_ONE_POINT, _NOT_REGISTERED, _NOT_THERE, _HIDDEN, _NOT_PICTURES)


def category_names(folder: Path) -> dict[str, str]:
    """The category names by class number, from the publishers' file in `folder`; empty if the file is missing.

    Raises DataError if the file cannot be read.
    """
    for file in (folder / name for name in NAMES):
        if not file.is_file():
            continue
        try:
            if file.suffix == ".json":
                names = json.loads(file.read_text(encoding="utf-8"))
                if not isinstance(names, dict):
                    raise ValueError("no JSON object")
                return {str(number): str(name).strip() for number, name in names.items()}
            with open(file, newline="", encoding="utf-8") as stream:
                return {number.strip(): name.strip() for number, name in (row for row in csv.reader(stream) if row)}
        except (OSError, ValueError) as error:
            raise DataError(f"{file} cannot be read ({error}): expected class numbers and their names.") from error
    return {}


def _read_clip(instance: Path, category: str, counts: dict[str, int]) -> PictureEpisode | None:
    name = f"{instance.parent.name}/{instance.name}"
    pictures = instance / "images"
    listing = list_folder(pictures) if pictures.is_dir() else None
    names = listing.pictures if listing else ()
    counts[_HIDDEN] += listing.hidden if listing else 0
    counts[_NOT_PICTURES] += listing.others.total() if listing else 0
    if not names:
        counts[_NO_PICTURES] += 1
        return None
    poses = np.full((len(names), 7), np.nan)
    if has_model(instance / MODEL):
        poses = object_poses(_cameras(instance / MODEL, names, counts))
        counts[_NOT_ONE_POINT] += bool(np.isnan(poses).all())
    else:
        counts[_NO_MODEL] += 1
    # The times of the videos are not published, so one second per picture is used.
    states = EpisodeStates(np.arange(len(names)) * SECOND_NS, object_pose=poses)
    return PictureEpisode(name, name, category, set_by_hash(name), Files(pictures, names), states)


def _cameras(model: Path, names: tuple[str, ...], counts: dict[str, int]) -> NDArray[np.float64]:
    """Camera poses [n, 7] of the pictures, NaN if a picture was not registered."""
    # COLMAP names a picture by its path within its image folder, which may have been another folder.
    registered = {Path(name).name: pose for name, pose in read_camera_poses(model).items()}
    there = registered.keys() & set(names)
    if registered and not there:
        raise DataError(f"{model} belongs to other pictures: it names {min(registered)}, but the clip has {names[0]}.")
    counts[_NOT_THERE] += len(registered) - len(there)
    counts[_NOT_REGISTERED] += len(names) - len(there)
    unknown = np.full(7, np.nan)
    return np.stack([registered.get(name, unknown) for name in names])


def _classes(folder: Path) -> list[Path]:
    return sorted((place for place in _folders(folder) if place.name.isdecimal()), key=lambda place: int(place.name))


def _folders(folder: Path) -> list[Path]:
    return [folder / name for name in list_folder(folder).folders] if folder.is_dir() else []
