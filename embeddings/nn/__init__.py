"""Networks: layers with a forward and a backward, losses, optimisers, one trainer. Each loads on first use."""

import importlib

_HOMES = {
    "Activation": "activations",
    "AdaGrad": "optimisers",
    "Adam": "optimisers",
    "AdamW": "optimisers",
    "AveragePool1d": "pool",
    "AveragePool2d": "pool",
    "AveragePool3d": "pool",
    "BatchNorm": "batch_norm",
    "BinaryCrossEntropy": "losses",
    "CausalConv1d": "conv_max",
    "Concat": "layer",
    "Conv1d": "conv",
    "Conv2d": "conv",
    "Conv3d": "conv",
    "ConvMax": "conv_max",
    "Crop": "shape",
    "CrossEntropy": "losses",
    "Dropout": "dropout",
    "Embedding": "embedding",
    "Flatten": "shape",
    "GELU": "activations",
    "Gaussian": "noise",
    "GlobalAveragePool": "pool",
    "GlobalMaxPool": "pool",
    "InfoNCE": "losses",
    "Layer": "layer",
    "LayerNorm": "norm",
    "LearnedPositions": "transformer",
    "Linear": "linear",
    "MSE": "losses",
    "MaxOverTime": "pool",
    "MaxPool1d": "pool",
    "MaxPool2d": "pool",
    "MaxPool3d": "pool",
    "MeanOverTime": "pool",
    "MultiHeadAttention": "attention",
    "Noise": "noise",
    "Parameter": "layer",
    "ReLU": "activations",
    "Recurrent": "recurrent",
    "RecurrentDirection": "recurrent",
    "Reshape": "shape",
    "Residual": "layer",
    "SGD": "optimisers",
    "Sequential": "layer",
    "SiLU": "activations",
    "Sigmoid": "activations",
    "SinusoidalPositions": "transformer",
    "Softmax": "activations",
    "Tanh": "activations",
    "Trainer": "trainer",
    "TransformerBlock": "transformer",
    "Upsample1d": "upsample",
    "Upsample2d": "upsample",
    "Upsample3d": "upsample",
    "WarmUpCosine": "optimisers",
    "WarmUpLinear": "optimisers",
    "clip_gradients": "optimisers",
    "gradient_check": "gradient_check",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
