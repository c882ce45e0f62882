"""The recorder's parameter `image_transport`: which form of each camera's images is recorded."""

from __future__ import annotations

from collections.abc import Sequence

from aassl_ros.errors import ConfigError

RAW, COMPRESSED = "raw", "compressed"


def camera_transports(text: str, cameras: Sequence[str]) -> dict[str, str]:
    """Read the transport of each camera.

    Args:
        text: entries separated by commas: a transport for all cameras that are not named, or CAMERA:TRANSPORT.
        cameras: the names of all cameras.

    Returns:
        Camera -> "raw" or "compressed"; "raw" if nothing is said about it.

    Raises:
        ConfigError: a camera or transport is unknown, or given twice.
    """
    found: dict[str, str] = {}
    for entry in text.split(","):
        camera, _, transport = entry.strip().rpartition(":")
        named = ":" in entry
        if transport not in (RAW, COMPRESSED) or (named and camera not in cameras) or (camera in found):
            raise ConfigError(
                f"recorder: image_transport = {text!r}, expected raw, compressed, or for some cameras "
                f"CAMERA:TRANSPORT, separated by commas, each once; the cameras are {', '.join(cameras)}."
            )
        found[camera] = transport
    return {camera: found.get(camera, found.get("", RAW)) for camera in cameras}
