"""Recognition of the category in an image, with a gallery of labelled frames."""

from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.learning.recognition.gallery import Gallery, open_gallery
from aassl_ros.learning.recognition.gallery_source import GallerySource
from aassl_ros.learning.recognition.recognizer import Answer, RecognitionSettings, Recognizer
from aassl_ros.learning.recognition.reloading import RecognizerLoader

__all__ = [
    "UNKNOWN",
    "Answer",
    "Gallery",
    "GallerySource",
    "RecognitionSettings",
    "Recognizer",
    "RecognizerLoader",
    "open_gallery",
]
