"""Few rows, which a panel is made ready for square by square, get the bits of many."""

import numpy as np
import pytest

from kernels.activation import GELU
from kernels.dense import NONE, dense_cpu
from kernels.dense_tiles import SQUARE, panels_of


@pytest.mark.parametrize(("K", "N"), [(1, 1), (40, 70), (384, 384), (70, 2000), (1536, 33)])
def test_a_row_has_the_same_bits_among_few_and_among_many(K, N):
    rng = np.random.default_rng(K + N)
    panels, bias = panels_of(rng.normal(size=(K, N)).astype("f")), rng.normal(size=N).astype("f")
    x = rng.normal(size=(3 * SQUARE, K)).astype("f")
    results = []
    for R in (1, 16, 17, SQUARE, SQUARE + 1, len(x)):
        y = np.full((R, N), np.nan, "f")
        dense_cpu(x[:R], panels, bias, GELU, NONE, NONE, NONE, y)
        results.append(y)
    for y in results:
        assert np.array_equal(y, results[-1][: len(y)])
