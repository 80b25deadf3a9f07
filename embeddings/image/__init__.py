"""Image models, from gradients counted by hand to convolutional networks. Each loads on first use."""

import importlib

_HOMES = {
    "Autoencoder": "autoencoder",
    "BagOfVisualWords": "visual_words",
    "CNN": "cnn",
    "HOG": "hog",
    "Keypoints": "keypoints",
    "ResNet": "resnet",
    "SIFT": "sift",
    "SURF": "surf",
    "VGG16": "vgg",
    "VLAD": "visual_words",
    "homography": "matching",
    "match": "matching",
    "votes": "matching",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
