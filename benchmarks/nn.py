"""Layers of networks, forward and backward, beside PyTorch: LSTM and GRU."""

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
    medians = interleave({"ours": step, "PyTorch": their_step}, repeats=100, threads=threads)
    title = f"{cell.upper()}, forward and backward, {threads} thread(s): {BATCH} sequences of {STEPS} steps"
    report(title, medians, BATCH * STEPS, "steps", BAR)
