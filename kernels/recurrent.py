"""Recurrent layers: plain, LSTM and GRU, step by step along a batch of sequences, and back.

Every step sees its input and what the step before left, h_{t-1}; p_t = x_t W + b is made for all steps beforehand by
one product, and q_t = h_{t-1} U + c is one product a step. [·] are the columns of a gate.

    rnn     h_t = tanh(p_t + q_t)                                                   (Elman 1990)

    lstm    i, f, o = σ(p + q)[i], [f], [o]       g = tanh(p + q)[g]                (Hochreiter & Schmidhuber 1997,
            c_t = f c_{t-1} + i g                 h_t = o tanh c_t                   Gers et al. 2000)

    gru     r, u = σ(p + q)[r], [u]               n = tanh(p[n] + r q[n])           (Cho et al. 2014)
            h_t = (1 - u) n + u h_{t-1}

Backwards, dh_t is what comes from above plus what step t + 1 hands down, (dq_{t+1}) Uᵀ:

    rnn     dp = dq = dh (1 - h²)
    lstm    dc += dh o (1 - tanh² c)              dp = dq = [dc g i (1 - i), dc c_{t-1} f (1 - f),
            dc_{t-1} = dc f                                  dc i (1 - g²), dh tanh c o (1 - o)]
    gru     dn = dh (1 - u) (1 - n²)              du = dh (h_{t-1} - n) u (1 - u)       dr = dn q[n] r (1 - r)
            dp = [dr, du, dn]                     dq = [dr, du, dn r]                   dh_{t-1} += dh u

A sequence's steps behind its length leave zeros, and hand down none: read backwards, it begins at its own end.

========= ========= ================ ==========================================================================
symbol    variable  shape            what it is
========= ========= ================ ==========================================================================
          cell      int              ``CELLS["lstm"]`` and so on
p         gates     (B, T, G H)      p_t; its gates (i, f, g, o; r, u, n; or h) after forward, in place
U, c      U, bias   (H, G H), (G H)  what h_{t-1} is multiplied with; G gates: 1, 4 and 3
          lengths   (B,) int         how many steps of each sequence are real
          reverse   bool             from the last step to the first
h         y         (B, T, H)        result
          memory    (B, T, H)        c_t of an LSTM, q[n] of a GRU; not used by a plain cell
dh        dy        (B, T, H)        gradient with respect to y
dp, dq    dp, dq    (B, T, G H)      results of backward; dq is for GRU alone; dp may be the array of the gates
========= ========= ================ ==========================================================================

The gates and their order are PyTorch's.
"""

import functools
import math

import numpy as np

from kernels import amx
from kernels.activation import sigmoid, tanh
from kernels.compile import compiled
from kernels.recurrent_lanes import GRU, LSTM, RNN, read_backward_lanes, read_lanes

THREADS = 128

CELLS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
# Gates of each cell.
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def _steps(T, reverse):
    """(t, the step before it) in order of reading; -1: there is none."""
    if reverse:
        return [(t, t + 1 if t + 1 < T else -1) for t in range(T - 1, -1, -1)]
    return [(t, t - 1) for t in range(T)]


def _sigmoid_numpy(x):
    return (1 + np.tanh(x / 2)) / 2


def recurrent_numpy(cell, gates, U, bias, lengths, reverse, y, memory):
    """Read every sequence; `gates`, `y` and `memory` are written in place.

    Examples
    --------
    >>> y = np.zeros((1, 3, 1))
    >>> arguments = np.array([[1.0]]), np.zeros(1), np.array([3]), False, y, np.zeros((1, 3, 1))
    >>> recurrent_numpy(CELLS["rnn"], np.array([[[1.0], [0.0], [0.0]]]), *arguments)
    >>> y.ravel().round(4).tolist()  # tanh 1, its tanh, its tanh
    [0.7616, 0.642, 0.5663]
    """
    B, T, H = y.shape
    zeros = np.zeros((B, H), y.dtype)
    for t, before in _steps(T, reverse):
        h, c = (y[:, before], memory[:, before]) if before >= 0 else (zeros, zeros)  # (B, H)
        p, q = gates[:, t], h @ U + bias  # (B, G H)
        if cell == RNN:
            p[:] = y[:, t] = np.tanh(p + q)
        elif cell == LSTM:
            s = p + q
            i, f, o = (_sigmoid_numpy(s[:, k * H : (k + 1) * H]) for k in (0, 1, 3))
            g = np.tanh(s[:, 2 * H : 3 * H])
            memory[:, t] = f * c + i * g
            y[:, t] = o * np.tanh(memory[:, t])
            p[:] = np.concatenate([i, f, g, o], axis=1)
        else:
            r, u = (_sigmoid_numpy((p + q)[:, k * H : (k + 1) * H]) for k in (0, 1))
            n = np.tanh(p[:, 2 * H :] + r * q[:, 2 * H :])
            memory[:, t] = q[:, 2 * H :]
            y[:, t] = (1 - u) * n + u * h
            p[:] = np.concatenate([r, u, n], axis=1)
        behind = t >= lengths
        gates[behind, t] = y[behind, t] = memory[behind, t] = 0


def recurrent_backward_numpy(cell, gates, U, lengths, reverse, y, memory, dy, dp, dq):
    """The gradients with respect to p and q, written in place."""
    B, T, H = y.shape
    dh = np.zeros((B, H), y.dtype)
    dc = np.zeros((B, H), y.dtype)
    zeros = np.zeros((B, H), y.dtype)
    for t, before in reversed(_steps(T, reverse)):
        h, c = (y[:, before], memory[:, before]) if before >= 0 else (zeros, zeros)
        dh = dh + dy[:, t]
        handed = 0
        if cell == RNN:
            d = dh * (1 - y[:, t] ** 2)
        elif cell == LSTM:
            i, f, g, o = np.split(gates[:, t], 4, axis=1)
            # c_t = f c_{t-1} + i g,  h_t = o tanh c_t
            squashed = np.tanh(memory[:, t])
            dc = dc + dh * o * (1 - squashed**2)
            parts = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * squashed * o * (1 - o)
            d = np.concatenate(parts, axis=1)
            dc = dc * f
        else:
            r, u, n = np.split(gates[:, t], 3, axis=1)
            # h_t = (1 - u) n + u h_{t-1},  n = tanh(p + r q)
            dn = dh * (1 - u) * (1 - n**2)
            d = np.concatenate([dn * memory[:, t] * r * (1 - r), dh * (h - n) * u * (1 - u), dn], axis=1)
            handed = dh * u
        behind = (t >= lengths)[:, None]
        if cell == GRU:
            dq[:, t] = np.where(behind, 0, np.concatenate([d[:, : 2 * H], dn * r], axis=1))
        dp[:, t] = np.where(behind, 0, d)
        back = dq[:, t] if cell == GRU else dp[:, t]
        dh = np.where(behind, 0, back @ U.T + handed)
        dc = np.where(behind, 0, dc)


# Compiled, for float64 and processors without a matrix unit: rows one after the other, gates in loops of few arrays, so
# that they fill the lanes. ------------------------------------------------------------------------------------------


@compiled(fastmath=False)
def _sigmoids(p, q):
    """``σ(p + q)``, in place."""
    for k in range(p.shape[0]):
        p[k] = sigmoid(p[k] + q[k])


@compiled(fastmath=False)
def _tanhs(p, q):
    """``tanh(p + q)``, in place."""
    for k in range(p.shape[0]):
        p[k] = tanh(p[k] + q[k])


@compiled(fastmath=False)
def _lstm_row(i, f, g, o, c, h):
    for k in range(h.shape[0]):
        c[k] = f[k] * c[k] + i[k] * g[k]
    for k in range(h.shape[0]):
        h[k] = tanh(c[k])
    for k in range(h.shape[0]):
        h[k] *= o[k]


@compiled(fastmath=False)
def _gru_row(r, u, n, q, h):
    for k in range(h.shape[0]):
        n[k] = tanh(n[k] + r[k] * q[k])
    for k in range(h.shape[0]):
        h[k] = n[k] + u[k] * (h[k] - n[k])


@compiled(fastmath=False)
def _read(cell, gates, U, bias, lengths, reverse, y, memory):
    B, T, H = y.shape
    GH = U.shape[1]
    h = np.zeros((B, H), y.dtype)
    c = np.zeros((B, H), y.dtype)
    q = np.empty((B, GH), y.dtype)
    for step in range(T):
        t = T - 1 - step if reverse else step
        np.dot(h, U, q)
        for b in range(B):
            p, s = gates[b, t], q[b]
            if t >= lengths[b]:
                p[:] = 0
                h[b] = 0
                c[b] = 0
                y[b, t] = 0
                memory[b, t] = 0
                continue
            for k in range(GH):
                s[k] += bias[k]
            if cell == RNN:
                _tanhs(p, s)
                h[b] = p
            elif cell == LSTM:
                _sigmoids(p[: 2 * H], s[: 2 * H])
                _tanhs(p[2 * H : 3 * H], s[2 * H : 3 * H])
                _sigmoids(p[3 * H :], s[3 * H :])
                _lstm_row(p[:H], p[H : 2 * H], p[2 * H : 3 * H], p[3 * H :], c[b], h[b])
                memory[b, t] = c[b]
            else:
                _sigmoids(p[: 2 * H], s[: 2 * H])
                memory[b, t] = s[2 * H :]
                _gru_row(p[:H], p[H : 2 * H], p[2 * H :], s[2 * H :], h[b])
            y[b, t] = h[b]


@compiled(fastmath=False)
def _lstm_row_back(gates, before, squashed, dh, dc, dp):
    H = dh.shape[0]
    one = dh.dtype.type(1)
    i, f, g, o = gates[:H], gates[H : 2 * H], gates[2 * H : 3 * H], gates[3 * H :]
    for k in range(H):
        dc[k] += dh[k] * o[k] * (one - squashed[k] * squashed[k])
    part = dp[:H]
    for k in range(H):
        part[k] = dc[k] * g[k] * (i[k] * (one - i[k]))
    part = dp[H : 2 * H]
    for k in range(H):
        part[k] = dc[k] * before[k] * (f[k] * (one - f[k]))
    part = dp[2 * H : 3 * H]
    for k in range(H):
        part[k] = dc[k] * i[k] * (one - g[k] * g[k])
    part = dp[3 * H :]
    for k in range(H):
        part[k] = dh[k] * squashed[k] * (o[k] * (one - o[k]))
    for k in range(H):
        dc[k] *= f[k]


@compiled(fastmath=False)
def _gru_row_back(gates, before, inner, dh, dp, dq):
    H = dh.shape[0]
    one = dh.dtype.type(1)
    r, u, n = gates[:H], gates[H : 2 * H], gates[2 * H :]
    dr, du, dn = dp[:H], dp[H : 2 * H], dp[2 * H :]
    for k in range(H):
        dn[k] = dh[k] * (one - u[k]) * (one - n[k] * n[k])
    for k in range(H):
        dr[k] = dn[k] * inner[k] * (r[k] * (one - r[k]))
    for k in range(H):
        du[k] = dh[k] * (before[k] - n[k]) * (u[k] * (one - u[k]))
    part = dq[: 2 * H]
    for k in range(2 * H):
        part[k] = dp[k]
    part = dq[2 * H :]
    for k in range(H):
        part[k] = dn[k] * r[k]
    for k in range(H):
        dh[k] *= u[k]


@compiled(fastmath=False)
def _read_backward(cell, gates, U, lengths, reverse, y, memory, dy, dp, dq):
    B, T, H = y.shape
    dh = np.zeros((B, H), y.dtype)
    dc = np.zeros((B, H), y.dtype)
    back = np.zeros((B, H), y.dtype)
    squashed, zeros, own = np.empty(H, y.dtype), np.zeros(H, y.dtype), np.empty(U.shape[1], y.dtype)
    together = np.empty((B, U.shape[1]), y.dtype)
    turned = np.ascontiguousarray(U.T)
    one = y.dtype.type(1)
    for step in range(T):
        t = step if reverse else T - 1 - step
        before = t + 1 if reverse else t - 1
        for b in range(B):
            row, carried, above = dh[b], back[b], dy[b, t]
            if t >= lengths[b]:
                dp[b, t] = 0
                if cell == GRU:
                    dq[b, t] = 0
                row[:] = 0
                dc[b] = 0
                together[b] = 0
                continue
            for k in range(H):
                row[k] += carried[k]
            for k in range(H):
                row[k] += above[k]
            first = before < 0 or before >= T
            own[:] = gates[b, t]
            if cell == RNN:
                out, h = dp[b, t], y[b, t]
                for k in range(H):
                    out[k] = row[k] * (one - h[k] * h[k])
                row[:] = 0
            elif cell == LSTM:
                c = memory[b, t]
                for k in range(H):
                    squashed[k] = tanh(c[k])
                _lstm_row_back(own, zeros if first else memory[b, before], squashed, row, dc[b], dp[b, t])
                row[:] = 0
            else:
                _gru_row_back(own, zeros if first else y[b, before], memory[b, t], row, dp[b, t], dq[b, t])
            together[b] = dq[b, t] if cell == GRU else dp[b, t]
        np.dot(together, turned, back)


def recurrent_cpu(cell, gates, U, bias, lengths, reverse, y, memory):
    """Compiled :func:`recurrent_numpy`."""
    read = read_lanes if amx.AVAILABLE and y.dtype == np.float32 else _read
    read(cell, gates, U, bias, lengths, reverse, y, memory)


def recurrent_backward_cpu(cell, gates, U, lengths, reverse, y, memory, dy, dp, dq):
    """Compiled :func:`recurrent_backward_numpy`."""
    read = read_backward_lanes if amx.AVAILABLE and y.dtype == np.float32 else _read_backward
    read(cell, gates, U, lengths, reverse, y, memory, dy, dp, dq)


@functools.cache
def _cuda_kernels():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    # One launch a step: all threads must have seen h_{t-1} before any makes h_t. A thread has one number of h.
    @cuda.jit
    def forward(cell, gates, U, bias, lengths, t, before, y, memory):
        B, _, H = y.shape
        place = cuda.grid(1)
        b, k = place // H, place % H
        if b >= B:
            return
        p = gates[b, t]
        if t >= lengths[b]:
            for gate in range(p.shape[0] // H):
                p[gate * H + k] = 0
            y[b, t, k] = 0
            memory[b, t, k] = 0
            return
        first = before < 0 or before >= y.shape[1]
        h, c = 0.0, 0.0
        if not first:
            h, c = y[b, before, k], memory[b, before, k]
        for gate in range(p.shape[0] // H):
            column = gate * H + k
            total = bias[column]
            if not first:
                for j in range(H):
                    total += y[b, before, j] * U[j, column]
            if cell == GRU and gate == 2:
                memory[b, t, k] = total
                p[column] = math.tanh(p[column] + p[k] * total)
            elif cell == RNN or (cell == LSTM and gate == 2):
                p[column] = math.tanh(p[column] + total)
            else:
                p[column] = 1 / (1 + math.exp(-(p[column] + total)))
        if cell == RNN:
            y[b, t, k] = p[k]
        elif cell == LSTM:
            c = p[H + k] * c + p[k] * p[2 * H + k]
            memory[b, t, k] = c
            y[b, t, k] = p[3 * H + k] * math.tanh(c)
        else:
            n, u = p[2 * H + k], p[H + k]
            y[b, t, k] = (1 - u) * n + u * h

    # dh and dc carry over from step to step; each thread reads all gates' gradients of the step after.
    @cuda.jit
    def backward(cell, gates, U, lengths, t, before, after, y, memory, dy, dp, dq, dh, dc):
        B, T, H = y.shape
        place = cuda.grid(1)
        b, k = place // H, place % H
        if b >= B:
            return
        if t >= lengths[b]:
            for gate in range(dp.shape[2] // H):
                dp[b, t, gate * H + k] = 0
                if cell == GRU:
                    dq[b, t, gate * H + k] = 0
            dh[b, k] = 0
            dc[b, k] = 0
            return
        total = dh[b, k] + dy[b, t, k]
        if 0 <= after < T:
            handed = dq if cell == GRU else dp
            for j in range(dp.shape[2]):
                total += handed[b, after, j] * U[k, j]
        first = before < 0 or before >= T
        g = gates[b, t]
        if cell == RNN:
            dp[b, t, k] = total * (1 - y[b, t, k] ** 2)
            dh[b, k] = 0
        elif cell == LSTM:
            i, f, n, o = g[k], g[H + k], g[2 * H + k], g[3 * H + k]
            squashed = math.tanh(memory[b, t, k])
            c = 0.0 if first else memory[b, before, k]
            d = dc[b, k] + total * o * (1 - squashed * squashed)
            dp[b, t, k] = d * n * i * (1 - i)
            dp[b, t, H + k] = d * c * f * (1 - f)
            dp[b, t, 2 * H + k] = d * i * (1 - n * n)
            dp[b, t, 3 * H + k] = total * squashed * o * (1 - o)
            dc[b, k] = d * f
            dh[b, k] = 0
        else:
            r, u, n = g[k], g[H + k], g[2 * H + k]
            h = 0.0 if first else y[b, before, k]
            d = total * (1 - u) * (1 - n * n)
            dp[b, t, 2 * H + k] = d
            dp[b, t, k] = d * memory[b, t, k] * r * (1 - r)
            dp[b, t, H + k] = total * (h - n) * u * (1 - u)
            dq[b, t, k] = dp[b, t, k]
            dq[b, t, H + k] = dp[b, t, H + k]
            dq[b, t, 2 * H + k] = d * r
            dh[b, k] = total * u

    return forward, backward


def recurrent_cuda(cell, gates, U, bias, lengths, reverse, y, memory):
    """:func:`recurrent_numpy` on a GPU, a launch for every step, a thread for each number of h."""
    B, T, H = y.shape
    if B * H:
        for t, before in _steps(T, reverse):
            _cuda_kernels()[0][-(-B * H // THREADS), THREADS](cell, gates, U, bias, lengths, t, before, y, memory)


def recurrent_backward_cuda(cell, gates, U, lengths, reverse, y, memory, dy, dp, dq):
    """:func:`recurrent_backward_numpy` on a GPU, a launch for every step."""
    from numba import cuda

    B, T, H = y.shape
    if not B * H:
        return
    dh, dc = (cuda.to_device(np.zeros((B, H), y.dtype)) for _ in range(2))
    after = -1
    for t, before in reversed(_steps(T, reverse)):
        arguments = cell, gates, U, lengths, t, before, after, y, memory, dy, dp, dq, dh, dc
        _cuda_kernels()[1][-(-B * H // THREADS), THREADS](*arguments)
        after = t


FORWARD_IMPLEMENTATIONS = {"numpy": recurrent_numpy, "cpu": recurrent_cpu, "cuda": recurrent_cuda}
BACKWARD_IMPLEMENTATIONS = {
    "numpy": recurrent_backward_numpy,
    "cpu": recurrent_backward_cpu,
    "cuda": recurrent_backward_cuda,
}
