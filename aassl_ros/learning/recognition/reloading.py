"""Loading of new checkpoints while the old one keeps answering."""

from __future__ import annotations

import threading
from pathlib import Path

import torch

from aassl_ros.errors import AasslError, CheckpointError
from aassl_ros.learning.compute.thread_priority import lower_priority
from aassl_ros.learning.recognition.eye import load_eye
from aassl_ros.learning.recognition.gallery import Gallery
from aassl_ros.learning.recognition.recognizer import RecognitionSettings, Recognizer


class RecognizerLoader:
    """Loads checkpoints and embeds the gallery in a thread; `current` is replaced when both are done.

    Requests that come during a load wait, and only the newest of them is loaded. A failure does not change `current`.
    error: message of the last failure, None after a success; failures: their number.
    """

    def __init__(self, gallery: Gallery, settings: RecognitionSettings, device: torch.device) -> None:
        self._gallery, self._settings, self._device = gallery, settings, device
        self.current: Recognizer | None = None
        self.error: str | None = None
        self.failures = 0
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
        self.current = Recognizer(eye, self._gallery, self._settings, self._device)

    def request(self, path: Path, digest: str = "") -> None:
        """Ask the thread to load a checkpoint; returns at once."""
        with self._changed:
            self._asked = (path, digest)
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until all requests are done. Returns False if that takes longer than timeout_s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and self._asked is None, timeout_s)

    def close(self) -> None:
        """End the thread; a running load is completed first."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        lower_priority()
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closing or self._asked is not None)
                if self._closing or self._asked is None:
                    return
                asked, self._asked, self._busy = self._asked, None, True
            self._attempt(*asked)

    def _attempt(self, path: Path, digest: str) -> None:
        try:
            self.load(path, digest)
        except AasslError as error:
            self._fail(str(error))
        except Exception as error:  # if the thread died silently, the node would keep an old encoder for ever
            self._fail(f"{path} cannot be used (a bug in aassl_ros): {type(error).__name__}: {error}")
        else:
            self.error = None

    def _fail(self, line: str) -> None:
        self.failures += 1
        self.error = line
