"""Write metrics.json and report.html of a finished demo from the files of its stages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.data.streams.ledger import Ledger
from aassl_ros.demo.bag_frames import frames_of_bag
from aassl_ros.demo.folder import DemoFolder, read_json, write_json
from aassl_ros.demo.synchronization import measure_synchronization
from aassl_ros.errors import BagError
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.report import plots
from aassl_ros.report.page import Page

_PHASES = ("offline", "online")
_SAMPLE_FRAMES = 18
_POINTS_OF_TSNE = 1200
_LOSSES = ("loss", "contrastive", "action")
_STREAM_KEYS = ("frames_received", "frames_written", "frames_dropped", "frames_with_sample", "bracket_ms_median")


def write_metrics(folder: DemoFolder) -> None:
    """Write metrics.json. Scripts rely on its keys; `seconds` is the duration of the stages before the report."""
    live = read_json(folder.live)
    right = [answer["named"] == answer["truth"] for answer in live]
    ledger = _ledger(folder.collect_bag).as_dict()
    metrics = {
        **{phase: read_json(folder.evaluation(phase)) for phase in _PHASES},
        "live": {
            "answers": len(live),
            "accuracy": float(np.mean(right)),
            "latency_ms_p50": float(np.median([answer["latency_ms"] for answer in live])),
        },
        "stream": {key: ledger[key] for key in _STREAM_KEYS},
        "seconds": sum(read_json(folder.record)["stages"].values()),
    }
    write_json(folder.metrics, metrics)


def write_report(folder: DemoFolder) -> None:
    """Write report.html: a single file that any browser opens."""
    metrics = read_json(folder.metrics)
    data = PreparedData.open(folder.data)
    page = Page("aassl_ros: learning to see by handling objects")
    _summary(page, metrics)
    _accuracy(page, metrics)
    _live(page, folder)
    _learning(page, folder)
    _features(page, folder, data)
    _frames(page, folder, data)
    _joints(page, data)
    _counts(page, folder)
    page.write(folder.report)


def _summary(page: Page, metrics: Mapping[str, Any]) -> None:
    online, stream = metrics["online"], metrics["stream"]
    page.text(
        f"A simulated arm handled {len(online['train_instances'])} objects while its camera and joints were recorded. "
        f"An encoder was trained on them without labels ({online['method']}), first from the bags, then in the trainer "
        "node. "
        f"It is measured on {len(online['test_instances'])} objects that it has never seen."
    )
    page.figures(
        [
            (_percent(online["probe"]["accuracy"]), "category accuracy on unseen objects, after the online part"),
            (_percent(metrics["live"]["accuracy"]), f"of {metrics['live']['answers']} live answers correct"),
            (f"{stream['frames_dropped']} of {stream['frames_received']}", "camera frames dropped"),
            (f"{metrics['live']['latency_ms_p50']:.1f} ms", "from frame to answer (median)"),
        ]
    )


def _accuracy(page: Page, metrics: Mapping[str, Any]) -> None:
    page.heading("Category accuracy on unseen objects")
    offline, online = metrics["offline"], metrics["online"]
    baselines = online["baselines"]
    series = {
        "online encoder, linear probe": online["probe"]["accuracy"],
        "offline encoder, linear probe": offline["probe"]["accuracy"],
        "random encoder, linear probe": baselines["random_encoder"],
        "colour histogram, linear probe": baselines["colour_histogram"],
    }
    page.picture(plots.accuracy_bars(series, online["chance"]), "accuracy of each encoder and baseline")
    columns = (
        offline["probe"]["per_category"],
        online["probe"]["per_category"],
        online["baselines_per_category"]["random_encoder"],
        online["baselines_per_category"]["colour_histogram"],
    )
    chance = _percent(online["chance"])
    rows = [
        (category, *(_percent(column.get(category)) for column in columns), chance)
        for category in online["probe"]["per_category"]
    ]
    overall = (offline["probe"]["accuracy"], online["probe"]["accuracy"], *baselines.values())
    rows.append(("all categories", *map(_percent, overall), chance))
    page.table(["linear probe", "offline", "online", "random encoder", "colour histogram", "chance"], rows)
    few = [
        (
            f"{count} labelled object{'s' * (count != '1')} per category",
            _percent(offline["few_shot"][count]),
            _percent(fraction),
        )
        for count, fraction in online["few_shot"].items()
    ]
    neighbours = ("20 nearest neighbours", _percent(offline["knn"]["accuracy"]), _percent(online["knn"]["accuracy"]))
    page.table(["other measures", "offline", "online"], [neighbours, *few])
    confusion = online["confusion"]
    matrix = np.asarray(confusion["matrix"], dtype=np.float64)
    page.picture(plots.confusion(matrix, confusion["categories"]), "confusion matrix of the online encoder")


def _live(page: Page, folder: DemoFolder) -> None:
    page.heading("Live answers and true categories")
    live = read_json(folder.live)
    stamps = np.array([answer["stamp_ns"] for answer in live], dtype=np.float64)
    times_s = (stamps - stamps.min()) / 1e9
    named, truth = [answer["named"] for answer in live], [answer["truth"] for answer in live]
    categories = sorted(set(named) | set(truth))
    page.picture(plots.answers_over_time(times_s, named, truth, categories), "live answers over time")


def _learning(page: Page, folder: DemoFolder) -> None:
    page.heading("Losses")
    logs = {"offline": _log(folder.offline_run / "log.jsonl"), "online": _log(folder.online_run / "log.jsonl")}
    page.picture(plots.loss_curves(logs, _LOSSES), "loss curves")


def _features(page: Page, folder: DemoFolder, data: PreparedData) -> None:
    from aassl_ros.demo.picture_of_features import points_of_features

    page.heading("Features (t-SNE)")
    frames = data.indices(("train", "test"))
    chosen = frames[evenly_spaced(len(frames), _POINTS_OF_TSNE)]
    rows = [data.episodes[index] for index in data.episode_of[chosen]]
    points = points_of_features(folder.checkpoint, data, chosen)
    seen = np.array([row.set == "train" for row in rows])
    page.picture(plots.embedding(points, [row.category for row in rows], seen), "t-SNE of the features")


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


def _counts(page: Page, folder: DemoFolder) -> None:
    page.heading("Messages received, written and dropped")
    for name, bag in (("collect", folder.collect_bag), ("online", folder.online_bag)):
        ledger = _ledger(bag)
        page.text(f"bags/{name}: {ledger.summary()}")
        page.table(
            ["topic", "received", "written", "dropped", "lost in transport"],
            [(topic, one.received, one.written, one.dropped, one.lost) for topic, one in ledger.topics.items()],
        )


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


def _percent(fraction: float | None) -> str:
    return "" if fraction is None else f"{100 * fraction:.1f} %"
