"""Residual networks, trained on ImageNet by others, as feature extractors."""

from embeddings.checks import check_choice
from embeddings.image.pretrained import FeatureExtractor

# Blocks of each of the four stages, and whether a block is a bottleneck (He et al. 2016, table 1).
DEPTHS = {18: ((2, 2, 2, 2), False), 34: ((3, 4, 6, 3), False), 50: ((3, 4, 6, 3), True)}


class ResNet(FeatureExtractor):
    """ResNet-18, -34 or -50: vectors of pictures from a network that knows ImageNet.

    A block learns what to *add* to its input, ``relu(f(x) + x)``, so that gradients find a way past it. Blocks of
    ResNet-50 squeeze the channels before the 3 × 3 convolution, which also takes the stride, as in torchvision.

    Parameters
    ----------
    depth : {18, 34, 50}, default 18
        :meth:`from_pretrained` finds it out.
    layer : str, default "avgpool"
        Whose activations are the embedding: ``"bn1"``, ``"relu"``, ``"maxpool"``, ``"layer1"`` to ``"layer4"``, one
        block as ``"layer2.0"``, ``"avgpool"`` (512 numbers, or 2048) or ``"fc"`` (scores of the classes).
    size : int, default 224
        Pixels of each side that the network sees.
    crop : float, default 0.875
        The share of the shorter side that is kept.
    seed : int, default 0
        Of the random weights, where none are read.

    Attributes
    ----------
    weights_ : dict of str to (weight, bias)
        Convolutions (rows, columns, n_in, n_out), BatchNorm folded into them.
    pretrained_ : bool

    Examples
    --------
    >>> import numpy as np
    >>> model = ResNet(layer="layer1", size=32).fit()  # random weights
    >>> model.transform([np.zeros((40, 50, 3), np.uint8)]).shape
    (1, 64)

    References
    ----------
    He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2016.
    """

    _border = 3
    _optional = ("fc",)
    _widths = (64, 128, 256, 512)

    def __init__(self, depth=18, layer="avgpool", *, size=224, crop=0.875, seed=0):
        self.depth = depth
        self.layer = layer
        self.size = size
        self.crop = crop
        self.seed = seed

    def _check(self):
        check_choice("depth", self.depth, tuple(DEPTHS))
        super()._check()

    def _blocks(self):
        """Yield (name, the stage that it ends or None, n_in, width, n_out, stride) of every block."""
        counts, bottleneck = DEPTHS[self.depth]
        n_in = self._widths[0]
        for stage, (count, width) in enumerate(zip(counts, self._widths, strict=True), 1):
            n_out = 4 * width if bottleneck else width
            for block in range(count):
                ends = f"layer{stage}" if block + 1 == count else None
                yield f"layer{stage}.{block}", ends, n_in, width, n_out, 2 if block == 0 and stage > 1 else 1
                n_in = n_out

    def layer_names(self):
        """Names of all layers that can be the embedding, in order."""
        blocks = [name for block, ends, *_ in self._blocks() for name in (block, ends) if name]
        return ["bn1", "relu", "maxpool", *blocks, "avgpool", "fc"]

    def _spec(self):
        spec = {"conv1": ((7, 7, 3, self._widths[0]), "bn1")}
        for name, _, n_in, width, n_out, stride in self._blocks():
            if DEPTHS[self.depth][1]:
                shapes = (1, 1, n_in, width), (3, 3, width, width), (1, 1, width, n_out)
            else:
                shapes = (3, 3, n_in, width), (3, 3, width, n_out)
            for i, shape in enumerate(shapes, 1):
                spec[f"{name}.conv{i}"] = shape, f"{name}.bn{i}"
            if stride != 1 or n_in != n_out:
                spec[f"{name}.downsample.0"] = (1, 1, n_in, n_out), f"{name}.downsample.1"
        spec["fc"] = (n_out, 1000), None
        return spec

    @classmethod
    def _name_in(cls, tensors, unit):
        # torchvision and timm agree.
        return unit

    @classmethod
    def _params_of(cls, tensors, params):
        if "depth" in params:
            return params
        bottleneck = "layer1.0.conv3.weight" in tensors
        depth = 50 if bottleneck else 34 if "layer1.2.conv1.weight" in tensors else 18
        return {"depth": depth, **params}

    def _steps(self, x, wanted):
        x = self._convolve("conv1", x, 2, 3, relu=wanted != "bn1")
        yield "bn1" if wanted == "bn1" else "relu", x
        x = x.pooled(3, 2, 1)
        yield "maxpool", x
        bottleneck = DEPTHS[self.depth][1]
        for name, ends, _, _, _, stride in self._blocks():
            around = x
            if f"{name}.downsample.0" in self.weights_:
                around = self._convolve(f"{name}.downsample.0", x, stride, relu=False)
            if bottleneck:
                x = self._convolve(f"{name}.conv1", x)
                x = self._convolve(f"{name}.conv2", x, stride, 1)
                x = self._convolve(f"{name}.conv3", x, around=around)
            else:
                x = self._convolve(f"{name}.conv1", x, stride, 1)
                x = self._convolve(f"{name}.conv2", x, 1, 1, around=around)
            yield name, x
            yield ends, x
        x = x.pictures().mean(axis=(2, 3))
        yield "avgpool", x
        if "fc" in self.weights_:
            yield "fc", self._linear("fc", x)
