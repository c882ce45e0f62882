"""The device to compute on, by its name in the settings."""

from __future__ import annotations

import torch

from aassl_ros.errors import ConfigError

AUTO = "auto"


def choose_device(name: str) -> torch.device:
    """Return the device that the setting `device` names. Raises ConfigError if this machine does not have it."""
    if name == AUTO:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device = {name!r} is not available here. Set it to auto or cpu.") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device = {name!r}, expected auto, cpu, cuda or cuda:NUMBER.")
    return device
