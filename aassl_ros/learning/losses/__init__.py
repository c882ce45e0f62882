"""Losses as pure functions of tensors, one a file."""

from aassl_ros.learning.losses.barlow_twins import barlow_twins
from aassl_ros.learning.losses.byol import byol
from aassl_ros.learning.losses.ciper import ciper
from aassl_ros.learning.losses.classification import classification
from aassl_ros.learning.losses.gather import full_precision, gather_embeddings
from aassl_ros.learning.losses.info_nce import info_nce
from aassl_ros.learning.losses.nt_xent import chance, nt_xent
from aassl_ros.learning.losses.sie import sie
from aassl_ros.learning.losses.vicreg import vicreg

__all__ = [
    "barlow_twins",
    "byol",
    "chance",
    "ciper",
    "classification",
    "full_precision",
    "gather_embeddings",
    "info_nce",
    "nt_xent",
    "sie",
    "vicreg",
]
