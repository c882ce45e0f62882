"""Pairs of frames of one episode, and the action between the two frames."""

from aassl_ros.data.pairs.actions import ACTION_SPACES, ActionSpace, choose_action_space
from aassl_ros.data.pairs.normalisation import Normalisation
from aassl_ros.data.pairs.ranges import EpisodicStates
from aassl_ros.data.pairs.sampler import PairSampler
from aassl_ros.data.pairs.scaled_space import ScaledSpace
from aassl_ros.data.pairs.states import States
from aassl_ros.data.pairs.turn_reach import TurnReach
from aassl_ros.data.pairs.turns import turn_angle
from aassl_ros.data.pairs.window import Window, parse_window

__all__ = [
    "ACTION_SPACES",
    "ActionSpace",
    "EpisodicStates",
    "Normalisation",
    "PairSampler",
    "ScaledSpace",
    "States",
    "TurnReach",
    "Window",
    "choose_action_space",
    "parse_window",
    "turn_angle",
]
