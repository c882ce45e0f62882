"""Writes frames, joints, poses and texts to Rerun, on one time line of stamps."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.pictures.small_jpeg import small_jpeg
from aassl_ros.errors import ConfigError, DataError

TIMELINE = "stamp"
_JPEG_QUALITY = 80


class RerunLog:
    """One recording of Rerun. Close it, or use it in a `with` block.

    Args:
        name: the title of the recording.
        save: the .rrd file to write; None: open the viewer.
        image_size: larger pictures are reduced so that their longer side has so many pixels.

    Raises:
        ConfigError: rerun-sdk is not installed.
        DataError: the file cannot be written, or the viewer does not start.
    """

    def __init__(self, name: str, save: Path | None, *, image_size: int = 320) -> None:
        try:
            self._rerun: Any = importlib.import_module("rerun")
        except ImportError as error:
            raise ConfigError("aassl view needs rerun-sdk. Install it with: pip install 'aassl_ros[view]'.") from error
        self._size = image_size
        self._stream = self._rerun.RecordingStream("aassl_ros", recording_id=name)
        try:
            if save is not None:
                save.parent.mkdir(parents=True, exist_ok=True)
                self._stream.save(str(save))
            else:
                self._stream.spawn()
        except (OSError, RuntimeError, ValueError) as error:
            advice = "Choose another file." if save is not None else "Without a display, use --save FILE.rrd."
            raise DataError(f"rerun: {str(error).splitlines()[0] if str(error) else error!r}. {advice}") from error

    def picture(self, entity: str, stamp_ns: int, rgb: NDArray[np.uint8]) -> None:
        """Show a picture uint8 [H, W, 3] RGB."""
        jpeg = small_jpeg(rgb, width=self._size, height=self._size, quality=_JPEG_QUALITY)
        image = self._rerun.EncodedImage(contents=jpeg, media_type="image/jpeg")
        self._log(entity, stamp_ns, image)

    def number(self, entity: str, stamp_ns: int, value: float) -> None:
        """Plot a number. NaN is left out."""
        if np.isfinite(value):
            self._log(entity, stamp_ns, self._rerun.Scalars(float(value)))

    def pose(self, entity: str, stamp_ns: int, pose: NDArray[np.float64]) -> None:
        """Show a pose [7], x y z in m and the quaternion x y z w, as axes. A pose that is not finite is left out."""
        if np.isfinite(pose).all():
            turn = self._rerun.Quaternion(xyzw=pose[3:].tolist())
            self._log(entity, stamp_ns, self._rerun.Transform3D(translation=pose[:3].tolist(), quaternion=turn))

    def text(self, entity: str, stamp_ns: int, text: str) -> None:
        """Add a line to a log."""
        self._log(entity, stamp_ns, self._rerun.TextLog(text))

    def close(self) -> None:
        """Write what is buffered."""
        self._stream.flush()
        self._stream.disconnect()

    def _log(self, entity: str, stamp_ns: int, what: Any) -> None:
        self._stream.set_time(TIMELINE, timestamp=np.datetime64(stamp_ns, "ns"))
        parts = [part for part in entity.split("/") if part]
        self._stream.log(self._rerun.new_entity_path(parts), what)

    def __enter__(self) -> RerunLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
