"""A stage of a small network for one picture: convolution, the largest of every 2 × 2 places, and ReLU in one pass.

    y_p,o = max(0, β_o + max_q Σ_k w_k,o x_q+k)        q the four places of the window p

Layer by layer, calling costs more than computing where there is one picture alone. Here sixteen channels are made at
once, and nothing between the layers is stored.

======= ========= ============================ ==========================================================
symbol  variable  shape                        what it is
======= ========= ============================ ==========================================================
x       x         flat (H, W, P)               one picture, P numbers at each place, channels first of all
k       offsets   (K,) int64                   from a place to what each tap of each channel sees
w       w         flat (⌈O / 16⌉, K, 16)       weights; zeros fill the last sixteen
β       bias      (16 ⌈O / 16⌉,)
y       y         flat (H', W', 16 ⌈O / 16⌉)   the result, written in place
======= ========= ============================ ==========================================================
"""

import numpy as np

from kernels.compile import compiled
from kernels.simd import LANES, choose, fma, load, splat, spread, store


def stage_numpy(x, step, line, offsets, w, bias, rows, columns, y):
    """Write the result, rows × columns places; a place of x is `step` numbers long, a row of it `line`.

    Examples
    --------
    >>> x, w, y = np.array([1, 2, 3, -4], np.float32), np.zeros(16, np.float32), np.empty(16, np.float32)
    >>> w[:2] = 1, -1
    >>> stage_numpy(x, 1, 2, np.zeros(1, np.int64), w, np.zeros(16, np.float32), 1, 1, y)
    >>> y[:3].tolist()
    [3.0, 4.0, 0.0]
    """
    w = w.reshape(-1, len(offsets), LANES)
    made = y.reshape(rows, columns, len(w), LANES)
    for i, j in np.ndindex(rows, columns):
        places = [2 * i * line + 2 * j * step + down * line + right * step for down in (0, 1) for right in (0, 1)]
        sums = [np.einsum("k,bkl->bl", x[place + offsets], w) for place in places]
        made[i, j] = np.maximum(np.max(sums, axis=0) + bias.reshape(-1, LANES), 0)


@compiled
def stage_cpu(x, step, line, offsets, w, bias, rows, columns, y):
    """Compiled :func:`stage_numpy`."""
    K, O = offsets.shape[0], bias.shape[0]
    zero = splat(0)
    for i in range(rows):
        j = 0
        while j < columns:
            # Two windows at a time; where only one is left, it and the one before it, or it twice.
            first = max(0, min(j, columns - 2))
            second = min(first + 1, columns - 1)
            a, b = 2 * (i * line + first * step), 2 * (i * line + second * step)
            for o in range(0, O, LANES):
                p0 = p1 = p2 = p3 = q0 = q1 = q2 = q3 = zero
                at = o * K
                for k in range(K):
                    v = load(w, at)
                    m, n = a + offsets[k], b + offsets[k]
                    p0, p1 = fma(spread(x, m), v, p0), fma(spread(x, m + step), v, p1)
                    p2, p3 = fma(spread(x, m + line), v, p2), fma(spread(x, m + line + step), v, p3)
                    q0, q1 = fma(spread(x, n), v, q0), fma(spread(x, n + step), v, q1)
                    q2, q3 = fma(spread(x, n + line), v, q2), fma(spread(x, n + line + step), v, q3)
                    at += LANES
                p0, p2 = choose(p0 - p1, p0, p1), choose(p2 - p3, p2, p3)
                q0, q2 = choose(q0 - q1, q0, q1), choose(q2 - q3, q2, q3)
                p0 = choose(p0 - p2, p0, p2) + load(bias, o)
                q0 = choose(q0 - q2, q0, q2) + load(bias, o)
                store(y, (i * columns + first) * O + o, choose(p0, p0, zero))
                store(y, (i * columns + second) * O + o, choose(q0, q0, zero))
            j += 2


class Stages:
    """The stages of a network and its two dense layers, laid out for one picture at a time.

    Parameters
    ----------
    shape : tuple
        Channels, rows and columns of a picture.
    convolutions : list of (weight, bias)
        Weights (k, k, C, O).
    hidden, scores : (weight, bias)
        Weights (n, m); the first takes the last stage's channels, each with its rows and columns.
    """

    def __init__(self, shape, convolutions, hidden, scores):
        C, H, W = shape
        self.shape, self.stages, pitch = shape, [], C
        for weight, bias in convolutions:
            k, O = len(weight), len(bias)
            P = -(-O // LANES) * LANES
            taps = np.array([(u * W + v) * pitch + c for u in range(k) for v in range(k) for c in range(C)])
            lanes, biases = np.zeros((len(taps), P), np.float32), np.zeros(P, np.float32)
            lanes[:, :O], biases[:O] = weight.reshape(len(taps), O), bias
            lanes = np.ascontiguousarray(lanes.reshape(len(taps), -1, LANES).swapaxes(0, 1)).reshape(-1)
            rows, columns = (H - k + 1) // 2, (W - k + 1) // 2
            self.stages.append((pitch, W * pitch, taps, lanes, biases, rows, columns))
            C, H, W, pitch = O, rows, columns, P
        weight, bias = hidden
        # (C, H, W, m) -> (H, W, P, m), zeros where there is no channel.
        wide = np.zeros((H, W, pitch, weight.shape[1]), np.float32)
        wide[:, :, :C] = np.moveaxis(weight.reshape(C, H, W, -1), 0, 2)
        self.hidden = wide.reshape(-1, weight.shape[1]), bias.copy()
        self.scores = scores[0].copy(), scores[1].copy()

    def __call__(self, picture):
        """Scores of the classes, (classes,), of a picture (C, H, W)."""
        x = np.ascontiguousarray(picture.transpose(1, 2, 0)).reshape(-1)
        for step, line, offsets, w, bias, rows, columns in self.stages:
            y = np.empty(rows * columns * len(bias), np.float32)
            stage_cpu(x, step, line, offsets, w, bias, rows, columns, y)
            x = y
        hidden = np.dot(x, self.hidden[0])
        hidden += self.hidden[1]
        np.maximum(hidden, 0, out=hidden)
        made = np.dot(hidden, self.scores[0])
        made += self.scores[1]
        return made


IMPLEMENTATIONS = {"numpy": stage_numpy, "cpu": stage_cpu}
