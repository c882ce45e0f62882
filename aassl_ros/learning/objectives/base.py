"""The parts of an objective: a base term on the two images of a pair and, as an add-on, the action term.

Each term owns its heads and turns pairs into one scalar. training/network.py adds the scalars up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor, nn

from aassl_ros.learning.objectives.heads import FUSIONS
from aassl_ros.registry import Registry
from aassl_ros.settings import setting


@dataclass(frozen=True)
class ObjectiveSettings:
    """The method and the settings of its terms; the defaults are the paper's."""

    method: str = setting("aa_simclr", "Training method (docs/methods.md).", choices=lambda: tuple(METHODS))
    fusion: str = setting(
        "concat", "Input of the joint head: the features of both images, or their difference.", choices=FUSIONS
    )
    temperature: float = setting(0.0, "Temperature of the loss between images, if it has one; 0: the method's own "
                                 "(0.1; MoCo v3 and EquiMod 0.2).", minimum=0, maximum=100)  # fmt: skip
    action_temperature: float = setting(0.0, "Temperature of the action term; 0: the method's own.",
                                        minimum=0, maximum=100)  # fmt: skip
    contrastive_weight: float = setting(1.0, "Weight of the loss between images.", minimum=0, maximum=1000)
    action_weight: float = setting(1.0, "Weight of the action term.", minimum=0, maximum=1000)
    same_action: float = setting(0.0, "Two pairs whose actions differ by at most this, in degrees, are not negatives "
                                 "of each other in the action term; 0: all are.", minimum=0, maximum=180)  # fmt: skip
    hard_actions: float = setting(0.0, "How much more a negative of the action term counts if its action is similar "
                                  "(docs/methods.md); 0: all count the same.", minimum=0, maximum=100)  # fmt: skip
    positive_decay: float = setting(1.0, "How much less a pair counts in L_c if its action is large, for methods that "
                                    "weight pairs (aw_simclr, aa_aw_simclr).", minimum=0, maximum=100)  # fmt: skip
    slow_momentum: float = setting(0.996, "Share of its weights that a momentum copy keeps at each update (BYOL, "
                                   "MoCo v3).", minimum=0, maximum=1)  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """The sizes that a term is built for.

    features: D, of the encoder; actions: A, entries of an action (0 if the method uses no actions); categories: their
    number (0 if the method uses no labels); transformer: if the encoder is a transformer.
    """

    features: int
    actions: int = 0
    categories: int = 0
    transformer: bool = False


Term: TypeAlias = Callable[[Sizes, ObjectiveSettings], nn.Module]
"""A function that builds a term of the loss: a module that takes Pairs and returns a scalar."""


@dataclass(frozen=True)
class Pairs:
    """N pairs of images, as every term gets them.

    first, second: features f(x) and f(x'), float [N, D].
    action: normalised actions, float [N, A].
    slow: features of x and x' by the encoder's momentum copy, float [N, D] each, without gradient; of a sequence those
    of its last frame alone; empty if the method keeps no such copy.
    target: the object's category, int64 [N]; None if the method needs no labels.
    later: of a sequence, the features of the frames after x' but the last, float [N, D] each.
    later_actions: of a sequence, the normalised actions to the frames after x', float [N, A] each.
    """

    first: Tensor
    second: Tensor
    action: Tensor
    slow: tuple[Tensor, ...] = ()
    target: Tensor | None = None
    later: tuple[Tensor, ...] = ()
    later_actions: tuple[Tensor, ...] = ()


PAIR_KINDS = ("classic", "time", "combined")
"""classic: two augmentations of one frame. time: two frames of one episode as they are. combined: two frames of one
episode, each augmented.
"""


@dataclass(frozen=True)
class Method:
    """A training method: which pairs it takes, and which terms make up its loss.

    pairs: one of PAIR_KINDS; the setting `pairs` overrides it.
    base: builds the term on the images. action_term: builds the action term, None if there is none.
    slow_encoder: if the terms need a momentum copy of the encoder.
    base_uses_actions: if the base term uses actions, too. uses_labels: if the base term uses object categories.
    later_frames: number of frames after each pair, for methods of sequences. Such a method needs actions and a momentum
    copy, which embeds the last frame alone. It trains offline only.
    """

    pairs: str
    base: Term
    action_term: Term | None = None
    slow_encoder: bool = False
    base_uses_actions: bool = False
    uses_labels: bool = False
    later_frames: int = 0

    @property
    def uses_actions(self) -> bool:
        """If any term uses the action between the two frames."""
        return self.action_term is not None or self.base_uses_actions


METHODS: Registry[Method] = Registry("method", "aassl_ros.methods", Method)
"""All methods by name. methods.py registers those of this package."""


def register_method(name: str, method: Method) -> Method:
    """Register a method under a name, for `aassl train --method NAME`, the trainer node and the studies.

    Another package can do the same without a call: it declares an entry point of the group `aassl_ros.methods` whose
    object is a Method.

    Args:
        name: what users type.
        method: which pairs it takes, and what builds its terms.

    Returns:
        the method.

    Raises:
        ConfigError: the name is taken.
    """
    return METHODS.register(name, method)
