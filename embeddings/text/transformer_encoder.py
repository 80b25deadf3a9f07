"""Sentences through a Transformer: every word looks at every other."""

import numpy as np

from embeddings import nn
from embeddings.checks import check_choice, check_integer
from embeddings.text.documents import numbered
from embeddings.text.sentence_encoder import BEGIN, FIRST_WORD, SentenceEncoder, padded

# A masked language model is asked for so many of the words; of them, so many are masked, and so many replaced by any
# other word (Devlin et al. 2019, section 3.1).
ASKED, MASKED, REPLACED = 0.15, 0.8, 0.1


class TransformerEncoder(SentenceEncoder):
    """A sentence's vector is pooled from its words' vectors after some blocks of attention (Vaswani et al. 2017).

    ``fit(texts)`` without labels learns to fill in masked words.

    Parameters
    ----------
    n_layers : int, default 2
    n_heads : int, default 4
        Divides `vector_size`.
    vector_size : int, default 64
        d, the numbers of a word's vector, in every layer.
    d_hidden : int, optional
        Width of the network behind attention; 4d by default.
    positions : {"sinusoidal", "learned"}, default "sinusoidal"
        How words are told their place. Learned ones are known for `max_length` places.
    norm : {"pre", "post"}, default "pre"
        Whether each block's norm comes before or after its parts.
    pooling : {"mean", "max", "cls"}, default "mean"
        How the words' vectors become one. "cls": a learned vector is put before the sentence, and what becomes of it.
    min_count : int, default 1
        Rarer words are left out, and unknown ones.
    max_length : int, default 512
        Longer sentences are cut.
    dropout : float, default 0.1
        Of word vectors, of what attention and network give, and of what the scores are made of.
    epochs : int, default 5
    batch_size : int, default 32
    learning_rate : float, default 0.001
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
    Who is big? Positions tell:

    >>> texts, labels = ["cat bigger mouse", "mouse bigger cat"] * 20, ["cat", "mouse"] * 20
    >>> model = TransformerEncoder(1, 2, 8, dropout=0, epochs=10, learning_rate=0.02, batch_size=4)
    >>> model.fit(texts, labels).predict(["mouse bigger cat"]).tolist()
    ['mouse']
    >>> words, weights = model.attention("cat bigger mouse")
    >>> words, weights.shape
    (['cat', 'bigger', 'mouse'], (1, 2, 3, 3))
    """

    poolings = ("mean", "max", "cls")

    def __init__(
        self,
        n_layers=2,
        n_heads=4,
        vector_size=64,
        d_hidden=None,
        *,
        positions="sinusoidal",
        norm="pre",
        pooling="mean",
        min_count=1,
        max_length=512,
        dropout=0.1,
        epochs=5,
        batch_size=32,
        learning_rate=0.001,
        temperature=0.05,
        seed=1,
        workers=1,
        checkpoint=None,
    ):
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.vector_size = vector_size
        self.d_hidden = d_hidden
        self.positions = positions
        self.norm = norm
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

    def attention(self, text):
        """How much each word looks at each other.

        Parameters
        ----------
        text : str or list of str

        Returns
        -------
        words : list of str
            The known ones; with ``pooling="cls"``, ``"[CLS]"`` first.
        weights : array, shape (n_layers, n_heads, T, T)
            Rows add up to 1.

        Raises
        ------
        ValueError
            If the text has no known word.
        """
        self._check_is_fitted()
        ((tokens, _),) = numbered([text], self.words_)
        numbers = tokens[tokens >= 0][: self.max_length]
        if not len(numbers):
            raise ValueError(f"text has no known word: {text!r}")
        x, lengths = padded([numbers + FIRST_WORD])
        weights = self.network_.body.weights(self.network_.embedding.forward(x), lengths)
        words = [self.words_[i] for i in numbers]
        return ["[CLS]", *words] if self.pooling == "cls" else words, np.stack(weights)

    def _language_batch(self, rows, rng):
        """Some words masked, and the words that stood there."""
        words, lengths = padded(rows)
        usable = np.arange(words.shape[1]) < lengths[:, None]
        asked = usable & (rng.random(words.shape) < ASKED)
        what, others = rng.random(words.shape), rng.integers(FIRST_WORD, len(self.words_) + FIRST_WORD, words.shape)
        x = np.where(asked & (what < MASKED), BEGIN, words)
        x = np.where(asked & (what >= MASKED) & (what < MASKED + REPLACED), others, x)
        target = np.where(asked, words, -100)
        if self.pooling == "cls":
            # Nothing is asked of the vector before the sentence.
            target = np.concatenate([np.full((len(target), 1), -100), target], axis=1)
        return x, target, lengths

    def _body(self, rng):
        return _Blocks(self, rng)

    def _pooling(self, n):
        return _FirstStep() if self.pooling == "cls" else super()._pooling(n)

    def _check_parameters(self):
        super()._check_parameters()
        for name in ("n_layers", "n_heads"):
            check_integer(name, getattr(self, name), minimum=1)
        check_integer("max_length", self.max_length, minimum=1)
        if self.d_hidden is not None:
            check_integer("d_hidden", self.d_hidden, minimum=1)
        check_choice("positions", self.positions, ("sinusoidal", "learned"))
        check_choice("norm", self.norm, ("pre", "post"))
        if self.vector_size % self.n_heads:
            raise ValueError(f"n_heads must divide vector_size {self.vector_size}, got {self.n_heads}")


class _Blocks(nn.Layer):
    """Positions, the vector before the sentence if there is one, blocks, and a last norm where theirs come before."""

    def __init__(self, model, rng):
        super().__init__()
        d = model.vector_size
        # As in the paper's section 3.4, so that words outweigh sinusoids.
        self.factor = np.float32(np.sqrt(d) if model.positions == "sinusoidal" else 1)
        self.first = nn.Parameter(rng.normal(0, 0.1, d).astype(np.float32)) if model.pooling == "cls" else None
        n_places = model.max_length + (model.pooling == "cls")
        sinusoidal = model.positions == "sinusoidal"
        self.positions = nn.SinusoidalPositions() if sinusoidal else nn.LearnedPositions(n_places, d, rng=rng)
        sizes, options = (d, model.n_heads, model.d_hidden), {"norm": model.norm, "dropout": model.dropout, "rng": rng}
        self.blocks = [nn.TransformerBlock(*sizes, **options) for _ in range(model.n_layers)]
        self.last_norm = nn.LayerNorm(d) if model.norm == "pre" else None

    def _begin(self, x, lengths):
        """The input of the first block, and the steps that it has."""
        x = x * self.factor
        if self.first is not None:
            x = np.concatenate([np.broadcast_to(self.first.data, (len(x), 1, x.shape[2])), x], axis=1)
            lengths = None if lengths is None else np.asarray(lengths) + 1
        return self.positions.forward(x), lengths

    def forward(self, x, lengths=None):
        x, lengths = self._begin(x, lengths)
        for block in self.blocks:
            x = block.forward(x, lengths)
        return x if self.last_norm is None else self.last_norm.forward(x)

    def backward(self, grad):
        if self.last_norm is not None:
            grad = self.last_norm.backward(grad)
        for block in reversed(self.blocks):
            grad = block.backward(grad)
        grad = self.positions.backward(grad)
        if self.first is not None:
            self.first.grad += grad[:, 0].sum(axis=0)
            grad = grad[:, 1:]
        return grad * self.factor

    def weights(self, x, lengths):
        """Attention weights of one sentence, (H, T, T), at every block; in evaluation."""
        x, lengths = self._begin(x, lengths)
        found = []
        for block in self.blocks:
            found.append(block.weights(x, lengths)[0])
            x = block.forward(x, lengths)
        return found


class _FirstStep(nn.Layer):
    """The state of the first step."""

    def forward(self, x, lengths=None):
        self.push(x.shape)
        return np.ascontiguousarray(x[:, 0])

    def backward(self, grad):
        dx = np.zeros(self.pop(), grad.dtype)
        dx[:, 0] = grad
        return dx
