"""Runs are copied in words that may be longer than they are: nothing before or behind them changes."""

import numpy as np
import pytest

from kernels.compile import compiled
from kernels.patches import copy_runs


@compiled
def copy(to, i, of, j, n, step, runs):
    copy_runs(to, i, of, j, n, step, runs)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.complex128])
@pytest.mark.parametrize("runs", [0, 1, 2, 5])
def test_runs_are_copied_and_nothing_else(dtype, runs):
    for n in range(1, 101):
        for step in (n, n + 1, 3 * n):
            of = np.arange(3 + max(0, runs - 1) * step + n * (runs > 0)).astype(dtype)  # it ends with the last run
            to = np.full(runs * n + 80, 77, dtype)
            ref = to.copy()
            for r in range(runs):
                ref[40 + r * n : 40 + r * n + n] = of[3 + r * step : 3 + r * step + n]
            copy(to, 40, of, 3, n, step, runs)
            np.testing.assert_array_equal(to, ref, err_msg=f"n = {n}, step = {step}")
