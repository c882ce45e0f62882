"""torch.compile of an encoder, if this machine supports it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import torch
from torch import nn

from aassl_ros.errors import ConfigError


def compile_in_place(module: nn.Module, device: torch.device) -> None:
    """Compile `module` at its first call, which then takes a minute; its weights keep their names.

    Raises ConfigError if Triton (on a GPU) or the C++ compiler (on a CPU) is missing.
    """
    if device.type == "cuda" and find_spec("triton") is None:
        raise ConfigError(
            "compile = True needs Triton on a GPU. Install it (pip install triton), or set compile=false."
        )
    compiler = os.environ.get("CXX") or "g++"
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise ConfigError(
            f"compile = True needs a C++ compiler on a CPU, found no {compiler}. Install one, or set compile=false."
        )
    module.compile()
