"""What a batch of pairs is scored by: a base objective on the two images and, as an add-on, the action term.

Each term owns its heads and turns pairs into one scalar; objectives/ holds them, update.py adds them up.
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
    """The method and what its terms can be told; defaults are the paper's."""

    method: str = setting("aa_simclr", "What is learnt from a pair.", choices=lambda: tuple(METHODS))
    fusion: str = setting(
        "concat", "What the joint head takes of two images: both, or their difference.", choices=FUSIONS
    )
    temperature: float = setting(0.0, "Temperature of the loss between images, where it has one; 0: the method's own "
                                 "(0.1; MoCo v3 and EquiMod 0.2).", minimum=0, maximum=100)  # fmt: skip
    action_temperature: float = setting(0.0, "Temperature of the action term; 0: the method's own.",
                                        minimum=0, maximum=100)  # fmt: skip
    contrastive_weight: float = setting(1.0, "Weight of the loss between images.", minimum=0, maximum=1000)
    action_weight: float = setting(1.0, "Weight of the action term.", minimum=0, maximum=1000)
    same_action: float = setting(0.0, "Pairs whose actions differ by at most this, in degrees, are no negatives of "
                                 "each other in the action term; 0: all are.", minimum=0, maximum=180)  # fmt: skip
    slow_momentum: float = setting(0.996, "What a slow copy keeps of its weights at each update (BYOL, MoCo v3).",
                                   minimum=0, maximum=1)  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """What a term is made for: D features of the encoder, A entries of an action (0 if the method uses no actions),
    the number of categories (0 if it uses no labels), and if the encoder is a transformer.
    """

    features: int
    actions: int = 0
    categories: int = 0
    transformer: bool = False


Term: TypeAlias = Callable[[Sizes, ObjectiveSettings], nn.Module]
"""Makes a term of the loss: a module that takes Pairs and returns a scalar."""


@dataclass(frozen=True)
class Pairs:
    """N pairs of images as every term sees them, each term taking what it needs.

    first, second: features f(x) and f(x'), float [N, D]; action: normalised, float [N, A]; slow: features of x and x'
    by the slow copy of the encoder, float [N, D] each and without gradient, empty where the method keeps no such copy;
    target: the object's category, int64 [N], None where the method learns without labels.
    """

    first: Tensor
    second: Tensor
    action: Tensor
    slow: tuple[Tensor, ...] = ()
    target: Tensor | None = None


PAIR_KINDS = ("classic", "time", "combined")
"""Two augmentations of one frame; two frames of one episode as they are; two frames, each augmented."""


@dataclass(frozen=True)
class Method:
    """A named preset over parts.

    pairs: one of PAIR_KINDS; the setting `pairs` may ask for others.
    base: makes the objective on the images; action_term: makes the add-on, None where there is none.
    slow_encoder: whether a slow copy of the encoder is kept, for terms that learn from one.
    base_uses_actions: whether already the base looks at actions. uses_labels: whether the base learns from the
    categories of objects.
    """

    pairs: str
    base: Term
    action_term: Term | None = None
    slow_encoder: bool = False
    base_uses_actions: bool = False
    uses_labels: bool = False

    @property
    def uses_actions(self) -> bool:
        return self.action_term is not None or self.base_uses_actions


METHODS: Registry[Method] = Registry("method", "aassl_ros.methods", Method)
"""All methods by name. methods.py registers those of this package."""


def register_method(name: str, method: Method) -> Method:
    """Make `method` known to `aassl train --method NAME`, the trainer node and the studies.

    Another package can do the same without a call, by an entry point of the group `aassl_ros.methods` whose object is
    a Method. Raises ConfigError if the name is taken.
    """
    return METHODS.register(name, method)
