"""What the networks that turn sentences into vectors share: words as numbers, batches, three ways to learn, files.

A subclass stores its parameters (those of :class:`SentenceEncoder` among them) and defines

``_body(rng)``
    The layer from word vectors (B, T, vector_size), with lengths, to states (B, T, n).
``_pooling(n)``
    The layer from states, with lengths, to sentence vectors (B, m), if `pooling` has more choices than here.
``_language_batch(rows, rng)``
    Input and targets of the language model, if it is not to tell the next word.
"""

import numpy as np
from threadpoolctl import threadpool_limits

from embeddings import nn
from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.text.corpus import Corpus
from embeddings.text.documents import numbered

# Numbers before those of the words: what fills a batch up, and what a language model reads first, or for masked words.
PADDING, BEGIN, FIRST_WORD = 0, 1, 2
# Batches whose sentences are sorted by length, so that little of a batch is padding.
SORTED_BATCHES = 50
# A language model learns from pieces of sentences of so many words.
LANGUAGE_STEPS = 35
# Sentences that are read together, and how many words they may have, padding included: what bounds the memory.
READ_SENTENCES, READ_WORDS = 64, 1 << 15


class SentenceEncoder(Embedder):
    """Base of :class:`RecurrentEncoder` and its like.

    ``fit(texts, labels)`` learns to tell the labels, ``fit(texts)`` a language model, ``fit_pairs(a, b)`` which
    sentences belong together. ``transform`` pools what the network makes of a sentence's words into its vector.

    A subclass has the parameters `vector_size`, `pooling`, `min_count`, `max_length`, `dropout`, `epochs`,
    `batch_size`, `learning_rate`, `temperature`, `seed`, `workers` and `checkpoint`; :class:`RecurrentEncoder`
    describes them.
    """

    poolings = ("mean", "max")
    # Whether the body's layers have threads of their own; otherwise the products of matrices have.
    shares_batches = False

    # Learning ---------------------------------------------------------------------------------------------------------

    def fit(self, X, y=None):
        """Learn from texts: their labels, or without labels the language. Returns the model.

        Parameters
        ----------
        X : iterable of str or of lists of str
            Texts are cut into words by :func:`~embeddings.text.tokenize`.
        y : sequence of int or of str, optional
            A label for each.

        Raises
        ------
        TypeError, ValueError
            For bad parameters, texts or labels, or if no word occurs `min_count` times.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        self._check_parameters()
        corpus = Corpus.encode(X, self.min_count)
        rows = self._rows(corpus.tokens, corpus.offsets)
        if y is None:
            self._begin("words", corpus.words)
            length = LANGUAGE_STEPS
            rows = [row[i : i + length] for row in rows for i in range(0, len(row), length)]
            self._train(rows, self._language_batch, nn.CrossEntropy())
            return self
        labels = list(y)
        if len(labels) != len(rows):
            raise ValueError(f"y must have a label for each of {len(rows)} texts, got {len(labels)}")
        kinds = {str if isinstance(label, str) else int for label in labels}
        if len(kinds) > 1 or not all(isinstance(label, str | int | np.integer) for label in labels):
            raise TypeError("y must hold strings, or whole numbers, alone")
        classes, numbers = np.unique(labels, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(f"y must hold at least two different labels, got {classes.tolist()}")
        # Files hold lists of strings, and arrays of numbers.
        self._begin("labels", corpus.words, [str(c) for c in classes] if kinds == {str} else classes)
        examples = list(zip(rows, numbers, strict=True))

        def batch(examples, rng):
            x, lengths = padded([row for row, _ in examples])
            return x, np.array([number for _, number in examples]), lengths

        self._train(examples, batch, nn.CrossEntropy(), key=lambda example: len(example[0]))
        return self

    def fit_pairs(self, a, b):
        """Learn that ``a[i]`` and ``b[i]`` belong together, and no other two of a batch. Returns the model.

        Parameters
        ----------
        a, b : sequences of str or of lists of str
            Equally long. Errors as of :meth:`fit`.
        """
        self._check_parameters()
        a, b = list(a), list(b)
        if len(a) != len(b):
            raise ValueError(f"a and b must be equally long, got {len(a)} and {len(b)}")
        corpus = Corpus.encode(a + b, self.min_count)
        rows = self._rows(corpus.tokens, corpus.offsets)
        self._begin("pairs", corpus.words)

        def batch(pairs, rng):
            x, lengths = padded([row for row, _ in pairs] + [row for _, row in pairs])
            return x, None, lengths

        pairs = list(zip(rows[: len(a)], rows[len(a) :], strict=True))
        self._train(pairs, batch, nn.InfoNCE(self.temperature), key=lambda pair: len(pair[0]) + len(pair[1]))
        return self

    def _begin(self, objective, words, classes=None):
        self.objective_, self.words_ = objective, words
        self.classes_ = classes
        self.network_ = self._network()

    def _network(self):
        rng = np.random.default_rng(self.seed)
        n_words = len(self.words_) + FIRST_WORD
        n_out = {"labels": len(self.classes_ if self.classes_ is not None else ()), "words": n_words, "pairs": 0}
        return SentenceNetwork(self, n_words, n_out[self.objective_], self.objective_ == "words", rng)

    def _train(self, examples, batch, loss, key=len):
        """Train on examples: ``batch(some of them, rng)`` gives ``(x, target, lengths)``; `key` its size."""
        size = self.batch_size
        sizes = np.array([key(example) for example in examples])

        def batches(rng):
            order = rng.permutation(len(examples))
            for start in range(0, len(order), size * SORTED_BATCHES):
                some = order[start : start + size * SORTED_BATCHES]
                some = some[np.argsort(sizes[some], kind="stable")]
                for first in rng.permutation(range(0, len(some), size)):
                    yield batch([examples[i] for i in some[first : first + size]], rng)

        n_batches = -(-len(examples) // size)
        optimiser = nn.Adam(self.network_.parameters(), self.learning_rate)
        trainer = nn.Trainer(
            *(self.network_, loss, optimiser),
            epochs=self.epochs,
            batch_size=size,
            seed=self.seed,
            schedule=nn.WarmUpLinear(self.epochs * n_batches, self.epochs * n_batches // 20),
            clip=1.0,
            checkpoint=self.checkpoint,
            desc=type(self).__name__,
        )
        self.loss_history_ = trainer.loss_history_
        settings = {**self.get_params(), "workers": None, "checkpoint": None}
        about = [repr(sorted(settings.items())), len(self.words_), len(examples), int(sizes.sum())]
        with threadpool_limits(limits=1 if self.shares_batches else self.workers, user_api="blas"):
            try:
                trainer.fit_batches(batches, n_batches=n_batches, about=about)
            finally:
                self.loss_history_ = trainer.loss_history_

    def _language_batch(self, rows, rng):
        """The next word at every place."""
        target, lengths = padded(rows)
        x = np.concatenate([np.full((len(target), 1), BEGIN, target.dtype), target[:, :-1]], axis=1)
        behind = np.arange(target.shape[1]) >= lengths[:, None]
        x[behind] = PADDING
        return x, np.where(behind, -100, target), lengths

    # Using ------------------------------------------------------------------------------------------------------------

    def transform(self, X):
        """Vectors of sentences.

        Parameters
        ----------
        X : iterable of str or of lists of str

        Returns
        -------
        array, shape (n, m), float32
            A sentence without a known word is one of no steps.
        """
        self._check_is_fitted()
        return self._each(X, self.network_.encode)

    def stream(self, X):
        """As :meth:`transform`, but yield the vectors some sentences at a time; nothing else stays in memory.

        Yields
        ------
        array, shape (some, m), float32
        """
        self._check_is_fitted()
        yield from self._blocks(X, self.network_.encode)

    def predict_proba(self, X):
        """How likely each of ``classes_`` is for each text: (n, n_classes), rows of sum 1.

        Raises
        ------
        ValueError
            If the model was not fitted with labels.
        """
        self._check_is_fitted()
        if self.objective_ != "labels":
            raise ValueError(f"this {type(self).__name__} was fitted without labels: call fit(texts, labels)")
        return nn.Softmax().eval()(self._each(X, self.network_.forward))

    def predict(self, X):
        """The likeliest label of each text."""
        return np.asarray(self.classes_)[self.predict_proba(X).argmax(axis=1)]

    def score(self, X, y):
        """The share of texts whose label is told right."""
        return float(np.mean(self.predict(X) == np.asarray(list(y))))

    def _each(self, X, make):
        """What ``make(x, lengths)`` gives for every text."""
        blocks = list(self._blocks(X, make))
        return np.concatenate(blocks) if blocks else make(*padded([[]]))[:0]

    def _blocks(self, X, make):
        """What ``make(x, lengths)`` gives, block after block of texts; those of like length are read together."""
        for _, layer in self.network_.walk():
            if hasattr(layer, "workers"):
                layer.workers = self.workers
        for tokens, offsets in numbered(X, self.words_):
            rows = [row[row >= FIRST_WORD][: self.max_length] for row in self._cut(tokens + FIRST_WORD, offsets)]
            order = np.argsort([-len(row) for row in rows], kind="stable")
            parts, first = [], 0
            with threadpool_limits(limits=1 if self.shares_batches else self.workers, user_api="blas"):
                while first < len(rows):
                    n = max(1, min(READ_SENTENCES, READ_WORDS // max(1, len(rows[order[first]]))))
                    parts.append(make(*padded([rows[i] for i in order[first : first + n]])))
                    first += n
            if parts:
                yield np.concatenate(parts)[np.argsort(order)]

    # Words as numbers -------------------------------------------------------------------------------------------------

    @staticmethod
    def _cut(tokens, offsets):
        return [tokens[start:end] for start, end in zip(offsets[:-1], offsets[1:], strict=True)]

    def _rows(self, tokens, offsets):
        return [row[: self.max_length] for row in self._cut(np.asarray(tokens) + FIRST_WORD, offsets)]

    def _body(self, rng):
        raise NotImplementedError(f"{type(self).__name__} does not define _body")

    def _pooling(self, n):
        return {"mean": nn.MeanOverTime, "max": nn.MaxOverTime}[self.pooling]()

    # Checks and files -------------------------------------------------------------------------------------------------

    def _check_parameters(self):
        for name in ("vector_size", "min_count", "epochs", "batch_size", "workers"):
            check_integer(name, getattr(self, name), minimum=1)
        check_integer("seed", self.seed, minimum=0)
        if self.max_length is not None:
            check_integer("max_length", self.max_length, minimum=1)
        check_choice("pooling", self.pooling, self.poolings)
        for name in ("learning_rate", "temperature"):
            if check_number(name, getattr(self, name)) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        if not 0 <= check_number("dropout", self.dropout) < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout!r}")

    def _get_state(self):
        state = {name: value for name, value in super()._get_state().items() if name != "network_"}
        return {**state, **{f"network_.{name}": array for name, array in self.network_.state().items()}}

    def _set_state(self, state):
        parts = {name.removeprefix("network_."): a for name, a in state.items() if name.startswith("network_.")}
        super()._set_state({name: value for name, value in state.items() if not name.startswith("network_.")})
        self._check_parameters()
        check_choice("objective_", self.objective_, ("labels", "words", "pairs"))
        # A header may lie: no table is built that the file does not hold.
        shape = (len(self.words_) + FIRST_WORD, self.vector_size)
        if parts["embedding.weight"].shape != shape:
            raise ValueError(f"the table of words must have the shape {shape}, got {parts['embedding.weight'].shape}")
        self.network_ = self._network().eval()
        self.network_.load_state(parts)


class SentenceNetwork(nn.Layer):
    """Word numbers (B, T) → word vectors → states → sentence vectors → scores.

    Parameters
    ----------
    encoder : SentenceEncoder
        Gives the body and the pooling.
    n_words, n_out : int
        Rows of the table; scores, 0 for a network that ends with sentence vectors.
    every_step : bool
        Score every state, and not the sentence.
    rng : numpy.random.Generator
    """

    def __init__(self, encoder, n_words, n_out, every_step, rng):
        super().__init__()
        self.embedding = nn.Embedding(n_words, encoder.vector_size, padding=PADDING, scale=0.1, rng=rng)
        self.drop_words = nn.Dropout(encoder.dropout, rng=rng)
        self.body = encoder._body(rng)
        # What the sizes are, seen on a sentence of one word.
        states = self.body.eval().forward(np.zeros((1, 1, encoder.vector_size), np.float32), np.ones(1, np.int64))
        self.pool = encoder._pooling(states.shape[-1])
        vectors = self.pool.eval().forward(states, np.ones(1, np.int64))
        self.drop = nn.Dropout(encoder.dropout, rng=rng)
        self.every_step = every_step
        n = (states if every_step else vectors).shape[-1]
        self.head = nn.Linear(n, n_out, rng=rng) if n_out else None
        self.train()

    def states(self, x, lengths=None):
        """Of every word: (B, T, n)."""
        return self.body.forward(self.drop_words.forward(self.embedding.forward(x)), lengths)

    def encode(self, x, lengths=None):
        """Sentence vectors: (B, m)."""
        return self.pool.forward(self.states(x, lengths), lengths)

    def forward(self, x, lengths=None):
        y = self.states(x, lengths) if self.every_step else self.encode(x, lengths)
        return y if self.head is None else self.head.forward(self.drop.forward(y))

    def backward(self, grad):
        if self.head is not None:
            grad = self.drop.backward(self.head.backward(grad))
        if not self.every_step:
            grad = self.pool.backward(grad)
        self.embedding.backward(self.drop_words.backward(self.body.backward(grad)))


def padded(rows):
    """Rows of numbers as one array (B, T), padding behind the shorter ones, and their lengths; T is at least 1.

    Examples
    --------
    >>> padded([[5, 6], [7]])
    (array([[5, 6],
           [7, 0]]), array([2, 1]))
    """
    lengths = np.array([len(row) for row in rows], np.int64)
    x = np.full((len(rows), max(lengths.max(initial=0), 1)), PADDING, np.int64)
    for row, values in zip(x, rows, strict=True):
        row[: len(values)] = values
    return x, lengths
