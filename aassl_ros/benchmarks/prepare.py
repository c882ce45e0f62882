"""`aassl bench prepare`: `aassl prepare` against OpenCV alone, and against a plain loop over rosbags' AnyReader.

All three get the same frames: bags of a camera of 640 x 480 at 30 Hz and joint states, which the benchmark records
first. OpenCV alone has them in memory, and decodes and resizes them in as many threads as prepare has processes. The
loop reads the same bags in one process: AnyReader, deserialize, decode, resize, and writes the frames; it has no
states and no episodes. The rounds of all three alternate, and the median of each is compared. With one worker, the
CPU time of all three is compared, too, which depends less on what else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from aassl_ros.benchmarks.recordings import CAMERA, HEIGHT, JOINTS, SMALL, record_bag
from aassl_ros.data.prepare.prepare import prepare
from aassl_ros.data.prepare.processes import InProcess, InProcesses
from aassl_ros.data.prepare.report import PrepareSettings
from aassl_ros.errors import ConfigError
from aassl_ros.worker_processes import available_cores

HELP = "time aassl prepare against OpenCV alone and against a loop over AnyReader"
_ROUNDS, _FRAMES = 5, 900
_QUICK_ROUNDS, _QUICK_FRAMES = 1, 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--kind",
        choices=("both", "jpeg", "raw", "small"),
        default="both",
        help="images: JPEG, raw bgr8, both, or small (mono8 of 32 x 32, for very many) (default: both)",
    )
    parser.add_argument("--image-size", type=int, default=64, metavar="PX", help="training size (default: 64)")
    parser.add_argument("--joint-hz", type=int, default=100, metavar="HZ", help="rate of joint states (default: 100)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="processes; 0: one per core (default: 0)")
    parser.add_argument(
        "--frames",
        type=int,
        default=0,
        metavar="N",
        help=f"frames of a bag, one bag a process (default: {_FRAMES}, --quick {_QUICK_FRAMES})",
    )
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help=f"rounds (default: {_ROUNDS}, --quick 1)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure. ratio_to_decode and ratio_to_anyreader are the smaller ones of the kinds measured."""
    for name, least in (("image_size", 8), ("joint_hz", 1), ("workers", 0), ("frames", 0), ("rounds", 0)):
        if getattr(arguments, name) < least:
            raise ConfigError(f"{name} = {getattr(arguments, name)}, expected at least {least}.")
    largest = SMALL if arguments.kind == "small" else HEIGHT
    if arguments.image_size > largest:
        raise ConfigError(f"image_size = {arguments.image_size}, expected at most {largest}.")
    workers = arguments.workers or available_cores()
    frames = arguments.frames or (_QUICK_FRAMES if arguments.quick else _FRAMES)
    rounds = arguments.rounds or (_QUICK_ROUNDS if arguments.quick else _ROUNDS)
    kinds = ("jpeg", "raw") if arguments.kind == "both" else (arguments.kind,)
    found: dict[str, Any] = {}
    for kind in kinds:
        with tempfile.TemporaryDirectory(prefix="aassl-bench-") as folder:
            bags = [Path(folder) / f"bag{number}" for number in range(workers)]
            pictures = [record_bag(bag, kind, frames, arguments.joint_hz, seed) for seed, bag in enumerate(bags)]
            found |= _measure_kind(kind, bags, [one for some in pictures for one in some], arguments, workers, rounds)
    smallest = {
        name: min(found[f"{kind}_{name}"] for kind in kinds) for name in ("ratio_to_decode", "ratio_to_anyreader")
    }
    facts = {"image_size": arguments.image_size, "joint_hz": arguments.joint_hz, "workers": workers, "frames": frames}
    return {**smallest, **found, **facts, "rounds": rounds}


def _measure_kind(
    kind: str, bags: list[Path], pictures: list[Any], arguments: argparse.Namespace, workers: int, rounds: int
) -> dict[str, Any]:
    size, out = arguments.image_size, bags[0].parent / "data"
    settings = PrepareSettings(image_size=size, workers=workers)
    times: dict[str, list[tuple[float, float]]] = {"prepare": [], "decode": [], "anyreader": []}
    with InProcesses(workers) if workers > 1 else nullcontext(InProcess()) as runner:

        def prepared() -> None:
            prepare(bags, out, settings, force=True, runner=runner)

        first_round_s = _time(prepared)[0]  # it starts the processes
        for _ in range(rounds):
            times["prepare"].append(_time(prepared))
            times["decode"].append(_time(lambda: _decode_alone(kind, pictures, size, workers)))
            times["anyreader"].append(_time(lambda: _loop(bags, out.with_name("loop.uint8"), size)))
    found = {f"{kind}_first_round_s": first_round_s}
    # The CPU time of other processes is not known here.
    for clock, what in enumerate(("", "cpu_") if workers == 1 else ("",)):
        seconds = {name: float(np.median([each[clock] for each in rounds_s])) for name, rounds_s in times.items()}
        found |= {
            f"{kind}_{what}ratio_to_decode": seconds["decode"] / seconds["prepare"],
            f"{kind}_{what}ratio_to_anyreader": seconds["anyreader"] / seconds["prepare"],
            **{f"{kind}_{what}{name}_frames_per_s": len(pictures) / each for name, each in seconds.items()},
        }
    return found


def _time(call: Callable[[], None]) -> tuple[float, float]:
    """Time of the clock and CPU time of this process that a call takes, s."""
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - begun_s, time.process_time() - begun_cpu_s


def _decode_alone(kind: str, pictures: list[NDArray[np.uint8]], size: int, workers: int) -> None:
    """Decode and resize all pictures, in as many threads as there are workers."""

    def work(picture: NDArray[np.uint8]) -> None:
        _resize(_rgb(cv2.imdecode(picture, cv2.IMREAD_COLOR) if kind == "jpeg" else picture), size)

    with _one_thread_each(), ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, pictures):
            pass


def _loop(bags: list[Path], out: Path, size: int) -> None:
    """The loop that one would write first: read, deserialize, decode, resize and write, in one process."""
    store = get_typestore(Stores.LATEST)
    with _one_thread_each(), out.open("wb") as file:
        for bag in bags:
            with AnyReader([bag], default_typestore=store) as reader:
                wanted = [one for one in reader.connections if one.topic in (CAMERA, JOINTS)]
                for connection, _, data in reader.messages(connections=wanted):
                    message: Any = reader.deserialize(data, connection.msgtype)
                    if connection.topic == JOINTS:
                        continue
                    if hasattr(message, "format"):
                        picture: Any = cv2.imdecode(message.data, cv2.IMREAD_COLOR)
                    else:
                        shape = (message.height, message.width, 3)
                        picture = message.data.reshape(shape[:2] if message.encoding == "mono8" else shape)
                    file.write(_resize(_rgb(picture), size).tobytes())


def _rgb(picture: Any) -> Any:
    return cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB if picture.ndim == 2 else cv2.COLOR_BGR2RGB)


def _resize(rgb: Any, size: int) -> NDArray[np.uint8]:
    """The centre square at training size."""
    height, width = rgb.shape[:2]
    left = (width - height) // 2
    return np.asarray(cv2.resize(rgb[:, left : left + height], (size, size), interpolation=cv2.INTER_AREA))


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let OpenCV use no threads of its own, as in the processes of prepare."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
