"""The layers whose gradients are checked: one line each."""

import numpy as np

from embeddings import nn


def rng():
    return np.random.default_rng(0)


def numbers(*shape):
    return np.random.default_rng(1).normal(size=shape)


def words(*shape):
    return np.random.default_rng(1).integers(0, 5, shape)


class Still:
    """A generator that draws the same numbers for every shape again."""

    def standard_normal(self, shape, dtype):
        return np.random.default_rng(2).standard_normal(shape, dtype)


LAYERS = {
    # name: (function that makes the layer, input, lengths or None)
    "Linear": (lambda: nn.Linear(3, 4, rng=rng()), numbers(2, 5, 3), None),
    "Sequential": (lambda: nn.Sequential(nn.Linear(3, 3, rng=rng()), nn.Tanh()), numbers(2, 3), None),
    "Residual": (lambda: nn.Residual(nn.Linear(3, 3, rng=rng())), numbers(2, 3), None),
    "Concat": (lambda: nn.Concat(nn.Tanh(), nn.Sigmoid()), numbers(2, 3), None),
    "Embedding": (lambda: nn.Embedding(5, 3, rng=rng()), words(2, 7), None),
    "Dropout of nothing": (lambda: nn.Dropout(0.0, rng=rng()), numbers(2, 3), None),
    **{
        kind: (lambda kind=kind: nn.Activation(kind), numbers(3, 7), None)
        for kind in ("relu", "tanh", "sigmoid", "silu", "gelu", "gelu_tanh")
    },
    "Softmax": (nn.Softmax, numbers(3, 4), None),
    **{
        f"Recurrent {cell}": (
            lambda cell=cell: nn.Recurrent(cell, 3, 2, n_layers=2, bidirectional=True, rng=rng()),
            numbers(3, 4, 3),
            np.array([4, 1, 3]),
        )
        for cell in ("rnn", "lstm", "gru")
    },
    "Conv1d": (lambda: nn.Conv1d(2, 3, 3, padding=1, rng=rng()), numbers(2, 5, 2), None),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1, rng=rng()), numbers(2, 2, 5, 4), None),
    "Conv3d": (lambda: nn.Conv3d(1, 2, 2, rng=rng()), numbers(2, 1, 3, 3, 3), None),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), numbers(2, 2, 4, 5), None),
    "AveragePool2d": (lambda: nn.AveragePool2d(2, 1), numbers(2, 2, 3, 4), None),
    "MaxOverTime": (nn.MaxOverTime, numbers(3, 4, 2), np.array([4, 2, 1])),
    "MeanOverTime": (nn.MeanOverTime, numbers(3, 4, 2), np.array([4, 2, 1])),
    "GlobalAveragePool": (nn.GlobalAveragePool, numbers(2, 3, 2, 2), None),
    "GlobalMaxPool": (nn.GlobalMaxPool, numbers(2, 3, 2, 2), None),
    "Upsample2d": (lambda: nn.Upsample2d(2), numbers(2, 2, 2, 3), None),
    "BatchNorm": (lambda: nn.BatchNorm(3), numbers(4, 3), None),
    "LayerNorm": (lambda: nn.LayerNorm(4), numbers(3, 4), None),
    "MultiHeadAttention": (lambda: nn.MultiHeadAttention(4, 2, rng=rng()), numbers(2, 5, 4), np.array([5, 3])),
    "SinusoidalPositions": (lambda: nn.SinusoidalPositions(), numbers(2, 5, 4), None),
    "LearnedPositions": (lambda: nn.LearnedPositions(6, 4, rng=rng()), numbers(2, 5, 4), None),
    "TransformerBlock": (lambda: nn.TransformerBlock(4, 2, 8, rng=rng()), numbers(2, 4, 4), np.array([4, 2])),
    "ConvMax": (lambda: nn.ConvMax(3, 2, (2, 3), rng=rng()), numbers(3, 5, 3), np.array([5, 2, 1])),
    "CausalConv1d": (lambda: nn.CausalConv1d(2, 3, 3, rng=rng()), numbers(2, 4, 2), None),
    "Crop": (lambda: nn.Crop(2, 1), numbers(2, 2, 3, 3), None),
    "Noise of nothing": (lambda: nn.Noise(0.0, rng=rng()), numbers(2, 3), None),
    # What it draws is the same in every forward; its divergence is not in the checker's loss (test_noise.py).
    "Gaussian": (lambda: nn.Gaussian(0.0, rng=Still()), numbers(2, 6), None),
    "Flatten": (nn.Flatten, numbers(2, 3, 4), None),
}
