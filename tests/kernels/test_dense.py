"""Weights that are made ready for the matrix unit give the bits of those that are not."""

import numpy as np
import pytest

from kernels.activation import GELU
from kernels.amx import AVAILABLE
from kernels.dense import NONE, dense_cpu
from kernels.dense_tiles import add_up, panels_of, panels_of_pieces, pieces_of

needs_unit = pytest.mark.skipif(not AVAILABLE, reason="this processor has no matrix unit")


@needs_unit
@pytest.mark.parametrize(("K", "N"), [(1, 1), (40, 70), (384, 384), (70, 2000)])
def test_pieces_give_the_bits_of_panels_for_any_number_of_rows(K, N):
    rng = np.random.default_rng(K + N)
    panels, bias = panels_of(rng.normal(size=(K, N)).astype("f")), rng.normal(size=N).astype("f")
    x = rng.normal(size=(70, K)).astype("f")
    results = []
    for weights in (panels, pieces_of(panels)):
        for R in (1, 16, 17, 33, 70):
            y = np.full((R, N), np.nan, "f")
            dense_cpu(x[:R], weights, bias, GELU, NONE, NONE, NONE, y)
            results.append(y)
    for y in results:
        assert np.array_equal(y, results[-1][: len(y)])


@needs_unit
def test_pieces_add_up_to_what_they_are_of():
    rng = np.random.default_rng(0)
    W = (rng.normal(size=(50, 90)) * 10.0 ** rng.integers(-29, 37, (50, 90))).astype("f")
    W[0, :5] = 0, -0.0, 1 / 3, 2.0**-110 * (1 + 2**-23), 2.0**127
    panels = panels_of(W)
    assert add_up(W.reshape(-1)) and np.array_equal(panels_of_pieces(pieces_of(panels), 50), panels)


@needs_unit
@pytest.mark.parametrize("number", [1e-45, 2.0**-111 * (1 + 2**-23), np.finfo("f").max, np.inf, np.nan])
def test_numbers_whose_pieces_do_not_add_up_are_told(number):
    W = np.ones((3, 3), "f")
    W[1, 1] = number
    panels = panels_of(W)
    assert not add_up(W.reshape(-1))
    with np.errstate(invalid="ignore"):
        assert not np.array_equal(panels_of_pieces(pieces_of(panels), 3), panels)
