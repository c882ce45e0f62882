"""Chooses the PyBullet renderer: the CPU, or EGL (on the graphics card) if it works."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

from aassl_ros.sim.bullet import pybullet

# Without a graphics card the EGL plugin kills its process, so it is tried in a separate process.
_TRIAL = """
import pybullet, sys
client = pybullet.connect(pybullet.DIRECT)
plugin = pybullet.loadPlugin(sys.argv[1], "_eglRendererPlugin")
assert plugin >= 0
image = pybullet.getCameraImage(32, 32, renderer=pybullet.ER_BULLET_HARDWARE_OPENGL)
assert image[0] == 32
print("drawn")
"""
_TRIAL_TIMEOUT_S = 30.0


def egl_plugin() -> str | None:
    """The path of PyBullet's EGL plugin, or None if the installed wheel has none."""
    found = importlib.util.find_spec("eglRenderer")
    return found.origin if found is not None else None


def why_no_egl() -> str | None:
    """None if EGL works on this machine, else the reason why not. Takes about a second."""
    plugin = egl_plugin()
    if plugin is None:
        return "this build of PyBullet has no EGL renderer"
    command = [sys.executable, "-c", _TRIAL, plugin]
    try:
        trial = subprocess.run(command, capture_output=True, text=True, timeout=_TRIAL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"EGL did not answer within {_TRIAL_TIMEOUT_S:g} s"
    if "drawn" in trial.stdout:
        return None
    lines = [line for line in (trial.stdout + trial.stderr).splitlines() if "fail" in line.lower() or "EGL" in line]
    return lines[-1].strip() if lines else "no graphics card with EGL was found"


class Renderer:
    """The requested renderer, or the CPU if EGL does not work; `fallback` is the reason for that, or None."""

    def __init__(self, client: int, name: str) -> None:
        """name: "cpu" or "egl". client: a PyBullet physics client."""
        self.name = name
        self.fallback: str | None = None
        self._plugin = -1
        if name == "egl":
            self.fallback = why_no_egl()
            if self.fallback is None:
                self._plugin = pybullet.loadPlugin(str(egl_plugin()), "_eglRendererPlugin", physicsClientId=client)
            else:
                self.name = "cpu"
        self.code = pybullet.ER_BULLET_HARDWARE_OPENGL if self.name == "egl" else pybullet.ER_TINY_RENDERER
