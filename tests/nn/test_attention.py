"""LayerNorm, attention and Transformer blocks: PyTorch's results, sequences kept apart, and what bad input is told."""

import numpy as np
import pytest

from embeddings.nn.attention import MultiHeadAttention, spans_of
from embeddings.nn.norm import LayerNorm
from embeddings.nn.transformer import LearnedPositions, SinusoidalPositions, TransformerBlock, sinusoids

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


def block_of(block, activation, dtype, torch):
    """PyTorch's Transformer layer with the weights of ours."""
    d, h = block.inner.weight.data.shape
    theirs = torch.nn.TransformerEncoderLayer(
        d, block.attention.n_heads, h, 0.0, activation, batch_first=True, norm_first=block.norm == "pre"
    ).double()
    attention = attention_of(block.attention, torch)
    theirs.self_attn.load_state_dict(attention.state_dict())
    copy_linear(theirs.linear1, block.inner, torch)
    copy_linear(theirs.linear2, block.outer, torch)
    for norm, ref in ((block.norm_1, theirs.norm1), (block.norm_2, theirs.norm2)):
        norm.weight.data[:], norm.bias.data[:] = np.random.default_rng(3).normal(size=(2, d))
        ref.weight.data = torch.tensor(norm.weight.data.astype(float))
        ref.bias.data = torch.tensor(norm.bias.data.astype(float))
    return theirs


@pytest.mark.peer("torch")
@each_type
@pytest.mark.parametrize(("norm", "activation"), [("pre", "gelu"), ("post", "relu"), ("post", "gelu")])
def test_block_is_pytorchs(norm, activation, dtype):
    import torch

    block = TransformerBlock(8, 2, 12, norm=norm, activation=activation, rng=rng()).astype(dtype)
    theirs = block_of(block, activation, dtype, torch)
    x, lengths = rng().normal(size=(3, 6, 8)).astype(dtype), np.array([6, 4, 1])
    real = np.arange(6) < lengths[:, None]
    their_x = torch.tensor(x.astype(float), requires_grad=True)
    y = theirs(their_x, src_key_padding_mask=torch.tensor(~real))
    grad = np.random.default_rng(1).normal(size=x.shape).astype(dtype) * real[:, :, None].astype(dtype)
    equal(block(x, lengths)[real], y[torch.tensor(real)], dtype)
    y.backward(torch.tensor(grad.astype(float)))
    equal(block.backward(grad)[real], their_x.grad[torch.tensor(real)], dtype)
    equal(block.inner.weight.grad.T, theirs.linear1.weight.grad, dtype)
    equal(block.outer.bias.grad, theirs.linear2.bias.grad, dtype)
    equal(block.norm_1.weight.grad, theirs.norm1.weight.grad, dtype)
    equal(block.norm_2.bias.grad, theirs.norm2.bias.grad, dtype)
    equal(block.attention.inward.weight.grad.T, theirs.self_attn.in_proj_weight.grad, dtype)


def test_a_block_gives_weights_of_what_it_attends_to():
    block = TransformerBlock(8, 2, rng=rng())
    x = rng().normal(size=(7, 8)).astype("f")
    block(x, [4, 3])
    weights = block.weights(x, [4, 3])
    block.backward(np.ones_like(x))  # nothing was left behind
    normal = block.norm_1.eval()(x)
    for ours, ref in zip(weights, block.attention.weights(normal, [4, 3]), strict=True):
        np.testing.assert_array_equal(ours, ref)
        np.testing.assert_allclose(ours.sum(axis=2), 1, rtol=1e-5)


def test_positions_are_those_of_each_sequence():
    fixed, learned = SinusoidalPositions(), LearnedPositions(5, 4, rng=rng())
    for layer in (fixed, learned):
        batch = layer(np.zeros((2, 3, 4), "f"))
        rows = layer(np.zeros((5, 4), "f"), [3, 2])
        np.testing.assert_array_equal(rows, np.concatenate([batch[0], batch[1, :2]]))
    learned.zero_grad()
    learned.backward(np.ones((5, 4), "f"))  # of the rows
    learned.backward(np.ones((2, 3, 4), "f"))  # of the batch
    assert learned.weight.grad[:, 0].tolist() == [4, 4, 3, 0, 0]
    with pytest.raises(ValueError, match="at most 5 steps, got 6"):
        learned(np.zeros((1, 6, 4), "f"))
    # Neighbours are near to each other, and as near as other neighbours.
    p = sinusoids(50, 32)
    products = p @ p.T
    np.testing.assert_allclose(np.diag(products, 1), products[0, 1], rtol=1e-4)
    assert products[0, 1] > products[0, 5]
