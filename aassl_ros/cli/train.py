"""`aassl train DATA... -o RUN`: train an encoder on prepared data."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

from aassl_ros.cli.options import add_setting, help_text, parse_text
from aassl_ros.data.prepared.data import PreparedData
from aassl_ros.errors import ConfigError, first_line
from aassl_ros.learning.distributed.process_group import fail_together, joined_ranks, on_rank_zero, take_own_gpu
from aassl_ros.learning.distributed.ranks import own_rank
from aassl_ros.learning.encoders.pretrained import encoder_of_weights
from aassl_ros.learning.optimization.adaptation import ADAPTATION_DEFAULTS, ADAPTATION_RUN
from aassl_ros.learning.training.learner import Losses
from aassl_ros.learning.training.reports import TrainProgress, TrainReport
from aassl_ros.learning.training.run_folder import begin, resume
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer
from aassl_ros.one_process import alone
from aassl_ros.progress import progress
from aassl_ros.settings import SettingInfo, describe, from_mapping
from aassl_ros.studies.adaptation import has_turns, near_window

# Settings that have their own option, because many runs change them. --set takes every setting.
_OPTIONS = ("method", "fusion", "encoder", "width", "image_size", "weights", "epochs", "updates", "batch", "lr", "seed",
            "action_space", "window", "pairs", "validation", "temperature", "action_temperature", "action_weight",
            "max_seconds", "device", "precision", "schedule", "warmup_epochs", "probe_every",
            "tensorboard")  # fmt: skip

_ADAPT = {**ADAPTATION_DEFAULTS, **ADAPTATION_RUN}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    infos = {info.name: info for info in describe(TrainSettings)}
    parser.add_argument("data", nargs="+", type=Path, metavar="DATA", help="folder made by aassl prepare or synth,"
                        " or a folder of these; several are read as one")  # fmt: skip
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="RUN", help="folder for checkpoints and log")
    parser.add_argument("--resume", action="store_true", help="continue the run in RUN")
    parser.add_argument("--add-data", action="store_true", help="with --resume: DATA may be others than before, for"
                        " example those of a second robot; a new action space gets a new action head")  # fmt: skip
    parser.add_argument("--config", type=Path, metavar="YAML", help="file of settings, one `name: value` per line")
    parser.add_argument("--adapt", action="store_true",
                        help=f"adapt a pretrained encoder: {_words(_ADAPT)}, the rotation alone as the action, and"
                        " pairs of similar views; your own settings win")  # fmt: skip
    for name in _OPTIONS:
        add_setting(parser, infos[name])
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
                        help="any setting, including those listed below")  # fmt: skip
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "further settings, for --set and --config:\n" + "\n".join(
        textwrap.fill(f"{name}: {help_text(info)}", width=100, initial_indent="  ", subsequent_indent="      ")
        for name, info in infos.items() if name not in _OPTIONS
    )  # fmt: skip


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def run(arguments: argparse.Namespace) -> int:
    given = given_settings(arguments)
    settings = from_mapping(TrainSettings, given, source="aassl train")
    with joined_ranks(settings.ranks_timeout_s), ExitStack() as folder:
        return _train(arguments, given, settings, folder)


def _train(arguments: argparse.Namespace, given: dict[str, Any], settings: TrainSettings, folder: ExitStack) -> int:
    """Train. folder: holds the lock of the run's folder afterwards."""

    def lock() -> None:
        folder.enter_context(alone(arguments.out, "aassl train"))

    with fail_together():
        if arguments.add_data and not arguments.resume:
            raise ConfigError("--add-data continues a run: give --resume too, or start a new run without either.")
        data, checkpoint = PreparedData.open(*arguments.data), None
        if arguments.resume:
            if arguments.out.is_dir() and own_rank() == 0:
                lock()
            checkpoint, settings = resume(arguments.out, given, settings)
        elif arguments.adapt:
            settings = replace(settings, **_fitting(data, given))
        take_own_gpu(settings.device)
        trainer = Trainer(data, arguments.out, settings, checkpoint, add_data=arguments.add_data)
    trainer.agree()
    if checkpoint is None:
        on_rank_zero(lock)
        on_rank_zero(lambda: begin(arguments.out))
    by_time = settings.max_seconds > 0
    total = settings.max_seconds if by_time else trainer.total_steps
    unit = ", s" if by_time else ", updates"
    speaks = own_rank() == 0
    if speaks and trainer.learner.network.warm_start is not None:
        print(f"aassl: {settings.encoder} {trainer.learner.network.warm_start}.", file=sys.stderr)
    if speaks and checkpoint is None:
        for warning in (*_warnings(settings, trainer.action), *filter(None, [trainer.window_note])):
            print(f"aassl: {warning}", file=sys.stderr)
    if speaks and trainer.action:
        print(f"aassl: the action is {trainer.action}. It is {trainer.action_coverage}.", file=sys.stderr)
    with (
        progress(settings.method + unit, total) if speaks else nullcontext() as bar,
        stop_requests() as asked_to_stop,
    ):
        probed = ""

        def show(now: TrainProgress) -> None:
            nonlocal probed
            if bar is None:
                return
            if "probe_linear" in now.measures:
                probed = f", probe {now.measures['probe_linear']:.2f}"
            done = min(total, round(now.seconds)) if by_time else now.step
            bar.update(
                done, f"update {now.step}, {now.images_per_s:.0f} images/s, {describe_losses(now.losses)}{probed}"
            )
            if now.warning:
                print(f"aassl: update {now.step}: {now.warning}", file=sys.stderr)

        report = trainer.train(show, asked_to_stop.is_set)
    return _say(report, arguments) if speaks else int(not report.done)


def _fitting(data: PreparedData, given: Mapping[str, Any]) -> dict[str, Any]:
    """What --adapt takes from the data unless it is given: frames of similar sides, and an action without translation.

    Crops hide where an object is, so its translation only disturbs the action term.
    """
    fitting: dict[str, Any] = {"window": near_window(data)}
    if "action_space" not in given and has_turns(data):
        fitting["action_components"] = ("rotation",)
    return {name: value for name, value in fitting.items() if name not in given}


def _warnings(settings: TrainSettings, action: str) -> Iterator[str]:
    """Settings that are allowed, but seldom meant."""
    if settings.weights and not settings.encoder_lr and not settings.frozen_batch_norm and settings.frozen_layers != -1:
        yield (
            f"weights = {settings.weights} are trained at the rate of new weights (lr = {settings.lr:g}) and with "
            "moving batch norm statistics, which destroys published features. --adapt has settings that do not."
        )
    if action.startswith("time") and settings.action_space == "auto":
        yield (
            "no frame has a pose, an angle or a joint, so the action is the time between frames. This is a control: it "
            "says nothing about what the robot did. Methods without actions, such as simclr_tt, do not need one."
        )


def _say(report: TrainReport, arguments: argparse.Namespace) -> int:
    if not report.done:
        command = shlex.join(["aassl", "train", *map(str, arguments.data), "-o", str(arguments.out), "--resume"])
        steps = f"{report.step} of {report.total_steps}"
        print(f"aassl: stopped at step {steps}. Continue with: {command}", file=sys.stderr)
        return 1
    losses = "" if report.losses is None else f", {describe_losses(report.losses)}"
    print(f"{arguments.out / 'checkpoint'}: {report.step} updates in {report.seconds:.0f} s{losses}")
    return 0


def describe_losses(losses: Losses) -> str:
    """Format losses as "loss 9.12 (images 4.01, action 5.11)"."""
    action = "" if losses.action is None else f", action {losses.action:.2f}"
    return f"loss {losses.total:.2f} (images {losses.base:.2f}{action})"


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that the user gave: --adapt, the config file, options, --set. Later ones win.

    Raises ConfigError.
    """
    infos = {info.name: info for info in describe(TrainSettings)}
    values = read_config(arguments.config, infos) if arguments.config else {}
    words = {name: getattr(arguments, name) for name in _OPTIONS if getattr(arguments, name) is not None}
    for item in arguments.set:
        name, equals, word = item.partition("=")
        if not equals or name not in infos:
            raise ConfigError(f"--set {item}: expected NAME=VALUE, NAME one of {', '.join(infos)}.")
        words[name] = word
    given = {**values, **{name: parse_text(infos[name], word) for name, word in words.items()}}
    if "encoder" not in given and (encoder := encoder_of_weights(str(given.get("weights", "")))):
        given["encoder"] = encoder
    if not arguments.adapt:
        return given
    # Epochs that the user gives decide the length; the preset's updates would win over them.
    preset = {name: value for name, value in _ADAPT.items() if name != "updates" or "epochs" not in given}
    return {**preset, **given}


def read_config(file: Path, infos: Mapping[str, SettingInfo]) -> dict[str, Any]:
    """Read a YAML file of settings. Raises ConfigError if it cannot be read or has an unknown key."""
    try:
        values = yaml.safe_load(file.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file} cannot be read as YAML: {first_line(error)}.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{file} contains a {type(values).__name__}, expected lines of `name: value`.")
    unknown = [key for key in values if key not in infos]
    if unknown:
        raise ConfigError(f"{file}: unknown key {unknown[0]!r}, expected one of {', '.join(infos)}.")
    # YAML 1.1 reads 5e-4, a number without a point, as text.
    return {name: parse_text(infos[name], value) if isinstance(value, str) else value for name, value in values.items()}


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """Yield an event that is set by the first Ctrl-C or SIGTERM. A second one ends the program at once."""
    asked = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        for handled, handler in before.items():
            signal.signal(handled, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        for handled, handler in before.items():
            signal.signal(handled, handler)
