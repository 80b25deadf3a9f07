"""From pictures and clips to tokens: patches, one linear layer for all, and where each lies."""

import numpy as np

from embeddings.checks import check_choice, check_integer
from embeddings.nn import Layer, Linear, Parameter
from embeddings.video.patches import patch_grid, patchify, sum_patches
from embeddings.video.positions import grid_positions, sinusoidal_positions


class PatchEmbedding(Layer):
    """``y_p = W patch_p + b``, (B, C, [T,] H, W) to (B, P, width): what a convolution does whose stride is its kernel.

    Parameters
    ----------
    patch_size : tuple of int
        Two numbers for pictures, three for clips.
    n_channels, width : int
    stride : tuple of int, optional
        By default `patch_size`; less, and patches overlap.
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32

    Attributes
    ----------
    linear : Linear
        (C · numbers of a patch, width), the inputs in the order (c, t, y, x).

    Examples
    --------
    >>> layer = PatchEmbedding((2, 4, 4), 3, 16, rng=np.random.default_rng(0))
    >>> layer(np.zeros((5, 3, 4, 8, 8), np.float32)).shape
    (5, 8, 16)
    """

    def __init__(self, patch_size, n_channels, width, *, stride=None, rng, dtype=np.float32):
        super().__init__()
        self.patch_size, self.stride = tuple(patch_size), stride
        self.linear = Linear(n_channels * int(np.prod(patch_size)), width, rng=rng, dtype=dtype)

    def forward(self, x, lengths=None):
        self.push(x.shape[2:])
        return self.linear.forward(patchify(x, self.patch_size, self.stride, channels="first"))

    def backward(self, grad):
        sizes = self.pop()
        return sum_patches(self.linear.backward(grad), sizes, self.patch_size, self.stride, channels="first")


class GridPositions(Layer):
    """Adds to each token of a grid, (B, P, width), the vector of its place.

    Parameters
    ----------
    grid : tuple of int
        Tokens along each axis.
    width : int
    kind : {"sinusoidal", "learned"}, default "sinusoidal"
        Fixed, as :func:`sinusoidal_positions` gives them, or drawn at first and learned.
    rng : numpy.random.Generator
        For learned ones.
    dtype : numpy dtype, default float32

    Examples
    --------
    >>> GridPositions((2, 2), 4)(np.zeros((1, 4, 4), np.float32)).shape
    (1, 4, 4)
    """

    def __init__(self, grid, width, kind="sinusoidal", *, rng=None, dtype=np.float32):
        super().__init__()
        self.grid = tuple(grid)
        if check_choice("positions", kind, ("sinusoidal", "learned")) == "learned":
            self.weight = Parameter(rng.normal(0, 0.02, (int(np.prod(grid)), width)).astype(dtype))
        else:
            self.fixed = sinusoidal_positions(grid_positions(self.grid), width).astype(dtype)

    def forward(self, x, lengths=None):
        return x + (self.weight.data if hasattr(self, "weight") else self.fixed)

    def backward(self, grad):
        if hasattr(self, "weight"):
            self.weight.grad += grad.sum(axis=0)
        return grad


class ClassToken(Layer):
    """Puts one learned token before all others, (B, P, width) to (B, 1 + P, width); what it gathers tells the class."""

    def __init__(self, width, *, rng, dtype=np.float32):
        super().__init__()
        self.token = Parameter(rng.normal(0, 0.02, width).astype(dtype))

    def forward(self, x, lengths=None):
        return np.concatenate([np.broadcast_to(self.token.data, (len(x), 1, x.shape[2])), x], axis=1)

    def backward(self, grad):
        self.token.grad += grad[:, 0].sum(axis=0)
        return grad[:, 1:]


class FirstToken(Layer):
    """The first token alone, (B, P, width) to (B, width)."""

    def forward(self, x, lengths=None):
        self.push(x.shape)
        return x[:, 0]

    def backward(self, grad):
        dx = np.zeros(self.pop(), grad.dtype)
        dx[:, 0] = grad
        return dx


def token_grid(sizes, patch_size):
    """:func:`patch_grid` for a model's patches: how many tokens along each axis."""
    for value in patch_size:
        check_integer("patch_size", value, minimum=1)
    return patch_grid(tuple(sizes), tuple(patch_size))
