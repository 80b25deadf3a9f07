"""Layers of networks, forward and backward, beside PyTorch: LSTM, GRU, Transformer and TextCNN."""

import numpy as np

from benchmarks.harness import interleave, report
from embeddings import nn

# Promised: times as fast.
BAR = 1.5
BATCH, STEPS, N_IN, N_HIDDEN = 32, 50, 64, 128


def run(data, threads):
    """Each of the parts, one after the other."""
    for cell in ("lstm", "gru"):
        recurrent(cell, threads)
    transformer(threads)
    text_cnn(threads)


def recurrent(cell, threads):
    """A recurrent layer of one direction: the same weights, the same results, the time of a forward and a backward."""
    import torch

    torch.set_num_threads(threads)
    rng = np.random.default_rng(1)
    ours = nn.RecurrentDirection(cell, N_IN, N_HIDDEN, workers=threads, rng=rng)
    theirs = getattr(torch.nn, cell.upper())(N_IN, N_HIDDEN, batch_first=True)
    pairs = [
        (ours.weight, theirs.weight_ih_l0),
        (ours.recurrent, theirs.weight_hh_l0),
        (ours.bias, theirs.bias_ih_l0),
        (ours.recurrent_bias, theirs.bias_hh_l0),
    ]
    for parameter, their_parameter in pairs:
        their_parameter.data = torch.tensor(parameter.data.T.copy())
    x = rng.normal(size=(BATCH, STEPS, N_IN)).astype(np.float32)
    grad = rng.normal(size=(BATCH, STEPS, N_HIDDEN)).astype(np.float32)
    their_x, their_grad = torch.tensor(x, requires_grad=True), torch.tensor(grad)

    def step():
        ours.zero_grad()
        return ours.forward(x), ours.backward(grad)

    def their_step():
        theirs.zero_grad()
        their_x.grad = None
        y = theirs(their_x)[0]
        y.backward(their_grad)
        return y.detach().numpy(), their_x.grad.numpy()

    for comp, ref in zip(step(), their_step(), strict=True):
        np.testing.assert_allclose(comp, ref, atol=1e-4 * np.abs(ref).max())
    for parameter, their_parameter in pairs:
        ref = their_parameter.grad.numpy().T
        np.testing.assert_allclose(parameter.grad, ref, atol=1e-4 * np.abs(ref).max())
    medians = interleave({"ours": step, "PyTorch": their_step}, repeats=50, threads=threads)
    title = f"{cell.upper()}, forward and backward, {threads} thread(s): {BATCH} sequences of {STEPS} steps"
    report(title, medians, BATCH * STEPS, "steps", BAR)


def transformer(threads):
    """Two blocks of self-attention: the same weights, the same results, the time of a forward and a backward."""
    import torch

    torch.set_num_threads(threads)
    rng = np.random.default_rng(1)
    batch, steps, d, n_heads, d_hidden, n_layers = 16, 64, 128, 4, 512, 2
    ours = nn.Sequential(*(nn.TransformerBlock(d, n_heads, d_hidden, norm="post", rng=rng) for _ in range(n_layers)))
    layer = torch.nn.TransformerEncoderLayer(d, n_heads, d_hidden, 0.0, "gelu", batch_first=True)
    theirs = torch.nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False).train()
    for block, their_block in zip(ours.layers, theirs.layers, strict=True):
        inward, outward, attention = block.attention.inward, block.attention.outward, their_block.self_attn
        for linear, weight, bias in (
            (inward, attention.in_proj_weight, attention.in_proj_bias),
            (outward, attention.out_proj.weight, attention.out_proj.bias),
            (block.inner, their_block.linear1.weight, their_block.linear1.bias),
            (block.outer, their_block.linear2.weight, their_block.linear2.bias),
        ):
            weight.data, bias.data = torch.tensor(linear.weight.data.T.copy()), torch.tensor(linear.bias.data)
    x, grad = rng.normal(size=(2, batch, steps, d)).astype(np.float32)
    their_x, their_grad = torch.tensor(x, requires_grad=True), torch.tensor(grad)

    def step():
        ours.zero_grad()
        return ours.forward(x), ours.backward(grad)

    def their_step():
        theirs.zero_grad()
        their_x.grad = None
        y = theirs(their_x)
        y.backward(their_grad)
        return y.detach().numpy(), their_x.grad.numpy()

    for comp, ref in zip(step(), their_step(), strict=True):
        np.testing.assert_allclose(comp, ref, atol=1e-4 * np.abs(ref).max())
    ref = theirs.layers[0].linear1.weight.grad.numpy().T
    np.testing.assert_allclose(ours[0].inner.weight.grad, ref, atol=1e-4 * np.abs(ref).max())
    medians = interleave({"ours": step, "PyTorch": their_step}, repeats=50, threads=threads)
    title = f"Transformer of {n_layers} blocks, forward and backward, {threads} thread(s): {batch} × {steps} tokens"
    report(title, medians, batch * steps, "tokens", BAR)


def text_cnn(threads):
    """Training of a TextCNN: words, filters of three widths, the largest answers, two scores; Adam on all of it."""
    import torch

    torch.set_num_threads(threads)
    rng = np.random.default_rng(1)
    widths, n_filters, size, n_words, batch, steps = (3, 4, 5), 100, 100, 5_000, 32, 200
    embedding, filters = nn.Embedding(n_words, size, rng=rng), nn.ConvMax(size, n_filters, widths, rng=rng)
    head = nn.Linear(len(widths) * n_filters, 2, rng=rng)
    network, loss = nn.Sequential(embedding, filters, head), nn.CrossEntropy()
    optimiser = nn.Adam(network.parameters(), 0.001)

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(n_words, size)
            self.filters = torch.nn.ModuleList(torch.nn.Conv1d(size, n_filters, width) for width in widths)
            self.head = torch.nn.Linear(len(widths) * n_filters, 2)

        def forward(self, x):
            x = self.embedding(x).transpose(1, 2)
            return self.head(torch.cat([torch.relu(f(x)).amax(dim=2) for f in self.filters], dim=1))

    theirs, first = Theirs(), 0
    with torch.no_grad():
        theirs.embedding.weight.copy_(torch.from_numpy(embedding.weight.data))
        theirs.head.weight.copy_(torch.from_numpy(head.weight.data.T.copy()))
        theirs.head.bias.copy_(torch.from_numpy(head.bias.data))
        for i, (width, conv) in enumerate(zip(widths, theirs.filters, strict=True)):
            taps = filters.weight.data[first : first + width * n_filters].reshape(width, n_filters, size)
            conv.weight.copy_(torch.from_numpy(taps.transpose(1, 2, 0).copy()))
            conv.bias.copy_(torch.from_numpy(filters.bias.data[i * n_filters : (i + 1) * n_filters]))
            first += width * n_filters
    their_optimiser, their_loss = torch.optim.Adam(theirs.parameters(), 0.001), torch.nn.CrossEntropyLoss()
    x, target = rng.integers(0, n_words, (batch, steps)), rng.integers(0, 2, batch)
    their_x, their_target = torch.from_numpy(x), torch.from_numpy(target)

    def step():
        network.zero_grad()
        value, grad = loss(network.forward(x), target)
        network.backward(grad)
        optimiser.step()
        return value

    def their_step():
        their_optimiser.zero_grad()
        value = their_loss(theirs(their_x), their_target)
        value.backward()
        their_optimiser.step()
        return value.item()

    for _ in range(3):
        np.testing.assert_allclose(step(), their_step(), rtol=1e-4)
    medians = interleave({"ours": step, "PyTorch": their_step}, repeats=30, threads=threads)
    report(f"TextCNN, training, {threads} thread(s): batches of {batch} × {steps} words", medians, batch, "texts", 2)
