"""Self-attention of several heads."""

import numpy as np

from embeddings.nn.layer import Layer
from embeddings.nn.linear import Linear
from embeddings.nn.threads import in_parts
from kernels.attention import BACKWARD_IMPLEMENTATIONS, IMPLEMENTATIONS, weights_numpy
from kernels.device import implementation

# The compiled ones take float32; the references, anything.
attend = {np.float32: implementation(IMPLEMENTATIONS), np.float64: implementation(IMPLEMENTATIONS, "numpy")}
attend_backward = {
    np.float32: implementation(BACKWARD_IMPLEMENTATIONS),
    np.float64: implementation(BACKWARD_IMPLEMENTATIONS, "numpy"),
}

_NO_MASK = np.zeros((0, 0, 0), bool)


def spans_of(shape, lengths):
    """Where each sequence begins and ends among the rows of a batch.

    Parameters
    ----------
    shape : tuple of int
        (B, T, d) for a batch of sequences, padded to T; (R, d) for sequences that stand one after the other.
    lengths : array, shape (B,), int, or None
        How many steps of each sequence are real; where they stand one after the other, how many each has.

    Returns
    -------
    array, shape (B, 2), int64

    Raises
    ------
    ValueError
        If the lengths do not fit the shape.

    Examples
    --------
    >>> spans_of((2, 5, 8), [3, 5]).tolist(), spans_of((8, 16), [3, 5]).tolist()
    ([[0, 3], [5, 10]], [[0, 3], [3, 8]])
    """
    if len(shape) not in (2, 3):
        raise ValueError(
            f"attention takes (batch, steps, numbers), or rows of sequences one after the other, got shape {shape}"
        )
    if lengths is None:
        B, T = (1, shape[0]) if len(shape) == 2 else shape[:2]
        lengths = np.full(B, T)
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise ValueError(f"lengths must be whole numbers, one for each sequence, got {lengths!r:.80}")
    if len(lengths) and lengths.min() < 0:
        raise ValueError(f"lengths must be at least 0, got {lengths.min()}")
    ends = np.cumsum(lengths, dtype=np.int64)
    if len(shape) == 2:
        if lengths.sum() != shape[0]:
            raise ValueError(f"lengths of sequences one after the other must add up to {shape[0]}, got {lengths.sum()}")
        return np.stack([ends - lengths, ends], axis=1)
    B, T = shape[:2]
    if len(lengths) != B or lengths.max(initial=0) > T:
        raise ValueError(f"lengths must be {B} numbers of at most {T} for shape {shape}, got {lengths!r:.80}")
    begins = np.arange(B, dtype=np.int64) * T
    return np.stack([begins, begins + lengths], axis=1)


class MultiHeadAttention(Layer):
    """Every step of a sequence gathers from the others what it looks for (Vaswani et al. 2017, section 3.2.2).

    ``y = concat_h(softmax(Q_h K_hᵀ / √(d / H)) V_h) W + b``, with queries, keys and values linear in x.

    ``forward(x, lengths=None, mask=None)`` takes a batch (B, T, d) padded to T steps, of which `lengths` are real; or
    rows (R, d) of sequences that stand one after the other, without padding, with `lengths` that add up to R. No step
    looks at padding. `mask`, bool, (T, T) or (B, T, T), says whether step i sees step j; a step that sees nothing
    gathers zeros. `times`, `around` and ``backward(grad, around=None)`` are those of :class:`Linear`.

    Parameters
    ----------
    d : int
        Numbers of each step.
    n_heads : int
        Divides d.
    causal : bool, default False
        A step sees itself and those before it.
    bias : bool, default True
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32

    Attributes
    ----------
    inward : Linear
        (d, 3d): the weights of queries, keys and values, side by side.
    outward : Linear
        (d, d)

    Examples
    --------
    >>> layer = MultiHeadAttention(4, 2, rng=np.random.default_rng(0))
    >>> layer(np.ones((3, 5, 4), np.float32), lengths=[5, 2, 1]).shape
    (3, 5, 4)
    >>> [weights.shape for weights in layer.weights(np.ones((7, 4), np.float32), lengths=[5, 2])]
    [(2, 5, 5), (2, 2, 2)]
    """

    def __init__(self, d, n_heads, *, causal=False, bias=True, rng, dtype=np.float32):
        super().__init__()
        if n_heads < 1 or d % n_heads:
            raise ValueError(f"n_heads must divide the {d} numbers of a step, got {n_heads}")
        self.n_heads, self.causal = n_heads, causal
        self.inward = Linear(d, 3 * d, bias=bias, rng=rng, dtype=dtype)
        self.outward = Linear(d, d, bias=bias, rng=rng, dtype=dtype)

    def forward(self, x, lengths=None, mask=None, *, times=None, around=None):
        spans, mask = spans_of(x.shape, lengths), self._mask(mask, x, lengths)
        d = x.shape[-1]
        QKV = self.inward.forward(x).reshape(-1, 3 * d)
        O, L = np.zeros((len(QKV), d), QKV.dtype), np.empty((len(QKV), self.n_heads), QKV.dtype)
        run = attend[QKV.dtype.type]

        def of_part(begin, end):
            some = slice(begin, end)
            run(QKV, spans[some], self.n_heads, self.causal, mask[some] if len(mask) > 1 else mask, O, L)

        in_parts(len(spans), of_part)
        self.push(QKV, spans, mask, O, L)
        return self.outward.forward(O.reshape(x.shape), times=times, around=around)

    def backward(self, grad, *, around=None):
        QKV, spans, mask, O, L = self.pop()
        dO = np.ascontiguousarray(self.outward.backward(grad), O.dtype).reshape(O.shape)
        dQKV = np.zeros_like(QKV)
        run = attend_backward[QKV.dtype.type]

        def of_part(begin, end):
            some = slice(begin, end)
            run(dO, QKV, spans[some], self.n_heads, self.causal, mask[some] if len(mask) > 1 else mask, O, L, dQKV)

        in_parts(len(spans), of_part)
        return self.inward.backward(dQKV.reshape(*grad.shape[:-1], dQKV.shape[1]), around=around)

    def weights(self, x, lengths=None, mask=None):
        """How much each step looks at each other, for pictures.

        Returns
        -------
        list of arrays, shape (n_heads, T, T)
            One for each sequence, of its real steps; the rows of a head add up to 1.
        """
        spans, mask = spans_of(x.shape, lengths), self._mask(mask, x, lengths)
        QKV = (x @ self.inward.weight.data).reshape(-1, 3 * x.shape[-1])
        if self.inward.bias is not None:
            QKV = QKV + self.inward.bias.data
        found = []
        for n, (begin, end) in enumerate(spans):
            seen = mask[n % len(mask), : end - begin, : end - begin] if len(mask) else None
            found.append(weights_numpy(QKV, begin, end, self.n_heads, self.causal, seen)[0])
        return found

    def _mask(self, mask, x, lengths):
        """The mask as the kernels have it, (M, T, T)."""
        if mask is None:
            return _NO_MASK
        mask = np.asarray(mask)
        spans = spans_of(x.shape, lengths)
        T = x.shape[1] if x.ndim == 3 else int((spans[:, 1] - spans[:, 0]).max(initial=0))
        if mask.dtype != bool or mask.shape not in ((T, T), (len(spans), T, T)):
            raise ValueError(
                f"mask must be bool of shape ({T}, {T}) or ({len(spans)}, {T}, {T}), got {mask.dtype} of {mask.shape}"
            )
        return np.ascontiguousarray(mask if mask.ndim == 3 else mask[None])
