"""What the page costs: its share of a core, the evaluator's latency and losses beside it, first byte and first paint.

A synthetic camera sends 640x480 rgb8 at 30 Hz to an evaluator with the pretrained encoder. Four turns are measured in
several rounds, so that what the machine does besides falls on all alike: no page node, and 0, 1 and 2 viewers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aassl_ros.bringup.processes import NodeProcesses, command_line
from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.bringup.systems import node_specs
from aassl_ros.data.streams.synthetic_load import Load
from aassl_ros.errors import ConfigError, RosError

HELP = "what the page node costs beside an evaluator at 30 Hz, with 0, 1 and 2 viewers"
_SECONDS, _QUICK_SECONDS = 8.0, 2.0
_ROUNDS = 3
_START_S = 300.0
_SETTLE_S = 3.0
_LOAD = Load(cameras=1, width=640, height=480, camera_hz=30.0, joint_hz=0.0)
_COMMON = {"robot": "real", "camera": "camera_0"}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=0.0, help="seconds of each turn (default 8, with --quick 2)")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of all turns (default 3, with --quick 1)")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what `aassl bench page` prints: shares of a core in %, latencies, frames that were passed over."""
    if not Path("/proc/self/stat").exists():
        raise ConfigError("aassl bench page reads /proc, which this system does not have. Run it on Linux.")
    seconds = arguments.seconds or (_QUICK_SECONDS if arguments.quick else _SECONDS)
    rounds = arguments.rounds or (1 if arguments.quick else _ROUNDS)
    from aassl_ros.ros.monitor import Monitor  # only here: the other benchmarks do not need rclpy

    turns: dict[str, list[dict[str, float]]] = {}
    specs = node_specs("evaluate", {**_COMMON, "taught": ""})
    with own_domain(), Monitor() as monitor, NodeProcesses(specs) as nodes, _camera():
        _wait(lambda: bool(monitor.answers), nodes)
        for _ in range(rounds):
            evaluator = nodes.process_id("evaluator")
            turns.setdefault("without_page", []).append(_turn(monitor, seconds, evaluator))
            with _page() as (process, url):
                for viewers in (0, 1, 2):
                    with _viewers(url, viewers) as told:
                        time.sleep(_SETTLE_S)
                        turn = _turn(monitor, seconds, evaluator, process.pid)
                    turns.setdefault(f"{viewers}_viewers", []).append({**turn, **told})
                first_byte, first_paint = first_byte_ms(url), first_paint_ms(url)
    figures = {
        f"{name}_{turn}": float(np.median([found[name] for found in all_found]))
        for turn, all_found in turns.items()
        for name in all_found[0]
    }
    # As docs and scripts name them: what the page takes of one core with two viewers, and its first paint in seconds.
    named = {
        "core_share": figures["page_cpu_percent_2_viewers"] / 100,
        "first_paint_s": first_paint / 1000 if isinstance(first_paint, float) else None,
    }
    others = {"first_byte_ms": first_byte, "first_paint_ms": first_paint, "seconds": seconds, "rounds": rounds}
    return {**named, **figures, **others}


def first_byte_ms(url: str) -> float:
    """Median time from a request for the page to its first byte, ms."""
    found = []
    for _ in range(20):
        begun = time.perf_counter()
        with urllib.request.urlopen(url) as response:
            response.read(1)
        found.append(1e3 * (time.perf_counter() - begun))
    return float(np.median(found))


def first_paint_ms(url: str) -> float | str:
    """Median time from opening the page to its first content in headless Chromium, ms; or why it is not measured."""
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        return "not measured: selenium is not installed"
    if browser is None or driver is None:
        return "not measured: there is no Chromium with chromedriver"
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server"):
        options.add_argument(word)
    os.environ["SE_AVOID_STATS"] = "true"  # selenium reports its use to a server otherwise
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        script = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        found = []
        for _ in range(5):
            opened.get(url)
            until = time.monotonic() + 30
            while (painted := opened.execute_script(script)) is None and time.monotonic() < until:
                time.sleep(0.02)
            found.append(float(painted))
        return float(np.median(found))
    finally:
        opened.quit()


def _turn(monitor: Any, seconds: float, evaluator: int, page: int | None = None) -> dict[str, float]:
    """What happens in some seconds: the evaluator's answers, and the page's share of a core in %.

    evaluator, page: ids of the processes. The evaluator's own time per answer hardly depends on other programs of the
    machine; its latency does.
    """
    del monitor.answers[:]
    passed_over, before_s, page_s = _passed_over(monitor), _cpu_s(evaluator), _cpu_s(page)
    begun = time.monotonic()
    time.sleep(seconds)
    answers, wall_s = monitor.answers[:], time.monotonic() - begun
    evaluator_s, page_s = _cpu_s(evaluator) - before_s, _cpu_s(page) - page_s
    time.sleep(1.1)  # until the diagnostics after it
    latencies = [answer.latency_ms for answer in answers] or [float("nan")]
    figures = {
        "evaluator_cpu_ms": 1e3 * evaluator_s / max(1, len(answers)),
        "latency_ms": float(np.median(latencies)),
        "answers_per_s": len(answers) / wall_s,
        "frames_passed_over": float(_passed_over(monitor) - passed_over),
    }
    return figures if page is None else {"page_cpu_percent": 100 * page_s / wall_s, **figures}


def _passed_over(monitor: Any) -> int:
    return int(monitor.values("evaluator").get("frames_passed_over", 0))


def _cpu_s(process_id: int | None) -> float:
    if process_id is None:
        return 0.0
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait(condition: Any, nodes: NodeProcesses) -> None:
    nodes.wait_for(condition, _START_S, lambda: f"in {_START_S:g} s the evaluator gave no answer.")


@contextmanager
def _camera() -> Iterator[None]:
    command = [sys.executable, "-m", "aassl_ros.nodes.load_publisher", _LOAD.to_text(), "--out", os.devnull]
    with _process(command):
        yield


@contextmanager
def _page() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The page node and its address."""
    (spec,) = node_specs("page", {**_COMMON, "page_port": "0"})
    with _process(command_line(spec)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"page: open (\S+)", line):
                yield process, found.group(1)
                return
        raise RosError("the page node ended before it printed its address. Run aassl up page to see why.")


@contextmanager
def _viewers(url: str, viewers: int) -> Iterator[dict[str, float]]:
    """Viewers in a process of their own; what they have got is in the dictionary at the end."""
    told: dict[str, float] = {}
    if viewers == 0:
        yield told
        return
    command = [sys.executable, "-m", "aassl_ros.benchmarks.page_viewer", url, "--viewers", str(viewers)]
    with _process(command) as process:
        yield told
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        told |= json.loads(process.stdout.read().strip().splitlines()[-1])


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=30)
        except (subprocess.TimeoutExpired, ValueError):
            process.kill()
            process.wait()
