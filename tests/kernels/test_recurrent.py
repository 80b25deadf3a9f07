"""Recurrent layers without a matrix unit, and with any number of threads."""

import numpy as np
import pytest

from embeddings import nn
from kernels import amx
from kernels.recurrent import BACKWARD_IMPLEMENTATIONS, CELLS, FORWARD_IMPLEMENTATIONS
from tests.kernels.cases.recurrent import backward, inputs

# Weights small enough that rounding does not grow from step to step.
SHAPE = 18, 6, 20


def copies(arguments):
    return [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]


@pytest.mark.parametrize("available", [False, amx.AVAILABLE])
@pytest.mark.parametrize("cell", CELLS)
def test_more_sequences_than_one_tile(cell, available, monkeypatch):
    monkeypatch.setattr(amx, "AVAILABLE", available)
    for reverse in (False, True):
        ref = inputs(cell, *SHAPE, reverse, np.float32)
        ref[2][:] *= 0.3
        comp = copies(ref)
        FORWARD_IMPLEMENTATIONS["numpy"](*ref)
        FORWARD_IMPLEMENTATIONS["cpu"](*comp)
        for i in (1, 6, 7)[: 2 + (cell != "rnn")]:
            np.testing.assert_allclose(comp[i], ref[i], rtol=2e-5, atol=5e-6)
        ref = backward(cell, *SHAPE, reverse, np.float32)()
        ref[2][:] *= 0.3
        comp = copies(ref)
        comp[8] = comp[1]  # dp in the place of the gates
        BACKWARD_IMPLEMENTATIONS["numpy"](*ref)
        BACKWARD_IMPLEMENTATIONS["cpu"](*comp)
        for i in (8, 9)[: 1 + (cell == "gru")]:
            np.testing.assert_allclose(comp[i], ref[i], rtol=2e-5, atol=5e-6)


@pytest.mark.parametrize("available", [False, amx.AVAILABLE])
@pytest.mark.parametrize("cell", CELLS)
def test_any_number_of_threads_gives_the_same_bits(cell, available, monkeypatch):
    monkeypatch.setattr(amx, "AVAILABLE", available)
    rng = np.random.default_rng(0)
    x, grad = rng.normal(size=(2, 40, 5, 20)).astype(np.float32)
    results = []
    for workers in (1, 2, 5):
        layer = nn.Recurrent(cell, 20, 20, workers=workers, rng=np.random.default_rng(1))
        y, dx = layer(x, np.arange(40) % 6), layer.backward(grad)
        results.append([a.tobytes() for a in (y, dx, *(p.grad for p in layer.parameters().values()))])
    assert results[0] == results[1] == results[2]


def test_a_gradient_that_fades_stays_fast_and_nan_stays_nan():
    layer = nn.Recurrent("lstm", 1, 16, rng=np.random.default_rng(0))
    layer.layers[0].recurrent.data[:] = 0
    layer.layers[0].bias.data[16:32] = -1  # it forgets
    x, grad = np.zeros((2, 1, 400, 1), np.float32), np.zeros((1, 400, 16), np.float32)
    grad[0, -1] = 1
    layer(x[0])
    layer.backward(grad)
    gradients = np.concatenate([p.grad.ravel() for p in layer.parameters().values()])
    assert np.isfinite(gradients).all() and gradients.any()
    tiny = np.abs(gradients[gradients != 0]).min()
    assert tiny >= np.finfo(np.float32).tiny
    x[1, 0, 3] = np.nan
    y = layer(x[1])
    assert np.isfinite(y[0, :3]).all() and np.isnan(y[0, 3:]).all()


def test_pieces_add_up():
    x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    pieces = amx.pieces_numpy(x)
    assert (pieces.astype(float).sum(axis=0) == x).all()
    # Each fits in the upper half of its bits.
    assert not (pieces.view(np.uint32) & 0xFFFF).any()
