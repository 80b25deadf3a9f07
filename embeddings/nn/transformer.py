"""Transformers: positions, and blocks of attention and a network of two layers."""

import numpy as np

from embeddings.checks import check_choice
from embeddings.nn.attention import MultiHeadAttention, spans_of
from embeddings.nn.dropout import Dropout
from embeddings.nn.layer import Layer, Parameter
from embeddings.nn.linear import Linear
from embeddings.nn.norm import LayerNorm
from kernels.activation import KINDS


def sinusoids(n_steps, d, dtype=np.float32):
    """The positions 0 to n_steps - 1 as sines and cosines in turn (Vaswani et al. 2017, section 3.5).

    ``p[t, 2i] = sin(t / 10000^(2i / d))``, ``p[t, 2i + 1] = cos(…)``.

    Returns
    -------
    array, shape (n_steps, d)

    Examples
    --------
    >>> sinusoids(2, 4).round(2).tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.8399999737739563, 0.5400000214576721, 0.009999999776482582, 1.0]]
    """
    angles = np.arange(n_steps)[:, None] / 10_000.0 ** (np.arange(0, d, 2) / d)  # (T, ⌈d / 2⌉)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(n_steps, -1)[:, :d].astype(dtype)


class _Positions(Layer):
    """Adds a vector for its place to each step of a batch (B, T, d), or of sequences one after the other (R, d)."""

    def _places(self, x, lengths, n_places):
        """The place of each row of x in its sequence; (T,) for a batch, (R,) for rows."""
        if x.ndim == 3:
            longest = x.shape[1]
            places = np.arange(longest)
        else:
            spans = spans_of(x.shape, lengths)
            sizes = spans[:, 1] - spans[:, 0]
            places = np.arange(len(x)) - np.repeat(spans[:, 0], sizes)
            longest = int(sizes.max(initial=0))
        if n_places is not None and longest > n_places:
            raise ValueError(f"positions are known for sequences of at most {n_places} steps, got {longest}")
        return places


class SinusoidalPositions(_Positions):
    """``y_t = x_t + p_t`` with the fixed vectors of :func:`sinusoids`, for sequences of any length.

    Examples
    --------
    >>> SinusoidalPositions()(np.zeros((1, 2, 2), np.float32)).round(2).tolist()
    [[[0.0, 1.0], [0.8399999737739563, 0.5400000214576721]]]
    """

    def forward(self, x, lengths=None):
        places = self._places(x, lengths, None)
        return x + sinusoids(int(places.max(initial=-1)) + 1, x.shape[-1], x.dtype)[places]

    def backward(self, grad):
        return grad


class LearnedPositions(_Positions):
    """``y_t = x_t + p_t`` with a learned vector for every place.

    Parameters
    ----------
    n_places : int
        How long a sequence may be.
    d : int
    rng : numpy.random.Generator
        Draws the vectors, normal with deviation 0.02.
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight : Parameter, shape (n_places, d)
    """

    def __init__(self, n_places, d, *, rng, dtype=np.float32):
        super().__init__()
        self.weight = Parameter(rng.normal(0, 0.02, (n_places, d)).astype(dtype))

    def forward(self, x, lengths=None):
        places = self._places(x, lengths, len(self.weight.data))
        self.push(places)
        return x + self.weight.data[places]

    def backward(self, grad):
        places = self.pop()
        if grad.ndim == 3:
            self.weight.grad[: len(places)] += grad.sum(axis=0)
        else:
            np.add.at(self.weight.grad, places, grad)
        return grad


class TransformerBlock(Layer):
    """Attention, then a network of two layers for each step, each with a way around it (Vaswani et al. 2017, sec. 3.1).

    With the norm before (Xiong et al. 2020), ``y = x + attention(norm(x))``, ``z = y + network(norm(y))``; after, as in
    the paper and in BERT, ``y = norm(x + attention(x))``, ``z = norm(y + network(y))``.

    ``forward(x, lengths=None, mask=None)`` takes what :class:`MultiHeadAttention` takes: a padded batch, or sequences
    one after the other.

    Parameters
    ----------
    d, n_heads : int
    d_hidden : int, optional
        Width of the network between its layers; 4d by default.
    norm : {"pre", "post"}, default "pre"
    activation : {"gelu", "relu"}, default "gelu"
    dropout : float, default 0
        Share of the numbers that attention and network give which are left out in training.
    causal : bool, default False
    eps : float, default 1e-5
        Of the norms.
    rng : numpy.random.Generator
        Draws the weights, and later what drops out.
    dtype : numpy dtype, default float32

    Examples
    --------
    >>> block = TransformerBlock(8, 2, rng=np.random.default_rng(0))
    >>> block(np.ones((3, 5, 8), np.float32), lengths=[5, 2, 1]).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d,
        n_heads,
        d_hidden=None,
        *,
        norm="pre",
        activation="gelu",
        dropout=0.0,
        causal=False,
        eps=1e-5,
        rng,
        dtype=np.float32,
    ):
        super().__init__()
        check_choice("norm", norm, ("pre", "post"))
        check_choice("activation", activation, ("gelu", "relu"))
        d_hidden = 4 * d if d_hidden is None else d_hidden
        self.norm = norm
        self.attention = MultiHeadAttention(d, n_heads, causal=causal, rng=rng, dtype=dtype)
        self.norm_1, self.norm_2 = LayerNorm(d, eps=eps, dtype=dtype), LayerNorm(d, eps=eps, dtype=dtype)
        self.inner = Linear(d, d_hidden, rng=rng, dtype=dtype)
        self.activation = activation
        self.outer = Linear(d_hidden, d, rng=rng, dtype=dtype)
        self.dropout_1, self.dropout_2 = Dropout(dropout, rng=rng), Dropout(dropout, rng=rng)

    def forward(self, x, lengths=None, mask=None):
        pre = self.norm == "pre"
        kept = self.dropout_1.draw(x.shape, x.dtype)
        y = self.attention.forward(self.norm_1.forward(x) if pre else x, lengths, mask, times=kept, around=x)
        if not pre:
            y = self.norm_1.forward(y)
        h, slope = self.inner.bend(self.norm_2.forward(y) if pre else y, KINDS[self.activation])
        self.push(slope)
        z = self.outer.forward(h, times=self.dropout_2.draw(x.shape, x.dtype), around=y)
        return z if pre else self.norm_2.forward(z)

    def backward(self, grad):
        pre = self.norm == "pre"
        if not pre:
            grad = self.norm_2.backward(grad)
        dh = self.outer.backward(self.dropout_2.backward(grad), times=self.pop())
        dy = self.inner.backward(dh, around=None if pre else grad)
        dy = grad + self.norm_2.backward(dy) if pre else self.norm_1.backward(dy)
        dx = self.attention.backward(self.dropout_1.backward(dy), around=None if pre else dy)
        return dy + self.norm_1.backward(dx) if pre else dx

    def weights(self, x, lengths=None, mask=None):
        """The attention's weights for an input of the block, as :meth:`MultiHeadAttention.weights` gives them."""
        if self.norm == "pre":
            training, self.norm_1.training = self.norm_1.training, False
            x = self.norm_1.forward(x)
            self.norm_1.training = training
        return self.attention.weights(x, lengths, mask)
