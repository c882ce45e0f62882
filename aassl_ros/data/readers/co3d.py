"""Reads CO3D v1 and v2 as published.

Files: CATEGORY/frame_annotations.jgz, CATEGORY/sequence_annotations.jgz and CATEGORY/SEQUENCE/images/*.jpg.

Format (github facebookresearch/co3d, co3d/dataset/data_types.py): a viewpoint follows PyTorch3D, x_cam = x_world R + T
with points as rows, x to the left and y up (pytorch3d docs, notes/cameras.md). Focal length and principal point are in
units of half the picture's width and height (ndc_norm_image_bounds, the default) or of half its shorter side
(ndc_isotropic). Picture paths are relative to the root of the data set. Sizes are (height, width). A sequence shows one
object that does not move.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pictures.pictures import PictureEpisode
from aassl_ros.data.prepared.writer import EpisodeStates
from aassl_ros.data.readers.co3d_annotations import FRAMES, SEQUENCES, SetLists, read_gzipped
from aassl_ros.data.readers.object_from_cameras import object_poses
from aassl_ros.data.readers.published import SECOND_NS, Files, PublishedSet, counted, is_within, set_by_hash
from aassl_ros.errors import DataError
from aassl_ros.motion import rotations

LOOKS_LIKE = f"CATEGORY/{FRAMES}"
FOCAL = ("focal_x", "focal_y")
_NORM, _ISOTROPIC = "ndc_norm_image_bounds", "ndc_isotropic"
_TO_OPTICAL = np.diag([-1.0, -1.0, 1.0])
"""PyTorch3D's camera frame has x to the left and y up; the optical frame has x to the right and y down."""

_NOT_THERE = "sequences without a folder, skipped"
_HIDDEN = "pictures hidden for the challenge (black), skipped"
_NO_POSE = "frames without a viewpoint: no object pose"
_NOT_ONE_POINT = "sequences whose cameras do not look at one point: no object pose"
_UNLISTED = "sequences in no set list, used for training"
_NO_LISTS = "sequences split by a hash: their category has no set list"
_NO_TIMES = "sequences whose time stamps do not increase: one second per frame is used"
_COUNTED = (_NOT_THERE, _HIDDEN, _NO_POSE, _NOT_ONE_POINT, _UNLISTED, _NO_LISTS, _NO_TIMES)


def recognises(folder: Path) -> bool:
    """Whether a subfolder contains annotations of CO3D."""
    return any(_is_category(place) for place in _folders(folder))


def read(folder: Path) -> PublishedSet:
    """Read every sequence whose folder exists.

    Raises DataError if an annotation is missing or damaged, or its picture is missing.
    """
    if (folder / FRAMES).is_file():
        raise DataError(f"{folder} is one category of CO3D. Give its parent folder: picture paths start there.")
    counts = dict.fromkeys(_COUNTED, 0)
    episodes: list[PictureEpisode] = []
    for place in _folders(folder):
        if _is_category(place):
            episodes += _Category(folder, place, counts).episodes()
    if not episodes:
        raise DataError(f"{folder} contains no sequence of CO3D with pictures (expected {LOOKS_LIKE}).")
    return PublishedSet(folder, tuple(episodes), counted(counts))


def _is_category(place: Path) -> bool:
    return (place / FRAMES).is_file() or (place / SEQUENCES).is_file()


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


@dataclass
class _Category:
    """The folder of one category. counts: numbers of skipped items by reason, which this class increases."""

    root: Path
    place: Path
    counts: dict[str, int]
    lists: SetLists = field(init=False)

    def __post_init__(self) -> None:
        self.lists = SetLists(self.place)

    def episodes(self) -> list[PictureEpisode]:
        categories = self._categories()
        frames: dict[str, list[_Frame]] = {}
        for annotation in read_gzipped(self.place / FRAMES):
            frame = self._frame(annotation)
            frames.setdefault(frame.sequence, []).append(frame)
        episodes = []
        for sequence in sorted(frames):
            if sequence not in categories:
                raise DataError(f"{self.place / SEQUENCES} lacks sequence {sequence}, which {FRAMES} names.")
            kept = self._kept(sequence, sorted(frames[sequence], key=lambda frame: frame.number))
            if kept:
                episodes.append(self._episode(sequence, categories[sequence], kept))
        return episodes

    def _categories(self) -> dict[str, str]:
        """The category of each sequence."""
        annotations = read_gzipped(self.place / SEQUENCES)
        try:
            return {str(annotation["sequence_name"]): str(annotation["category"]) for annotation in annotations}
        except KeyError as error:
            raise DataError(f"{self.place / SEQUENCES}: a sequence has no field {error}. Unpack it again.") from error

    def _frame(self, annotation: dict[str, Any]) -> _Frame:
        try:
            return _Frame.read(annotation)
        except (KeyError, TypeError, ValueError) as error:
            name = annotation.get("sequence_name"), annotation.get("frame_number")
            where = f"{self.place / FRAMES}, sequence {name[0]}, frame {name[1]}"
            raise DataError(f"{where}: expected CO3D's fields ({type(error).__name__} {error}).") from error

    def _kept(self, sequence: str, frames: list[_Frame]) -> list[_Frame]:
        """The frames whose pictures can be used. Raises DataError if a picture is missing."""
        for frame in frames:
            if not is_within(frame.image):
                raise DataError(f"{self.place / FRAMES}: image {frame.image!r} is outside {self.root}.")
        folders = {(self.root / frame.image).parent for frame in frames}
        there = {folder / name.name for folder in folders if folder.is_dir() for name in folder.iterdir()}
        if not there:
            self.counts[_NOT_THERE] += 1
            return []
        shown = [frame for frame in frames if frame.image not in self.lists.hidden]
        self.counts[_HIDDEN] += len(frames) - len(shown)
        for frame in shown:
            if self.root / frame.image not in there:
                raise DataError(
                    f"{self.place / FRAMES}: sequence {sequence}, frame {frame.number}: picture "
                    f"{self.root / frame.image} is missing. Unpack the sequence again, or remove its folder."
                )
        return shown

    def _episode(self, sequence: str, category: str, frames: list[_Frame]) -> PictureEpisode:
        cameras = np.stack([frame.camera for frame in frames])
        poses = object_poses(cameras, np.stack([frame.sight for frame in frames]))
        known = np.isfinite(cameras).all(axis=1)
        self.counts[_NO_POSE] += int((~known).sum())
        self.counts[_NOT_ONE_POINT] += bool(known.any() and np.isnan(poses).all())
        name = f"{self.place.name}/{sequence}"
        listed = self.lists.set_of(sequence)
        self.counts[_NO_LISTS] += listed is None
        self.counts[_UNLISTED] += listed is not None and not self.lists.names(sequence)
        stamps = np.array([frame.stamp_ns for frame in frames], np.int64)
        if (np.diff(stamps) <= 0).any():
            self.counts[_NO_TIMES] += 1
            stamps = np.array([frame.number * SECOND_NS for frame in frames], np.int64)
        if (np.diff(stamps) <= 0).any():
            raise DataError(f"{self.place / FRAMES}: sequence {sequence} repeats a frame number. Unpack it again.")
        states = EpisodeStates(
            stamps, object_pose=poses, recorded_names=FOCAL, recorded=np.stack([frame.focal for frame in frames])
        )
        images = Files(self.root, tuple(frame.image for frame in frames))
        return PictureEpisode(name, name, category, listed or set_by_hash(name), images, states)


@dataclass(frozen=True)
class _Frame:
    """The annotation of one frame.

    camera [7]: pose of the world in the optical frame. sight [3]: direction of the picture's centre in that frame.
    focal [2]: focal lengths in units of half the shorter side. All are NaN if there is no viewpoint.
    """

    sequence: str
    number: int
    stamp_ns: int
    image: str
    camera: NDArray[np.float64]
    sight: NDArray[np.float64]
    focal: NDArray[np.float64]

    @classmethod
    def read(cls, annotation: dict[str, Any]) -> _Frame:
        """Read one annotation. Raises KeyError, TypeError or ValueError if it does not follow the published format."""
        image = annotation["image"]
        height, width = (float(side) for side in image["size"])
        camera, sight, focal = _viewpoint(annotation.get("viewpoint"), np.array([width, height]))
        return cls(
            sequence=str(annotation["sequence_name"]),
            number=int(annotation["frame_number"]),
            stamp_ns=round(float(annotation["frame_timestamp"]) * SECOND_NS),
            image=str(image["path"]),
            camera=camera,
            sight=sight,
            focal=focal,
        )


def _viewpoint(
    viewpoint: dict[str, Any] | None, size: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """camera [7], sight [3] and focal [2] as in _Frame. size: width and height, pixels."""
    unknown = np.full(7, np.nan), np.full(3, np.nan), np.full(2, np.nan)
    if viewpoint is None:
        return unknown
    rotation = _TO_OPTICAL @ np.asarray(viewpoint["R"], np.float64).reshape(3, 3).T
    position = _TO_OPTICAL @ np.asarray(viewpoint["T"], np.float64).reshape(3)
    focal = np.asarray(viewpoint["focal_length"], np.float64).reshape(2)
    principal = np.asarray(viewpoint["principal_point"], np.float64).reshape(2)
    units = viewpoint.get("intrinsics_format", _NORM)
    if units not in (_NORM, _ISOTROPIC):
        raise ValueError(f"intrinsics_format = {units!r}")
    numbers = np.concatenate([rotation.ravel(), position, focal, principal])
    turns = np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-2) and np.linalg.det(rotation) > 0
    if not np.isfinite(numbers).all() or (focal <= 0).any() or not turns:
        return unknown
    camera = np.concatenate([position, rotations.from_matrix(rotation)])
    # At the picture's centre x f / z + p = 0 with x to the left, so x / z = p / f with x to the right.
    sight = np.array([*(principal / focal), 1.0])
    return camera, sight, focal * size / size.min() if units == _NORM else focal
