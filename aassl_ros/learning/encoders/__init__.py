"""Encoders: networks from images to features, by name, with published weights and export."""

from aassl_ros.learning.encoders.backbone import Backbone, load_backbone, save_backbone
from aassl_ros.learning.encoders.encoder import Encoder
from aassl_ros.learning.encoders.factory import ENCODERS, EncoderSettings, build_encoder, register_encoder
from aassl_ros.learning.encoders.folding import fold_batch_norms
from aassl_ros.learning.encoders.resnet import ResNet
from aassl_ros.learning.encoders.timm import TimmEncoder
from aassl_ros.learning.encoders.vit import VisionTransformer
from aassl_ros.learning.encoders.weights import PublishedWeights

__all__ = [
    "ENCODERS",
    "Backbone",
    "Encoder",
    "EncoderSettings",
    "PublishedWeights",
    "ResNet",
    "TimmEncoder",
    "VisionTransformer",
    "build_encoder",
    "fold_batch_norms",
    "load_backbone",
    "register_encoder",
    "save_backbone",
]
