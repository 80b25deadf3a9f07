"""Sums over windows, by running sums: the same work for every reach.

    s_j = Σ_{i<j} v_i        Σ_{l≤i<r} v_i = s_r - s_l

and back: a step e that the rows l to r - 1 are to get is added to a block at l and taken away at r; the running sums of
that block are what each row gets. A word's window holds the word itself, whose row is taken away again.

Rows are worked on in four lots of lanes at a time, each with a sum of its own, which wait for each other no longer.
Where a row has no more lots, the last one comes again: loaded before it is stored, it is stored twice, the same.
"""

from kernels.compile import UNCOUNTED, compiled
from kernels.simd import LANES, load, splat, store
from kernels.tiles import stride_of


@compiled(**UNCOUNTED)
def four_lots(d, end):
    """Where four lots of lanes begin, from column d on; the last one again, where there are no more before `end`."""
    last = end - LANES
    return d, min(d + LANES, last), min(d + 2 * LANES, last), min(d + 3 * LANES, last)


@compiled(**UNCOUNTED)
def load_lots(x, i, lots):
    """Four lots of lanes of what begins at x[i]."""
    a, b, c, d = lots
    return load(x, i + a), load(x, i + b), load(x, i + c), load(x, i + d)


@compiled(**UNCOUNTED)
def store_lots(x, i, lots, lanes):
    """Put them there. A lot that comes twice must have been loaded before."""
    store(x, i + lots[0], lanes[0]), store(x, i + lots[1], lanes[1])
    store(x, i + lots[2], lanes[2]), store(x, i + lots[3], lanes[3])


@compiled(fastmath=False, **UNCOUNTED)
def plus(x, y):
    """The sums of four lots of lanes each."""
    return x[0] + y[0], x[1] + y[1], x[2] + y[2], x[3] + y[3]


@compiled(fastmath=False, **UNCOUNTED)
def minus(x, y):
    """Their differences."""
    return x[0] - y[0], x[1] - y[1], x[2] - y[2], x[3] - y[3]


@compiled(fastmath=False, **UNCOUNTED)
def times(factor, x):
    """Four lots of lanes, each times the same."""
    return factor * x[0], factor * x[1], factor * x[2], factor * x[3]


@compiled(fastmath=False, **UNCOUNTED)
def add_up(v, tokens, low, high, sums):
    """Running sums over the rows of the tokens low to high - 1; the first one is zero."""
    P, stride = v.shape[1], stride_of(v)
    for column in range(0, P, 4 * LANES):
        lots, total = four_lots(column, P), (splat(0), splat(0), splat(0), splat(0))
        store_lots(sums, 0, lots, total)
        for j in range(low, high):
            total = plus(total, load_lots(v, tokens[j] * stride, lots))
            store_lots(sums, (j + 1 - low) * P, lots, total)


@compiled(fastmath=False, **UNCOUNTED)
def others(sums, before, behind, v, own, lots):
    """The sum of a window's rows but its own word's; what :func:`add_up` found stands before and behind it."""
    return minus(minus(load_lots(sums, behind, lots), load_lots(sums, before, lots)), load_lots(v, own, lots))


@compiled(fastmath=False, **UNCOUNTED)
def begin_and_end(sums, before, behind, errors, e, begin, end):
    """Let the error at e count from one row of `sums` on, and no more from another one on; columns begin to end."""
    for column in range(begin, end, 4 * LANES):
        lots = four_lots(column, end)
        error, first, last = load_lots(errors, e, lots), load_lots(sums, before, lots), load_lots(sums, behind, lots)
        store_lots(sums, before, lots, plus(first, error))
        store_lots(sums, behind, lots, minus(last, error))


@compiled(fastmath=False, **UNCOUNTED)
def add_running_sums(v, tokens, low, high, sums, errors, first, last, e, step, begin, end):
    """Add to the rows of the tokens low to high - 1 the running sums of `sums`, but to those of the tokens first to
    last - 1 not their own errors, which stand in row e and each `step` rows on; columns begin to end.
    """
    P, stride = v.shape[1], stride_of(v)
    for column in range(begin, end, 4 * LANES):
        lots, total = four_lots(column, end), (splat(0), splat(0), splat(0), splat(0))
        for j in range(low, high):
            total = plus(total, load_lots(sums, (j - low) * P, lots))
            row = plus(load_lots(v, tokens[j] * stride, lots), total)
            if first <= j < last:
                row = minus(row, load_lots(errors, (e + (j - first) * step) * P, lots))
            store_lots(v, tokens[j] * stride, lots, row)
