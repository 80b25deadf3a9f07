"""Sentences through recurrent networks: RNN, LSTM and GRU."""

import numpy as np

from embeddings import nn
from embeddings.checks import check_choice, check_integer
from embeddings.text.documents import numbered
from embeddings.text.sentence_encoder import FIRST_WORD, SentenceEncoder, padded
from kernels.recurrent import CELLS


class RecurrentEncoder(SentenceEncoder):
    """A sentence's vector is what a recurrent network remembers of its words.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}, default "lstm"
        Plain recurrence (Elman 1990), LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014).
    vector_size : int, default 100
        Of a word's vector.
    hidden : int, default 128
        Of a step's state, in each direction.
    bidirectional : bool, default False
        Read from both ends; a language model, which must not see the next word, cannot.
    n_layers : int, default 1
    pooling : {"mean", "max", "last"}, default "mean"
        How the states become one vector. "last" is the state at the end (and of the other direction, at the start).
    min_count : int, default 1
        Rarer words are left out, and unknown ones.
    max_length : int, optional
        Longer sentences are cut.
    dropout : float, default 0.3
        Of word vectors, and of what the scores are made of.
    epochs : int, default 5
    batch_size : int, default 32
    learning_rate : float, default 0.002
        Of Adam; rises in the first twentieth, then falls to 0 in a straight line.
    temperature : float, default 0.05
        Of the contrastive loss of :meth:`fit_pairs`.
    seed : int, default 1
    workers : int, default 1
        Threads.
    checkpoint : path, optional
        Training is kept in this file as it goes, and goes on from it after a crash; it is removed at the end.

    Attributes
    ----------
    network_ : SentenceNetwork
    words_ : list of str
        Known words, the most frequent first.
    classes_ : list of str or array
        The labels, sorted; None without labels.
    loss_history_ : list of float

    Examples
    --------
    Who is big? The order of the words tells:

    >>> texts, labels = ["cat bigger mouse", "mouse bigger cat"] * 20, ["cat", "mouse"] * 20
    >>> model = RecurrentEncoder("gru", vector_size=8, hidden=8, dropout=0, epochs=10, learning_rate=0.02, batch_size=4)
    >>> model.fit(texts, labels).predict(["mouse bigger cat"]).tolist()
    ['mouse']
    >>> model.transform(texts).shape
    (40, 8)
    """

    poolings = ("mean", "max", "last")
    shares_batches = True

    def __init__(
        self,
        cell="lstm",
        vector_size=100,
        hidden=128,
        *,
        bidirectional=False,
        n_layers=1,
        pooling="mean",
        min_count=1,
        max_length=None,
        dropout=0.3,
        epochs=5,
        batch_size=32,
        learning_rate=0.002,
        temperature=0.05,
        seed=1,
        workers=1,
        checkpoint=None,
    ):
        self.cell = cell
        self.vector_size = vector_size
        self.hidden = hidden
        self.bidirectional = bidirectional
        self.n_layers = n_layers
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

    def fit(self, X, y=None):
        if y is None and self.bidirectional:
            raise ValueError("bidirectional=True sees the next word: fit a language model with bidirectional=False")
        return super().fit(X, y)

    fit.__doc__ = SentenceEncoder.fit.__doc__

    def gates(self, text):
        """What happens inside while a sentence is read, in the first layer, from its start.

        Parameters
        ----------
        text : str or list of str

        Returns
        -------
        words : list of str
            The known ones.
        gates : dict of str to array, shape (T, hidden)
            ``"input"``, ``"forget"``, ``"candidate"``, ``"output"`` and ``"cell"`` of an LSTM; ``"reset"``,
            ``"update"`` and ``"candidate"`` of a GRU; and ``"state"``.
        """
        self._check_is_fitted()
        ((tokens, _),) = numbered([text], self.words_)
        numbers = tokens[tokens >= 0][: self.max_length]
        if not len(numbers):
            raise ValueError(f"text has no known word: {text!r}")
        x, lengths = padded([numbers + FIRST_WORD])
        y, gates, memory = self.network_.body.layers[0].read(self.network_.embedding(x), lengths)
        names = {"rnn": (), "lstm": ("input", "forget", "candidate", "output"), "gru": ("reset", "update", "candidate")}
        found = dict(zip(names[self.cell], np.split(gates[0], max(len(names[self.cell]), 1), axis=1), strict=False))
        if self.cell == "lstm":
            found["cell"] = memory[0]
        return [self.words_[i] for i in numbers], {**found, "state": y[0]}

    def _body(self, rng):
        options = {"n_layers": self.n_layers, "bidirectional": self.bidirectional, "workers": self.workers}
        return nn.Recurrent(self.cell, self.vector_size, self.hidden, **options, rng=rng)

    def _pooling(self, n):
        return _LastStep(self.hidden) if self.pooling == "last" else super()._pooling(n)

    def _check_parameters(self):
        super()._check_parameters()
        check_choice("cell", self.cell, tuple(CELLS))
        for name in ("hidden", "n_layers"):
            check_integer(name, getattr(self, name), minimum=1)
        if not isinstance(self.bidirectional, bool):
            raise TypeError(f"bidirectional must be True or False, got {self.bidirectional!r}")


class _LastStep(nn.Layer):
    """The state after the last real step; of the columns from `n` on, which were read backwards, that of the first."""

    def __init__(self, n):
        super().__init__()
        self.n = n

    def forward(self, x, lengths=None):
        B, T, _ = x.shape
        last = np.full(B, T - 1) if lengths is None else np.maximum(lengths - 1, 0)
        self.push(last, x.shape)
        return np.concatenate([x[np.arange(B), last, : self.n], x[:, 0, self.n :]], axis=1)

    def backward(self, grad):
        last, shape = self.pop()
        dx = np.zeros(shape, grad.dtype)
        dx[np.arange(shape[0]), last, : self.n] = grad[:, : self.n]
        dx[:, 0, self.n :] += grad[:, self.n :]
        return dx
