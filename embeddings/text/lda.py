"""LDA: documents as mixtures of topics, topics as distributions over words."""

import collections.abc

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.text.coherence import c_npmi, umass
from embeddings.text.documents import corpus_of_counts, corpus_of_documents, is_matrix, known_places, numbered
from embeddings.text.lda_training import (
    GibbsTraining,
    MetropolisTraining,
    VariationalTraining,
    count,
    expect,
    infer,
    padded,
)
from embeddings.text.word_embedder import check_watching

# With more topics, a proposal and a coin for each word beat the exact draw, though they need more epochs.
MOST_GIBBS_TOPICS = 512

TRAININGS = {"gibbs": GibbsTraining, "metropolis": MetropolisTraining, "variational": VariationalTraining}

# Documents that are inferred at once.
BLOCK_DOCUMENTS = 1024

# γ of documents is taken as found when it changes by less than this on average, or after so many iterations.
TOLERANCE, ITERATIONS = 1e-3, 100


class LatentDirichletAllocation(Embedder):
    """Latent Dirichlet allocation: each document draws its topics from a Dirichlet distribution, and each of its words
    from one of them.

    Parameters
    ----------
    n_components : int, default 100
        Topics ("K" in the papers). They may be more than there are words; some stay empty then.
    alpha : float, or sequence of K floats, default 0.1
        Prior of a document's topics ("α"): the smaller, the fewer topics a document has. A sequence makes some topics
        more common than others.
    eta : float, default 0.01
        Prior of a topic's words ("η", "β" in some papers): the smaller, the fewer words a topic has.
    method : {"auto", "gibbs", "metropolis", "variational"}, default "auto"
        ``"gibbs"`` draws the topic of one word after the other, given all others; its time grows with K.
        ``"metropolis"`` approaches the same by proposals, in a time that K does not matter to, but needs more epochs.
        ``"variational"`` is online variational Bayes: it learns from batches, and needs few epochs. ``"auto"`` is
        ``"gibbs"`` for up to 512 topics and ``"metropolis"`` beyond.
    epochs : int, default 100
        Passes over the corpus. Variational Bayes has learned most after ten.
    min_count : int, default 5
        Rarer words are left out. (Of texts; a matrix keeps its columns.)
    max_df : float, default 1.0
        Words in a greater share of the documents are left out. (Of texts.)
    optimize_interval : int, default 0
        Learn `alpha` after every that many epochs, each topic's own; 0: it stays. (MALLET's name.)
    batch_size : int, default 1024
        Documents in a batch. This and the next four are for ``"variational"`` alone. As many as there are documents,
        or more: batch variational Bayes.
    learning_decay : float, default 0.7
        How fast batches lose influence ("κ").
    learning_offset : float, default 10
        How much the first batches are held back ("τ₀").
    mean_change : float, default 1e-3
        A document is inferred when its γ changes by less on average,
    inner_iterations : int, default 100
        or after so many iterations.
    workers : int, default 1
        Threads. The topics are the same, to the last bit, for any number.
    seed : int, default 1
    callbacks : sequence of callables, default ()
        Each is called with the model after every epoch; ``components_`` are those so far.
    checkpoint : path, optional
        A file that keeps the state of the training, written every minute and after every epoch. If it is there and
        fits, ``fit`` goes on from it; it is removed at the end.

    Attributes
    ----------
    components_ : array, shape (K, V), float32
        How much of each word each topic has: counts + η of the last epoch, or λ. Divided by the sum of its row, a row
        is the topic's distribution.
    index_to_key_ : list of str
        The words, the most frequent first. The columns of a matrix are called "0", "1" ….
    counts_ : array, shape (V,), int64
    alpha_ : array, shape (K,), float32
        The prior, as it was learned.
    loss_history_ : list of float
        Mean -log probability of a word in each epoch, before the update that it leads to. Sampling: given the topics of
        all other words (with ``"metropolis"``, of about 5,000 words, the same in each epoch). Variational Bayes: given
        the document's inferred topics, with exp(E[log φ]) in place of φ.

    Examples
    --------
    >>> documents = [["cat", "dog", "cat"], ["dog", "cat"], ["ham", "soup"], ["soup", "ham", "soup"]] * 10
    >>> model = LatentDirichletAllocation(n_components=2, epochs=20, seed=1).fit(documents)
    >>> sorted(sorted(word for word, _ in words) for words in model.top_words(2))
    [['cat', 'dog'], ['ham', 'soup']]
    >>> mixture = model.transform([["ham", "ham", "dog"]])[0]
    >>> [round(float(share), 1) for share in sorted(mixture)]
    [0.3, 0.7]

    References
    ----------
    Blei, Ng & Jordan, "Latent Dirichlet Allocation", JMLR 2003; Griffiths & Steyvers, "Finding scientific topics", PNAS
    2004; Hoffman, Blei & Bach, "Online Learning for Latent Dirichlet Allocation", NIPS 2010; Chen, Li, Zhu & Chen,
    "WarpLDA", VLDB 2016.
    """

    def __init__(
        self,
        n_components=100,
        alpha=0.1,
        eta=0.01,
        method="auto",
        epochs=100,
        min_count=5,
        max_df=1.0,
        optimize_interval=0,
        batch_size=1024,
        learning_decay=0.7,
        learning_offset=10,
        mean_change=1e-3,
        inner_iterations=100,
        workers=1,
        seed=1,
        callbacks=(),
        checkpoint=None,
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.eta = eta
        self.method = method
        self.epochs = epochs
        self.min_count = min_count
        self.max_df = max_df
        self.optimize_interval = optimize_interval
        self.batch_size = batch_size
        self.learning_decay = learning_decay
        self.learning_offset = learning_offset
        self.mean_change = mean_change
        self.inner_iterations = inner_iterations
        self.workers = workers
        self.seed = seed
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def fit(self, X, y=None):
        """Learn topics.

        Parameters
        ----------
        X : path, iterable of str or of lists of str, or matrix of counts
            A text file with a document in each line, plain or gzipped; or documents, as text or as lists of words, read
            once; or a sparse or dense matrix, shape (n_documents, V), of whole numbers, as `NGramVectorizer` makes.

        Raises
        ------
        TypeError, ValueError
            For bad parameters or documents, counts that are negative, not whole or not finite, or if no word remains.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        self._check_parameters()
        corpus = corpus_of_documents(X, self.min_count, self.max_df)
        self.index_to_key_, self.counts_, self.loss_history_ = corpus.words, corpus.counts, []
        method = self.method
        if method == "auto":
            method = "gibbs" if self.n_components <= MOST_GIBBS_TOPICS else "metropolis"
        self.method_ = method
        TRAININGS[method](self, corpus).run()
        return self

    def fit_transform(self, X, y=None):
        """``fit(X).transform(X)``; an iterator is kept in memory, as it is read twice."""
        if isinstance(X, collections.abc.Iterator):
            X = list(X)
        return self.fit(X, y).transform(X)

    def transform(self, X):
        """Documents as mixtures of the learned topics, by variational inference: the same every time, without a seed.

        Parameters
        ----------
        X
            As for :meth:`fit`; a matrix must have the same columns.

        Returns
        -------
        array, shape (n, K), float32
            Rows that add up to 1. A document without a known word has what is expected of any: α / Σα.
        """
        self._check_is_fitted()
        blocks = [self._infer(tokens, offsets) for tokens, offsets in self._blocks(X)]
        gamma = np.concatenate([np.zeros((0, self.n_components), np.float32), *blocks])
        return gamma / gamma.sum(axis=1, keepdims=True)

    def perplexity(self, X):
        """How many words the model wavers between: exp of the mean -log probability of a held-out word.

        Every document is completed (Wallach et al. 2009, "Evaluation Methods for Topic Models", section 5.1): its known
        words at even places (from 0) show its topics, and those at odd places are then predicted. The words of a matrix
        are taken in the order of the columns.

        Parameters
        ----------
        X
            Documents that were not trained on, as for :meth:`fit`.

        Returns
        -------
        float
            The smaller the better; V for a model that knows nothing.

        Raises
        ------
        ValueError
            If no document has two known words.
        """
        self._check_is_fitted()
        topics = self._topics().T  # (V, K)
        loss, n = 0.0, 0
        for tokens, offsets in self._blocks(X):
            documents = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
            odd = (np.arange(len(tokens)) - offsets[documents]) % 2 == 1
            shown = np.cumsum([0, *(np.diff(offsets) + 1) // 2])
            gamma = self._infer(tokens[~odd], shown)
            theta = gamma / gamma.sum(axis=1, keepdims=True)
            tokens, documents = tokens[odd], documents[odd]
            step = max(1, (1 << 22) // self.n_components)
            for i in range(0, len(tokens), step):
                p = np.einsum("nk,nk->n", theta[documents[i : i + step]], topics[tokens[i : i + step]])
                loss -= np.log(p, dtype=np.float64).sum()
            n += len(tokens)
        if n == 0:
            raise ValueError("no document has two known words: one to show its topics, one to predict")
        return float(np.exp(loss / n))

    def coherence(self, X, measure="umass", n=10):
        """How well the best words of each topic go together in some documents.

        Parameters
        ----------
        X
            Documents, as for :meth:`fit`; for ``"c_npmi"`` not a matrix, which knows no order.
        measure : {"umass", "c_npmi"}, default "umass"
            See :func:`~embeddings.text.coherence.umass` and :func:`~embeddings.text.coherence.c_npmi`.
        n : int, default 10
            Words of each topic.

        Returns
        -------
        array, shape (K,), float64
            The larger the better; for ``"c_npmi"`` between -1 and 1.
        """
        self._check_is_fitted()
        check_choice("measure", measure, ("umass", "c_npmi"))
        check_integer("n", n, minimum=2, maximum=len(self.index_to_key_))
        if measure == "c_npmi" and is_matrix(X):
            raise ValueError(
                'measure="c_npmi" looks at words that stand near each other; a matrix does not know: pass texts'
            )
        best = self._best(n)
        if measure == "umass":
            return umass(best, self._blocks(X))
        return c_npmi(best, self._blocks(X, keep_unknown=True))

    def top_words(self, n=10):
        """The words that each topic has most of.

        Parameters
        ----------
        n : int, default 10

        Returns
        -------
        list of lists of (str, float)
            For each topic its words and their probabilities, the most probable first.
        """
        self._check_is_fitted()
        n = check_integer("n", n, minimum=1)
        topics = self._topics()
        return [
            [(self.index_to_key_[w], float(topics[k, w])) for w in words]
            for k, words in enumerate(self._best(min(n, len(self.index_to_key_))))
        ]

    # Documents -------------------------------------------------------------------------------------------------------

    def _blocks(self, X, keep_unknown=False):
        """Numbers of known words, and where documents begin and end in them, block by block; unknown words as -1."""
        if is_matrix(X):
            corpus = corpus_of_counts(X)
            if len(corpus.words) != len(self.index_to_key_):
                raise ValueError(f"X has {len(corpus.words)} columns, fitted were {len(self.index_to_key_)}")
            blocks = [(corpus.tokens, corpus.offsets)]
        else:
            blocks = numbered(X, self.index_to_key_)
        for tokens, offsets in blocks:
            for first in range(0, len(offsets) - 1, BLOCK_DOCUMENTS):
                ends = offsets[first : first + BLOCK_DOCUMENTS + 1]
                block = tokens[ends[0] : ends[-1]], ends - ends[0]
                yield block if keep_unknown else known_places(*block)

    def _infer(self, tokens, offsets):
        """γ of documents, (D, K)."""
        starts, words, counts = count(tokens, offsets, len(self.index_to_key_))
        gamma = padded(np.ones((len(offsets) - 1, self.n_components)))
        results = gamma, np.zeros_like(gamma), np.empty(len(words), np.float32)
        documents = starts, words, counts.astype(np.float32)
        infer(*documents, self._rows_of_words(), self.alpha_, *results, TOLERANCE, ITERATIONS)
        return gamma[:, : self.n_components]

    def _topics(self):
        """Each topic's distribution over the words, (K, V)."""
        return self.components_ / self.components_.sum(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)

    def _rows_of_words(self):
        """What documents are inferred with, (V, P): the topics, or of variational Bayes, exp(E[log φ])."""
        kept = vars(self).get("_rows")
        if kept is None or kept[0] is not self.components_:
            if self.method_ == "variational":
                masses = padded(self.components_.T)
                rows = np.zeros_like(masses)
                expect(masses, 1.0, 0.0, self.components_.sum(axis=1, dtype=np.float64), rows)
            else:
                rows = padded(self._topics().T)
            kept = self._rows = self.components_, rows
        return kept[1]

    def _best(self, n):
        """Numbers of the n most probable words of each topic, (K, n); of equals, the more frequent first."""
        return np.argsort(-self.components_, axis=1, kind="stable")[:, :n]

    # Files and checks ------------------------------------------------------------------------------------------------

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_rows"}

    def _set_state(self, state):
        super()._set_state(state)
        self._check_parameters()
        check_choice("method_", self.method_, tuple(TRAININGS))
        V, K = len(self.index_to_key_), self.n_components
        shapes = {"components_": (K, V), "alpha_": (K,), "counts_": (V,)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise ValueError(f"{name} has the shape {array.shape}, not {shape}")
        for name in ("components_", "alpha_"):
            array = getattr(self, name)
            if array.dtype != np.float32 or not np.isfinite(array).all() or array.min() <= 0:
                raise ValueError(f"{name} must be finite float32 numbers above 0")
        # As training leaves them in memory, so that sums are added in the same order.
        self.components_ = np.asfortranarray(self.components_)

    def _check_parameters(self):
        check_integer("n_components", self.n_components, minimum=1, maximum=2**16)
        for name in ("epochs", "min_count", "batch_size", "inner_iterations", "workers"):
            check_integer(name, getattr(self, name), minimum=1)
        for name in ("optimize_interval", "seed"):
            check_integer(name, getattr(self, name), minimum=0)
        check_choice("method", self.method, ("auto", *TRAININGS))
        _check_positive("eta", self.eta)
        if isinstance(self.alpha, str | bytes) or not isinstance(self.alpha, collections.abc.Iterable):
            _check_positive("alpha", self.alpha)
        else:
            alpha = list(self.alpha)
            if len(alpha) != self.n_components:
                raise ValueError(f"alpha has {len(alpha)} numbers, but n_components is {self.n_components}")
            for k, number in enumerate(alpha):
                _check_positive(f"alpha[{k}]", number)
        check_number("max_df", self.max_df, minimum=0, maximum=1)
        check_number("learning_decay", self.learning_decay, minimum=0, maximum=1)
        check_number("learning_offset", self.learning_offset, minimum=0)
        check_number("mean_change", self.mean_change, minimum=0)
        check_watching(self.callbacks, self.checkpoint)


def _check_positive(name, value):
    if check_number(name, value, minimum=0) == 0:
        raise ValueError(f"{name} must be more than 0")
