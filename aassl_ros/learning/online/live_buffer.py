"""The replay buffer of a trainer: the streams of all its robots fill it, and a folder keeps it for the next start."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

from aassl_ros.data.replay.buffer import ReplayBuffer
from aassl_ros.data.replay.folder import BufferLayout, has_buffer, read_table
from aassl_ros.data.replay.retention import NEWEST, RETENTIONS
from aassl_ros.data.replay.rows import row_type
from aassl_ros.data.replay.saved_buffer import SavedReplayBuffer
from aassl_ros.data.streams.robot_kinematics import RobotKinematics
from aassl_ros.data.streams.sample import Sample
from aassl_ros.errors import ConfigError, DataError
from aassl_ros.settings import setting

MAPPED, MEMORY = "mapped", "memory"
_INDEX_BYTES = 64
"""Memory for the index of each frame (lane.py)."""
_FEWEST_FRAMES = 100
_USUAL_JOINTS = 8


@dataclass(frozen=True)
class BufferSettings:
    """How many frames the replay buffer holds, which ones, and where."""

    capacity: int = setting(
        20_000, "Maximum number of frames in the buffer (64 px: 12 KB each)", minimum=100, maximum=50_000_000
    )
    capacity_mb: float = setting(
        0.0, "Maximum size of the buffer, MB of 10^6 bytes; the smaller of this and capacity counts; 0: no limit",
        minimum=0, maximum=1e8,
    )  # fmt: skip
    retention: str = setting(
        NEWEST,
        "Frames that stay if the buffer is full: newest, or reservoir, a random sample of all that ever came",
        choices=RETENTIONS,
    )
    stretch_frames: int = setting(
        256,
        "With retention = reservoir: consecutive frames that stay or go together; a pair lies within them",
        minimum=2,
        maximum=100_000,
    )
    buffer_dir: str = setting(
        "", "Folder that keeps the buffer for the next start; empty: it is in memory and lost at the end"
    )
    buffer_storage: str = setting(
        MAPPED,
        "With buffer_dir: mapped (the frames are in files there, and the buffer may be larger than the memory) or "
        "memory (in memory, and what is new is written at each checkpoint)",
        choices=(MAPPED, MEMORY),
    )
    restore_buffer: bool = setting(
        True, "Begin with the buffer that is in buffer_dir; false: delete it and begin with an empty one"
    )


class LiveBuffer:
    """One replay buffer for any number of robots. It is made with the first frame: before, the joints are unknown.

    The OnlineTrainer reads `buffer` and `instances`, and calls `save` at each checkpoint and `close` at the end.

    Attributes:
        buffer: None before the first frame, unless it was restored.
        restored: number of frames that were restored.
        problem: why the last save failed; empty if it did not.
    """

    def __init__(self, settings: BufferSettings, image_size: int) -> None:
        """Restore the buffer if the settings say so. image_size: side of the frames in pixels.

        Raises:
            ConfigError: the folder's buffer is damaged or does not fit the settings, or the folder cannot hold one.
        """
        self.buffer: ReplayBuffer | None = None
        self.restored, self.problem = 0, ""
        self._settings, self._image_size = settings, image_size
        self._making = threading.Lock()
        self._folder = Path(settings.buffer_dir).expanduser() if settings.buffer_dir else None
        if self._folder is not None and settings.restore_buffer and has_buffer(self._folder):
            self.buffer = self._restore(self._folder)
            self.restored = len(self.buffer)
        else:
            self._check_space(self._layout((), ()))

    @property
    def restored_line(self) -> str:
        """What was restored, for the log; empty if nothing was."""
        if self.buffer is None or not self.restored:
            return ""
        damaged = self.buffer.damaged if isinstance(self.buffer, SavedReplayBuffer) else 0
        lost = f"; {damaged} damaged frames are left out" if damaged else ""
        return f"{self.restored} frames of {self.buffer.episode_count} episodes restored from {self._folder}{lost}."

    @property
    def instances(self) -> frozenset[str]:
        """The object instances of all frames that were ever in the buffer."""
        return frozenset() if self.buffer is None else self.buffer.instances

    def for_frame(self, sample: Sample, kinematics: RobotKinematics) -> ReplayBuffer:
        """Return the buffer; the first call makes it, with the joints of this sample.

        Raises DataError if its folder cannot be used.
        """
        with self._making:
            if self.buffer is None:
                # Before the first command its joints are unknown: then make room for commands of all joints.
                names = sample.joint_names, sample.command_names or sample.joint_names
                layout = self._layout(*names)
                if self._folder is not None:
                    mapped = self._settings.buffer_storage == MAPPED
                    self.buffer = SavedReplayBuffer.create(self._folder, layout, mapped=mapped)
                else:
                    continuous = kinematics.continuous_among((*names[0], *names[1]))
                    self.buffer = ReplayBuffer(
                        layout.capacity,
                        self._image_size,
                        *names,
                        continuous,
                        keep=layout.keep,
                        stretch_frames=layout.stretch_frames,
                    )
            return self.buffer

    def save(self) -> None:
        """Save the buffer if it has a folder. If that fails, `problem` says why, and the next save tries again."""
        if not isinstance(self.buffer, SavedReplayBuffer):
            return
        try:
            self.buffer.save()
            self.problem = ""
        except DataError as error:
            self.problem = str(error)

    def close(self) -> None:
        """Save the buffer and let other processes use its folder; nothing may be appended afterwards."""
        self.save()
        if isinstance(self.buffer, SavedReplayBuffer):
            self.buffer.close()

    def _layout(self, joint_names: tuple[str, ...], command_names: tuple[str, ...]) -> BufferLayout:
        settings, capacity = self._settings, self._settings.capacity
        if settings.capacity_mb:
            joints = len(joint_names) or _USUAL_JOINTS
            row = row_type(joints, len(command_names) or joints)
            frame_bytes = self._image_size**2 * 3 + row.itemsize + _INDEX_BYTES
            capacity = min(capacity, int(settings.capacity_mb * 1e6 / frame_bytes))
            if capacity < _FEWEST_FRAMES:
                raise ConfigError(
                    f"capacity_mb = {settings.capacity_mb:g} has room for {capacity} frames of {self._image_size} px, "
                    f"expected {_FEWEST_FRAMES}: set it to {_FEWEST_FRAMES * frame_bytes / 1e6:.1f} or more."
                )
        names = joint_names, command_names
        return BufferLayout(capacity, self._image_size, *names, settings.retention, settings.stretch_frames)

    def _restore(self, folder: Path) -> SavedReplayBuffer:
        """Open the buffer in the folder."""
        try:
            found, _ = read_table(folder)
            wanted = self._layout(found.joint_names, found.command_names)
            for name in ("image_size", "capacity", "keep", "stretch_frames"):
                has, expected = getattr(found, name), getattr(wanted, name)
                if has != expected:
                    setting_name = {"keep": "retention", "image_size": "frame_size"}.get(name, name)
                    raise DataError(f"it was made with {setting_name} = {has}, but the settings say {expected}")
            return SavedReplayBuffer.open(folder, mapped=self._settings.buffer_storage == MAPPED)
        except DataError as error:
            raise ConfigError(
                f"buffer_dir {folder}: its replay buffer cannot be restored: {str(error).rstrip('.')}. Set "
                "restore_buffer to false to replace it by an empty one, or choose another buffer_dir."
            ) from error

    def _check_space(self, layout: BufferLayout) -> None:
        """Raise ConfigError if the folder cannot hold the buffer: the sooner this is said, the better."""
        if self._folder is None:
            return
        exists = next(path for path in (self._folder.absolute(), *self._folder.absolute().parents) if path.exists())
        needed, free = sum(layout.sizes.values()), shutil.disk_usage(exists).free
        if not exists.is_dir():
            raise ConfigError(f"buffer_dir {self._folder}: {exists} is not a folder.")
        if needed > free and not has_buffer(self._folder):
            raise ConfigError(
                f"buffer_dir {self._folder}: the buffer needs {needed >> 20} MiB, but {free >> 20} MiB are free. Lower "
                "capacity, or set capacity_mb."
            )
