"""Recognition of the category in an image, with a gallery of labelled frames."""

from aassl_ros.learning.recognition.gallery import UNKNOWN, Gallery, open_gallery
from aassl_ros.learning.recognition.recognizer import Answer, RecognitionSettings, Recognizer
from aassl_ros.learning.recognition.reloading import RecognizerLoader

__all__ = [
    "UNKNOWN",
    "Answer",
    "Gallery",
    "RecognitionSettings",
    "Recognizer",
    "RecognizerLoader",
    "open_gallery",
]
