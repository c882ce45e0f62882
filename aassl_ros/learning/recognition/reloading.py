"""Loading of new checkpoints and galleries while the old ones keep answering."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from aassl_ros.errors import AasslError, CheckpointError
from aassl_ros.learning.compute.thread_priority import lower_priority
from aassl_ros.learning.recognition.eye import load_eye
from aassl_ros.learning.recognition.gallery_source import GallerySource
from aassl_ros.learning.recognition.recognizer import RecognitionSettings, Recognizer


class _Closing(Exception):
    """The loader is closed: a load is given up."""


class RecognizerLoader:
    """Loads checkpoints and embeds the gallery in a thread; `current` is replaced when both are done.

    Requests that come during a load wait, and only the newest of them is loaded. A failure does not change `current`,
    and neither does an encoder that is worse than the present one (see `RecognitionSettings.worse_by`).

    Attributes:
        error: message of the last failure, None after a success.
        failures: their number.
        refused: why the last encoder was not used because it was worse; empty if it was used.
        worse: the number of encoders that were worse.
    """

    def __init__(self, source: GallerySource, settings: RecognitionSettings, device: torch.device) -> None:
        self._source, self._settings, self._device = source, settings, device
        self.current: Recognizer | None = None
        self.error: str | None = None
        self.failures = 0
        self.refused = ""
        self.worse = 0
        self._gallery_changed = False
        self._asked: tuple[Path, str] | None = None
        self._busy = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recognizer loader", daemon=True)
        self._thread.start()

    def load(self, path: str | Path, digest: str = "") -> None:
        """Load a checkpoint in the calling thread.

        digest: as the trainer announced it; empty: any. Raises CheckpointError if the checkpoint is missing or damaged,
        or has another digest.
        """
        eye = load_eye(path)
        if digest and eye.digest != digest:
            raise CheckpointError(
                f"{path} has the digest {eye.digest[:12]}, expected {digest[:12]} as announced: not loaded."
            )
        gallery = self._source.gallery(eye.image_size)
        new = Recognizer(eye, gallery, self._settings, self._device, self._source.seen, go_on=self._go_on)
        self.refused = "" if self.current is None else _worse(new, self.current, self._settings.worse_by)
        if self.refused:
            self.worse += 1
        else:
            self.current = new

    def request(self, path: Path, digest: str = "") -> None:
        """Ask the thread to load a checkpoint; returns at once."""
        with self._changed:
            self._asked = (path, digest)
            self._changed.notify_all()

    def request_gallery(self) -> None:
        """Ask the thread to use the gallery as it is now, with the present encoder; returns at once."""
        with self._changed:
            self._gallery_changed = True
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until all requests are done. Returns False if that takes longer than timeout_s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and not self._waiting, timeout_s)

    def close(self) -> None:
        """End the thread; a running load is given up, because on a busy machine it may take a minute."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def _waiting(self) -> bool:
        return self._asked is not None or self._gallery_changed

    def _run(self) -> None:
        lower_priority()
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closing or self._waiting)
                if self._closing:
                    return
                # What people taught comes first: they wait for it.
                gallery, asked = self._gallery_changed, None if self._gallery_changed else self._asked
                self._gallery_changed, self._busy = False, True
                self._asked = None if asked is not None else self._asked
            if gallery:
                self._attempt("the gallery", self._use_gallery)
            elif asked is not None:
                self._attempt(str(asked[0]), partial(self.load, *asked))

    def _use_gallery(self) -> None:
        if self.current is not None:
            gallery = self._source.gallery(self.current.image_size)
            self.current = self.current.with_gallery(gallery, go_on=self._go_on)

    def _go_on(self) -> None:
        if self._closing:
            raise _Closing

    def _attempt(self, what: str, work: Callable[[], None]) -> None:
        try:
            work()
        except _Closing:
            pass
        except AasslError as error:
            self._fail(str(error))
        except Exception as error:  # if the thread died silently, the node would keep an old encoder for ever
            self._fail(f"{what} cannot be used (a bug in aassl_ros): {type(error).__name__}: {error}")
        else:
            self.error = None

    def _fail(self, line: str) -> None:
        self.failures += 1
        self.error = line


def _worse(new: Recognizer, old: Recognizer, worse_by: float) -> str:
    """Why a new encoder must not replace an old one; empty if it may."""
    if new.facts is None or old.facts is None:
        return ""
    before, after = old.facts.accuracy, new.facts.accuracy
    if not after < before - worse_by:  # also if one is NaN: there is nothing to compare
        return ""
    return (
        f"the encoder of step {new.step} names {100 * after:.1f} % of the objects left out of the gallery, that of "
        f"step {old.step} {100 * before:.1f} %: the old one stays (worse_by is {100 * worse_by:g} %)"
    )
