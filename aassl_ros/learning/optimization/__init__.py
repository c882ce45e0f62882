"""Optimizers, the learning rate over a run, and averages of weights."""

from aassl_ros.learning.optimization.moving_averages import AveragedEncoder, MomentumCopy
from aassl_ros.learning.optimization.optimizers import OptimizerSettings, Schedule, make_optimizer

__all__ = [
    "AveragedEncoder",
    "MomentumCopy",
    "OptimizerSettings",
    "Schedule",
    "make_optimizer",
]
