"""torch.compile of an encoder, where this machine can do it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import torch
from torch import nn

from aassl_ros.errors import ConfigError


def compile_in_place(module: nn.Module, device: torch.device) -> None:
    """Let calls of `module` run compiled from the first on, which takes a minute; its weights keep their names.

    Raises ConfigError where what torch compiles with is missing.
    """
    if device.type == "cuda" and find_spec("triton") is None:
        raise ConfigError("compile = True needs Triton on a GPU. Install it (pip install triton), or set it to false.")
    compiler = os.environ.get("CXX") or "g++"
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise ConfigError(f"compile = True needs a C++ compiler on a CPU, found no {compiler}. Set it to false.")
    module.compile()
