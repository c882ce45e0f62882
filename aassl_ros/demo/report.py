"""Write metrics.json and report.html of a finished demo from the files of its stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.demo.bag_frames import frames_of_bag
from aassl_ros.demo.folder import DemoFolder, read_json, write_json
from aassl_ros.demo.live import accuracy_by_checkpoint, live_accuracy, live_reliability
from aassl_ros.demo.report_accuracy import PHASES, add_accuracy, add_summary, percent
from aassl_ros.demo.synchronization import measure_synchronization
from aassl_ros.errors import BagError
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.report import plots
from aassl_ros.report.page import Page
from aassl_ros.report.reliability import add_reliability

_SAMPLE_FRAMES = 18
_POINTS_OF_TSNE = 1200
_LOSSES = ("loss", "contrastive", "action")
_STREAM_KEYS = ("frames_received", "frames_written", "frames_dropped", "frames_with_sample", "bracket_ms_median")


def write_metrics(folder: DemoFolder) -> None:
    """Write metrics.json. Scripts rely on its keys; `seconds` is the duration of the stages before the report."""
    live = read_json(folder.live)
    ledger = _ledger(folder.collect_bag).as_dict()
    metrics = {
        **{phase: read_json(folder.evaluation(phase)) for phase in _phases(folder)},
        "live": {
            "answers": len(live),
            "accuracy": live_accuracy(live),
            "by_checkpoint": accuracy_by_checkpoint(live),
            "latency_ms_p50": float(np.median([answer["latency_ms"] for answer in live])),
        },
        "stream": {key: ledger[key] for key in _STREAM_KEYS},
        "seconds": sum(read_json(folder.record)["stages"].values()),
    }
    write_json(folder.metrics, metrics)


def _phases(folder: DemoFolder) -> tuple[str, ...]:
    """The encoders of this demo, in the order of the report."""
    return tuple(phase for phase in PHASES if folder.evaluation(phase).exists())


def write_report(folder: DemoFolder) -> None:
    """Write report.html: a single file that any browser opens."""
    metrics = read_json(folder.metrics)
    data = PreparedData.open(folder.data)
    page = Page("aassl_ros: learning to see by handling objects")
    add_summary(page, metrics)
    add_accuracy(page, metrics, _updates(folder))
    _live(page, folder)
    _learning(page, folder)
    _features(page, folder, data)
    _frames(page, folder, data)
    _joints(page, data)
    _counts(page, folder)
    page.write(folder.report)


def _live(page: Page, folder: DemoFolder) -> None:
    page.heading("Live answers and true categories")
    live = read_json(folder.live)
    stamps = np.array([answer["stamp_ns"] for answer in live], dtype=np.float64)
    times_s = (stamps - stamps.min()) / 1e9
    named, truth = [answer["named"] for answer in live], [answer["truth"] for answer in live]
    categories = sorted(set(named) | set(truth))
    page.picture(plots.answers_over_time(times_s, named, truth, categories), "live answers over time")
    rows = [
        (index, part["checkpoint"][:12], part["answers"], percent(part["accuracy"]))
        for index, part in enumerate(accuracy_by_checkpoint(live), start=1)
    ]
    page.text("The evaluator loads each checkpoint of the trainer. Its answers with each of them:")
    page.table(["", "encoder", "answers", "correct"], rows)
    sure = [answer.get("confidence", "") for answer in live]
    columns = ["time (s)", "true", "answer", "confidence"]
    page.data("live answers", columns, list(zip(times_s.round(3).tolist(), truth, named, sure, strict=True)))
    add_reliability(page, {"live answers": live_reliability(live)})


def _learning(page: Page, folder: DemoFolder) -> None:
    page.heading("Losses")
    logs = {phase: _log(run / "log.jsonl") for phase, run in _runs(folder).items()}
    page.picture(plots.loss_curves(logs, _LOSSES), "loss curves")
    columns = ("step", *_LOSSES)
    for phase, entries in logs.items():
        page.data(f"losses {phase}", columns, [[entry.get(key, "") for key in columns] for entry in entries])


def _features(page: Page, folder: DemoFolder, data: PreparedData) -> None:
    from aassl_ros.demo.picture_of_features import points_of_features

    page.heading("Features (t-SNE)")
    frames = data.indices(("train", "test"))
    chosen = frames[evenly_spaced(len(frames), _POINTS_OF_TSNE)]
    rows = [data.episodes[index] for index in data.episode_of[chosen]]
    points = points_of_features(folder.checkpoint, data, chosen)
    seen = np.array([row.set == "train" for row in rows])
    page.picture(plots.embedding(points, [row.category for row in rows], seen), "t-SNE of the features")
    places = zip(points.round(3).tolist(), rows, strict=True)
    page.data(
        "features",
        ["x", "y", "object", "category", "set"],
        [(*point, row.instance, row.category, row.set) for point, row in places],
    )


def _frames(page: Page, folder: DemoFolder, data: PreparedData) -> None:
    page.heading("Frames, and the error of the joint state of each")
    chosen = evenly_spaced(len(data), _SAMPLE_FRAMES)
    captions = [data.episodes[index].instance for index in data.episode_of[chosen]]
    try:
        sync = measure_synchronization(folder.collect_bag)
    except BagError as error:
        page.text(str(error))
    else:
        error_of = dict(zip(sync.stamps_ns.tolist(), sync.error_mrad.tolist(), strict=True))
        captions = [
            f"{caption}\n{error_of[stamp]:.3f} mrad" if stamp in error_of else caption
            for caption, stamp in zip(captions, data.stamps_ns[chosen].tolist(), strict=True)
        ]
        page.text(
            f"Below each frame: the error of the joint state interpolated at its stamp. The median over "
            f"{len(sync.stamps_ns)} frames is {np.median(sync.error_mrad):.4f} mrad. For comparison: in 1 ms the "
            f"fastest joint moves {np.median(sync.motion_mrad):.3f} mrad (median)."
        )
    frames = frames_of_bag(folder.collect_bag, data.stamps_ns[chosen].tolist())
    page.picture(plots.frames_grid(frames, captions), "sample frames")


def _joints(page: Page, data: PreparedData) -> None:
    page.heading("Joints and commands of one episode")
    row = max(data.episodes, key=lambda episode: episode.stop - episode.start)
    part = slice(row.start, row.stop)
    columns = [data.joint_names.index(name) for name in data.command_names if name in data.joint_names]
    names = [data.joint_names[column] for column in columns]
    commands = [data.command_names.index(name) for name in names]
    times_s = (data.stamps_ns[part] - data.stamps_ns[row.start]) / 1e9
    positions = data.joint_position[part][:, columns].astype(np.float64)
    commanded: NDArray[np.float64] = data.joint_command[part][:, commands].astype(np.float64)
    page.picture(plots.joint_curves(times_s, positions, commanded, names), "joint positions and commands")
    table = np.column_stack([times_s, positions, commanded]).round(5).tolist()
    page.data("joints", ["time (s)", *names, *(f"{name} command" for name in names)], table)


def _counts(page: Page, folder: DemoFolder) -> None:
    page.heading("Messages received, written and dropped")
    for name, bag in (("collect", folder.collect_bag), ("online", folder.online_bag)):
        ledger = _ledger(bag)
        page.text(f"bags/{name}: {ledger.summary()}")
        page.table(
            ["topic", "received", "written", "dropped", "lost in transport"],
            [(topic, one.received, one.written, one.dropped, one.lost) for topic, one in ledger.topics.items()],
        )


def _runs(folder: DemoFolder) -> dict[str, Path]:
    """The runs that have been trained, by their phase."""
    runs = {"offline": folder.offline_run, "online": folder.online_run, "scratch": folder.scratch_run}
    return {phase: run for phase, run in runs.items() if run.exists()}


def _updates(folder: DemoFolder) -> dict[str, int]:
    """Number of updates of each run; the online run counts on from the offline run."""
    steps = {
        phase: int(lines[-1]["step"]) for phase, run in _runs(folder).items() if (lines := _log(run / "log.jsonl"))
    }
    if "online" in steps and "offline" in steps:
        steps["online"] -= steps["offline"]
    return steps


def _ledger(bag: Path) -> Ledger:
    with BagReader(bag) as reader:
        ledger = reader.ledger
    if ledger is None:
        raise BagError(f"{bag} has no ledger: the recorder did not close it.")
    return ledger


def _log(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
