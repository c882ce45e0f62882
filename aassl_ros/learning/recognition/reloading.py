"""New checkpoints taken into use while the old one goes on answering."""

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
    """Loads checkpoints and embeds the gallery in a thread; `current` is swapped only once that is done.

    Requests that come while one is under way wait, and only the newest of them is loaded. `error` is the last
    failure's line, None after a success; a failure leaves `current` as it was.
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
        """Load here and now. Raises CheckpointError where the checkpoint is missing, damaged or not the one announced.

        digest: as the trainer announced it; empty: any.
        """
        eye = load_eye(path)
        if digest and eye.digest != digest:
            raise CheckpointError(f"{path} has digest {eye.digest[:12]}, announced was {digest[:12]}: not loaded.")
        self.current = Recognizer(eye, self._gallery, self._settings, self._device)

    def request(self, path: Path, digest: str = "") -> None:
        """Load in the thread; returns at once."""
        with self._changed:
            self._asked = (path, digest)
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is asked for or under way; False where that takes longer than timeout_s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and self._asked is None, timeout_s)

    def close(self) -> None:
        """End the thread, after a load that is under way."""
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
        except Exception as error:  # a thread that dies silently would leave the node on an old encoder for good
            self._fail(f"{path} cannot be used, which is our mistake: {type(error).__name__}: {error}")
        else:
            self.error = None

    def _fail(self, line: str) -> None:
        self.failures += 1
        self.error = line
