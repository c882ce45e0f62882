"""All labelled frames that recognition knows: a gallery that never changes, and the objects that people taught."""

from __future__ import annotations

import numpy as np

from aassl_ros.data.gallery.store import GalleryStore
from aassl_ros.learning.recognition.gallery import Gallery
from aassl_ros.learning.recognition.seen_frames import SeenPictures


class GallerySource:
    """Gives the gallery as it is now.

    Args:
        base: labelled frames that never change; None: none.
        taught: what people taught; None: nothing can be taught.
        seen: objects that were handled without names; None: none.
    """

    def __init__(
        self, base: Gallery | None = None, taught: GalleryStore | None = None, seen: SeenPictures | None = None
    ) -> None:
        self._base, self.taught, self.seen = base, taught, seen

    @property
    def labelled(self) -> tuple[str, ...]:
        """The categories of the labelled frames that never change."""
        return () if self._base is None else self._base.categories

    def gallery(self, size: int) -> Gallery | None:
        """The gallery with frames of `size` x `size` pixels; None if it has no frame."""
        parts = []
        if self._base is not None:
            parts.append(Gallery(self._base.at_size(size), self._base.labels, self._base.instances))
        if self.taught is not None and self.taught.lessons:
            frames, categories, instances = self.taught.pictures(size)
            if frames:
                parts.append(Gallery(np.stack(frames), categories, instances))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else parts[0].joined(parts[1])
