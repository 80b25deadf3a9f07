"""Recurrent layers: plain, LSTM and GRU; stacked, in both directions, over sequences of any length."""

import numpy as np

from embeddings.checks import check_choice, check_integer
from embeddings.nn.layer import Layer, Parameter
from kernels.amx import matmul_cpu
from kernels.device import implementation
from kernels.recurrent import BACKWARD_IMPLEMENTATIONS, CELLS, FORWARD_IMPLEMENTATIONS, GATES
from kernels.team import run_team

read = implementation(FORWARD_IMPLEMENTATIONS)
read_backward = implementation(BACKWARD_IMPLEMENTATIONS)

# Sequences that are read together. It does not depend on the number of threads, so that sums do not either.
TOGETHER = 16


class RecurrentDirection(Layer):
    """One recurrent layer that reads sequences in one direction; :class:`Recurrent` is made of these.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}
    n_in, n_hidden : int
        Sizes of a step's input and of its output.
    reverse : bool, default False
        From each sequence's last real step to its first.
    workers : int, default 1
        Threads; each reads sixteen sequences of the batch at a time, with the same result for any number of them.
    rng : numpy.random.Generator
        Draws all parameters, uniform within ±1/√n_hidden (as PyTorch does).
    dtype : numpy dtype, default float32

    Attributes
    ----------
    weight : Parameter, shape (n_in, G · n_hidden)
        G gates side by side: 1; i, f, g, o of an LSTM; r, u (PyTorch's z), n of a GRU.
    recurrent : Parameter, shape (n_hidden, G · n_hidden)
    bias, recurrent_bias : Parameter, shape (G · n_hidden,)
    """

    def __init__(self, cell, n_in, n_hidden, *, reverse=False, workers=1, rng, dtype=np.float32):
        super().__init__()
        self.cell = check_choice("cell", cell, tuple(CELLS))
        self.n_in, self.n_hidden = (check_integer(name, n, 1) for name, n in (("n_in", n_in), ("n_hidden", n_hidden)))
        self.reverse, self.workers = reverse, check_integer("workers", workers, minimum=1)
        width, bound = GATES[cell] * n_hidden, 1 / np.sqrt(n_hidden)

        def draw(*shape):
            return Parameter(rng.uniform(-bound, bound, shape).astype(dtype))

        self.weight, self.recurrent = draw(n_in, width), draw(n_hidden, width)
        self.bias, self.recurrent_bias = draw(width), draw(width)

    def read(self, x, lengths=None):
        """What :meth:`forward` gives, and what happens inside.

        Returns
        -------
        y : array, shape (B, T, n_hidden)
        gates : array, shape (B, T, G · n_hidden)
            Their activations.
        memory : array, shape (B, T, n_hidden)
            An LSTM's c; without meaning for the other cells.
        """
        if np.ndim(x) != 3 or x.shape[2] != self.n_in:
            raise ValueError(f"{self.cell} takes (batch, steps, {self.n_in} numbers), got an array of {np.shape(x)}")
        B, T, _ = x.shape
        lengths = _checked(lengths, B, T)
        W, b, U, c = (p.data for p in (self.weight, self.bias, self.recurrent, self.recurrent_bias))
        gates = np.empty((B, T, W.shape[1]), W.dtype)
        y, memory = (np.empty((B, T, self.n_hidden), W.dtype) for _ in range(2))

        def part(s):
            matmul_cpu(x[s].reshape(-1, self.n_in), W, b, gates[s].reshape(-1, W.shape[1]))
            read(CELLS[self.cell], gates[s], U, c, lengths[s], self.reverse, y[s], memory[s])

        self._share_out(part, B)
        return y, gates, memory

    def forward(self, x, lengths=None):
        y, gates, memory = self.read(x, lengths)
        self.push(x, _checked(lengths, *x.shape[:2]), y, gates, memory)
        return y

    def backward(self, grad):
        x, lengths, y, gates, memory = self.pop()
        width = gates.shape[2]
        W, U = self.weight.data, self.recurrent.data
        grad = np.ascontiguousarray(grad, y.dtype)
        dx = np.empty(x.shape, W.dtype)

        def part(s):
            dp = gates[s]  # in place
            dq = np.empty_like(dp) if self.cell == "gru" else dp
            read_backward(CELLS[self.cell], gates[s], U, lengths[s], self.reverse, y[s], memory[s], grad[s], dp, dq)
            # What the weights and the recurrent weights met: x_t beside h_{t-1}.
            met = np.zeros((*y[s].shape[:2], self.n_in + self.n_hidden), y.dtype)
            met[:, :, : self.n_in] = x[s]
            if self.reverse:
                met[:, :-1, self.n_in :] = y[s, 1:]
            else:
                met[:, 1:, self.n_in :] = y[s, :-1]
            met, rows, rows_q = (a.reshape(-1, a.shape[2]) for a in (met, dp, dq))
            # p = x W + b,  q = h_{t-1} U + c  =>  dx = dp Wᵀ,  dW = xᵀ dp,  dU = h_{t-1}ᵀ dq,  db = Σ dp,  dc = Σ dq
            matmul_cpu(rows, W.T, 0, dx[s].reshape(-1, self.n_in))
            d, d_bias = np.empty((met.shape[1], width), y.dtype), rows_q.sum(0)
            matmul_cpu(met.T, rows_q, 0, d)
            dW, dU, d_recurrent_bias = d[: self.n_in], d[self.n_in :], d_bias
            if dq is not dp:
                # They differ in one gate.
                n = slice(2 * self.n_hidden, None)
                d_bias = d_bias.copy()
                d_bias[n] = rows[:, n].sum(0)
                matmul_cpu(met[:, : self.n_in].T, rows[:, n], 0, dW[:, n])
            return dW, dU, d_bias, d_recurrent_bias

        for grads in self._share_out(part, len(x)):
            for parameter, d in zip((self.weight, self.recurrent, self.bias, self.recurrent_bias), grads, strict=True):
                parameter.grad += d
        return dx

    def _share_out(self, part, B):
        """``part(slice)`` of every sixteen sequences, in their order."""
        slices = [slice(begin, min(begin + TOGETHER, B)) for begin in range(0, B, TOGETHER)]
        results = [None] * len(slices)

        def work(worker, workers, arrivals):
            for i in range(worker, len(slices), workers):
                results[i] = part(slices[i])

        run_team(max(1, min(self.workers, len(slices))), work)
        return results

    def __repr__(self):
        return f"RecurrentDirection({self.cell!r}, {self.n_in}, {self.n_hidden}, reverse={self.reverse})"


class Recurrent(Layer):
    """A recurrent network: every step's output depends on all steps before it.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}
        Equations in ``kernels/recurrent.py``; PyTorch's definitions.
    n_in, n_hidden : int
        Sizes of a step's input and output, in each direction.
    n_layers : int, default 1
        Each reads what the one below gives.
    bidirectional : bool, default False
        Every layer reads the sequence from both ends (Schuster & Paliwal 1997); outputs stand side by side.
    workers : int, default 1
        Threads; each reads sixteen sequences of the batch at a time, and BLAS had better have one thread then.
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32

    Raises
    ------
    ValueError, TypeError
        For bad parameters, input of another shape, or lengths outside 0 to T.

    Examples
    --------
    >>> layer = Recurrent("lstm", 2, 3, bidirectional=True, rng=np.random.default_rng(0))
    >>> y = layer(np.ones((1, 4, 2), np.float32), np.array([2]))
    >>> y.shape, y[0].any(axis=1).tolist()
    ((1, 4, 6), [True, True, False, False])
    """

    def __init__(self, cell, n_in, n_hidden, *, n_layers=1, bidirectional=False, workers=1, rng, dtype=np.float32):
        super().__init__()
        check_integer("n_layers", n_layers, minimum=1)
        ways = (False, True) if bidirectional else (False,)
        self.bidirectional, self.n_hidden = bidirectional, n_hidden
        self.layers = [
            RecurrentDirection(
                *(cell, n_in if layer == 0 else n_hidden * len(ways), n_hidden),
                **{"reverse": reverse, "workers": workers, "rng": rng, "dtype": dtype},
            )
            for layer in range(n_layers)
            for reverse in ways
        ]

    def _levels(self):
        step = 2 if self.bidirectional else 1
        return [self.layers[i : i + step] for i in range(0, len(self.layers), step)]

    def forward(self, x, lengths=None):
        for level in self._levels():
            outputs = [layer.forward(x, lengths) for layer in level]
            x = outputs[0] if len(outputs) == 1 else np.concatenate(outputs, axis=2)
        return x

    def backward(self, grad):
        for level in reversed(self._levels()):
            parts = np.split(grad, len(level), axis=2)
            grad = sum(layer.backward(part) for layer, part in zip(level, parts, strict=True))
        return grad


def _checked(lengths, B, T):
    """Lengths as int64, T where there are none."""
    if lengths is None:
        return np.full(B, T)
    lengths = np.asarray(lengths)
    if lengths.shape != (B,) or lengths.dtype.kind not in "iu":
        raise ValueError(f"lengths must be {B} whole numbers, got {lengths.dtype} of shape {lengths.shape}")
    if B and (lengths.min() < 0 or lengths.max() > T):
        raise ValueError(f"lengths must lie in 0 to {T}, got {lengths.min()} to {lengths.max()}")
    return lengths.astype(np.int64)
