"""Convolution, pooling, upsampling, BatchNorm and shapes: PyTorch's results, and what bad input is told."""

import numpy as np
import pytest

from embeddings import nn

TOLERANCES = {"float32": 1e-5, "float64": 1e-10}


def rng():
    return np.random.default_rng(0)


# (our layer, the name of PyTorch's class and its arguments, shape of the input)
LAYERS = {
    "Conv1d": (lambda: nn.Conv1d(3, 5, 4, stride=2, padding=1, rng=rng()), ("Conv1d", (3, 5, 4, 2, 1)), (2, 9, 3)),
    "Conv2d": (lambda: nn.Conv2d(1, 8, 5, rng=rng()), ("Conv2d", (1, 8, 5)), (20, 1, 12, 11)),
    "Conv2d of few pictures": (lambda: nn.Conv2d(3, 6, 3, rng=rng()), ("Conv2d", (3, 6, 3)), (2, 3, 9, 8)),
    "Conv2d strided": (
        lambda: nn.Conv2d(2, 4, (3, 2), stride=(2, 3), padding=(2, 1), dilation=(2, 1), rng=rng()),
        ("Conv2d", (2, 4, (3, 2), (2, 3), (2, 1), (2, 1))),
        (17, 2, 10, 9),
    ),
    "Conv2d of many channels": (
        lambda: nn.Conv2d(40, 33, 3, padding=1, rng=rng()),
        ("Conv2d", (40, 33, 3, 1, 1)),
        (3, 40, 6, 5),
    ),
    "Conv2d of one place": (
        lambda: nn.Conv2d(7, 9, 1, bias=False, rng=rng()),
        ("Conv2d", (7, 9, 1, 1, 0, 1, 1, False)),
        (3, 7, 4, 5),
    ),
    "Conv3d": (
        lambda: nn.Conv3d(2, 3, (2, 3, 3), stride=(1, 2, 1), padding=(1, 1, 0), rng=rng()),
        ("Conv3d", (2, 3, (2, 3, 3), (1, 2, 1), (1, 1, 0))),
        (3, 2, 4, 6, 5),
    ),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), ("MaxPool1d", (2,)), (3, 7, 4)),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, 1), ("MaxPool2d", (3, 2, 1)), (3, 4, 7, 8)),
    "MaxPool3d": (lambda: nn.MaxPool3d((1, 2, 2)), ("MaxPool3d", ((1, 2, 2),)), (12, 2, 3, 4, 6)),
    "AveragePool1d": (lambda: nn.AveragePool1d(3, 2), ("AvgPool1d", (3, 2)), (3, 8, 2)),
    "AveragePool2d": (lambda: nn.AveragePool2d(3, 1, 1), ("AvgPool2d", (3, 1, 1)), (2, 3, 5, 6)),
    "AveragePool3d": (lambda: nn.AveragePool3d(2), ("AvgPool3d", (2,)), (2, 3, 4, 5, 6)),
    "Upsample1d": (lambda: nn.Upsample1d(3), ("Upsample", (None, 3)), (2, 4, 3)),
    "Upsample2d": (lambda: nn.Upsample2d((2, 3)), ("Upsample", (None, (2, 3))), (2, 3, 4, 5)),
    "Upsample3d": (lambda: nn.Upsample3d((1, 2, 2)), ("Upsample", (None, (1, 2, 2))), (2, 3, 3, 2, 4)),
    "BatchNorm of rows": (lambda: nn.BatchNorm(5), ("BatchNorm1d", (5,)), (8, 5)),
    "BatchNorm of pictures": (lambda: nn.BatchNorm(3), ("BatchNorm2d", (3,)), (4, 3, 5, 6)),
    "BatchNorm of clips": (lambda: nn.BatchNorm(2), ("BatchNorm3d", (2,)), (2, 2, 3, 4, 5)),
}


def theirs(layer, name, arguments, torch):
    """PyTorch's layer with the weights of ours."""
    module = getattr(torch.nn, name)(*arguments).double()
    if isinstance(layer, nn.BatchNorm):
        module.weight.data = torch.tensor(layer.weight.data.astype(float))
        module.bias.data = torch.tensor(layer.bias.data.astype(float))
    elif layer.parameters():
        weight = layer.weight.data.astype(float)
        module.weight.data = torch.tensor(np.moveaxis(weight, (-1, -2), (0, 1)).copy())
        if layer.bias is not None:
            module.bias.data = torch.tensor(layer.bias.data.astype(float))
    return module


@pytest.mark.peer("torch")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_forward_and_backward_are_pytorchs(name, dtype):
    import torch

    make, (class_name, arguments), shape = LAYERS[name]
    layer = make().astype(dtype)
    if isinstance(layer, nn.BatchNorm):
        layer.weight.data[:] = rng().normal(size=layer.weight.data.shape)
    module = theirs(layer, class_name, arguments, torch)
    sequence = len(shape) == 3  # ours have the channels last
    turned = (lambda a: np.moveaxis(a, -1, 1)) if sequence else (lambda a: a)
    x = np.random.default_rng(1).normal(size=shape).astype(dtype)
    their_x = torch.tensor(turned(x).astype(float), requires_grad=True)
    tolerance = TOLERANCES[dtype]

    def equal(comp, ref):
        ref = ref.detach().numpy()
        np.testing.assert_allclose(comp, ref, rtol=tolerance, atol=tolerance * np.abs(ref).max())

    for _ in range(2):  # gradients add up
        y, their_y = layer(x), module(their_x)
        assert y.dtype == dtype
        equal(turned(y), their_y)
        grad = np.random.default_rng(2).normal(size=y.shape).astype(dtype)
        their_y.backward(torch.tensor(turned(grad).astype(float)))
        dx = layer.backward(grad)
    their_x.grad /= 2
    assert dx.dtype == dtype and dx.shape == x.shape
    equal(turned(dx), their_x.grad)
    for ours, parameter in zip(layer.parameters().values(), module.parameters(), strict=True):
        ref = parameter.grad
        equal(np.moveaxis(ours.grad, (-1, -2), (0, 1)) if ref.ndim > 1 else ours.grad, ref)
    if isinstance(layer, nn.BatchNorm):
        equal(layer.running_mean, module.running_mean)
        equal(layer.running_var, module.running_var)
        equal(layer.eval()(x), module.eval()(their_x))


def test_relu_inside_is_relu_behind():
    x = np.random.default_rng(1).normal(size=(2, 3, 6, 7))
    plain, fused = nn.Conv2d(3, 4, 3, rng=rng()), nn.Conv2d(3, 4, 3, relu=True, rng=rng())
    y, grad = plain(x), np.ones((2, 4, 4, 5), "f")
    np.testing.assert_allclose(fused(x), np.maximum(y, 0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(fused.backward(grad), plain.backward(grad * (y > 0)), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fused.weight.grad, plain.weight.grad, rtol=1e-5, atol=1e-5)


def test_the_first_layer_may_do_without_the_gradient_of_its_input():
    layer = nn.Conv2d(1, 2, 3, input_gradient=False, rng=rng())
    y = layer(np.ones((1, 1, 4, 4), "f"))
    assert layer.backward(np.ones_like(y)) is None and np.all(layer.weight.grad == 4)


def test_same_padding_keeps_the_size():
    for kernel, dilation in ((3, 1), ((5, 1), 1), (3, 2), (2, 2)):
        layer = nn.Conv2d(1, 1, kernel, padding="same", dilation=dilation, rng=rng())
        assert layer(np.ones((1, 1, 9, 8), "f")).shape == (1, 1, 9, 8)


def test_nan_stays():
    x = np.full((1, 1, 4, 4), np.nan, "f")
    assert np.isnan(nn.Conv2d(1, 1, 3, relu=True, rng=rng())(x)).all()
    assert np.isnan(nn.MaxPool2d(2)(x)).all()


def test_pooling_over_time_sees_real_steps_alone():
    x = np.array([[[1.0, -2], [3, -1], [100, 100]], [[7, 7], [0, 0], [0, 0]], [[5, 5], [5, 5], [5, 5]]])
    lengths = np.array([2, 1, 0])
    largest, mean = nn.MaxOverTime(), nn.MeanOverTime()
    assert largest(x, lengths).tolist() == [[3, -1], [7, 7], [0, 0]]
    assert mean(x, lengths).tolist() == [[2, -1.5], [7, 7], [0, 0]]
    grad = np.array([[1.0, 2], [3, 4], [5, 6]])
    assert largest.backward(grad)[:, :2].tolist() == [[[0, 0], [1, 2]], [[3, 4], [0, 0]], [[0, 0], [0, 0]]]
    assert mean.backward(grad)[:, 1].tolist() == [[0.5, 1], [0, 0], [0, 0]]
    np.testing.assert_array_equal(nn.GlobalMaxPool()(x[:, :, None]), x.max(axis=2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Conv2d(3, 1, 3, rng=rng())(np.ones((2, 9, 9, 3))), r"Conv2d takes .*3 channels, got .*9, 9, 3"),
        (lambda: nn.Conv2d(3, 1, 3, rng=rng())(np.ones((3, 9, 9))), r"Conv2d takes \(batch, channels, rows, columns\)"),
        (lambda: nn.Conv2d(1, 1, 5, rng=rng())(np.ones((1, 1, 4, 9))), r"kernel of \(5, 5\) does not fit"),
        (lambda: nn.Conv2d(1, 1, 2, padding="same", rng=rng()), "has a middle"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3), rng=rng()), "kernel_size must be one whole number or 2 of them"),
        (lambda: nn.Conv2d(1, 1, 0, rng=rng()), "kernel_size must be at least 1, got 0"),
        (lambda: nn.MaxPool2d(3, padding=2), "at most half"),
        (lambda: nn.MaxPool2d(3)(np.ones((1, 1, 2, 9))), "does not fit"),
        (lambda: nn.BatchNorm(2)(np.ones((1, 2))), "at least two numbers"),
        (lambda: nn.BatchNorm(2)(np.ones((4, 3))), "2 channels"),
        (lambda: nn.Reshape(3, 4)(np.ones((2, 11))), "does not fit"),
        (lambda: nn.MaxOverTime()(np.ones((2, 0, 3))), "batch, steps, channels"),
        (lambda: nn.GlobalAveragePool()(np.ones((2, 3))), "places"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
