"""Makes the artefacts that the tests here open: what users hold from before the regrouping of the package (issue 10).

It ran once, at commit 4d9ef0a, from the root of the repository:

    PYTHONPATH=$PWD .venv/bin/python tests/compatibility/make.py

Do not run it again to make a failing test pass: the artefacts are what users have on their disks. If a format changes
on purpose, keep these, and make those of the new format beside them. The imports of aassl_ros below are the module
paths of that commit.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.demo.folder import DemoFolder
from aassl_ros.demo.report import write_metrics
from aassl_ros.learning.recognition.gallery import Gallery

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ARTEFACTS = HERE / "artefacts"
OBJECTS = "train:mug_0001,train:bowl_0001,test:mug_0002,test:bowl_0002"
SMALL_SIMULATOR = {"image_size": 32, "camera_hz": 10, "joint_hz": 50}
SMALL_TRAINER = {
    "method": "simclr",
    "width": 4,
    "image_size": 16,
    "batch": 8,
    "min_frames": 12,
    "min_episodes": 2,
    "normalisation_frames": 12,
    "save_seconds": 1.0,
    "keep": 1,
    "updates_per_second": 5.0,
}
# Width 4 and the newest checkpoint alone: all artefacts together stay under 3 MB.
TRAIN = (
    "--width",
    "4",
    "--batch",
    "16",
    "--device",
    "cpu",
    "--precision",
    "fp32",
    "--set",
    "keep=1",
    "torch_threads=1",
)
EVALUATE = ("--json", "--device", "cpu", "--few-shot-draws", "10")
# A chunk of an MCAP file, as the recorder writes them, and a little of the next.
KILLED_AT_BYTES = 1_100_000


def aassl(*words: str | Path) -> str:
    """Run one command; its stdout. Raises CalledProcessError unless it ends with 0 or 3 (done, with losses)."""
    command = [sys.executable, "-m", "aassl_ros.cli.main", *map(str, words)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300)
    if result.returncode not in (0, 3):
        raise subprocess.CalledProcessError(result.returncode, command)
    return result.stdout


def parameters(folder: Path, **nodes: dict[str, object]) -> Path:
    """A folder of parameter files, one a node."""
    folder.mkdir(parents=True, exist_ok=True)
    for node, values in nodes.items():
        (folder / f"{node}.yaml").write_text(json.dumps({f"/**/{node}": {"ros__parameters": values}}))
    return folder


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 90
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.02)


def record_and_kill(bag: Path, storage: str, enough: Callable[[], bool], config: Path) -> None:
    """Start the nodes of `collect` and kill the recorder once there is enough."""
    lines = aassl("up", "collect", "--print", f"bag:={bag}", f"storage:={storage}", f"config:={config}").splitlines()
    processes = {line.split("aassl_ros.nodes.")[1].split()[0]: subprocess.Popen(shlex.split(line)) for line in lines}
    try:
        wait_for(enough, f"{bag} to fill")
    finally:
        processes["recorder"].kill()
        for process in processes.values():
            process.send_signal(signal.SIGINT)
        for process in processes.values():
            process.wait(30)


def make_bags(work: Path) -> None:
    config = parameters(work / "small", simulator=SMALL_SIMULATOR)
    words = (f"config:={config}", f"objects:={OBJECTS}", "episode_seconds:=1.0", "exit_when_done:=true")
    aassl("collect", "-o", work / "bag_mcap", "--seconds", "30", *words)
    larger = parameters(work / "larger", simulator={**SMALL_SIMULATOR, "image_size": 96})
    killed = work / "bag_mcap_killed"
    record_and_kill(
        killed, "mcap", lambda: sum(file.stat().st_size for file in killed.glob("*.mcap")) > KILLED_AT_BYTES, larger
    )
    killed = work / "bag_sqlite3_killed"
    record_and_kill(killed, "sqlite3", lambda: any(killed.glob("*.db3-journal")) or any(killed.glob("*.db3")), config)


def make_online(work: Path) -> None:
    """The run of a trainer node beside a simulator, an evaluator and a recorder into sqlite3."""
    explorer = {"listeners": 2, "repeat": True}  # recorder and trainer hear of the first episode
    config = parameters(work / "online_config", simulator=SMALL_SIMULATOR, trainer=SMALL_TRAINER, explorer=explorer)
    words = [f"config:={config}", "objects:=online:mug_0003,online:bowl_0003", "episode_seconds:=1.0"]
    words += [f"run_dir:={work / 'run_online'}", f"bag:={work / 'bag_sqlite3'}", "storage:=sqlite3", "device:=cpu"]
    words += [f"gallery:={work / 'gallery'}"]
    lines = aassl("up", "online", "--print", *words).splitlines()
    processes = [subprocess.Popen(shlex.split(line)) for line in lines]
    try:
        wait_for(lambda: (work / "run_online" / "checkpoint").exists(), "the trainer's first checkpoint")
        time.sleep(1.0)
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait(60)


def make_learned(work: Path) -> None:
    data = work / "prepared"
    aassl("prepare", work / "bag_mcap", "-o", data, "--image-size", "16")
    aassl("synth", "-o", work / "drawn", "--categories", "2", "--instances", "2", "--test-instances", "1",
          "--episodes", "1", "--views", "4", "--image-size", "16", "--jobs", "1")  # fmt: skip
    Gallery.from_prepared(PreparedData.open(data), per_instance=5).save(work / "gallery")
    aassl("train", data, "-o", work / "run_aa_simclr", "--method", "aa_simclr", *TRAIN, "--updates", "6")
    # The same run gone on with, for its log: what a resumed run must come to.
    shutil.copytree(work / "run_aa_simclr", work / "resumed", symlinks=True)
    aassl("train", data, "-o", work / "resumed", "--resume", "--updates", "12")
    # Without weights in the loss its moments are zero and its momentum copies equal: half a megabyte in place of two.
    aassl("train", data, "-o", work / "run_byol", "--method", "byol", *TRAIN, "contrastive_weight=0", "--updates", "2")
    aassl("export", work / "run_aa_simclr", "-o", work / "backbone.safetensors")
    aassl("study", "methods", "--methods", "simclr", "--only", "simclr,simclr_equal_frames", "--seeds", "1", "--quick",
          "-o", work / "study", "--data", data, "--jobs", "1", "--set", "batch=16")  # fmt: skip
    for checkpoints in work.glob("study/runs/*/checkpoint*"):  # finished runs are not trained again
        checkpoints.unlink() if checkpoints.is_symlink() else shutil.rmtree(checkpoints)


def make_demo(work: Path) -> None:
    """What the stages of a demo leave beside bags, data and runs, and what its report stage makes of them."""
    demo = DemoFolder(work / "whole_demo")
    demo.collect_bag.parent.mkdir(parents=True)
    demo.collect_bag.symlink_to(work / "bag_mcap")
    demo.online_bag.symlink_to(work / "bag_sqlite3")
    for phase, run in (("offline", "run_aa_simclr"), ("online", "run_online")):
        demo.evaluation(phase).write_text(aassl("evaluate", work / run, work / "prepared", *EVALUATE))
    answers = [("mug", "mug"), ("bowl", "mug"), ("bowl", "bowl")]
    live = [
        {"stamp_ns": place * 10**9, "named": named, "truth": truth, "latency_ms": 4.0 + place}
        for place, (named, truth) in enumerate(answers)
    ]
    demo.live.write_text(json.dumps(live))
    demo.record.write_text(json.dumps({"settings": {}, "stages": {"collect": 100.0, "train": 50.0}}))
    write_metrics(demo)
    (work / "demo").mkdir()
    for file in demo.root.glob("*.json"):
        shutil.copy(file, work / "demo")


def keep(work: Path) -> None:
    """Copy what was made to the artefacts: files as they are, folders as archives."""
    archive = ARTEFACTS / "files.tar.xz"
    names = ["bag_mcap", "bag_mcap_killed", "bag_sqlite3", "bag_sqlite3_killed", "prepared", "drawn", "gallery"]
    names += ["study", "run_aa_simclr", "run_byol", "run_online", "backbone.safetensors", "demo"]
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for name in names:
            tar.add(work / name, name)
    log = (work / "resumed" / "log.jsonl").read_text().splitlines()
    backbone = json.loads(aassl("evaluate", work / "backbone.safetensors", work / "drawn", *EVALUATE))
    recorded = {
        "resumed_log": [json.loads(line) for line in log],
        "evaluation": json.loads((work / "demo" / "evaluation_offline.json").read_text()),
        "evaluation_of_backbone": backbone,
    }
    for name in ("bag_mcap", "bag_sqlite3"):
        recorded[name] = json.loads(aassl("bag", "info", work / name, "--json"))
        recorded[name].pop("path", None)
    recovered = json.loads(aassl("bag", "recover", work / "bag_mcap_killed", "-o", work / "recovered", "--json"))
    recorded["recovered"] = recovered["messages"]
    (ARTEFACTS / "recorded.json").write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
    shutil.copytree(ROOT / "config", ARTEFACTS / "config", ignore=shutil.ignore_patterns("*.xml"))


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    shutil.rmtree(ARTEFACTS, ignore_errors=True)
    ARTEFACTS.mkdir()
    with tempfile.TemporaryDirectory() as folder, own_domain():
        work = Path(folder)
        make_bags(work)
        make_learned(work)
        make_online(work)
        make_demo(work)
        keep(work)
        interface = [
            sys.executable,
            str(HERE / "interface.py"),
            str(work / "gallery"),
            str(ARTEFACTS / "interface.json"),
        ]
        subprocess.run(interface, check=True, timeout=300)


if __name__ == "__main__":
    main()
