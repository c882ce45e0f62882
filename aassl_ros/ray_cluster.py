"""Connects to a Ray cluster. Ray is an extra: pip install aassl_ros[ray]."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aassl_ros.errors import ConfigError, DataError, first_line

_SECONDS_TO_CONNECT = 5.0


class RayCluster:
    """A Ray cluster that this process uses. ray: the module."""

    def __init__(self, address: str) -> None:
        """address: of the cluster's head, HOST:PORT or ray://HOST:PORT; "auto": the cluster of this machine; "local":
        start one on this machine.

        Raises ConfigError if the address is none of these, or if Ray is missing.
        """
        self._place = None if address in ("auto", "local") else _place(address)
        try:
            import ray
        except ImportError as error:
            raise ConfigError("--ray needs Ray, which is missing: pip install 'aassl_ros[ray]'.") from error
        self.ray: Any = ray
        self._address = address

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Connect, unless this process is connected already. Raises DataError if the cluster cannot be reached."""
        begun_here = not self.ray.is_initialized()
        if begun_here:
            self._connect()
        try:
            yield
        finally:
            if begun_here:
                self.ray.shutdown()

    def _connect(self) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self._place is not None:
            self._check_reachable(self._place)
        os.environ.setdefault(
            "RAY_worker_niceness", "0"
        )  # for a cluster that starts here; with Ray's default of 15 a run gets no time if other programs run
        try:
            if self._address == "local":
                self.ray.init(address="local", include_dashboard=False, **options)
            else:
                self.ray.init(address=self._address, **options)
        except Exception as error:  # Ray raises many kinds of exceptions
            raise self._no_cluster(first_line(error)) from error

    def _check_reachable(self, place: tuple[str, int]) -> None:
        """Raise DataError if nothing listens at the address: Ray itself reports it only after minutes."""
        try:
            socket.create_connection(place, timeout=_SECONDS_TO_CONNECT).close()
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that no host can have
            raise self._no_cluster(getattr(error, "strerror", None) or str(error)) from error

    def _no_cluster(self, reason: str) -> DataError:
        return DataError(
            f"there is no Ray cluster at {self._address} ({reason}). Start one with `ray start --head`, or use "
            "--ray local."
        )


def _place(address: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT or ray://HOST:PORT. Raises ConfigError if it is neither."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 1 << 16:
        raise ConfigError(
            f"--ray {address}: expected HOST:PORT (such as 10.0.0.5:6379), ray://HOST:PORT, auto or local."
        )
    return host.strip("[]"), int(port)
