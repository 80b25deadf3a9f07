"""Patches of N-D data: cut out (gather), and put back (scatter). What tokens are to a text, patches are to a clip.

Along each of four axes d, patch i holds the places i s_d … i s_d + p_d - 1. A patch of four axes is their product:

    gather    P[n, (i0 i1 i2 i3), (k0 k1 k2 k3)] = x[n, w0[i0, k0], w1[i1, k1], w2[i2, k2], w3[i3, k3]],  0 where w < 0
    sum       x[n, a] = Σ P[n, i, k]   over all (i, k) with i_d s_d + k_d = a_d on every axis: the gradient of gather
    mean      x[n, a] = v + Σ (P[n, i, k] - v) / count,   v the first of them: exactly v where all are alike

Four axes are enough for a clip either way: channels first are the axes (C, T, H, W) with a patch as deep as C; channels
last are (1, T, H, W C) with a patch p C wide.

====== ========= ============================== ==========================================================
symbol variable  shape                          what it is
====== ========= ============================== ==========================================================
x      x         (N, A0, A1, A2, A3)            the data, places along four axes
w      where0 …  (n_d, p_d) int64               the place that each number of each patch is read from
s      stride    (s0, s1, s2, s3)               steps from patch to patch, at most p_d
       grid      (n0, n1, n2, n3)               patches along each axis
p      size      (p0, p1, p2, p3)               how much a patch holds along each axis
P      patches   (N, n0 n1 n2 n3, p0 p1 p2, p3) patches in rows, the last axis running fastest
====== ========= ============================== ==========================================================

Cutting pictures into patches as tokens: Dosovitskiy et al., "An Image is Worth 16×16 Words", ICLR 2021, section 3.1;
of clips ("tubelets"): Arnab et al., "ViViT", ICCV 2021, section 3.2.
"""

import functools

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.compile import compiled

THREADS = 128

# So many patches beside each other are filled together, row by row, where they have no more bytes than these in all.
SIDE_BY_SIDE, TOGETHER = 8, 1 << 14

# Bytes ahead of what is read that are asked for.
AHEAD = 96

if config.DISABLE_JIT:

    def copy_patches(to, i, of, j, rows, n, size, step, count):
        """Interpreted form of the one below."""
        for r in range(count):
            for k, row in enumerate(rows):
                start, end = j + row + r * step, i + r * size + k * n
                to[end : end + n] = of[start : start + n]

else:

    @intrinsic
    def copy_patches(typing_context, to, i, of, j, rows, n, size, step, count):
        """``to[i + r size + k n + c] = of[j + r step + rows[k] + c]`` of flat arrays, for r < count and c < n.

        `count` is 1 or SIDE_BY_SIDE, and rows begin n or more behind each other. A row has some dozen bytes. LLVM's
        own loop looks at each whether the arrays overlap, and ends it byte by byte. Here a row is copied in whole words
        of up to 64 bytes, and what is too much, less than n, is overwritten by the next row of its patch. Of the last
        row, the last word overlaps the one before. Where rows have at most 128 bytes, what the next `count` patches are
        written to is asked for.
        """

        def generate(context, builder, signature, arguments):
            byte, option, word = ir.IntType(8), ir.IntType(32), ir.IntType(64)
            itemsize = context.get_abi_sizeof(context.get_data_type(signature.args[0].dtype))

            def whole(number):
                return ir.Constant(word, number)

            def in_bytes(number):
                return builder.mul(number, whole(itemsize))

            def array(k):
                return context.make_array(signature.args[k])(context, builder, arguments[k])

            def pointer(k):
                return builder.gep(builder.bitcast(array(k).data, byte.as_pointer()), [in_bytes(arguments[k + 1])])

            def fetch(pointer, ahead, to_write):
                kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), option, option, option])
                function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
                # Wanted in all caches, data.
                options = [ir.Constant(option, value) for value in (to_write, 3, 1)]
                builder.call(function, [builder.gep(pointer, [ahead]), *options])

            def move(t, s, offset, width):
                lanes = ir.VectorType(byte, width).as_pointer()
                t, s = (builder.bitcast(builder.gep(p, [offset]), lanes) for p in (t, s))
                builder.store(builder.load(s, align=1), t, align=1)

            def move_up_to(t, s, end, width):
                with cgutils.for_range_slice(builder, whole(0), end, whole(width)) as (offset, _):
                    move(t, s, offset, width)

            def loosely(t, s, width):
                if width > 64:
                    # More than 128 bytes: such rows the processor sees coming by itself.
                    move_up_to(t, s, n, 64)
                    return
                fetch(s, whole(AHEAD), to_write=0)
                fetch(t, ahead, to_write=1)
                move_up_to(t, s, n, 32) if width == 64 else move(t, s, whole(0), width)

            def exactly(t, s, width):
                end = builder.sub(n, whole(width))
                move_up_to(t, s, end, width)
                move(t, s, end, width)

            def copy(first, end, many, move_row, least, widths):
                """Rows first to end - 1 of `many` patches, in the widest words of which a row has `least` bytes."""
                fits = builder.icmp_signed(">=", n, whole(least(widths[0])))
                with builder.if_else(fits) as (these, narrower):
                    with these, cgutils.for_range_slice(builder, first, end, whole(1)) as (k, _):
                        t = builder.gep(target, [builder.mul(k, n)])
                        s = builder.gep(source, [in_bytes(builder.load(builder.gep(starts, [k])))])
                        for r in map(whole, range(many)):
                            t_r, s_r = (builder.gep(p, [builder.mul(r, far)]) for p, far in ((t, size), (s, step)))
                            move_row(t_r, s_r, widths[0])
                    with narrower:
                        if widths[1:]:
                            copy(first, end, many, move_row, least, widths[1:])

            target, source, starts, end, count = pointer(0), pointer(2), array(4).data, array(4).nitems, arguments[8]
            n, size, step = (in_bytes(arguments[k]) for k in (5, 6, 7))
            ahead, last = builder.mul(count, size), builder.sub(end, whole(1))
            with builder.if_else(builder.icmp_signed("==", count, whole(1))) as (one, together):
                for branch, many in ((one, 1), (together, SIDE_BY_SIDE)):
                    with branch:
                        copy(whole(0), last, many, loosely, lambda width: width // 2 + 1, (256, 64, 32, 16, 8, 4, 2, 1))
                        copy(last, end, many, exactly, lambda width: width, (64, 32, 16, 8, 4, 1))
            return context.get_dummy_value()

        return types.void(to, types.int64, of, types.int64, rows, *(types.int64,) * 4), generate


def gather_numpy(x, where0, where1, where2, where3, patches):
    """Copy patches out of `x`.

    Examples
    --------
    >>> x = np.arange(6).reshape(1, 1, 1, 1, 6)
    >>> one, pairs = np.array([[0]]), np.array([[0, 1], [3, 4], [5, -1]])
    >>> patches = np.empty((1, 3, 1, 2), int)
    >>> gather_numpy(x, one, one, one, pairs, patches)
    >>> patches.tolist()
    [[[[0, 1]], [[3, 4]], [[5, 0]]]]
    """
    tables = (where0, where1, where2, where3)
    taken = x[np.ix_(np.arange(len(x)), *(table.ravel() for table in tables))]
    for d, table in enumerate(tables):
        shape = [1] * 5
        shape[d + 1] = table.size
        taken = np.where(table.reshape(shape) < 0, 0, taken)
    split = taken.reshape(len(x), *(n for table in tables for n in table.shape))  # (N, n0, p0, n1, p1, …)
    patches[...] = split.transpose(0, 1, 3, 5, 7, 2, 4, 6, 8).reshape(patches.shape)


@compiled
def _plain(where):
    """Which patches are one run along this axis, without padding."""
    plain = np.empty(where.shape[0], np.bool_)
    for i in range(where.shape[0]):
        plain[i] = where[i, 0] >= 0
        for k in range(1, where.shape[1]):
            plain[i] &= where[i, k] == where[i, 0] + k
    return plain


@compiled
def _side_by_side(where, plain):
    """From which patches on SIDE_BY_SIDE of them are one run each, as far apart as the first two; and how far."""
    step = where[1, 0] - where[0, 0] if where.shape[0] > 1 else 0
    found = np.zeros(where.shape[0], np.bool_)
    count = 0
    for i in range(where.shape[0] - 1, -1, -1):
        if count and where[i + 1, 0] - where[i, 0] != step:
            count = 0
        count = count + 1 if plain[i] else 0
        found[i] = count >= SIDE_BY_SIDE
    return found, step


@compiled
def gather_cpu(x, where0, where1, where2, where3, patches):
    """Compiled :func:`gather_numpy`: in runs along the last axis, of small patches some beside each other at once."""
    (n0, p0), (n1, p1), (n2, p2), (n3, p3) = where0.shape, where1.shape, where2.shape, where3.shape
    N, A0, A1, A2, A3 = x.shape
    plain0, plain1, plain2, plain3 = _plain(where0), _plain(where1), _plain(where2), _plain(where3)
    of, to = x.reshape(x.size), patches.reshape(patches.size)
    size = p0 * p1 * p2 * p3
    small = SIDE_BY_SIDE * size * x.itemsize <= TOGETHER
    side_by_side, step = _side_by_side(where3, plain3)
    rows = np.empty(p0 * p1 * p2, np.int64)
    at = 0
    for n in range(N):
        for i0 in range(n0):
            for i1 in range(n1):
                for i2 in range(n2):
                    plain = plain0[i0] and plain1[i1] and plain2[i2]
                    k = 0
                    for k0 in range(p0):
                        for k1 in range(p1):
                            for k2 in range(p2):
                                rows[k] = ((where0[i0, k0] * A1 + where1[i1, k1]) * A2 + where2[i2, k2]) * A3
                                k += 1
                    i3 = 0
                    while i3 < n3:
                        if plain and plain3[i3]:
                            count = SIDE_BY_SIDE if small and side_by_side[i3] else 1
                            start = n * A0 * A1 * A2 * A3 + where3[i3, 0]
                            copy_patches(to, at, of, start, rows, p3, size, step, count)
                            at += count * size
                            i3 += count
                            continue
                        for k0 in range(p0):
                            a0 = where0[i0, k0]
                            for k1 in range(p1):
                                a1 = where1[i1, k1]
                                for k2 in range(p2):
                                    a2 = where2[i2, k2]
                                    row = (((n * A0 + a0) * A1 + a1) * A2 + a2) * A3
                                    for k3 in range(p3):
                                        a3 = where3[i3, k3]
                                        padding = a0 < 0 or a1 < 0 or a2 < 0 or a3 < 0
                                        to[at + k3] = 0 if padding else of[row + a3]
                                    at += p3
                        i3 += 1


@functools.cache
def _gather_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def gather(x, where0, where1, where2, where3, patches):
        # Neighbouring threads write neighbouring numbers.
        place = cuda.grid(1)
        n1, n2, n3 = where1.shape[0], where2.shape[0], where3.shape[0]
        p1, p2, p3 = where1.shape[1], where2.shape[1], where3.shape[1]
        k3 = place % p3
        r = place // p3 % patches.shape[2]
        i = place // (p3 * patches.shape[2]) % patches.shape[1]
        n = place // (p3 * patches.shape[2] * patches.shape[1])
        if n >= x.shape[0]:
            return
        a0 = where0[i // (n1 * n2 * n3), r // (p1 * p2)]
        a1 = where1[i // (n2 * n3) % n1, r // p2 % p1]
        a2 = where2[i // n3 % n2, r % p2]
        a3 = where3[i % n3, k3]
        patches[n, i, r, k3] = x[n, a0, a1, a2, a3] if a0 >= 0 and a1 >= 0 and a2 >= 0 and a3 >= 0 else 0

    return gather


def gather_cuda(x, where0, where1, where2, where3, patches):
    """:func:`gather_numpy` on a GPU, one thread for each number of the patches."""
    blocks = -(-patches.size // THREADS)
    if blocks:
        _gather_kernel()[blocks, THREADS](x, where0, where1, where2, where3, patches)


# Back -----------------------------------------------------------------------------------------------------------------


def scatter_numpy(patches, grid, size, stride, mean, x):
    """Put patches together in `x`, written in place; 0 where no patch lies.

    `mean` asks for the mean of all patches that lie over a place, or else for their sum. Where patches of whole numbers
    overlap, the caller passes floats.

    Examples
    --------
    >>> x = np.empty((1, 1, 1, 1, 5))
    >>> patches = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 2, 1, 2)
    >>> scatter_numpy(patches, (1, 1, 1, 2), (1, 1, 1, 2), (1, 1, 1, 1), True, x)
    >>> x.ravel().tolist()
    [1.0, 2.5, 4.0, 0.0, 0.0]
    """
    blocks = patches.reshape(len(patches), *grid, *size)
    base, total, count = np.zeros_like(x), np.zeros(x.shape), np.zeros(x.shape)
    places = list(np.ndindex(*grid))

    def over(i):
        """Where patch i lies, and those of its numbers that are not padding."""
        starts = [j * s for j, s in zip(i, stride, strict=True)]
        ends = [min(start + p, a) for start, p, a in zip(starts, size, x.shape[1:], strict=True)]
        lies = (slice(None), *map(slice, starts, ends))
        return lies, blocks[(slice(None), *i, *(slice(end - start) for start, end in zip(starts, ends, strict=True)))]

    if mean:
        for i in reversed(places):  # the first patch over a place writes last
            lies, patch = over(i)
            base[lies] = patch
    for i in places:
        lies, patch = over(i)
        total[lies] += patch - base[lies].astype(float)
        count[lies] += 1
    x[...] = base + (total / np.maximum(count, 1) if mean else total)


@compiled(inline="always")
def _patches_over(a, p, s, n):
    """The first patch that holds place `a`, and the one after the last."""
    first = 0 if a < p else (a - p) // s + 1
    return first, min(n, a // s + 1)


@compiled
def _scatter_disjoint(patches, grid, size, stride, x):
    """:func:`scatter_cpu` of patches that do not overlap: patch by patch, in runs along the last axis."""
    (n0, n1, n2, n3), (p0, p1, p2, p3), (s0, s1, s2, s3) = grid, size, stride
    N, A0, A1, A2, A3 = x.shape
    if (n0 - 1) * s0 + p0 < A0 or (n1 - 1) * s1 + p1 < A1 or (n2 - 1) * s2 + p2 < A2 or (n3 - 1) * s3 + p3 < A3:
        x[:] = 0
    of, to = patches.reshape(patches.size), x.reshape(x.size)
    alone = np.zeros(1, np.int64)
    at = 0
    for n in range(N):
        for i0 in range(n0):
            for i1 in range(n1):
                for i2 in range(n2):
                    for i3 in range(n3):
                        inside2, inside3 = min(p2, A2 - i2 * s2), min(p3, A3 - i3 * s3)
                        for k0 in range(min(p0, A0 - i0 * s0)):
                            for k1 in range(min(p1, A1 - i1 * s1)):
                                start = at + (k0 * p1 + k1) * p2 * p3
                                row = (n * A0 + i0 * s0 + k0) * A1 + i1 * s1 + k1
                                end = (row * A2 + i2 * s2) * A3 + i3 * s3
                                for _ in range(inside2):
                                    copy_patches(to, end, of, start, alone, inside3, 0, 0, 1)
                                    start += p3
                                    end += A3
                        at += p0 * p1 * p2 * p3


@compiled(fastmath=False)
def scatter_cpu(patches, grid, size, stride, mean, x):
    """Compiled :func:`scatter_numpy`: where patches overlap, row by row of `x`, each number written once."""
    (n0, n1, n2, n3), (p0, p1, p2, p3), (s0, s1, s2, s3) = grid, size, stride
    if s0 >= p0 and s1 >= p1 and s2 >= p2 and s3 >= p3:
        _scatter_disjoint(patches, grid, size, stride, x)
        return
    A3 = x.shape[4]
    end3 = min(A3, (n3 - 1) * s3 + p3)
    total, base = np.empty(A3), np.zeros(A3)  # float64
    for n in range(x.shape[0]):
        for a0 in range(x.shape[1]):
            first0, last0 = _patches_over(a0, p0, s0, n0)
            for a1 in range(x.shape[2]):
                first1, last1 = _patches_over(a1, p1, s1, n1)
                for a2 in range(x.shape[3]):
                    first2, last2 = _patches_over(a2, p2, s2, n2)
                    count = max(0, last0 - first0) * max(0, last1 - first1) * max(0, last2 - first2)
                    total[:] = 0
                    if mean and count:
                        i = ((first0 * n1 + first1) * n2 + first2) * n3
                        r = ((a0 - first0 * s0) * p1 + a1 - first1 * s1) * p2 + a2 - first2 * s2
                        base[end3:] = 0
                        for i3 in range(n3 - 1, -1, -1):  # the first patch over a place writes last
                            patch = patches[n, i + i3, r]
                            for k3 in range(min(p3, end3 - i3 * s3)):
                                base[i3 * s3 + k3] = patch[k3]
                    for i0 in range(first0, last0):
                        for i1 in range(first1, last1):
                            for i2 in range(first2, last2):
                                i = ((i0 * n1 + i1) * n2 + i2) * n3
                                r = ((a0 - i0 * s0) * p1 + a1 - i1 * s1) * p2 + a2 - i2 * s2
                                for i3 in range(n3):
                                    start, patch = i3 * s3, patches[n, i + i3, r]
                                    for k3 in range(min(p3, end3 - start)):
                                        total[start + k3] += patch[k3] - base[start + k3]
                    row = x[n, a0, a1, a2]
                    if count == 0:
                        row[:] = 0
                        continue
                    for a3 in range(A3):
                        if mean:
                            first3, last3 = _patches_over(a3, p3, s3, n3)
                            total[a3] /= max(1, count * (last3 - first3))
                        row[a3] = base[a3] + total[a3]


@functools.cache
def _scatter_kernel():
    global cuda  # Numba's simulator looks for it among the globals
    from numba import cuda

    @cuda.jit
    def scatter(patches, grid, size, stride, mean, x):
        place = cuda.grid(1)
        A1, A2, A3 = x.shape[2], x.shape[3], x.shape[4]
        a3, a2, a1 = place % A3, place // A3 % A2, place // (A3 * A2) % A1
        a0 = place // (A3 * A2 * A1) % x.shape[1]
        n = place // (A3 * A2 * A1 * x.shape[1])
        if n >= x.shape[0]:
            return
        total, base, count = 0.0, 0.0, 0
        for i0 in range(max(0, (a0 - size[0]) // stride[0] + 1), min(grid[0], a0 // stride[0] + 1)):
            for i1 in range(max(0, (a1 - size[1]) // stride[1] + 1), min(grid[1], a1 // stride[1] + 1)):
                for i2 in range(max(0, (a2 - size[2]) // stride[2] + 1), min(grid[2], a2 // stride[2] + 1)):
                    for i3 in range(max(0, (a3 - size[3]) // stride[3] + 1), min(grid[3], a3 // stride[3] + 1)):
                        i = ((i0 * grid[1] + i1) * grid[2] + i2) * grid[3] + i3
                        r = ((a0 - i0 * stride[0]) * size[1] + a1 - i1 * stride[1]) * size[2] + a2 - i2 * stride[2]
                        number = patches[n, i, r, a3 - i3 * stride[3]]
                        if mean and count == 0:
                            base = number
                        total += number - base
                        count += 1
        x[n, a0, a1, a2, a3] = base + (total / max(1, count) if mean else total)

    return scatter


def scatter_cuda(patches, grid, size, stride, mean, x):
    """:func:`scatter_numpy` on a GPU, one thread for each number of `x`."""
    blocks = -(-x.size // THREADS)
    if blocks:
        _scatter_kernel()[blocks, THREADS](patches, grid, size, stride, mean, x)


IMPLEMENTATIONS = {"numpy": gather_numpy, "cpu": gather_cpu, "cuda": gather_cuda}
SCATTER_IMPLEMENTATIONS = {"numpy": scatter_numpy, "cpu": scatter_cpu, "cuda": scatter_cuda}
