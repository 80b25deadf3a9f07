"""Rows are copied in words that may be longer than they are: nothing before or behind the patches changes."""

import numba
import numpy as np
import pytest

from kernels.patches import SIDE_BY_SIDE, copy_patches, gather_cpu, gather_numpy


@numba.njit  # no cache, which would not see that kernels/patches.py has changed
def copy(to, i, of, j, rows, n, size, step, count):
    copy_patches(to, i, of, j, rows, n, size, step, count)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.complex128])
@pytest.mark.parametrize("n_rows", [1, 2, 5])
@pytest.mark.parametrize("count", [1, SIDE_BY_SIDE])
def test_patches_are_copied_and_nothing_else(dtype, n_rows, count):
    for n in (*range(1, 101), *range(125, 200, 5)):
        size = n_rows * n
        for apart, step in ((n, n), (n, 0), (n + 1, 1), (n * count, n), (3 * n, n + 2)):
            rows = np.arange(n_rows) * apart
            rows[2:] += 5  # not all are as far apart
            of = np.arange(3 + rows[-1] + (count - 1) * step + n).astype(dtype)  # it ends with the last row
            to = np.full(count * size + 80, 77, dtype)
            ref = to.copy()
            for r in range(count):
                for k, row in enumerate(rows):
                    start = 3 + row + r * step
                    ref[40 + r * size + k * n : 40 + r * size + k * n + n] = of[start : start + n]
            copy(to, 40, of, 3, rows, n, size, step, count)
            np.testing.assert_array_equal(to, ref, err_msg=f"n = {n}, rows {apart} and patches {step} apart")


def test_patches_that_are_not_equally_far_apart():
    x = np.arange(2 * 3 * 60, dtype=np.float32).reshape(1, 1, 2, 3, 60)
    one, rows = np.array([[0]]), np.array([[0, 1, 2]])
    for jump in (0, 1, 9):
        starts = np.arange(4 * SIDE_BY_SIDE) + jump * (np.arange(4 * SIDE_BY_SIDE) >= 2 * SIDE_BY_SIDE - 3)
        tables = one, np.array([[0], [1]]), rows, starts[:, None] + np.arange(4)
        comp, ref = (np.full((1, 2 * len(starts), 3, 4), np.nan, np.float32) for _ in range(2))
        gather_cpu(x, *tables, comp)
        gather_numpy(x, *tables, ref)
        np.testing.assert_array_equal(comp, ref)
