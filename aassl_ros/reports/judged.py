"""What the evaluator would answer about test objects, with the train objects as its gallery."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aassl_ros.learning.measures.reliability import Reliability
from aassl_ros.learning.readout.spacing import evenly_spaced
from aassl_ros.learning.readout.split import Split
from aassl_ros.learning.recognition.calibration import at_temperature, reliability
from aassl_ros.learning.recognition.judge import Judge, JudgeFacts
from aassl_ros.learning.recognition.recognizer import RecognitionSettings

# Of each category: the judge compares all of them with each other, several times.
_VIEWS = 100
_AT_ONCE = 2048


@dataclass(frozen=True)
class Judged:
    """Answers about frames of objects that were neither trained on nor taught, all of known categories.

    facts: what the judge knew before. views: number of frames in its gallery. accuracy: share of frames named
    correctly. refused: share of them called unknown. uncalibrated, calibrated: reliability of the names.
    """

    facts: JudgeFacts
    views: int
    accuracy: float
    refused: float
    uncalibrated: Reliability
    calibrated: Reliability


def judge_test(train: Tensor, test: Tensor, parts: Split) -> Judged:
    """Fit a judge to train frames and ask it about the test frames.

    Args:
        train, test: features float [N, D] and [M, D] of the two sides.
        parts: the two sides.
    """
    chosen = np.concatenate([
        found[evenly_spaced(len(found), _VIEWS)]
        for found in (np.flatnonzero(parts.train.targets == place) for place in range(len(parts.categories)))
    ])  # fmt: skip
    gallery = torch.from_numpy(chosen).to(train.device)
    targets, objects = (torch.from_numpy(each[chosen]).to(train.device) for each in
                        (parts.train.targets, parts.train.instances))  # fmt: skip
    judge = Judge(train[gallery], targets, objects, refuse_known=RecognitionSettings().refuse_known)
    answers = [judge(part) for part in test.split(_AT_ONCE)]
    chances, familiar = torch.cat([one for one, _ in answers]), torch.cat([one for _, one in answers])
    truth = torch.from_numpy(parts.test.targets).to(test.device)
    return Judged(
        judge.facts,
        len(chosen),
        float((chances.argmax(dim=1) == truth).float().mean()),
        float((familiar < judge.facts.unknown.value).float().mean()),
        reliability(at_temperature(chances, 1 / judge.facts.temperature), truth),
        reliability(chances, truth),
    )
