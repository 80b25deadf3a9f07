"""Recurrent layers, activations, losses and optimisers: PyTorch's results."""

import numpy as np
import pytest

from embeddings import nn

TOLERANCES = {"float32": 1e-5, "float64": 1e-10}
each_type = pytest.mark.parametrize("dtype", TOLERANCES)
pytestmark = pytest.mark.peer("torch")


def rng():
    return np.random.default_rng(0)


def equal(comp, ref, dtype):
    """Equal to PyTorch's double, relative to the largest number."""
    ref = ref.detach().numpy() if hasattr(ref, "detach") else np.asarray(ref)
    assert comp.dtype == dtype and comp.shape == ref.shape
    np.testing.assert_allclose(comp, ref, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype] * np.abs(ref).max(initial=1))


def recurrent_of(layer, cell, n_in, n_hidden, n_layers, bidirectional, torch):
    """PyTorch's layer with the weights of ours, and pairs of our and their parameters."""
    theirs = getattr(torch.nn, cell.upper())(n_in, n_hidden, n_layers, batch_first=True, bidirectional=bidirectional)
    theirs = theirs.double()
    pairs = []
    for i, direction in enumerate(layer.layers):
        level, way = divmod(i, 2) if bidirectional else (i, 0)
        suffix = f"l{level}" + ("_reverse" if way else "")
        for ours, name in (
            (direction.weight, "weight_ih"),
            (direction.recurrent, "weight_hh"),
            (direction.bias, "bias_ih"),
            (direction.recurrent_bias, "bias_hh"),
        ):
            parameter = getattr(theirs, f"{name}_{suffix}")
            parameter.data = torch.tensor(ours.data.T.astype(float).copy())
            pairs.append((ours, parameter))
    return theirs, pairs


@each_type
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_recurrent_layers_are_pytorchs(cell, bidirectional, dtype):
    import torch

    layer = nn.Recurrent(cell, 5, 19, n_layers=2, bidirectional=bidirectional, workers=2, rng=rng()).astype(dtype)
    theirs, pairs = recurrent_of(layer, cell, 5, 19, 2, bidirectional, torch)
    x = rng().normal(size=(7, 11, 5)).astype(dtype)
    lengths = np.array([11, 3, 1, 8, 11, 2, 5])
    their_x = torch.tensor(x.astype(float), requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(their_x, lengths, batch_first=True, enforce_sorted=False)
    their_y, _ = torch.nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=11)
    y = layer(x, lengths)
    equal(y, their_y, dtype)
    grad = rng().normal(size=y.shape).astype(dtype)
    their_y.backward(torch.tensor(grad.astype(float)))
    equal(layer.backward(grad), their_x.grad, dtype)
    for ours, parameter in pairs:
        equal(ours.grad.T, parameter.grad, dtype)


@each_type
@pytest.mark.parametrize("name", ["ReLU", "Tanh", "Sigmoid", "SiLU", "GELU", "GELU tanh", "Softmax"])
def test_activations_are_pytorchs(name, dtype):
    import torch

    theirs = {"GELU tanh": torch.nn.GELU("tanh"), "Softmax": torch.nn.Softmax(-1)}.get(name) or getattr(
        torch.nn, name
    )()
    layer = nn.GELU("tanh") if name == "GELU tanh" else getattr(nn, name)()
    x = rng().normal(scale=3, size=(5, 7)).astype(dtype)
    grad = np.random.default_rng(1).normal(size=x.shape).astype(dtype)
    their_x = torch.tensor(x.astype(float), requires_grad=True)
    their_y = theirs(their_x)
    their_y.backward(torch.tensor(grad.astype(float)))
    equal(layer(x), their_y, dtype)
    equal(layer.backward(grad), their_x.grad, dtype)


@each_type
@pytest.mark.parametrize("name", ["CrossEntropy", "BinaryCrossEntropy", "MSE", "InfoNCE"])
def test_losses_are_pytorchs(name, dtype):
    import torch
    from torch.nn import functional

    x = rng().normal(size=(6, 4)).astype(dtype)
    their_x = torch.tensor(x.astype(float), requires_grad=True)
    classes, targets = np.array([0, 3, -100, 1, -100, 2]), rng().random((6, 4)).astype(dtype)
    double = torch.tensor(targets.astype(float))

    def contrast():
        a, b = functional.normalize(their_x[:3]), functional.normalize(their_x[3:])
        scores, diagonal = a @ b.T / 0.2, torch.arange(3)
        return (functional.cross_entropy(scores, diagonal) + functional.cross_entropy(scores.T, diagonal)) / 2

    loss, target, their_value = {
        "CrossEntropy": (nn.CrossEntropy(), classes, lambda: functional.cross_entropy(their_x, torch.tensor(classes))),
        "BinaryCrossEntropy": (
            *(nn.BinaryCrossEntropy(), targets),
            lambda: functional.binary_cross_entropy_with_logits(their_x, double),
        ),
        "MSE": (nn.MSE(), targets, lambda: functional.mse_loss(their_x, double)),
        "InfoNCE": (nn.InfoNCE(0.2), None, contrast),
    }[name]
    value, grad = loss(x, target)
    their_value = their_value()
    their_value.backward()
    np.testing.assert_allclose(value, their_value.item(), rtol=TOLERANCES[dtype])
    equal(grad, their_x.grad, dtype)


@each_type
@pytest.mark.parametrize("name", ["SGD", "AdaGrad", "Adam", "AdamW", "clipped"])
def test_steps_are_pytorchs(name, dtype):
    import torch

    w = nn.Parameter(rng().normal(size=(3, 4)).astype(dtype))
    their_w = torch.nn.Parameter(torch.tensor(w.data.astype(float)))
    ours, theirs = {
        "SGD": (
            nn.SGD({"w": w}, 0.1, momentum=0.9, weight_decay=0.1),
            torch.optim.SGD([their_w], 0.1, momentum=0.9, weight_decay=0.1),
        ),
        "AdaGrad": (nn.AdaGrad({"w": w}, 0.1), torch.optim.Adagrad([their_w], 0.1)),
        "Adam": (nn.Adam({"w": w}, 0.1, weight_decay=0.1), torch.optim.Adam([their_w], 0.1, weight_decay=0.1)),
        "AdamW": (nn.AdamW({"w": w}, 0.1, weight_decay=0.1), torch.optim.AdamW([their_w], 0.1, weight_decay=0.1)),
        "clipped": (nn.SGD({"w": w}, 0.1), torch.optim.SGD([their_w], 0.1)),
    }[name]
    for step in range(5):
        w.grad[:] = np.random.default_rng(step).normal(size=(3, 4))
        their_w.grad = torch.tensor(w.grad.astype(float))
        if name == "clipped":
            norm = nn.clip_gradients(ours.parameters, 1.0)
            np.testing.assert_allclose(norm, torch.nn.utils.clip_grad_norm_([their_w], 1.0).item(), rtol=1e-5)
            # PyTorch adds 1e-6 to the length.
            np.testing.assert_allclose(w.grad, their_w.grad.numpy(), rtol=1e-5)
            their_w.grad = torch.tensor(w.grad.astype(float))
        ours.step()
        theirs.step()
    equal(w.data, their_w, dtype)
