"""float32 products on the matrix unit that some processors have (Intel's AMX), which only multiplies short numbers.

    C = A B        C_mn = c_mn + Σ_k A_mk B_kn

A number is the sum of three pieces with the first, the next and the last 8 of its 24 binary digits, x = x₀ + x₁ + x₂;
a piece fits bfloat16, and products of pieces, summed in float32, are exact up to the sum's rounding:

    a b ≈ a₀ b₀ + (a₀ b₁ + a₁ b₀) + (a₀ b₂ + a₁ b₁ + a₂ b₀)          what is left out is below 2⁻²³ |a b|

Six products of pieces still take a third of the time of one float32 product in lanes.

The unit has eight registers, the tiles, of 16 rows of 64 bytes. A tile of A has 16 rows and, of each, 32 columns; one
of B has 32 rows and 16 columns. Numbers stand in pairs, k with k + 16, one pair to a place of 32 bits:

======= ========= ============================== ====================================================================
symbol  variable  shape                          what it is
======= ========= ============================== ====================================================================
A       left      flat (⌈M / 16⌉, ⌈K / 32⌉, 3,   pieces: [m, j] is the pair A_{m, k + j}, A_{m, k + 16 + j}; zeros
                  16, 16)                        outside of A. Made by :func:`pack_left`
B       right     flat (⌈N / 16⌉, ⌈K / 32⌉, 3,   pieces: [j, n] is the pair B_{k + j, n}, B_{k + 16 + j, n}.
                  16, 16)                        Made by :func:`pack_right`
C       C         (M, N)                         result
======= ========= ============================== ====================================================================

Henry, Tang & Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations",
ARITH 2019. Infinities come out as NaN.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.compile import UNCOUNTED, compiled, has_matrix_unit
from kernels.simd import LANES, lanes_of_zeros, load, splat, store, transpose

PIECES = 3
# Numbers that one tile covers along K; places of the tiles of all pieces of one part of a matrix.
DEEP, PLACES = 2 * LANES, PIECES * LANES * LANES

# Terms of the sums whose pieces are made together, and rows of A: the tiles of two columns of tiles of B stay in the
# first cache while they meet those of A, which are in the second.
TOGETHER, ROWS = 4 * DEEP, 8 * LANES

# What the tiles look like: 16 rows of 64 bytes each.
_SHAPES = np.zeros(64, np.uint8)
_SHAPES[0], _SHAPES[16:32:2], _SHAPES[48:56] = 1, 64, LANES


AVAILABLE = has_matrix_unit()


def pieces_numpy(x):
    """The three pieces of float32 numbers, each a float32 of 8 digits.

    Examples
    --------
    >>> pieces_numpy(np.float32([1 + 2**-9 + 2**-20])).ravel().tolist() == [1, 2**-9, 2**-20]
    True
    """
    pieces = []
    for _ in range(PIECES):
        # To the nearest: half of the last digit that stays is added before the others are cut.
        bits = x.view(np.uint32) + np.uint32(1 << 15)
        pieces.append((bits & np.uint32(0xFFFF0000)).view(np.float32))
        x = x - pieces[-1]
    return np.stack(pieces)


def matmul_numpy(A, B, bias, C):
    """``C = A @ B + bias`` by pieces.

    Examples
    --------
    >>> A, B = np.float32([[1, 2], [3, 4]]), np.float32([[0.1, 1], [1, 0.1]])
    >>> C = np.empty((2, 2), np.float32)
    >>> matmul_numpy(A, B, np.float32([0, 10]), C)
    >>> C.round(5).tolist() == np.float32([[2.1, 11.2], [4.3, 13.4]]).tolist()
    True
    """
    left, right = pieces_numpy(A), pieces_numpy(B)
    C[:] = bias + sum(left[a] @ right[b] for a in range(PIECES) for b in range(PIECES - a))


# The unit's instructions ---------------------------------------------------------------------------------------------

_BYTE, INT = ir.IntType(8), ir.IntType(64)


def address_of(context, builder, signature, arguments, array, index):
    """Of ``array[index]``, two of the arguments by their places."""
    data = context.make_array(signature.args[array])(context, builder, arguments[array]).data
    index = context.cast(builder, arguments[index], signature.args[index], types.intp)
    return builder.bitcast(builder.gep(data, [index]), _BYTE.as_pointer())


def instruct(builder, name, *arguments):
    """Call an instruction; whole numbers name tiles."""
    values = [ir.Constant(_BYTE, a) if isinstance(a, int) else a for a in arguments]
    kind = ir.FunctionType(ir.VoidType(), [v.type for v in values])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.{name}"), values)


@intrinsic
def _configure(typing_context, shapes):
    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        instruct(builder, "ldtilecfg", builder.bitcast(data, _BYTE.as_pointer()))
        return context.get_dummy_value()

    return types.void(shapes), generate


@intrinsic
def release_tiles(typing_context):
    """The thread needs the unit no longer."""

    def generate(context, builder, signature, arguments):
        instruct(builder, "tilerelease")
        return context.get_dummy_value()

    return types.void(), generate


def _sums(name, doc):
    """Load or store the sums, which are in the tiles 0 and 1: ``array[index + step * r + c]`` for r < 16, c < 32."""

    def move(typing_context, array, index, step):
        def generate(context, builder, signature, arguments):
            address = address_of(context, builder, signature, arguments, 0, 1)
            step = context.cast(builder, arguments[2], signature.args[2], types.intp)
            step = builder.mul(step, ir.Constant(INT, 4))
            instruct(builder, name, 0, address, step)
            instruct(builder, name, 1, builder.gep(address, [ir.Constant(INT, 4 * LANES)]), step)
            return context.get_dummy_value()

        return types.void(array, index, step), generate

    move.__doc__ = doc
    return intrinsic(move)


_begin = _sums("tileloadd64", "Sums of 16 × 32 numbers begin with what stands in an array.")
_put = _sums("tilestored64", "Store the sums.")


@intrinsic
def _add(typing_context, left, a, right, b, next_b):
    """Add the products of a tile of A and two of B, six of pieces each, to the sums."""

    def generate(context, builder, signature, arguments):
        a = address_of(context, builder, signature, arguments, 0, 1)
        beside = address_of(context, builder, signature, arguments, 2, 4)
        columns = address_of(context, builder, signature, arguments, 2, 3), beside
        line = ir.Constant(INT, 4 * LANES)

        def fetch_piece(tile, address, piece):
            place = ir.Constant(INT, 4 * LANES * LANES * piece)
            instruct(builder, "tileloadd64", tile, builder.gep(address, [place]), line)

        # Tiles 2, 3, 4: the pieces of A. 5 and 6: a piece of B's columns.
        for p in range(PIECES):
            fetch_piece(2 + p, a, p)
        for q in range(PIECES):
            for c in range(2):
                fetch_piece(5 + c, columns[c], q)
                for p in range(PIECES - q):
                    instruct(builder, "tdpbf16ps", c, 2 + p, 5 + c)
        return context.get_dummy_value()

    return types.void(left, a, right, b, next_b), generate


@intrinsic
def store_pieces(typing_context, tiles, place, first, second):
    """A row of each of three tiles: the pieces of two lanes in pairs, as in :func:`pieces_numpy`."""

    def generate(context, builder, signature, arguments):
        whole = ir.VectorType(ir.IntType(32), LANES)
        half, high, down = (ir.Constant(whole, [n] * LANES) for n in (1 << 15, 0xFFFF0000, 16))
        row, rest = address_of(context, builder, signature, arguments, 0, 1), list(arguments[2:])
        for piece in range(PIECES):
            cut = [builder.and_(builder.add(builder.bitcast(x, whole), half), high) for x in rest]
            pair = builder.or_(builder.lshr(cut[0], down), cut[1])
            place = builder.gep(row, [ir.Constant(INT, 4 * LANES * LANES * piece)])
            builder.store(pair, builder.bitcast(place, whole.as_pointer()), align=4)
            rest = [builder.fsub(x, builder.bitcast(c, x.type)) for x, c in zip(rest, cut, strict=True)]
        return context.get_dummy_value()

    return types.void(tiles, place, first, second), generate


# Products, without fast-math: what a piece leaves over is not 0. ------------------------------------------------------


@compiled(fastmath=False, **UNCOUNTED)
def configure_tiles():
    """The thread is about to use the unit; :func:`release_tiles` ends that."""
    _configure(_SHAPES)


@compiled(fastmath=False, **UNCOUNTED)
def _square(source, start, row_step, lane_step, rows, lanes, square, place):
    """Up to 16 × 16 numbers, ``source[start + row_step * r + lane_step * l]``, with zeros around them."""
    if rows == LANES and lanes == LANES and row_step == 1:
        transpose(source, start, lane_step, square, place)
    else:
        for r in range(LANES):
            store(square, place + LANES * r, splat(0))
        for r in range(rows):
            for l in range(lanes):
                square[place + LANES * r + l] = source[start + row_step * r + lane_step * l]


@compiled(fastmath=False, **UNCOUNTED)
def _pack(source, start, row_step, lane_step, pair_step, rows, lanes, more_rows, more_lanes, squares, tiles, place):
    """Tiles of the pairs of numbers of two squares, the second `pair_step` behind the first."""
    if rows == lanes == more_rows == more_lanes == LANES and lane_step == 1:
        for r in range(LANES):
            at = start + row_step * r
            store_pieces(tiles, place + LANES * r, load(source, at), load(source, at + pair_step))
    else:
        second = LANES * LANES
        _square(source, start, row_step, lane_step, rows, lanes, squares, 0)
        _square(source, start + pair_step, row_step, lane_step, more_rows, more_lanes, squares, second)
        for r in range(0, second, LANES):
            store_pieces(tiles, place + r, load(squares, r), load(squares, second + r))


@compiled(fastmath=False, **UNCOUNTED)
def pack_left(A, start, row_step, column_step, M, K, squares, left, place):
    """Tiles of a matrix A of M ≤ 16 rows and K columns; ``A[start + row_step * m + column_step * k]``, flat."""
    for k in range(0, K, DEEP):
        at, columns, more = start + k * column_step, min(K - k, LANES), min(max(K - k - LANES, 0), LANES)
        pair = LANES * column_step
        _pack(A, at, row_step, column_step, pair, M, columns, M, more, squares, left, place + k // DEEP * PLACES)


@compiled(fastmath=False, **UNCOUNTED)
def pack_right(B, start, row_step, column_step, K, N, squares, right):
    """Tiles of a matrix B of K rows and N columns; ``B[start + row_step * k + column_step * n]``, flat."""
    chunks = -(-K // DEEP)
    for k in range(0, K, DEEP):
        rows, more = min(K - k, LANES), min(max(K - k - LANES, 0), LANES)
        for n in range(0, N, LANES):
            at, columns, pair = start + k * row_step + n * column_step, min(N - n, LANES), LANES * row_step
            place = (n // LANES * chunks + k // DEEP) * PLACES
            _pack(B, at, row_step, column_step, pair, rows, columns, more, columns, squares, right, place)


@compiled(fastmath=False, **UNCOUNTED)
def multiply_tiles(left, a, right, n, chunks, begin, at, step, C, place, C_step):
    """Write 16 rows and the columns n to n + 31 of C, from a place on; A's tiles for these rows begin at a.

    The sums begin with `begin`, from `at` on. Rows lie `step` and `C_step` apart; a step of 0 is one row for all.
    """
    b = n // LANES * chunks * PLACES
    _begin(begin, at, step)
    for chunk in range(0, chunks * PLACES, PLACES):
        _add(left, a + chunk, right, b + chunk, b + chunk + chunks * PLACES)
    _put(C, place, C_step)


@compiled(fastmath=False)
def _matmul(A, A_steps, B, B_steps, bias, M, N, K, C, C_step):
    wide, chunks = -(-N // DEEP) * DEEP, min(-(-K // DEEP), TOGETHER // DEEP)
    left = lanes_of_zeros(min(-(-M // LANES), ROWS // LANES) * chunks * PLACES)
    right, first = lanes_of_zeros(chunks * wide // LANES * PLACES), lanes_of_zeros(wide)
    squares, sums = lanes_of_zeros(2 * LANES * LANES), lanes_of_zeros(LANES * DEEP)
    first[:N] = bias
    configure_tiles()
    for k in range(0, K, TOGETHER):
        deep = min(TOGETHER, K - k)
        pack_right(B, k * B_steps[0], B_steps[0], B_steps[1], deep, N, squares, right)
        for m in range(0, M, ROWS):
            rows, start = min(ROWS, M - m), m * A_steps[0] + k * A_steps[1]
            _add_products(
                A, start, A_steps, right, first, k == 0, rows, N, deep, C, m * C_step, C_step, squares, left, sums
            )
    release_tiles()


@compiled(fastmath=False, **UNCOUNTED)
def _add_products(A, start, A_steps, right, first, begins, M, N, K, C, at, C_step, squares, left, sums):
    """Add to M rows of C, which begin with the bias, products of K columns of A and rows of B."""
    chunks = -(-K // DEEP)
    for m in range(0, M, LANES):
        rows, place = min(LANES, M - m), m // LANES * chunks * PLACES
        pack_left(A, start + m * A_steps[0], A_steps[0], A_steps[1], rows, K, squares, left, place)
    for n in range(0, N, DEEP):
        columns = min(DEEP, N - n)
        for m in range(0, M, LANES):
            rows, a, place = min(LANES, M - m), m // LANES * chunks * PLACES, at + m * C_step + n
            if rows < LANES or columns < DEEP:
                # At the edges, in a block of their own.
                for r in range(rows):
                    for c in range(columns):
                        sums[DEEP * r + c] = first[n + c] if begins else C[place + C_step * r + c]
                multiply_tiles(left, a, right, n, chunks, sums, 0, DEEP, sums, 0, DEEP)
                for r in range(rows):
                    for c in range(columns):
                        C[place + C_step * r + c] = sums[DEEP * r + c]
            elif begins:
                multiply_tiles(left, a, right, n, chunks, first, n, 0, C, place, C_step)
            else:
                multiply_tiles(left, a, right, n, chunks, C, place, C_step, C, place, C_step)


def _flat(X):
    """The numbers of a matrix in memory, from its first on, and how far apart its rows and columns are."""
    if X.itemsize not in X.strides:
        X = np.ascontiguousarray(X)
    steps = X.strides[0] // X.itemsize, X.strides[1] // X.itemsize
    if X.flags.c_contiguous:
        return X.reshape(-1), steps
    if X.flags.f_contiguous:
        return X.T.reshape(-1), steps
    size = 1 + (X.shape[0] - 1) * steps[0] + (X.shape[1] - 1) * steps[1]
    return np.lib.stride_tricks.as_strided(X, (size,), (X.itemsize,)), steps


def matmul_cpu(A, B, bias, C):
    """:func:`matmul_numpy` on the matrix unit, for float32; otherwise, and where there is none, NumPy's product.

    A result depends on its row, its column and its bias alone, whatever stands in the matrices besides.
    """
    (M, K), N = A.shape, B.shape[1]
    if AVAILABLE and A.dtype == B.dtype == C.dtype == np.float32 and min(M, N, K) > 0 and C.strides[1] == C.itemsize:
        bias = np.ascontiguousarray(np.broadcast_to(bias, N), np.float32)
        flat_C, (C_step, _) = _flat(C)
        _matmul(*_flat(A), *_flat(B), bias, M, N, K, flat_C, C_step)
    else:
        np.matmul(A, B, out=C)
        C += bias


IMPLEMENTATIONS = {"numpy": matmul_numpy, "cpu": matmul_cpu}
