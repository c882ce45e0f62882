"""Objectives: terms of the loss with their heads, and the methods that combine them."""

from aassl_ros.learning.objectives.alignment import Alignment
from aassl_ros.learning.objectives.barlow_twins import ActionBarlowTwins, BarlowTwins
from aassl_ros.learning.objectives.base import METHODS, Method, ObjectiveSettings, Pairs, Sizes, Term, register_method
from aassl_ros.learning.objectives.byol import BYOL, ActionBYOL
from aassl_ros.learning.objectives.ciper import CIPER
from aassl_ros.learning.objectives.equimod import EquiMod, EquiModInvariance
from aassl_ros.learning.objectives.heads import ActionHead, JointHead, Projector
from aassl_ros.learning.objectives.methods import masks_same_actions
from aassl_ros.learning.objectives.mocov3 import ActionMoCoV3, MoCoV3
from aassl_ros.learning.objectives.momentum import MomentumAlignment, MomentumBase
from aassl_ros.learning.objectives.same_action import SameAction
from aassl_ros.learning.objectives.sie import SIE
from aassl_ros.learning.objectives.simclr import ActionAlignment, SimCLR
from aassl_ros.learning.objectives.space_heads import SpaceHead, SpaceHeads
from aassl_ros.learning.objectives.supervised import Supervised
from aassl_ros.learning.objectives.vicreg import ActionVICReg, VICReg
from aassl_ros.learning.optimization.moving_averages import MomentumCopy

__all__ = [
    "BYOL",
    "CIPER",
    "METHODS",
    "SIE",
    "ActionAlignment",
    "ActionBYOL",
    "ActionBarlowTwins",
    "ActionHead",
    "ActionMoCoV3",
    "ActionVICReg",
    "Alignment",
    "BarlowTwins",
    "EquiMod",
    "EquiModInvariance",
    "JointHead",
    "Method",
    "MoCoV3",
    "MomentumAlignment",
    "MomentumBase",
    "MomentumCopy",
    "ObjectiveSettings",
    "Pairs",
    "Projector",
    "SameAction",
    "SimCLR",
    "Sizes",
    "SpaceHead",
    "SpaceHeads",
    "Supervised",
    "Term",
    "VICReg",
    "masks_same_actions",
    "register_method",
]
