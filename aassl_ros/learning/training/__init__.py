"""Training: the update, the loop over prepared data, saving and resuming."""

from aassl_ros.learning.training.learner import Learner, Losses
from aassl_ros.learning.training.network import Network
from aassl_ros.learning.training.reports import TrainProgress, TrainReport
from aassl_ros.learning.training.saving import resume_learner, save_checkpoint
from aassl_ros.learning.training.settings import TrainSettings
from aassl_ros.learning.training.trainer import Trainer

__all__ = [
    "Learner",
    "Losses",
    "Network",
    "TrainProgress",
    "TrainReport",
    "TrainSettings",
    "Trainer",
    "resume_learner",
    "save_checkpoint",
]
