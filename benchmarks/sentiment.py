"""Is a film review good or bad? Sentence encoders trained from scratch, and the same networks in PyTorch.

EMBEDDINGS_SENTIMENT names what to train, of textcnn, gru, lstm and transformer; without it, all are.
"""

import os
import time
from functools import partial

import numpy as np

from benchmarks.harness import imdb_reviews
from embeddings import nn
from embeddings.nn.transformer import sinusoids
from embeddings.text import RecurrentEncoder, TextCNN, TransformerEncoder
from embeddings.text.sentence_encoder import PADDING

TRAIN, HELD_OUT = 20_000, 5_000
# Most that our accuracy may lie from PyTorch's, and longest training in seconds, on two threads.
NEAR, SECONDS = 0.01, 600


def run(data, threads):
    """Train the networks on 20,000 reviews and tell 5,000 others."""
    chosen = os.environ.get("EMBEDDINGS_SENTIMENT", ",".join(NETWORKS)).split(",")
    unknown = sorted(set(chosen) - set(NETWORKS))
    if unknown:
        raise ValueError(f"EMBEDDINGS_SENTIMENT must name {', '.join(NETWORKS)}, got {unknown[0]!r}")
    reviews = labelled(data)
    if reviews is None:
        return
    for name in chosen:
        make, kinds, bar = NETWORKS[name]
        accuracies = []
        for who, kind in zip(("ours", "PyTorch"), kinds, strict=True):
            model = make(threads, kind)
            start = time.perf_counter()
            model.fit(*reviews[0])
            seconds = time.perf_counter() - start
            accuracies.append(model.score(*reviews[1]))
            losses = " ".join(f"{loss:.3f}" for loss in model.loss_history_)
            print(f"  {name:<13}{who:<9}{accuracies[-1]:8.4f}   trained in {seconds:5.0f} s, loss {losses}", flush=True)
            if who == "ours":
                print(f"    accuracy: bar {bar:g} {'reached' if accuracies[0] >= bar else 'NOT reached'}")
                print(f"    time: bar {SECONDS} s {'reached' if seconds <= SECONDS else 'NOT reached'}", flush=True)
        difference = accuracies[0] - accuracies[1]
        near = "reached" if abs(difference) <= NEAR else "NOT reached"
        print(f"    {difference:+.4f}, within {NEAR:g} of PyTorch: {near}", flush=True)


def labelled(data):
    """((texts, labels) to train on, (texts, labels) held out), in a fixed random order; None without the file."""
    texts = {label: imdb_reviews(data, label) for label in ("pos", "neg")}
    if texts["pos"] is None:
        return None
    pairs = [(text.replace("<br />", " "), label) for label, some in texts.items() for text in some]
    order = np.random.default_rng(1).permutation(len(pairs))
    parts = order[:TRAIN], order[TRAIN : TRAIN + HELD_OUT]
    return tuple(([pairs[i][0] for i in part], [pairs[i][1] for i in part]) for part in parts)


def recurrent(cell, threads, kind):
    """The recurrent encoder that is measured."""
    options = {"pooling": "max", "min_count": 5, "max_length": 200, "dropout": 0.5, "epochs": 2}
    return kind(cell, 100, 128, **options, batch_size=64, learning_rate=0.003, workers=threads)


def phrases(threads, kind):
    """The convolutions that are measured."""
    options = {"min_count": 5, "max_length": 400, "dropout": 0.5, "epochs": 4}
    return kind((3, 4, 5), 100, 100, **options, workers=threads)


def attentive(threads, kind):
    """The Transformer that is measured."""
    options = {"min_count": 10, "max_length": 200, "dropout": 0.3, "epochs": 3}
    return kind(1, 4, 64, 128, **options, workers=threads)


class TorchEncoder(RecurrentEncoder):
    """The same words, batches, loss and optimiser, but a network of PyTorch's."""

    def _network(self):
        import torch

        torch.set_num_threads(self.workers)
        torch.manual_seed(self.seed)
        return TorchNetwork(self)


class TorchNetwork(nn.Layer):
    """Embedding, dropout, a recurrent layer, the largest number over time, dropout and scores, all of PyTorch.

    Its parameters are our optimiser's, in the same memory.
    """

    def __init__(self, encoder):
        import torch

        super().__init__()
        self.embedding = torch.nn.Embedding(len(encoder.words_) + 2, encoder.vector_size, padding_idx=PADDING)
        self.embedding.weight.data *= 0.1
        self.body = getattr(torch.nn, encoder.cell.upper())(encoder.vector_size, encoder.hidden, batch_first=True)
        self.head = torch.nn.Linear(encoder.hidden, len(encoder.classes_))
        self.dropout = torch.nn.Dropout(encoder.dropout)
        for part in (self.embedding, self.body, self.head):
            for name, tensor in part.named_parameters():
                tensor.grad = torch.zeros_like(tensor)
                parameter = nn.Parameter(tensor.data.numpy())
                parameter.grad = tensor.grad.numpy()
                setattr(self, f"{type(part).__name__}_{name}", parameter)

    def forward(self, x, lengths=None):
        import torch

        drop = self.dropout.train(self.training)
        with torch.set_grad_enabled(self.training):
            states, _ = self.body(drop(self.embedding(torch.tensor(x))))
            # No step sees those behind it, so that padding need not be packed away, which is slower.
            behind = torch.tensor(np.arange(x.shape[1]) >= np.maximum(lengths, 1)[:, None])
            largest = states.masked_fill(behind[:, :, None], -torch.inf).amax(dim=1)
            scores = self.head(drop(largest))
        self.push(scores)
        return scores.detach().numpy()

    def backward(self, grad):
        import torch

        self.pop().backward(torch.tensor(grad))


class TorchTextCNN(TextCNN):
    """As :class:`TorchEncoder`, with convolutions."""

    def _network(self):
        import torch

        torch.set_num_threads(self.workers)
        torch.manual_seed(self.seed)
        return TorchPhrases(self)


class TorchPhrases(nn.Layer):
    """Embedding, dropout, convolutions, the largest answers over time, dropout and scores, all of PyTorch."""

    def __init__(self, encoder):
        import torch

        super().__init__()
        self.embedding = torch.nn.Embedding(len(encoder.words_) + 2, encoder.vector_size, padding_idx=PADDING)
        self.embedding.weight.data *= 0.1
        convolutions = (torch.nn.Conv1d(encoder.vector_size, encoder.n_filters, width) for width in encoder.widths)
        self.filters, self.widths = torch.nn.ModuleList(convolutions), encoder.widths
        self.head = torch.nn.Linear(len(encoder.widths) * encoder.n_filters, len(encoder.classes_))
        self.dropout = torch.nn.Dropout(encoder.dropout)
        for name in ("embedding", "filters", "head"):
            for inner, tensor in getattr(self, name).named_parameters():
                tensor.grad = torch.zeros_like(tensor)
                parameter = nn.Parameter(tensor.data.numpy())
                parameter.grad = tensor.grad.numpy()
                setattr(self, f"{name}_{inner}", parameter)

    def forward(self, x, lengths=None):
        import torch

        drop = self.dropout.train(self.training)
        with torch.set_grad_enabled(self.training):
            x = np.pad(x, ((0, 0), (0, max(0, max(self.widths) - x.shape[1]))))
            words = drop(self.embedding(torch.tensor(x))).transpose(1, 2)
            largest = []
            for width, convolve in zip(self.widths, self.filters, strict=True):
                answers = torch.relu(convolve(words))
                behind = np.arange(answers.shape[2]) > np.maximum(lengths - width, 0)[:, None]
                largest.append(answers.masked_fill(torch.tensor(behind)[:, None], 0).amax(dim=2))
            scores = self.head(drop(torch.cat(largest, dim=1)))
        self.push(scores)
        return scores.detach().numpy()

    def backward(self, grad):
        import torch

        self.pop().backward(torch.tensor(grad))


class TorchTransformerEncoder(TransformerEncoder):
    """As :class:`TorchEncoder`, with a Transformer."""

    def _network(self):
        import torch

        torch.set_num_threads(self.workers)
        torch.manual_seed(self.seed)
        return TorchBlocks(self)


class TorchBlocks(nn.Layer):
    """Embedding, dropout, sinusoids, blocks, a norm, the mean over time, dropout and scores, all of PyTorch."""

    def __init__(self, encoder):
        import torch

        super().__init__()
        d = encoder.vector_size
        self.embedding = torch.nn.Embedding(len(encoder.words_) + 2, d, padding_idx=PADDING)
        self.embedding.weight.data *= 0.1
        sizes = d, encoder.n_heads, encoder.d_hidden, encoder.dropout, "gelu"
        layer = torch.nn.TransformerEncoderLayer(*sizes, batch_first=True, norm_first=True)
        # Dropout stands where ours does: not among the attention's weights, nor inside the network behind it.
        layer.self_attn.dropout = layer.dropout.p = 0.0
        norm = torch.nn.LayerNorm(d)
        self.body = torch.nn.TransformerEncoder(layer, encoder.n_layers, norm, enable_nested_tensor=False)
        self.head = torch.nn.Linear(d, len(encoder.classes_))
        self.dropout = torch.nn.Dropout(encoder.dropout)
        self.positions = torch.tensor(sinusoids(encoder.max_length, d))
        for name in ("embedding", "body", "head"):
            for inner, tensor in getattr(self, name).named_parameters():
                tensor.grad = torch.zeros_like(tensor)
                parameter = nn.Parameter(tensor.data.numpy())
                parameter.grad = tensor.grad.numpy()
                setattr(self, f"{name}_{inner}", parameter)

    def forward(self, x, lengths=None):
        import torch

        drop, body = self.dropout.train(self.training), self.body.train(self.training)
        with torch.set_grad_enabled(self.training):
            # One word of padding is seen where there is no other.
            real = torch.tensor(np.arange(x.shape[1]) < np.maximum(lengths, 1)[:, None])
            words = drop(self.embedding(torch.tensor(x))) * self.positions.shape[1] ** 0.5
            states = body(words + self.positions[: x.shape[1]], src_key_padding_mask=~real)
            mean = (states * real[:, :, None]).sum(dim=1) / real.sum(dim=1, keepdim=True)
            scores = self.head(drop(mean))
        self.push(scores)
        return scores.detach().numpy()

    def backward(self, grad):
        import torch

        self.pop().backward(torch.tensor(grad))


# name: (a model for so many threads, its class and PyTorch's, the accuracy that was promised)
NETWORKS = {
    "textcnn": (phrases, (TextCNN, TorchTextCNN), 0.86),
    "gru": (partial(recurrent, "gru"), (RecurrentEncoder, TorchEncoder), 0.85),
    "lstm": (partial(recurrent, "lstm"), (RecurrentEncoder, TorchEncoder), 0.85),
    "transformer": (attentive, (TransformerEncoder, TorchTransformerEncoder), 0.84),
}
