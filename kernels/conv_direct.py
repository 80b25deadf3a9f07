"""Convolution of pictures with weights that stay the same, straight from the maps: no patches are copied.

The same equations as in ``kernels/conv.py``, for trained networks. The channels of a place lie side by side, and around
each picture lies a border of zeros, so that what a row u of the kernel sees is one run of C · columns numbers:

    y_i,j,o = f(β_o + a_i,j,o + Σ_u Σ_k  w_u,k,o  x[row s i + u, from channel 0 of column s j on, k])

Weights lie in panels of PANEL results, in the order in which they are needed. A tile of two times HALF places of a row
by one panel stays in registers over all u and k: each weight is loaded once, each number of x is spread over the lanes.
Bias, the way around (a residual, He et al. 2016) and ReLU are applied before a result is stored.

======= ======== ============================= =============================================================
symbol  variable shape                         what it is
======= ======== ============================= =============================================================
x       x        (B, rows, columns, C)         maps with borders; from :func:`room`
w       panels   (P, kh, kw C, PANEL)          weights, zeros behind the last; from :func:`panels_of`
β       bias     (P PANEL,)
a       around   as y, or empty                what is added before the ReLU
        skip     int                           rows and columns of the border that no window sees
s       stride   int
y       y        (B, H' + 2, W' + 2, O)        the result inside a border of one, written in place; O = n LANES
======= ======== ============================= =============================================================

A tile in registers and weights laid out for it: Goto & van de Geijn, "Anatomy of High-Performance Matrix
Multiplication", 2008; without patches: Zhang, Franchetti & Low, "High Performance Zero-Memory Overhead Direct
Convolutions", 2018.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.compile import compiled
from kernels.simd import LANES

PANEL, HALF = 2 * LANES, 7

# Of every result.
BORDER = 1

# Tiles that one panel is used for before the next one: what they see stays in the second cache.
TILES = 32


def room(B, H, W, C, border=BORDER):
    """Maps of H × W places between borders of zeros, (B, H + 2 border, W + 2 border, C); the places are not filled.

    Examples
    --------
    >>> room(2, 4, 5, 16).shape
    (2, 6, 7, 16)
    """
    maps = _aligned((B, H + 2 * border, W + 2 * border, C))
    if border:
        maps[:, :border] = maps[:, -border:] = maps[:, :, :border] = maps[:, :, -border:] = 0
    return maps


def panels_of(w, bias, C):
    """Weights and bias for maps with C numbers at each place, of which the last ones may be zeros.

    Parameters
    ----------
    w : array, shape (kh, kw, c, O)
    bias : array, shape (O,)
    C : int
        At least c.

    Examples
    --------
    >>> panels, bias = panels_of(np.ones((3, 3, 4, 40)), np.ones(40), 16)
    >>> panels.shape, bias.shape
    ((2, 3, 48, 32), (64,))
    """
    kh, kw, c, O = w.shape
    P = -(-O // PANEL)
    wide = np.zeros((kh, kw, C, P * PANEL), np.float32)
    wide[:, :, :c, :O] = w
    panels = _aligned((P, kh, kw * C, PANEL))
    panels[...] = wide.reshape(kh, kw * C, P, PANEL).transpose(2, 0, 1, 3)
    return panels, np.concatenate([bias, np.zeros(P * PANEL - O)]).astype(np.float32)


def _aligned(shape):
    """An array that is not filled and begins where a cache line does: lanes across two lines cost two loads."""
    size = int(np.prod(shape))
    block = np.empty(size + LANES, np.float32)
    skip = -(block.ctypes.data // 4) % LANES
    return block[skip : skip + size].reshape(shape)


def conv_direct_numpy(x, panels, bias, around, skip, stride, relu, y):
    """Row after row of the kernel, all places at once.

    Examples
    --------
    >>> x, y = room(1, 1, 3, 1), room(1, 1, 3, LANES)
    >>> x[0, 1, 1:4, 0] = 1, 2, 3
    >>> w = np.array([1, 10, 100]).reshape(1, 3, 1, 1)
    >>> x = x[:, 1:2]  # a kernel of one row
    >>> conv_direct_numpy(x, *panels_of(w, np.zeros(1), 1), np.empty((0, 0, 0, 0), "f"), 0, 1, False, y)
    >>> y[0, 1, 1:4, 0].tolist()
    [210.0, 321.0, 32.0]
    """
    B, H, W, O = y[:, BORDER:-BORDER, BORDER:-BORDER].shape
    _, kh, run, _ = panels.shape
    seen = ((np.arange(W) * stride + skip) * x.shape[3])[:, None] + np.arange(run)  # (W, run)
    made = np.zeros((B, H, W, O), x.dtype) + bias[:O]
    for u in range(kh):
        rows = x[:, skip + u :][:, : (H - 1) * stride + 1 : stride].reshape(B, H, x.shape[2] * x.shape[3])
        made += rows[:, :, seen] @ panels[:, u].swapaxes(0, 1).reshape(run, -1)[:, :O]
    if around.size:
        made += around[:, BORDER:-BORDER, BORDER:-BORDER]
    y[:, BORDER:-BORDER, BORDER:-BORDER] = np.maximum(made, 0) if relu else made


if config.DISABLE_JIT:

    def _tile(x, places, step, rows, run, w, bias, o, around, relu, y, targets, O, n):
        """Interpreted form of the one below."""
        for place, target in zip(places, targets, strict=True):
            for r in range(n):
                seen = np.concatenate([x[place + r * step + row :][:run] for row in rows])
                lanes = slice(target + r * O, target + r * O + min(PANEL, O - o))
                sums = bias[o : o + PANEL] + seen @ w[o * len(seen) :][: len(seen) * PANEL].reshape(-1, PANEL)
                sums = sums[: min(PANEL, O - o)] + (around[lanes] if len(around) else 0)
                y[lanes] = np.maximum(sums, 0) if relu else sums

else:

    @intrinsic
    def _tile(typing_context, x, places, step, rows, run, w, bias, o, around, relu, y, targets, O, n):
        """The first n of HALF places from each of two on, `step` apart, for the panel that begins with result o.

        ``rows`` has the distance to each row of the kernel. Fourteen sums of two lanes each stay in registers: written
        in LLVM's language, for in Python's it would be a page of nearly equal lines.
        """

        def generate(context, builder, signature, arguments):
            def data(i):
                return context.make_array(signature.args[i])(context, builder, arguments[i]).data

            def count(i):
                return context.make_array(signature.args[i])(context, builder, arguments[i]).nitems

            def whole(number):
                return ir.Constant(ir.IntType(64), number)

            def lanes_at(pointer, place):
                return builder.bitcast(builder.gep(pointer, [place]), vector.as_pointer())

            def times(a, b):
                return builder.mul(a, b if isinstance(b, ir.Value) else whole(b))

            vector = ir.VectorType(ir.FloatType(), LANES)
            fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), _FMA)
            nothing = ir.Constant(vector, ir.Undefined)
            first_lane = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)

            def spread(number):
                lane = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
                return builder.shuffle_vector(lane, nothing, first_lane)

            x, rows, w, bias, around, y = (data(i) for i in (0, 3, 5, 6, 8, 10))
            n_rows, n_around = count(3), count(8)
            places, targets = (cgutils.unpack_tuple(builder, arguments[i]) for i in (1, 11))
            step, run, o, relu, O, n = (arguments[i] for i in (2, 4, 7, 9, 12, 13))
            last = builder.sub(n, whole(1))
            # Where there are fewer than HALF, the last one is made again and again.
            apart = [
                times(step, builder.select(builder.icmp_signed("<", whole(r), n), whole(r), last)) for r in range(HALF)
            ]
            tile = [(h, r) for h in range(2) for r in range(HALF)]
            sums = {}
            for l in range(2):
                begin = builder.load(lanes_at(bias, builder.add(o, whole(l * LANES))), align=4)
                for h, r in tile:
                    sums[h, r, l] = cgutils.alloca_once_value(builder, begin)
            panel = builder.gep(w, [times(times(o, n_rows), run)])
            with cgutils.for_range(builder, n_rows) as row:
                distance = builder.load(builder.gep(rows, [row.index]))
                seen = [builder.gep(x, [builder.add(place, distance)]) for place in places]
                weights = builder.gep(panel, [times(times(row.index, run), PANEL)])
                with cgutils.for_range(builder, run) as k:
                    at = times(k.index, PANEL)
                    u, v = (builder.load(lanes_at(weights, builder.add(at, whole(l * LANES))), align=4) for l in (0, 1))
                    here = [builder.gep(pointer, [k.index]) for pointer in seen]
                    for h, r in tile:
                        number = builder.load(builder.gep(here[h], [apart[r]]))
                        lanes = spread(number)
                        for l, weight in enumerate((u, v)):
                            s = sums[h, r, l]
                            builder.store(builder.call(fma, [lanes, weight, builder.load(s)]), s)
            number = ir.FloatType()
            relu = cgutils.as_bool_bit(builder, relu)
            least = spread(builder.select(relu, ir.Constant(number, 0.0), ir.Constant(number, float("-inf"))))
            for l in range(2):
                # The last panel may be half empty.
                column = builder.add(o, whole(l * LANES))
                with builder.if_then(builder.icmp_signed("<", column, O)):
                    for h, r in tile:
                        with builder.if_then(builder.icmp_signed("<", whole(r), n)):
                            s, place = sums[h, r, l], builder.add(targets[h], whole(l * LANES))
                            place = builder.add(place, times(O, r))
                            with builder.if_then(builder.icmp_signed(">", n_around, whole(0))):
                                way = builder.load(lanes_at(around, place), align=4)
                                builder.store(builder.fadd(builder.load(s), way), s)
                            made = builder.load(s)
                            # Written so that NaN stays.
                            below = builder.fcmp_ordered("<", made, least)
                            builder.store(builder.select(below, least, made), lanes_at(y, place), align=4)
            return context.get_dummy_value()

        two, one = types.UniTuple(types.int64, 2), types.int64
        return types.void(x, two, one, rows, one, w, bias, one, around, types.boolean, y, two, one, one), generate

    _FMA = f"llvm.fma.v{LANES}f32"


@compiled(fastmath=False)
def conv_direct_cpu(x, panels, bias, around, skip, stride, relu, y, worker=0, workers=1):
    """Compiled :func:`conv_direct_numpy`: what is one worker's of so many. Each result is made by one of them alone."""
    B, rows, columns, C = x.shape
    H, W, O = y.shape[1] - 2 * BORDER, y.shape[2] - 2 * BORDER, y.shape[3]
    P, kh, run, _ = panels.shape
    flat_x, flat_y, flat_around, flat_w = x.reshape(-1), y.reshape(-1), around.reshape(-1), panels.reshape(-1)
    distances = np.arange(kh) * columns * C
    # A row of places is cut into halves of a tile; the last one begins earlier, where there is less than a half left.
    cuts = -(-W // HALF)
    halves = B * H * cuts
    tiles = (halves + 1) // 2
    blocks = -(-tiles // TILES)
    n = min(HALF, W)
    for unit in range(worker * blocks * P // workers, (worker + 1) * blocks * P // workers):
        block, p = unit // P, unit % P
        o = p * PANEL
        for tile in range(block * tiles // blocks, (block + 1) * tiles // blocks):
            a, s = _half(2 * tile, cuts, H, W, rows, columns, C, skip, stride, O)
            # An odd half that is left is made twice.
            b, t = _half(min(2 * tile + 1, halves - 1), cuts, H, W, rows, columns, C, skip, stride, O)
            places, targets = (a, b), (s + o, t + o)
            _tile(flat_x, places, stride * C, distances, run, flat_w, bias, o, flat_around, relu, flat_y, targets, O, n)


@compiled(inline="always")
def _half(number, cuts, H, W, rows, columns, C, skip, stride, O):
    """Where a half of a tile begins in x and in y."""
    rest, cut = number // cuts, number % cuts
    b, i = rest // H, rest % H
    j = max(0, min(cut * HALF, W - HALF))
    source = ((b * rows + i * stride + skip) * columns + j * stride + skip) * C
    target = ((b * (H + 2 * BORDER) + i + BORDER) * (W + 2 * BORDER) + j + BORDER) * O
    return source, target


IMPLEMENTATIONS = {"numpy": conv_direct_numpy, "cpu": conv_direct_cpu}
