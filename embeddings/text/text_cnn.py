"""Sentences through convolutions: which short phrases occur, wherever they stand."""

import numpy as np

from embeddings import nn
from embeddings.checks import check_integer
from embeddings.text.sentence_encoder import SentenceEncoder


class TextCNN(SentenceEncoder):
    """A sentence's vector is how well each of many short patterns fits where it fits best (Kim 2014).

    Parameters
    ----------
    widths : sequence of int, default (3, 4, 5)
        Words that a pattern spans.
    vector_size : int, default 100
        Of a word's vector.
    n_filters : int, default 100
        Patterns of each width; a sentence's vector has so many numbers for each.
    min_count, max_length, dropout, epochs, batch_size, learning_rate, temperature, seed, workers, checkpoint
        As of :class:`~embeddings.text.RecurrentEncoder`.

    Attributes
    ----------
    network_, words_, classes_, loss_history_
        As of :class:`~embeddings.text.RecurrentEncoder`.

    Examples
    --------
    >>> texts, labels = ["not good at all", "so very good today"] * 20, ["bad", "good"] * 20
    >>> model = TextCNN((2,), vector_size=8, n_filters=6, dropout=0, epochs=10, learning_rate=0.02, batch_size=4)
    >>> model.fit(texts, labels).predict(["not good at all"]).tolist()
    ['bad']
    >>> model.transform(texts).shape
    (40, 6)

    References
    ----------
    Kim, "Convolutional Neural Networks for Sentence Classification", 2014.
    """

    poolings = ("max",)

    def __init__(
        self,
        widths=(3, 4, 5),
        vector_size=100,
        n_filters=100,
        *,
        pooling="max",
        min_count=1,
        max_length=None,
        dropout=0.5,
        epochs=5,
        batch_size=32,
        learning_rate=0.002,
        temperature=0.05,
        seed=1,
        workers=1,
        checkpoint=None,
    ):
        self.widths = widths
        self.vector_size = vector_size
        self.n_filters = n_filters
        self.pooling = pooling
        self.min_count = min_count
        self.max_length = max_length
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.temperature = temperature
        self.seed = seed
        self.workers = workers
        self.checkpoint = checkpoint

    def _body(self, rng):
        if self.objective_ != "words":
            return nn.Sequential()  # the filters look at word vectors, and pool what they find at once
        # A language model must not see the next word.
        return nn.Concat(*(nn.CausalConv1d(self.vector_size, self.n_filters, width, rng=rng) for width in self.widths))

    def _pooling(self, n):
        if self.objective_ == "words":
            return nn.MaxOverTime()
        return nn.ConvMax(self.vector_size, self.n_filters, self.widths, rng=np.random.default_rng(self.seed + 1))

    def _check_parameters(self):
        super()._check_parameters()
        check_integer("n_filters", self.n_filters, 1)
        if not isinstance(self.widths, tuple | list) or not self.widths:
            raise ValueError(f"widths must be a tuple of at least one width, got {self.widths!r}")
        for width in self.widths:
            check_integer("widths", width, 1)
