"""Check Python, the disk and the clock."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import statistics
import sys
import time
from pathlib import Path

from aassl_ros.doctor.finding import Finding

# One 640x480 camera at 30 Hz, uncompressed, is 28 MB/s.
_DISK_NEEDED_MB_S = 40.0
_ROOM_NEEDED_GB = 5.0
_WRITTEN_MB = 64
_LATE_ALLOWED_MS = 3.0
_STA_UNSYNC = 0x40


def check_python() -> Finding:
    """Report the Python version and the machine, and check that this Python is supported."""
    found = f"{platform.python_version()} at {sys.prefix}, {platform.machine()}, {os.cpu_count()} cores"
    if (3, 10) <= sys.version_info[:2] <= (3, 14):
        return Finding("Python", True, found)
    return Finding("Python", False, found, "make setup PYTHON=python3.11 (3.10 to 3.14 are supported)")


def check_disk(folder: Path) -> Finding:
    """Check writing speed and free space of the folder for bags: `folder`, or the nearest existing folder above it."""
    folder = folder.absolute()
    while not folder.is_dir():
        folder = folder.parent
    path = folder / f".aassl_doctor_{os.getpid()}"
    block = os.urandom(2**20)
    try:
        begun = time.perf_counter()
        with open(path, "wb") as file:
            for _ in range(_WRITTEN_MB):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        speed = _WRITTEN_MB / (time.perf_counter() - begun)
    except OSError as error:
        return Finding("disk", False, f"{folder}: {error.strerror}", "name a writable folder with --folder")
    finally:
        path.unlink(missing_ok=True)
    room = shutil.disk_usage(folder).free / 2**30
    found = f"{speed:.0f} MB/s and {room:.0f} GB free in {folder}"
    if room < _ROOM_NEEDED_GB:
        return Finding(
            "disk", False, found, f"free some space: {_ROOM_NEEDED_GB:g} GB hold three minutes of raw 640x480"
        )
    if speed < _DISK_NEEDED_MB_S:
        fix = f"record to a faster disk (bag_dir:=): raw 640x480 at 30 Hz needs {_DISK_NEEDED_MB_S:g} MB/s"
        return Finding("disk", False, found, fix)
    return Finding("disk", True, found)


def check_clock() -> Finding:
    """Check that the clock is set and that timers are precise enough for 300 Hz; report time synchronization."""
    lateness = []
    for _ in range(50):
        begun = time.monotonic_ns()
        time.sleep(0.001)
        lateness.append((time.monotonic_ns() - begun) / 1e6 - 1.0)
    late = statistics.median(lateness)
    synchronized = "synchronized" if _is_synchronized() else "not synchronized (needed if several machines are used)"
    found = f"{synchronized}, timers fire {late:.2f} ms late"
    if time.gmtime().tm_year < 2024:
        return Finding("clock", False, f"the time is {time.ctime()}", "set the clock: timedatectl set-ntp true")
    if late > _LATE_ALLOWED_MS:
        return Finding("clock", False, found, "close other programs: the simulator steps every 3.3 ms")
    return Finding("clock", True, found)


def _is_synchronized() -> bool:
    """Ask the kernel whether its clock is synchronized (adjtimex with no modes, which changes nothing)."""
    # struct timex starts with modes (an int, padded to a long) and four longs, followed by status.
    buffer = ctypes.create_string_buffer(512)
    try:
        if ctypes.CDLL(None).adjtimex(buffer) < 0:
            return False
    except (OSError, AttributeError):
        return False
    status = ctypes.c_int.from_buffer(buffer, 5 * ctypes.sizeof(ctypes.c_long)).value
    return not status & _STA_UNSYNC
