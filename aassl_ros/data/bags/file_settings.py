"""How a bag's file is written: compression, checksum, what is forced to the disk, and how much space must stay free."""

from __future__ import annotations

from dataclasses import dataclass

from aassl_ros.errors import ConfigError
from aassl_ros.settings import setting

MB = 1_000_000


@dataclass(frozen=True)
class FileSettings:
    """Settings of the file of a bag. `check` finds combinations that do not apply."""

    mcap_compression: str = setting(
        "none",
        "Compression of each MCAP chunk (storage mcap). JPEG images do not become smaller",
        choices=("none", "zstd", "lz4"),
    )
    mcap_crc: bool = setting(
        True, "Write a checksum of each MCAP chunk (storage mcap); without it, damage is not found when the bag is read"
    )
    fsync: str = setting(
        "close",
        "When data are forced to the disk: never; at close; or at each flush (0.5 s) and at close. "
        "Only with flush are data safe from a power cut while the recorder runs",
        choices=("never", "close", "flush"),
    )
    min_free_mb: float = setting(
        200.0,
        "Recording stops and the bag is closed if less disk space is free, 10^6 bytes; 0: no limit and no reserve",
        minimum=0.0,
    )
    warn_free_mb: float = setting(2000.0, "Warn if less disk space is free, 10^6 bytes", minimum=0.0)

    def check(self, storage: str, *, source: str) -> None:
        """Raise ConfigError if a setting does not apply to this storage, or if two settings contradict.

        storage: "mcap" or "sqlite3". source: where the values came from, for the error.
        """
        for name, value in (("mcap_compression", self.mcap_compression), ("mcap_crc", self.mcap_crc)):
            if storage != "mcap" and value != type(self).__dataclass_fields__[name].default:
                raise ConfigError(f"{source}: {name} = {value!r} applies only to storage mcap, not to {storage}.")
        if self.min_free_mb > self.warn_free_mb:
            raise ConfigError(
                f"{source}: warn_free_mb = {self.warn_free_mb:g}, expected at least min_free_mb = {self.min_free_mb:g}."
            )
