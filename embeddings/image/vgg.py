"""VGG16, trained on ImageNet by others, as a feature extractor."""

import numpy as np

from embeddings.image.pretrained import FeatureExtractor

# Channels of the 3 × 3 convolutions of the five stages, each followed by a pool (Simonyan & Zisserman, table 1, D).
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(FeatureExtractor):
    """VGG16: vectors of pictures from thirteen plain convolutions that know ImageNet (Simonyan & Zisserman, "Very Deep
    Convolutional Networks for Large-Scale Image Recognition", 2015).

    Parameters
    ----------
    layer : str, default "classifier.4"
        Whose activations are the embedding, by torchvision's names: ``"features.0"`` (a convolution), ``"features.1"``
        (its ReLU) … ``"features.30"`` (the last pool), ``"avgpool"``, ``"classifier.0"``, ``"classifier.1"`` (ReLU),
        ``"classifier.3"``, ``"classifier.4"`` (4,096 numbers), ``"classifier.6"`` (scores of the classes).
    size : int, default 224
        Pixels of each side that the network sees.
    crop : float, default 0.875
        The share of the shorter side that is kept.
    seed : int, default 0
        Of the random weights, where none are read.

    Attributes
    ----------
    weights_ : dict of str to (weight, bias)
        Convolutions (rows, columns, n_in, n_out), dense layers (n_in, n_out).
    pretrained_ : bool

    Examples
    --------
    >>> VGG16().layer_names()[:5]
    ['features.0', 'features.1', 'features.2', 'features.3', 'features.4']
    """

    _optional = ("classifier.0", "classifier.3", "classifier.6")
    _stages = STAGES
    _hidden = 4096

    def __init__(self, layer="classifier.4", *, size=224, crop=0.875, seed=0):
        self.layer = layer
        self.size = size
        self.crop = crop
        self.seed = seed

    def _places(self):
        """Yield (number among the features, channels in and out; or None for a pool)."""
        number, n_in = 0, 3
        for stage in self._stages:
            for n_out in stage:
                yield number, (n_in, n_out)
                number, n_in = number + 2, n_out
            yield number, None
            number += 1

    def layer_names(self):
        """Names of all layers that can be the embedding, in order."""
        names = []
        for number, channels in self._places():
            names += [f"features.{number}"] + [f"features.{number + 1}"] * (channels is not None)
        return [*names, "avgpool", *(f"classifier.{i}" for i in (0, 1, 3, 4, 6))]

    def _spec(self):
        spec = {f"features.{i}": ((3, 3, *channels), None) for i, channels in self._places() if channels}
        spec["classifier.0"] = (49 * self._stages[-1][-1], self._hidden), None
        spec["classifier.3"] = (self._hidden, self._hidden), None
        spec["classifier.6"] = (self._hidden, 1000), None
        return spec

    @classmethod
    def _name_in(cls, tensors, unit):
        """torchvision's name; timm's where the file has timm's."""
        timm = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}
        return timm.get(unit, unit) if f"{timm.get(unit)}.weight" in tensors else unit

    def _steps(self, x, wanted):
        for number, channels in self._places():
            name = f"features.{number}"
            if channels is None:
                x = x.pooled(2, 2, 0)
                yield name, x
            elif name == wanted:
                yield name, self._convolve(name, x, 1, 1, relu=False)
            else:
                x = self._convolve(name, x, 1, 1)
                yield f"features.{number + 1}", x
        x = _adaptive_mean(x.pictures(), 7)
        yield "avgpool", x
        x = np.ascontiguousarray(x).reshape(len(x), -1)
        for i in (0, 3, 6):
            name = f"classifier.{i}"
            if name not in self.weights_:
                return
            x = self._linear(name, x)
            yield name, x
            x = np.maximum(x, 0)
            yield f"classifier.{i + 1}", x


def _adaptive_mean(x, n):
    """Means over n × n windows that cover the picture, as PyTorch's AdaptiveAvgPool2d cuts them."""
    means = np.empty((*x.shape[:2], n, n), x.dtype)
    for i in range(n):
        rows = slice(i * x.shape[2] // n, -(-(i + 1) * x.shape[2] // n))
        for j in range(n):
            columns = slice(j * x.shape[3] // n, -(-(j + 1) * x.shape[3] // n))
            means[:, :, i, j] = x[:, :, rows, columns].mean(axis=(2, 3))
    return means
