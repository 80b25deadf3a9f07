"""Batch normalisation."""

import numpy as np

from embeddings.nn.layer import Layer, Parameter


class BatchNorm(Layer):
    """Every channel with mean 0 and variance 1 over the batch and all places, then scaled and shifted (Ioffe & Szegedy
    2015, algorithm 1).

    ``y = weight · (x - μ) / √(σ² + eps) + bias``; in evaluation μ and σ² are the running ones. Takes rows
    (B, n), pictures and clips (B, n, …).

    Parameters
    ----------
    n : int
        Channels.
    eps : float, default 1e-5
    momentum : float, default 0.1
        How much of the running mean and variance each batch replaces.
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight, bias : Parameter, shape (n,)
    running_mean, running_var : arrays, shape (n,)
        The variance is the unbiased one, as PyTorch has it.

    Examples
    --------
    >>> BatchNorm(1, eps=0)(np.array([[1.0], [3.0]])).tolist()
    [[-1.0], [1.0]]
    """

    buffers = ("running_mean", "running_var")

    def __init__(self, n, *, eps=1e-5, momentum=0.1, dtype=np.float32):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight, self.bias = Parameter(np.ones(n, dtype)), Parameter(np.zeros(n, dtype))
        self.running_mean, self.running_var = np.zeros(n, dtype), np.ones(n, dtype)

    def forward(self, x, lengths=None):
        n = len(self.running_mean)
        if np.ndim(x) < 2 or x.shape[1] != n:
            raise ValueError(f"BatchNorm takes (batch, {n} channels, …), got an array of shape {np.shape(x)}")
        axes, shape = (0, *range(2, x.ndim)), (n, *(1,) * (x.ndim - 2))
        count = x.size // n
        if not self.training:
            scale = self.weight.data / np.sqrt(self.running_var + self.running_var.dtype.type(self.eps))
            return x * scale.reshape(shape) + (self.bias.data - self.running_mean * scale).reshape(shape)
        if count < 2:
            raise ValueError(f"BatchNorm needs at least two numbers of every channel in training, got shape {x.shape}")
        mean = x.mean(axis=axes, keepdims=True)
        centred = x - mean
        variance = np.square(centred).mean(axis=axes)  # (n,)
        spread = (1 / np.sqrt(variance + x.dtype.type(self.eps))).reshape(shape)
        normal = centred * spread
        self.push(normal, spread)
        self.running_mean += self.momentum * (mean.ravel() - self.running_mean)
        self.running_var += self.momentum * (variance * (count / (count - 1)) - self.running_var)
        return normal * self.weight.data.reshape(shape) + self.bias.data.reshape(shape)

    def backward(self, grad):
        normal, spread = self.pop()
        axes, count = (0, *range(2, grad.ndim)), grad.size // grad.shape[1]
        d_weight, d_bias = (grad * normal).sum(axis=axes), grad.sum(axis=axes)
        self.weight.grad += d_weight
        self.bias.grad += d_bias
        # y = w x̂ + b, x̂ = (x - μ) / σ  =>  dx = w / σ (dy - mean(dy) - x̂ mean(dy x̂))
        shape = spread.shape
        d_normal = grad - (d_bias / count).reshape(shape) - normal * (d_weight / count).reshape(shape)
        return d_normal * (self.weight.data.reshape(shape) * spread)
