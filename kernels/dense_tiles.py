"""Tiles of dense products in float32: some rows times a panel of weights, sums in registers over all of K.

The products of :mod:`kernels.dense` are made of them, in one of two ways. *In lanes*: ROWS rows times PANEL columns,
the sums in 24 registers. *On the matrix unit*, where the processor has one (:mod:`kernels.amx`): SQUARE rows times
PANEL columns, the sums in four of its tiles, six products of short pieces for each.

======= ========= ============================ ========================================================================
symbol  variable  shape                        what it is
======= ========= ============================ ========================================================================
        unit      bool                         whether on the matrix unit
W       panels    (⌈N / PANEL⌉, K, PANEL)      weights in panels of columns, each with its rows one after the other, so
                                               that a product reads it from front to back; zeros behind column N
        tile      flat                         rows of x, turned, so that their columns follow each other, sixteen
                                               numbers for each; or pieces of them
        right     flat                         the panels; or pieces of them
        sums      flat (rows of a tile, PANEL) a tile's products with a panel
======= ========= ============================ ========================================================================
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.amx import (
    AVAILABLE,
    DEEP,
    INT,
    PLACES,
    address_of,
    configure_tiles,
    instruct,
    release_tiles,
    store_pieces,
)
from kernels.compile import compiled
from kernels.simd import LANES, fetch, fma, lanes_of_zeros, load, splat, spread, store, transpose

PANEL, ROWS, SQUARE = 2 * LANES, 12, 2 * LANES

# Rows of a panel that are asked for ahead of time.
AHEAD = 12

# Numbers that the unit's instructions go through within a tile; bytes of its rows.
_TILE, _LINE = LANES * LANES, 4 * LANES


def size_of_panels(K, N):
    """How many numbers the panels of weights (K, N) hold."""
    return -(-N // PANEL) * K * PANEL


def panels_of(W, room=None):
    """Weights (K, N) as panels.

    Parameters
    ----------
    W : array, shape (K, N)
    room : array, shape (size_of_panels(K, N),), float32, optional
        Zeros that are written to, so that the weights of many layers lie in one block.

    Examples
    --------
    >>> panels_of(np.ones((3, 40))).shape
    (2, 3, 32)
    >>> W = np.arange(32 * 64, dtype=np.float32).reshape(64, 32).T  # columns follow each other
    >>> np.array_equal(panels_of(W), panels_of(W.copy())), np.array_equal(panels_of(W), panels_of(W.astype(float)))
    (True, True)
    """
    K, N = W.shape
    count = -(-N // PANEL)
    room = lanes_of_zeros(size_of_panels(K, N)) if room is None else room
    panels = room.reshape(count, K, PANEL)
    if W.dtype == np.float32 and W.T.flags.c_contiguous and K % LANES == N % PANEL == 0:
        # As PyTorch keeps weights: columns one after the other.
        _fill_from_columns(W.T.reshape(-1), K, panels.reshape(-1))
        return panels
    if W.dtype == np.float32 and W.flags.c_contiguous and N % PANEL == 0:
        _fill_from_rows(W.reshape(-1), K, panels.reshape(-1))
        return panels
    for p in range(count):
        part = W[:, p * PANEL : (p + 1) * PANEL]
        panels[p, :, : part.shape[1]] = part
    return panels


@compiled
def _fill_from_rows(rows, K, panels):
    """Panels of weights whose rows follow each other."""
    N = rows.shape[0] // max(K, 1)
    for p in range(N // PANEL):
        for k in range(K):
            source, place = k * N + p * PANEL, (p * K + k) * PANEL
            store(panels, place, load(rows, source))
            store(panels, place + LANES, load(rows, source + LANES))


@compiled
def _fill_from_columns(columns, K, panels):
    """Panels of weights whose columns, of K numbers each, follow each other: sixteen by sixteen."""
    square = np.empty(LANES * LANES, np.float32)
    for n in range(0, columns.shape[0] // max(K, 1), LANES):
        place = n // PANEL * PANEL * K + n % PANEL
        for k in range(0, K, LANES):
            transpose(columns, n * K + k, K, square, 0)
            for r in range(LANES):
                store(panels, place + (k + r) * PANEL, load(square, LANES * r))


# On the unit ---------------------------------------------------------------------------------------------------------


@intrinsic
def _clear_square(typing_context):
    """The sums, which are in the tiles 0 to 3, are zeros."""

    def generate(context, builder, signature, arguments):
        for tile in range(4):
            instruct(builder, "tilezero", tile)
        return context.get_dummy_value()

    return types.void(), generate


def _adder(n_rows):
    """What adds the products of one or two tiles of rows and two of columns, six of pieces for each pair, to the sums.

    A sum is added to again only after the others: an addition takes as long as three more need to begin.
    """

    def add(typing_context, left, a, next_a, right, b, next_b):
        def generate(context, builder, signature, arguments):
            rows = [address_of(context, builder, signature, arguments, 0, i) for i in (1, 2)][:n_rows]
            columns = [address_of(context, builder, signature, arguments, 3, i) for i in (4, 5)]

            def fetch_piece(tile, addresses, piece):
                for i, address in enumerate(addresses):
                    place = builder.gep(address, [ir.Constant(INT, 4 * _TILE * piece)])
                    instruct(builder, "tileloadd64", tile + i, place, ir.Constant(INT, _LINE))

            # Pieces whose places add up to at most 2, in an order in which most stay in their tiles.
            before = None, None
            for p, q in ((0, 2), (0, 1), (0, 0), (1, 0), (1, 1), (2, 0)):
                if p != before[0]:
                    fetch_piece(4, rows, p)
                if q != before[1]:
                    fetch_piece(6, columns, q)
                before = p, q
                for sums in range(2 * n_rows):
                    instruct(builder, "tdpbf16ps", sums, 4 + sums // 2, 6 + sums % 2)
            return context.get_dummy_value()

        return types.void(left, a, next_a, right, b, next_b), generate

    return intrinsic(add)


_add_one, _add_two = _adder(1), _adder(2)


@intrinsic
def _put_square(typing_context, sums):
    """Write the sums."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        data = builder.bitcast(data, ir.IntType(8).as_pointer())
        for tile in range(4):
            place = ir.Constant(INT, 4 * LANES * (PANEL * (tile // 2) + tile % 2))
            instruct(builder, "tilestored64", tile, builder.gep(data, [place]), ir.Constant(INT, 4 * PANEL))
        return context.get_dummy_value()

    return types.void(sums), generate


@compiled(fastmath=False)
def _pieces_of_rows(x, start, step, rows, K, spare, tile, place):
    size = -(-K // DEEP) * PLACES
    for r in range(rows):
        source, made = start + r * step, place + r // LANES * size + r % LANES * LANES
        for k in range(0, K, DEEP):
            at = made + k // DEEP * PLACES
            if k + DEEP <= K:
                store_pieces(tile, at, load(x, source + k), load(x, source + k + LANES))
                continue
            for i in range(DEEP):
                spare[i] = x[source + k + i] if k + i < K else 0
            store_pieces(tile, at, load(spare, 0), load(spare, LANES))


@compiled(fastmath=False)
def _pieces_of_columns(x, start, step, columns, depth, squares, tile, place):
    for c in range(0, columns, LANES):
        for k in range(0, depth, DEEP):
            source = start + step * k + c
            if k + DEEP <= depth and source + step * (DEEP - 1) + LANES <= x.shape[0]:
                transpose(x, source, step, squares, 0)
                transpose(x, source + step * LANES, step, squares, _TILE)
            else:
                squares[:] = 0
                for i in range(min(DEEP, depth - k)):
                    for j in range(min(LANES, columns - c)):
                        squares[i // LANES * _TILE + LANES * j + i % LANES] = x[source + step * i + j]
            for r in range(0, _TILE, LANES):
                store_pieces(tile, place + r, load(squares, r), load(squares, _TILE + r))
            place += PLACES


@compiled(fastmath=False)
def _pieces_of_square(panels, start, k, K, right, first, second):
    """Of DEEP rows of a panel, from the k-th on: the columns of its first half, and those of its second."""
    for half, place in ((0, first), (LANES, second)):
        for r in range(min(LANES, K - k)):
            at = start + (k + r) * PANEL + half
            # Two squares ahead, where memory has time to answer.
            fetch(panels, at + 2 * DEEP * PANEL)
            fetch(panels, at + (2 * DEEP + LANES) * PANEL)
            more = load(panels, at + LANES * PANEL) if k + r + LANES < K else splat(0)
            store_pieces(right, place + LANES * r, load(panels, at), more)
        for r in range(min(LANES, K - k), LANES):
            store_pieces(right, place + LANES * r, splat(0), splat(0))


# In lanes, or on the unit --------------------------------------------------------------------------------------------


@compiled(fastmath=False)
def begin_tiles(unit):
    """Returns rows of a tile, after which :func:`end_tiles` must come."""
    if AVAILABLE and unit:
        configure_tiles()
        return SQUARE
    return ROWS


@compiled(fastmath=False)
def end_tiles(unit):
    """The thread needs the unit no longer."""
    if AVAILABLE and unit:
        release_tiles()


@compiled
def size_of_tile(unit, K):
    """How many numbers rows of K numbers take as a tile; more than the lanes need, where tiles that follow each other
    would else lie at multiples of 4096 bytes, and drive each other out of the first cache."""
    return 2 * -(-K // DEEP) * PLACES if unit else (K + 1) * LANES


@compiled
def size_of_right(unit, K, few=False):
    """How many numbers a panel takes, or what :func:`multiply_few` has of it at a time."""
    if not unit:
        return K * PANEL
    return 4 * PLACES if few else 2 * -(-K // DEEP) * PLACES


@compiled(fastmath=False)
def take_rows(unit, x, start, step, rows, K, squares, tile, place):
    """Make a tile of so many rows; row r begins at ``x[start + step * r]``."""
    if AVAILABLE and unit:
        _pieces_of_rows(x, start, step, rows, K, squares, tile, place)
        return
    whole = K // LANES * LANES if start + step * (LANES - 1) + K <= x.shape[0] else 0
    # The four too many are those behind, and are not looked at.
    for k in range(0, whole, LANES):
        transpose(x, start + k, step, tile, place + LANES * k)
    for r in range(rows):
        for k in range(whole, K):
            tile[place + LANES * k + r] = x[start + step * r + k]


@compiled(fastmath=False)
def take_columns(unit, x, start, step, columns, depth, squares, tile, place):
    """Make a tile of so many columns; column c begins at ``x[start + c]``, with `depth` numbers `step` apart."""
    if AVAILABLE and unit:
        _pieces_of_columns(x, start, step, columns, depth, squares, tile, place)
        return
    for k in range(depth):
        source = start + step * k
        if source + LANES <= x.shape[0]:
            store(tile, place + LANES * k, load(x, source))
        else:
            for c in range(columns):
                tile[place + LANES * k + c] = x[source + c]


@compiled(fastmath=False)
def take_panel(unit, panels, start, K, right, place):
    """Make what a product reads of a panel; in lanes, nothing: it reads the panel itself."""
    if AVAILABLE and unit:
        size = -(-K // DEEP) * PLACES
        for k in range(0, K, DEEP):
            at = place + k // DEEP * PLACES
            _pieces_of_square(panels, start, k, K, right, at, at + size)


@compiled(fastmath=False)
def multiply_few(unit, tile, rows, panels, start, K, right, sums):
    """:func:`multiply_tile` of one tile, the only one that meets this panel, with so many rows; the same bits.

    Each square of weights is made ready while the one before is multiplied, and stays in the first cache.
    """
    if not (AVAILABLE and unit):
        multiply_tile(unit, tile, 0, panels, start, K, sums)
        return
    size = -(-K // DEEP) * PLACES
    _clear_square()
    here, there = 0, 2 * PLACES
    _pieces_of_square(panels, start, 0, K, right, here, here + PLACES)
    for k in range(0, K, DEEP):
        a = k // DEEP * PLACES
        if k + DEEP < K:
            _pieces_of_square(panels, start, k + DEEP, K, right, there, there + PLACES)
        if rows <= LANES:
            _add_one(tile, a, a + size, right, here, here + PLACES)
        else:
            _add_two(tile, a, a + size, right, here, here + PLACES)
        here, there = there, here
    _put_square(sums)


@compiled(fastmath=False)
def multiply_tile(unit, tile, a, right, b, K, sums):
    """``sums[PANEL * r + n] = Σ_k x_rk W_kn``."""
    if AVAILABLE and unit:
        size = -(-K // DEEP) * PLACES
        _clear_square()
        for k in range(0, size, PLACES):
            _add_two(tile, a + k, a + size + k, right, b + k, b + size + k)
        _put_square(sums)
        return
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = s10 = s11 = splat(0)
    t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = t8 = t9 = t10 = t11 = splat(0)
    for k in range(K):
        u, v = load(right, b + PANEL * k), load(right, b + PANEL * k + LANES)
        fetch(right, b + PANEL * (k + AHEAD))
        fetch(right, b + PANEL * (k + AHEAD) + LANES)
        i = a + LANES * k
        x = spread(tile, i)
        s0, t0 = fma(x, u, s0), fma(x, v, t0)
        x = spread(tile, i + 1)
        s1, t1 = fma(x, u, s1), fma(x, v, t1)
        x = spread(tile, i + 2)
        s2, t2 = fma(x, u, s2), fma(x, v, t2)
        x = spread(tile, i + 3)
        s3, t3 = fma(x, u, s3), fma(x, v, t3)
        x = spread(tile, i + 4)
        s4, t4 = fma(x, u, s4), fma(x, v, t4)
        x = spread(tile, i + 5)
        s5, t5 = fma(x, u, s5), fma(x, v, t5)
        x = spread(tile, i + 6)
        s6, t6 = fma(x, u, s6), fma(x, v, t6)
        x = spread(tile, i + 7)
        s7, t7 = fma(x, u, s7), fma(x, v, t7)
        x = spread(tile, i + 8)
        s8, t8 = fma(x, u, s8), fma(x, v, t8)
        x = spread(tile, i + 9)
        s9, t9 = fma(x, u, s9), fma(x, v, t9)
        x = spread(tile, i + 10)
        s10, t10 = fma(x, u, s10), fma(x, v, t10)
        x = spread(tile, i + 11)
        s11, t11 = fma(x, u, s11), fma(x, v, t11)
    store(sums, 0, s0), store(sums, 1 * LANES, t0), store(sums, 2 * LANES, s1), store(sums, 3 * LANES, t1)
    store(sums, 4 * LANES, s2), store(sums, 5 * LANES, t2), store(sums, 6 * LANES, s3), store(sums, 7 * LANES, t3)
    store(sums, 8 * LANES, s4), store(sums, 9 * LANES, t4), store(sums, 10 * LANES, s5), store(sums, 11 * LANES, t5)
    store(sums, 12 * LANES, s6), store(sums, 13 * LANES, t6), store(sums, 14 * LANES, s7), store(sums, 15 * LANES, t7)
    store(sums, 16 * LANES, s8), store(sums, 17 * LANES, t8), store(sums, 18 * LANES, s9), store(sums, 19 * LANES, t9)
    store(sums, 20 * LANES, s10), store(sums, 21 * LANES, t10), store(sums, 22 * LANES, s11)
    store(sums, 23 * LANES, t11)
