"""LayerNorm, attention and Transformer blocks: PyTorch's results, sequences kept apart, and what bad input is told."""

import numpy as np
import pytest

from embeddings.nn.attention import MultiHeadAttention, spans_of
from embeddings.nn.norm import LayerNorm

TOLERANCES = {"float32": 1e-5, "float64": 1e-10}
each_type = pytest.mark.parametrize("dtype", TOLERANCES)


def rng():
    return np.random.default_rng(0)


def equal(comp, ref, dtype):
    """Equal to PyTorch's double, relative to the largest number."""
    ref = ref.detach().numpy()
    assert comp.dtype == dtype and comp.shape == ref.shape
    np.testing.assert_allclose(comp, ref, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype] * np.abs(ref).max(initial=1))


def copy_linear(theirs, ours, torch):
    """PyTorch keeps a linear layer's weight the other way round."""
    theirs.weight.data = torch.tensor(ours.weight.data.T.astype(float))
    theirs.bias.data = torch.tensor(ours.bias.data.astype(float))


def attention_of(layer, torch):
    """PyTorch's layer with the weights of ours."""
    d = len(layer.outward.bias.data)
    theirs = torch.nn.MultiheadAttention(d, layer.n_heads, batch_first=True).double()
    theirs.in_proj_weight.data = torch.tensor(layer.inward.weight.data.T.astype(float))
    theirs.in_proj_bias.data = torch.tensor(layer.inward.bias.data.astype(float))
    copy_linear(theirs.out_proj, layer.outward, torch)
    return theirs


@pytest.mark.peer("torch")
@each_type
def test_layer_norm_is_pytorchs(dtype):
    import torch

    layer, theirs = LayerNorm(7).astype(dtype), torch.nn.LayerNorm(7).double()
    layer.weight.data[:], layer.bias.data[:] = rng().normal(size=(2, 7))
    theirs.weight.data, theirs.bias.data = (torch.tensor(p.data.astype(float)) for p in (layer.weight, layer.bias))
    x = rng().normal(3, 2, (4, 5, 7)).astype(dtype)
    their_x = torch.tensor(x.astype(float), requires_grad=True)
    grad = np.random.default_rng(1).normal(size=x.shape).astype(dtype)
    y = theirs(their_x)
    equal(layer(x), y, dtype)
    y.backward(torch.tensor(grad.astype(float)))
    equal(layer.backward(grad), their_x.grad, dtype)
    equal(layer.weight.grad, theirs.weight.grad, dtype)
    equal(layer.bias.grad, theirs.bias.grad, dtype)


@pytest.mark.peer("torch")
@each_type
@pytest.mark.parametrize("kind", ["plain", "causal", "mask", "lengths", "lengths and causal"])
def test_attention_is_pytorchs(kind, dtype):
    import torch

    B, T, d = 3, 9, 12
    layer = MultiHeadAttention(d, 3, causal="causal" in kind, rng=rng()).astype(dtype)
    theirs = attention_of(layer, torch)
    x = rng().normal(size=(B, T, d)).astype(dtype)
    lengths = np.array([9, 4, 1]) if "lengths" in kind else None
    real = np.ones((B, T), bool) if lengths is None else np.arange(T) < lengths[:, None]
    mask = rng().random((T, T)) < 0.5 if kind == "mask" else None
    hidden = None
    if mask is not None:
        np.fill_diagonal(mask, True)
        hidden = torch.tensor(~mask)
    elif "causal" in kind:
        hidden = torch.tensor(~np.tri(T, dtype=bool))
    their_x = torch.tensor(x.astype(float), requires_grad=True)
    y, weights = theirs(their_x, their_x, their_x, torch.tensor(~real), attn_mask=hidden, average_attn_weights=False)
    grad = np.random.default_rng(1).normal(size=x.shape).astype(dtype) * real[:, :, None].astype(dtype)
    for _ in range(2):  # gradients add up
        equal(layer(x, lengths, mask=mask)[real], y[torch.tensor(real)], dtype)
        dx = layer.backward(grad)
    y.backward(torch.tensor(grad.astype(float)))
    equal(dx[real], their_x.grad[torch.tensor(real)], dtype)
    equal(layer.inward.weight.grad / 2, theirs.in_proj_weight.grad.T, dtype)
    equal(layer.inward.bias.grad / 2, theirs.in_proj_bias.grad, dtype)
    equal(layer.outward.weight.grad / 2, theirs.out_proj.weight.grad.T, dtype)
    for ours, ref, n in zip(layer.weights(x, lengths, mask), weights, real.sum(axis=1), strict=True):
        equal(ours, ref[:, :n, :n], dtype)


@pytest.mark.parametrize("causal", [False, True])
def test_sequences_one_after_the_other_see_their_own(causal):
    layer = MultiHeadAttention(8, 2, causal=causal, rng=rng()).astype("float64")
    lengths = [5, 0, 3, 200]
    x = rng().normal(size=(208, 8))
    apart = np.split(x, np.cumsum(lengths)[:-1])
    mask = rng().random((4, 200, 200)) < 0.5
    y = layer(x, lengths, mask=mask)
    grad = rng().normal(size=y.shape)
    dx, dw = layer.backward(grad), layer.inward.weight.grad.copy()
    layer.zero_grad()
    for i, part in enumerate(apart):
        n = len(part)
        expected = layer(part[None], mask=mask[i, :n, :n])[0]
        np.testing.assert_allclose(np.split(y, np.cumsum(lengths)[:-1])[i], expected, atol=1e-12)
        expected = layer.backward(np.split(grad, np.cumsum(lengths)[:-1])[i][None])[0]
        np.testing.assert_allclose(np.split(dx, np.cumsum(lengths)[:-1])[i], expected, atol=1e-12)
    np.testing.assert_allclose(layer.inward.weight.grad, dw, atol=1e-10)


def test_what_is_padding_changes_nothing_and_nan_stays():
    layer = MultiHeadAttention(6, 2, rng=rng())
    x = rng().normal(size=(2, 5, 6)).astype("f")
    y = layer(x, [3, 5])
    x[0, 3:] = 7
    np.testing.assert_array_equal(layer(x, [3, 5])[0, :3], y[0, :3])
    x[1, 2, 0] = np.nan
    y = layer(x, [3, 5])
    assert np.isnan(y[1]).all() and np.isfinite(y[0]).all()


def test_a_step_that_sees_nothing_gathers_nothing():
    layer = MultiHeadAttention(4, 1, bias=False, rng=rng())
    mask = np.ones((3, 3), bool)
    mask[1] = False
    y = layer(np.ones((1, 3, 4), "f"), mask=mask)
    assert not y[0, 1].any() and y[0, 0].any()
    assert np.isfinite(layer.backward(np.ones_like(y))).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MultiHeadAttention(6, 4, rng=rng()), "n_heads must divide the 6"),
        (lambda: spans_of((5,), None), r"got shape \(5,\)"),
        (lambda: spans_of((2, 4, 3), [4, 5]), "at most 4"),
        (lambda: spans_of((2, 4, 3), [4]), "must be 2 numbers"),
        (lambda: spans_of((7, 3), [4, 2]), "add up to 7, got 6"),
        (lambda: spans_of((2, 4, 3), [1.5, 2]), "whole numbers"),
        (lambda: spans_of((2, 4, 3), [-1, 2]), "at least 0, got -1"),
        (lambda: MultiHeadAttention(4, 2, rng=rng())(np.ones((2, 3, 4), "f"), mask=np.ones((3, 3))), "must be bool"),
        (lambda: LayerNorm(4)(np.ones((2, 3))), r"vectors of 4 numbers along the last axis, got shape \(2, 3\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
