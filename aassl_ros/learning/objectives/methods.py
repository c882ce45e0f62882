"""The methods by name, each made of terms of this folder. A new one is one line here; docs/methods.md explains each."""

from __future__ import annotations

from aassl_ros.errors import ConfigError
from aassl_ros.learning.objectives.barlow_twins import ActionBarlowTwins, BarlowTwins
from aassl_ros.learning.objectives.base import METHODS, Method, ObjectiveSettings, register_method
from aassl_ros.learning.objectives.byol import BYOL, ActionBYOL
from aassl_ros.learning.objectives.ciper import CIPER
from aassl_ros.learning.objectives.equimod import EquiMod, EquiModInvariance
from aassl_ros.learning.objectives.mocov3 import ActionMoCoV3, MoCoV3
from aassl_ros.learning.objectives.same_action import MasksSameActions
from aassl_ros.learning.objectives.seq_jepa import LATER_FRAMES, SeqJEPA
from aassl_ros.learning.objectives.sie import SIE
from aassl_ros.learning.objectives.simclr import ActionAlignment, ActionWeightedSimCLR, SimCLR
from aassl_ros.learning.objectives.supervised import Supervised
from aassl_ros.learning.objectives.vicreg import ActionVICReg, VICReg

_METHODS = {
    "simclr": Method(pairs="classic", base=SimCLR),
    "simclr_tt": Method(pairs="combined", base=SimCLR),
    "aa_simclr": Method(pairs="combined", base=SimCLR, action_term=ActionAlignment),
    "aw_simclr": Method(pairs="combined", base=ActionWeightedSimCLR, base_uses_actions=True),
    "aa_aw_simclr": Method(
        pairs="combined", base=ActionWeightedSimCLR, action_term=ActionAlignment, base_uses_actions=True
    ),
    "byol": Method(pairs="combined", base=BYOL, slow_encoder=True),
    "aa_byol": Method(pairs="combined", base=BYOL, action_term=ActionBYOL, slow_encoder=True),
    "mocov3": Method(pairs="combined", base=MoCoV3, slow_encoder=True),
    "aa_mocov3": Method(pairs="combined", base=MoCoV3, action_term=ActionMoCoV3, slow_encoder=True),
    "vicreg": Method(pairs="combined", base=VICReg),
    "aa_vicreg": Method(pairs="combined", base=VICReg, action_term=ActionVICReg),
    "barlow": Method(pairs="combined", base=BarlowTwins),
    "aa_barlow": Method(pairs="combined", base=BarlowTwins, action_term=ActionBarlowTwins),
    "ciper": Method(pairs="combined", base=SimCLR, action_term=CIPER),
    "equimod": Method(pairs="combined", base=EquiModInvariance, action_term=EquiMod),
    "sie": Method(pairs="combined", base=SIE, base_uses_actions=True),
    "seq_jepa": Method(
        pairs="combined", base=SeqJEPA, base_uses_actions=True, slow_encoder=True, later_frames=LATER_FRAMES
    ),
    "supervised": Method(pairs="combined", base=Supervised, uses_labels=True),
}

for _name, _method in _METHODS.items():
    register_method(_name, _method)


def check_settings(settings: ObjectiveSettings) -> None:
    """Raise ConfigError if a setting has no effect on the method: a study of it would compare equal runs."""
    if settings.hard_actions and METHODS[settings.method].action_term is not ActionAlignment:
        raise ConfigError(
            f"hard_actions = {settings.hard_actions:g}, expected 0: {settings.method} has no negatives among actions "
            "that can be weighted. Methods that have: aa_simclr, aa_aw_simclr."
        )


def masks_same_actions(name: str) -> bool:
    """Tell whether the setting same_action has an effect on a method.

    Args:
        name: of the method.
    """
    term = METHODS[name].action_term
    return isinstance(term, type) and issubclass(term, MasksSameActions)
