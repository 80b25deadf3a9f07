"""Networks: layers with a forward and a backward, losses, optimisers, one trainer. Each loads on first use."""

import importlib

_HOMES = {
    "AveragePool1d": "pool",
    "AveragePool2d": "pool",
    "AveragePool3d": "pool",
    "BatchNorm": "batch_norm",
    "Concat": "layer",
    "Conv1d": "conv",
    "Conv2d": "conv",
    "Conv3d": "conv",
    "Flatten": "shape",
    "GlobalAveragePool": "pool",
    "GlobalMaxPool": "pool",
    "Layer": "layer",
    "LayerNorm": "norm",
    "LearnedPositions": "transformer",
    "Linear": "linear",
    "MaxOverTime": "pool",
    "MaxPool1d": "pool",
    "MaxPool2d": "pool",
    "MaxPool3d": "pool",
    "MeanOverTime": "pool",
    "MultiHeadAttention": "attention",
    "Parameter": "layer",
    "Reshape": "shape",
    "Residual": "layer",
    "Sequential": "layer",
    "SinusoidalPositions": "transformer",
    "TransformerBlock": "transformer",
    "Upsample1d": "upsample",
    "Upsample2d": "upsample",
    "Upsample3d": "upsample",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
