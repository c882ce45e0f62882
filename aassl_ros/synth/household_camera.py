"""The faults of a real camera: exposure, white balance, vignetting, blur, noise and JPEG artefacts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WornCamera:
    """One camera. gain: exposure; balance: float64 [3], factors of red, green and blue; vignette: loss at the corners.

    blur: standard deviation, fraction of the picture's width. noise: standard deviation, fraction of white. quality: of
    JPEG, percent. flicker: standard deviation of the exposure from frame to frame (automatic exposure).
    """

    gain: float
    balance: NDArray[np.float64]
    vignette: float
    blur: float
    noise: float
    quality: int
    flicker: float

    def take(self, rng: np.random.Generator, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frames [N, S, S, 3] as this camera gives them."""
        return np.stack([self._take(rng, frame) for frame in frames])

    def _take(self, rng: np.random.Generator, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = len(frame)
        light = frame.astype(np.float32)
        if self.blur * size > 0.2:
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), self.blur * size), np.float32)
        steps = np.linspace(-1.0, 1.0, size)
        corner = 1.0 - self.vignette * (steps[:, None] ** 2 + steps[None] ** 2) / 2
        exposure = self.gain * (1.0 + self.flicker * rng.normal())
        light = light * (exposure * corner[..., None] * self.balance).astype(np.float32)
        light = light + np.float32(255.0 * self.noise) * rng.standard_normal(light.shape, np.float32)
        picture: NDArray[np.uint8] = np.clip(light + 0.5, 0.0, 255.0).astype(np.uint8)
        if self.quality < 100:
            _, coded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.quality])
            decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
            picture = np.ascontiguousarray(decoded[..., ::-1])
        return picture


def draw_camera(rng: np.random.Generator, strength: float) -> WornCamera:
    """Draw a camera. strength: from 0 (no faults) to 1."""
    return WornCamera(
        gain=float(np.exp(strength * rng.uniform(-0.45, 0.3))),
        balance=1.0 + strength * rng.uniform(-0.2, 0.2, 3),
        vignette=strength * rng.uniform(0.0, 0.5),
        blur=strength * rng.uniform(0.0, 0.012),
        noise=strength * rng.uniform(0.0, 0.05),
        quality=100 if strength == 0.0 else int(100 - strength * rng.uniform(5, 75)),
        flicker=0.08 * strength,
    )
