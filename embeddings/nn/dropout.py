"""Dropout."""

import numpy as np

from embeddings.checks import check_number
from embeddings.nn.layer import Layer


class Dropout(Layer):
    """In training, numbers set to 0 at random, and the others made larger so that the mean stays.

    In evaluation, or with ``p=0``, the input itself. Srivastava et al., JMLR 15, 2014.

    Parameters
    ----------
    p : float, default 0.5
        The share that is set to 0; below 1.
    rng : numpy.random.Generator
        Draws which. The trainer keeps where it stands in its checkpoints.

    Raises
    ------
    ValueError
        If `p` is not in [0, 1).

    Examples
    --------
    >>> layer = Dropout(0.5, rng=np.random.default_rng(0))
    >>> sorted(set(layer(np.ones(100)).tolist()))
    [0.0, 2.0]
    >>> set(layer.eval()(np.ones(100)).tolist())
    {1.0}
    """

    def __init__(self, p=0.5, *, rng):
        super().__init__()
        self.p = check_number("p", p, minimum=0)
        if self.p >= 1:
            raise ValueError(f"p must be below 1, got {p!r}")
        self.rng = rng

    def forward(self, x, lengths=None):
        scale = self.draw(x.shape, x.dtype)
        return x if scale is None else x * scale

    def draw(self, shape, dtype):
        """What ``forward`` would multiply an array of that shape with, for whoever does it: None where it is ones."""
        scale = None
        if self.training and self.p > 0:
            scale = np.where(self.rng.random(shape, np.float32) >= self.p, 1 / (1 - self.p), 0).astype(dtype)
        self.push(scale)
        return scale

    def backward(self, grad):
        scale = self.pop()
        return grad if scale is None else grad * scale
