"""FastText: word vectors made of the vectors of the words' n-grams, so that unseen words have one, too."""

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.files import pack_strings
from embeddings.text.corpus import Corpus
from embeddings.text.word2vec import Word2VecTraining
from embeddings.text.word_embedder import WordEmbedder
from embeddings.vectors import KeyedVectors
from kernels import fasttext as kernel
from kernels.device import implementation
from kernels.skipgram import CHUNK
from kernels.subword import IMPLEMENTATIONS as SUBWORD_IMPLEMENTATIONS

subwords = implementation(SUBWORD_IMPLEMENTATIONS)
compose = implementation(kernel.COMPOSE_IMPLEMENTATIONS)
train_block = implementation(kernel.IMPLEMENTATIONS)

# Centres of a chunk, and the noise words that they share: with 24, two in a hundred analogies are lost.
SHARING = CHUNK, 48


class FastText(WordEmbedder):
    """Skip-gram with negative sampling over subwords.

    A word is the mean of a vector of its own and those of its character n-grams, which are hashed into buckets. Only
    buckets that a word of the corpus falls into are kept: the others would never be trained.

    Parameters
    ----------
    vector_size : int, default 100
    window : int, default 5
        How far a word sees to both sides at most; the actual reach is drawn anew for each word, from 1 to `window`.
    min_count : int, default 5
        Rarer words are left out.
    min_n, max_n : int, default 3 and 6
        Shortest and longest n-gram, in characters, with the brackets in ``<word>``. Chinese wants 1 and 3 or so.
    bucket : int, default 2_000_000
        N-grams with the same hash modulo this share a vector.
    sample : float, default 1e-3
        Words that make up a larger share of the text are thinned out at random; 0 keeps all.
    negative : int, default 5
        Noise words for each pair.
    ns_exponent : float, default 0.5
        Noise words are drawn from word counts to this power (section 3.2 of the paper; Word2Vec's is 0.75).
    alpha, min_alpha : float, default 0.05 and 1e-4
        Learning rate at the start and at the end; it falls in a straight line.
    epochs : int, default 5
    workers : int, default 1
        Threads. One gives the same bits every time; more train on the same vectors without waiting for each other.
    seed : int, default 1
    callbacks : sequence of callables, default ()
        Each is called with the model after every epoch; ``vectors_`` are those so far.
    checkpoint : path, optional
        A file that keeps the state of the training, written every minute and after every epoch. If it is there and
        fits, ``fit`` goes on from it; it is removed at the end.

    Attributes
    ----------
    index_to_key_ : list of str
        The words, the most frequent first.
    counts_ : array, shape (V,), int64
    vectors_ : array, shape (V, vector_size), float32
        Of whole words: means over their pieces.
    piece_vectors_ : array, shape (V + n_buckets, vector_size), float32
        Of the pieces: each word's own, then one for each bucket in `buckets_`.
    buckets_ : array, shape (n_buckets,), int64
        Buckets that the words' n-grams fall into, the most frequent first.
    context_vectors_ : array, shape (V, vector_size), float32
        What predicts: the output layer.
    loss_history_ : list of float
        Mean loss of a pair in each epoch, before each update.
    wv : KeyedVectors
        The vectors with gensim's vocabulary; it has a vector for unseen words, too.

    Examples
    --------
    >>> sentences = [["red", "apples"], ["green", "apples"], ["red", "pears"], ["green", "pears"]] * 50
    >>> model = FastText(vector_size=8, window=1, sample=0, epochs=20, seed=1).fit(sentences)
    >>> "apple" in model.wv.key_to_index
    False
    >>> model.wv.most_similar("apple", topn=1)[0][0]
    'apples'

    References
    ----------
    Bojanowski, Grave, Joulin & Mikolov, "Enriching Word Vectors with Subword Information", TACL 2017.
    """

    def __init__(
        self,
        vector_size=100,
        window=5,
        min_count=5,
        min_n=3,
        max_n=6,
        bucket=2_000_000,
        sample=1e-3,
        negative=5,
        ns_exponent=0.5,
        alpha=0.05,
        min_alpha=1e-4,
        epochs=5,
        workers=1,
        seed=1,
        callbacks=(),
        checkpoint=None,
    ):
        self.vector_size = vector_size
        self.window = window
        self.min_count = min_count
        self.min_n = min_n
        self.max_n = max_n
        self.bucket = bucket
        self.sample = sample
        self.negative = negative
        self.ns_exponent = ns_exponent
        self.alpha = alpha
        self.min_alpha = min_alpha
        self.epochs = epochs
        self.workers = workers
        self.seed = seed
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def fit(self, X, y=None):
        """Learn vectors.

        Parameters
        ----------
        X : path, or iterable of str or of lists of str
            A text file with a sentence in each line, plain or gzipped; or sentences, as text or as lists of words. They
            are read once.

        Raises
        ------
        TypeError, ValueError
            For bad parameters or sentences, or if no word occurs `min_count` times, or no two stand together.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        self._check_parameters()
        corpus = Corpus.encode(X, self.min_count)
        V, d = len(corpus.words), self.vector_size
        hashed, offsets = self._hash(corpus.words)
        # Frequent n-grams first, so that what is used often lies together in memory.
        uses = np.repeat(corpus.counts, np.diff(offsets)).astype(np.float64)
        buckets, inverse = np.unique(hashed, return_inverse=True)
        order = np.argsort(-np.bincount(inverse, uses, len(buckets)), kind="stable")
        self.index_to_key_, self.counts_, self.buckets_ = corpus.words, corpus.counts, buckets[order]
        rng = np.random.default_rng([self.seed, 0, 0])
        drawn = rng.random((V + len(buckets), d), np.float32)
        # In (-1/d, 1/d), as the published program draws them.
        self.piece_vectors_ = (2 * drawn - 1) / np.float32(d)
        self.context_vectors_ = np.zeros((V, d), np.float32)
        self.loss_history_ = []
        _FastTextTraining(self, corpus).run()
        return self

    def transform(self, X):
        """Vectors of words, seen or not.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        array, shape (n, vector_size), float32

        Raises
        ------
        KeyError
            For a word that was not seen and shares no n-gram with those that were.
        """
        return super().transform(X)

    @property
    def wv(self):
        """The word vectors, a :class:`~embeddings.vectors.KeyedVectors` that composes those of unseen words."""
        self._check_is_fitted()
        keyed = vars(self).get("_keyed")
        if keyed is None or keyed.vectors is not self.vectors_:
            keyed = self._keyed = _SubwordVectors(self.index_to_key_, self.vectors_, self.counts_)
            keyed.compose = self._compose_unseen
        return keyed

    def _compose_unseen(self, word):
        """The mean of the known n-grams of a word, or None."""
        hashed, _ = self._hash([word])
        order = np.argsort(self.buckets_)
        place = np.searchsorted(self.buckets_, hashed, sorter=order)
        rows = order[place[place < len(order)]]
        rows = rows[np.isin(self.buckets_[rows], hashed)]
        return self.piece_vectors_[len(self.index_to_key_) + rows].mean(axis=0) if len(rows) else None

    def _hash(self, words):
        """The buckets of all n-grams of some words, and where each word's begin and end."""
        return subwords(*pack_strings(words), self.min_n, self.max_n, self.bucket, 0)

    def _pieces(self):
        """Rows of ``piece_vectors_`` that each word is made of, its own one first, and where they begin and end."""
        V = len(self.index_to_key_)
        hashed, offsets = self._hash(self.index_to_key_)
        order = np.argsort(self.buckets_)
        rows = V + order[np.searchsorted(self.buckets_, hashed, sorter=order)] if len(hashed) else hashed
        return np.insert(rows, offsets[:-1], np.arange(V)).astype(np.int32), offsets + np.arange(V + 1)

    def _check_parameters(self):
        self._check_training()
        for name in ("window", "negative", "min_n", "bucket"):
            check_integer(name, getattr(self, name), minimum=1)
        check_integer("max_n", self.max_n, minimum=self.min_n)
        check_number("sample", self.sample, minimum=0, maximum=1)
        check_number("ns_exponent", self.ns_exponent)
        alpha = check_number("alpha", self.alpha, minimum=0)
        check_number("min_alpha", self.min_alpha, minimum=0, maximum=alpha)

    def _set_state(self, state):
        super()._set_state(state)
        shape = (len(self.index_to_key_) + len(self.buckets_), self.vector_size)
        if self.piece_vectors_.shape != shape:
            raise ValueError(f"piece_vectors_ has the shape {self.piece_vectors_.shape}, not {shape}")
        if not np.isin(self._hash(self.index_to_key_)[0], self.buckets_).all():
            raise ValueError("buckets_ lacks n-grams of the words")


class _SubwordVectors(KeyedVectors):
    """Vectors of words, composed where a word is unknown."""

    compose = None

    def get_vector(self, key, norm=False):
        """The vector of a word, seen or not; with `norm`, divided by its length."""
        if key in self.key_to_index:
            return super().get_vector(key, norm)
        vector = self.compose(key) if isinstance(key, str) else None
        if vector is None:
            raise KeyError(f"{key!r} is not among the {len(self):,} known words and shares no n-gram with them")
        return vector / (np.linalg.norm(vector) or 1) if norm else vector


class _FastTextTraining(Word2VecTraining):
    """Word2Vec's training on vectors that are composed."""

    def __init__(self, model, corpus):
        super().__init__(model, corpus, sg=True)
        self.sharing = SHARING
        self.pieces = model._pieces()

    def _inputs(self):
        return self.model.piece_vectors_

    def publish(self):
        """Compose the words' vectors."""
        model, d = self.model, self.model.vector_size
        model.piece_vectors_ = np.ascontiguousarray(self.W_in[:, :d])
        model.context_vectors_ = np.ascontiguousarray(self.W_out[:, :d])
        model.vectors_ = compose(model.piece_vectors_, *self.pieces)

    def _learn(self, rng, kept, left, right, alphas, n_terms):
        noise = self._shared_noise(rng, len(kept), alphas)
        return train_block(self.W_in, self.W_out, *self.pieces, kept, left, right, *noise, self.model.negative)
