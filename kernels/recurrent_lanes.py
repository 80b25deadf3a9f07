"""Recurrent layers in float32, forward and backward, sixteen units of a sequence at a time, beside the matrix unit.

The equations, symbols and shapes are those of ``kernels/recurrent.py``. Sixteen sequences are read together: their
h_{t-1} is a tile of rows for the product with U (``kernels/amx.py``), whose pieces are made once, and what the product
gives is still in the first caches when the gates look at it.

======= ========= ================ ================================================================
symbol  variable  shape            what it is
======= ========= ================ ================================================================
h, c    h, c      flat (16, H')    state of sixteen sequences; H' and Q are H and G H in whole tiles
q       q         flat (16, Q)     h_{t-1} U + c
dh, dc  dh, dc    flat (16, H')    what step t + 1 hands down
======= ========= ================ ================================================================

Numbers below 10⁻³⁰ that are handed on become 0: a state or a gradient that fades would else end in numbers that the
processor is slow with.
"""

import numpy as np
from numba import types
from numba.extending import intrinsic

from kernels.amx import (
    DEEP,
    PLACES,
    configure_tiles,
    multiply_tiles,
    pack_left,
    pack_right,
    release_tiles,
)
from kernels.compile import UNCOUNTED, compiled
from kernels.simd import (
    LANES,
    absolute,
    choose,
    fetch_row,
    fma,
    lane_of,
    lanes_of_zeros,
    load,
    power_of_two,
    rounded,
    splat,
    store,
)

RNN, LSTM, GRU = range(3)

# What fades below this is gone.
FADED = 1e-30


@intrinsic
def _quotient(typing_context, a, b):
    """``a / b`` for b from 1 to 2: the processor's estimate of 1 / b and a Newton step; relative error below 1e-6."""

    def generate(context, builder, signature, arguments):
        return builder.fdiv(*arguments, flags=("reassoc", "arcp", "afn", "contract", "nsz"))

    return a(a, b), generate


@intrinsic
def _with_lane(typing_context, lanes, index, number):
    """Lanes with another number in one of them."""

    def generate(context, builder, signature, arguments):
        lanes, index, number = arguments
        return builder.insert_element(lanes, number, context.cast(builder, index, signature.args[1], types.int32))

    return lanes(lanes, index, number), generate


@compiled(fastmath=False, forceinline=True)
def _parts_of_exp(x):
    """2ⁿ and e^r - 1 of x = n ln 2 + r ≤ 0, lane by lane; below -87 those of -87; NaN stays NaN."""
    x = choose(splat(-87) - x, splat(-87), x)
    n = rounded(x * splat(1.4426950408889634))
    # ln 2 in two pieces, the first of few digits, so that the difference is exact.
    r = fma(n, splat(2.1219444005469057e-4), fma(n, splat(-0.693359375), x))
    p = fma(splat(1.9875691500e-4), r, splat(1.3981999507e-3))
    p = fma(p, r, splat(8.3334519073e-3))
    p = fma(p, r, splat(4.1665795894e-2))
    p = fma(p, r, splat(1.6666665459e-1))
    p = fma(p, r, splat(5.0000001201e-1))
    return power_of_two(n), fma(p, r * r, r)


@compiled(fastmath=False, forceinline=True)
def _sigmoid(x):
    power, rest = _parts_of_exp(splat(0) - absolute(x))
    e = fma(power, rest, power)
    return _quotient(choose(x, splat(1), e), splat(1) + e)


@compiled(fastmath=False, forceinline=True)
def _tanh(x):
    # tanh |x| = (1 - e) / (1 + e), e = e^(-2 |x|); 1 - e = -(2ⁿ (e^r - 1) + (2ⁿ - 1)) keeps its digits near 0.
    power, rest = _parts_of_exp(splat(-2) * absolute(x))
    less = fma(power, rest, power - splat(1))
    y = _quotient(less, splat(2) + less)
    return choose(x, splat(0) - y, y)


@compiled(fastmath=False, **UNCOUNTED)
def _get_some(array, index, n):
    lanes = splat(0)
    for k in range(n):
        lanes = _with_lane(lanes, k, array[index + k])
    return lanes


@compiled(fastmath=False, **UNCOUNTED)
def _put_some(array, index, n, lanes):
    for k in range(n):
        array[index + k] = lane_of(lanes, k)


@compiled(fastmath=False, forceinline=True)
def _get(array, index, n):
    """Sixteen numbers from an index on, or as many as there are, n, and zeros."""
    return load(array, index) if n >= LANES else _get_some(array, index, n)


@compiled(fastmath=False, forceinline=True)
def _put(array, index, n, lanes):
    """Store sixteen numbers, or the first n."""
    if n >= LANES:
        store(array, index, lanes)
    else:
        _put_some(array, index, n, lanes)


@compiled(fastmath=False, forceinline=True)
def _fade(x):
    """0 in place of what is almost 0; NaN stays NaN."""
    return choose(splat(FADED) - absolute(x), splat(0), x)


@compiled(fastmath=False, **UNCOUNTED)
def _rnn(p, at, q, s, H, y, out, h, row):
    for j in range(0, H, LANES):
        n = H - j
        state = _fade(_tanh(_get(p, at + j, n) + load(q, s + j)))
        _put(p, at + j, n, state)
        _put(y, out + j, n, state)
        store(h, row + j, state)


@compiled(fastmath=False, **UNCOUNTED)
def _lstm(p, at, q, s, H, y, memory, out, h, c, row):
    for j in range(0, H, LANES):
        n, a, b = H - j, at + j, s + j
        i, f = _sigmoid(_get(p, a, n) + load(q, b)), _sigmoid(_get(p, a + H, n) + load(q, b + H))
        g, o = _tanh(_get(p, a + 2 * H, n) + load(q, b + 2 * H)), _sigmoid(_get(p, a + 3 * H, n) + load(q, b + 3 * H))
        _put(p, a, n, i)
        _put(p, a + H, n, f)
        _put(p, a + 2 * H, n, g)
        _put(p, a + 3 * H, n, o)
        cell = _fade(fma(f, load(c, row + j), i * g))
        state = _fade(o * _tanh(cell))
        store(c, row + j, cell)
        _put(memory, out + j, n, cell)
        store(h, row + j, state)
        _put(y, out + j, n, state)


@compiled(fastmath=False, **UNCOUNTED)
def _gru(p, at, q, s, H, y, memory, out, h, row):
    for j in range(0, H, LANES):
        n, a, b = H - j, at + j, s + j
        r, u = _sigmoid(_get(p, a, n) + load(q, b)), _sigmoid(_get(p, a + H, n) + load(q, b + H))
        inner = load(q, b + 2 * H)
        new = _tanh(fma(r, inner, _get(p, a + 2 * H, n)))
        _put(p, a, n, r)
        _put(p, a + H, n, u)
        _put(p, a + 2 * H, n, new)
        _put(memory, out + j, n, inner)
        state = _fade(fma(u, load(h, row + j) - new, new))
        store(h, row + j, state)
        _put(y, out + j, n, state)


@compiled(fastmath=False, **UNCOUNTED)
def _clear(array, index, n):
    for k in range(index, index + n):
        array[k] = np.float32(0)


@compiled(fastmath=False)
def read_lanes(cell, gates, U, bias, lengths, reverse, y, memory):
    """:func:`kernels.recurrent.recurrent_numpy`."""
    (B, T, H), Q = y.shape, U.shape[1]
    chunks, width, wide = -(-H // DEEP), -(-H // LANES) * LANES, -(-Q // DEEP) * DEEP
    squares, left = lanes_of_zeros(2 * LANES * LANES), lanes_of_zeros(chunks * PLACES)
    right, first = lanes_of_zeros(wide // LANES * chunks * PLACES), lanes_of_zeros(wide)
    h, c, q = lanes_of_zeros(LANES * width), lanes_of_zeros(LANES * width), lanes_of_zeros(LANES * wide + LANES)
    pack_right(U.reshape(-1), 0, Q, 1, H, Q, squares, right)
    first[:Q] = bias
    p, flat_y, flat_memory = gates.reshape(-1), y.reshape(-1), memory.reshape(-1)
    configure_tiles()
    for begin in range(0, B, LANES):
        h[:] = 0
        c[:] = 0
        end = min(begin + LANES, B)
        _read(cell, begin, end, T, H, Q, lengths, reverse, p, flat_y, flat_memory, squares, left, right, first, h, c, q)
    release_tiles()


@compiled(fastmath=False, **UNCOUNTED)
def _read(cell, begin, end, T, H, Q, lengths, reverse, p, y, memory, squares, left, right, first, h, c, q):
    """Sequences begin to end - 1, at most sixteen, from their first step to the last."""
    chunks, width, wide, way = -(-H // DEEP), h.shape[0] // LANES, first.shape[0], -1 if reverse else 1
    for step in range(T):
        t = T - 1 - step if reverse else step
        pack_left(h, 0, width, 1, LANES, H, squares, left, 0)
        for n in range(0, wide, DEEP):
            multiply_tiles(left, 0, right, n, chunks, first, n, 0, q, n, wide)
        for b in range(begin, end):
            row, s, at, out = (b - begin) * width, (b - begin) * wide, (b * T + t) * Q, (b * T + t) * H
            # What the next step needs.
            fetch_row(p, b * T + t + way, Q)
            fetch_row(y, b * T + t + way, H)
            fetch_row(memory, b * T + t + way, H)
            if t >= lengths[b]:
                _clear(p, at, Q)
                _clear(y, out, H)
                _clear(memory, out, H)
                _clear(h, row, width)
                _clear(c, row, width)
            elif cell == LSTM:
                _lstm(p, at, q, s, H, y, memory, out, h, c, row)
            elif cell == GRU:
                _gru(p, at, q, s, H, y, memory, out, h, row)
            else:
                _rnn(p, at, q, s, H, y, out, h, row)


# Backward: dh comes in with what was handed down, and leaves with what goes past the product with Uᵀ. -----------------


@compiled(fastmath=False, **UNCOUNTED)
def _rnn_back(H, y, dy, dp, at, dh, row):
    for j in range(0, H, LANES):
        n = H - j
        h = _get(y, at + j, n)
        _put(dp, at + j, n, (load(dh, row + j) + _get(dy, at + j, n)) * (splat(1) - h * h))
        store(dh, row + j, splat(0))


@compiled(fastmath=False, **UNCOUNTED)
def _lstm_back(gates, at, H, memory, dy, now, before, dp, dh, dc, row):
    one = splat(1)
    for j in range(0, H, LANES):
        n, a = H - j, at + j
        i, f, g, o = _get(gates, a, n), _get(gates, a + H, n), _get(gates, a + 2 * H, n), _get(gates, a + 3 * H, n)
        squashed = _tanh(_get(memory, now + j, n))
        c = _get(memory, before + j, n) if before >= 0 else splat(0)
        above = load(dh, row + j) + _get(dy, now + j, n)
        # c_t = f c_{t-1} + i g,  h_t = o tanh c_t
        d = fma(above * o, one - squashed * squashed, load(dc, row + j))
        _put(dp, a, n, d * g * (i * (one - i)))
        _put(dp, a + H, n, d * c * (f * (one - f)))
        _put(dp, a + 2 * H, n, d * i * (one - g * g))
        _put(dp, a + 3 * H, n, above * squashed * (o * (one - o)))
        store(dc, row + j, _fade(d * f))
        store(dh, row + j, splat(0))


@compiled(fastmath=False, **UNCOUNTED)
def _gru_back(gates, at, H, y, memory, dy, now, before, dp, dq, dh, row):
    one = splat(1)
    for j in range(0, H, LANES):
        n, a = H - j, at + j
        r, u, new = _get(gates, a, n), _get(gates, a + H, n), _get(gates, a + 2 * H, n)
        h = _get(y, before + j, n) if before >= 0 else splat(0)
        above = load(dh, row + j) + _get(dy, now + j, n)
        # h_t = (1 - u) n + u h_{t-1},  n = tanh(p + r q)
        d_new = above * (one - u) * (one - new * new)
        d_r = d_new * _get(memory, now + j, n) * (r * (one - r))
        d_u = above * (h - new) * (u * (one - u))
        _put(dp, a, n, d_r)
        _put(dp, a + H, n, d_u)
        _put(dp, a + 2 * H, n, d_new)
        _put(dq, a, n, d_r)
        _put(dq, a + H, n, d_u)
        _put(dq, a + 2 * H, n, d_new * r)
        store(dh, row + j, _fade(above * u))


@compiled(fastmath=False)
def read_backward_lanes(cell, gates, U, lengths, reverse, y, memory, dy, dp, dq):
    """:func:`kernels.recurrent.recurrent_backward_numpy`; dp may be the array of the gates."""
    (B, T, H), Q = y.shape, U.shape[1]
    chunks, wide = -(-Q // DEEP), -(-H // DEEP) * DEEP
    squares, left = lanes_of_zeros(2 * LANES * LANES), lanes_of_zeros(chunks * PLACES)
    right = lanes_of_zeros(wide // LANES * chunks * PLACES)
    dh, dc = lanes_of_zeros(LANES * wide), lanes_of_zeros(LANES * wide)
    pack_right(U.reshape(-1), 0, 1, Q, Q, H, squares, right)
    kept = gates.reshape(-1), y.reshape(-1), memory.reshape(-1), dy.reshape(-1)
    results = dp.reshape(-1), dq.reshape(-1)
    configure_tiles()
    for begin in range(0, B, LANES):
        dh[:] = 0
        dc[:] = 0
        end = min(begin + LANES, B)
        _read_backward(cell, begin, end, T, H, Q, lengths, reverse, *kept, *results, squares, left, right, dh, dc)
    release_tiles()


@compiled(fastmath=False, **UNCOUNTED)
def _read_backward(
    cell, begin, end, T, H, Q, lengths, reverse, gates, y, memory, dy, dp, dq, squares, left, right, dh, dc
):
    """Sequences begin to end - 1, at most sixteen, from their last step to the first."""
    chunks, wide, way = -(-Q // DEEP), dh.shape[0] // LANES, 1 if reverse else -1
    for step in range(T):
        t = step if reverse else T - 1 - step
        earlier = t + way
        for b in range(begin, end):
            row, at, now = (b - begin) * wide, (b * T + t) * Q, (b * T + t) * H
            before = (b * T + earlier) * H if 0 <= earlier < T else -1
            # What the next step needs.
            fetch_row(gates, b * T + earlier, Q)
            fetch_row(dy, b * T + earlier, H)
            fetch_row(memory, b * T + earlier + way, H)
            if cell == GRU:
                fetch_row(y, b * T + earlier + way, H)
                fetch_row(dq, b * T + earlier, Q)
            if t >= lengths[b]:
                _clear(dp, at, Q)
                _clear(dh, row, wide)
                _clear(dc, row, wide)
                if cell == GRU:
                    _clear(dq, at, Q)
            elif cell == LSTM:
                _lstm_back(gates, at, H, memory, dy, now, before, dp, dh, dc, row)
            elif cell == GRU:
                _gru_back(gates, at, H, y, memory, dy, now, before, dp, dq, dh, row)
            else:
                _rnn_back(H, y, dy, dp, at, dh, row)
        # dh_{t-1} is what came past the product with Uᵀ, and the product.
        pack_left(dq if cell == GRU else dp, (begin * T + t) * Q, T * Q, 1, end - begin, Q, squares, left, 0)
        for n in range(0, wide, DEEP):
            multiply_tiles(left, 0, right, n, chunks, dh, n, wide, dh, n, wide)
