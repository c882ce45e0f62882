"""Check the renderer of the simulation, torch, and the pretrained weights."""

from __future__ import annotations

import json
import os

from aassl_ros.doctor.finding import Finding, try_python

_RENDER = """
import json, time, pybullet
client = pybullet.connect(pybullet.DIRECT)
view = pybullet.computeViewMatrix([1, 1, 1], [0, 0, 0], [0, 0, 1])
projection = pybullet.computeProjectionMatrixFOV(45, 1, 0.1, 5)
pybullet.createMultiBody(0, -1, pybullet.createVisualShape(pybullet.GEOM_SPHERE, radius=0.3))
def draw():
    return pybullet.getCameraImage(128, 128, view, projection, renderer=pybullet.ER_TINY_RENDERER)
draw()
begun = time.perf_counter()
for _ in range(10):
    draw()
print(json.dumps({"ms": (time.perf_counter() - begun) * 100}))
"""
_EGL = "from aassl_ros.sim.renderer import why_no_egl; print(why_no_egl() or 'works')"
_TORCH = """
import json, time, torch
from torch import nn
cuda = torch.cuda.is_available()
device = "cuda" if cuda else "cpu"
layer = nn.Conv2d(3, 32, 3).to(device)
layer(torch.zeros(8, 3, 64, 64, device=device)).sum().backward()
name = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads"
print(json.dumps({"version": torch.__version__, "device": device, "name": name}))
"""
_WEIGHTS = "from aassl_ros.learning.encoders.pretrained import check_installed; check_installed('pretrained')"


def check_renderer() -> Finding:
    """Check PyBullet's CPU renderer, and whether EGL also renders here."""
    trial = try_python("-c", _RENDER)
    if trial.error is not None:
        fix = "pip install pybullet (Python 3.12 and later compile it: apt install g++ first)"
        return Finding("renderer", False, trial.error, fix)
    speed = json.loads(trial.output.splitlines()[-1])["ms"]
    egl = try_python("-c", _EGL)
    words = (egl.output or egl.error or "").splitlines()[-1]
    state = "EGL works" if words == "works" else f"no EGL ({words})"
    return Finding("renderer", True, f"PyBullet on the CPU, {speed:.1f} ms for a sphere at 128 px; {state}")


def check_torch() -> Finding:
    """Run a forward and backward pass on the device that training would use."""
    trial = try_python("-c", _TORCH)
    if trial.error is not None:
        fix = "pip install torch, or a torch for another CUDA version: https://pytorch.org/get-started/locally"
        return Finding("torch", False, trial.error, fix)
    answer = json.loads(trial.output.splitlines()[-1])
    cores = f", {os.cpu_count()} cores" if answer["device"] == "cpu" else ""
    return Finding("torch", True, f"torch {answer['version']} on {answer['device']} ({answer['name']}{cores})")


def check_weights() -> Finding:
    """Check that the pretrained weights, with which the demo and `aassl live` begin, are installed."""
    trial = try_python("-c", _WEIGHTS)
    if trial.error is not None:
        found, _, fix = trial.error.removeprefix("aassl_ros.errors.ConfigError: ").partition(". Run: ")
        return Finding("weights", False, found, fix or "make setup")
    return Finding("weights", True, "pretrained weights of EfficientNet-Lite0")
