"""FastText: word vectors made of the vectors of the words' n-grams, so that unseen words have one, too."""

import os

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.fasttext_file import LOSSES, MODELS, read_fasttext, write_fasttext
from embeddings.subwords import Subwords, SubwordVectors, ngram_buckets
from embeddings.text.corpus import Corpus
from embeddings.text.word2vec import MAX_WINDOW, Word2VecTraining
from embeddings.text.word_embedder import WordEmbedder
from kernels import fasttext as kernel
from kernels.device import implementation

compose = implementation(kernel.COMPOSE_IMPLEMENTATIONS)

# Noise words that the centres of a chunk share: with 24, two in a hundred analogies are lost.
SHARED_NOISE = 48

# Parameters that a file of fastText's holds, by the names that they have there.
_ARGUMENTS = {
    **{"dim": "vector_size", "ws": "window", "epoch": "epochs", "minCount": "min_count", "neg": "negative"},
    **{"bucket": "bucket", "minn": "min_n", "maxn": "max_n", "t": "sample"},
}


class FastText(WordEmbedder):
    """Skip-gram with negative sampling over subwords.

    A word is the mean of a vector of its own and those of its character n-grams, which are hashed into buckets; an
    unseen word is the mean of its n-grams. Only buckets that a word of the corpus falls into are kept: the others would
    never be trained, and count as zeros.

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
        Threads. The vectors are the same, to the last bit, for any number.
    device : {"cpu", "cuda", "numpy"}, default "cpu"
        What trains: our threads; an NVIDIA GPU; or the reference in NumPy, to be read and compared with, hundreds of
        times slower.
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
        device="cpu",
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
        self.device = device
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
        corpus = Corpus.encode(X, self.min_count, workers=self.workers)
        self.index_to_key_, self.counts_, self.buckets_ = [], np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.piece_vectors_ = self.context_vectors_ = np.zeros((0, self.vector_size), np.float32)
        self.loss_history_ = []
        self._learn_from(corpus)
        return self

    def partial_fit(self, X, y=None):
        """Go on learning from other sentences; words that are new and frequent enough join the vocabulary.

        Each call trains for `epochs` epochs, with the learning rate falling anew. New words begin with what their
        n-grams have learned.

        Parameters
        ----------
        X : path, or iterable of str or of lists of str
            As for :meth:`fit`.

        Raises
        ------
        TypeError, ValueError
            As by :meth:`fit`, or if `vector_size` is no longer that of the vectors.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X)
        self._check_parameters()
        d = self.vectors_.shape[1]
        if self.vector_size != d:
            raise ValueError(f"vector_size must stay {d}, that of the vectors learned so far, got {self.vector_size}")
        corpus = Corpus.encode(X, self.min_count, known=self.index_to_key_, workers=self.workers)
        corpus.counts[: len(self.counts_)] += self.counts_
        self._learn_from(corpus)
        return self

    def _learn_from(self, corpus):
        """Draw vectors for words and buckets that are new, and train."""
        self._grow(corpus)
        _FastTextTraining(self, corpus).run()

    def _grow(self, corpus):
        V, d = len(self.index_to_key_), self.vector_size
        # Of old words, too: with other lengths of n-grams they may need more buckets than before.
        hashed, offsets = ngram_buckets(corpus.words, *self._ngram_settings)
        is_new = ~np.isin(hashed, self.buckets_)
        # Frequent n-grams first, so that what is used often lies together in memory.
        uses = np.repeat(corpus.counts, np.diff(offsets)).astype(np.float64)
        buckets, inverse = np.unique(hashed[is_new], return_inverse=True)
        order = np.argsort(-np.bincount(inverse, uses[is_new], len(buckets)), kind="stable")
        n_words, n_old = len(corpus.words), len(self.piece_vectors_)
        pieces = np.empty((n_words + len(self.buckets_) + len(buckets), d), np.float32)
        pieces[:V] = self.piece_vectors_[:V]
        pieces[n_words : n_old + n_words - V] = self.piece_vectors_[V:]
        rng = np.random.default_rng([self.seed, 0, V])
        for new in (pieces[V:n_words], pieces[n_old + n_words - V :]):
            # In (-1/d, 1/d), as the published program draws them; in place, because the rows are many.
            rng.random(out=new, dtype=np.float32)
            new *= 2
            new -= 1
            new /= np.float32(d)
        self.piece_vectors_ = pieces
        zeros = np.zeros((n_words - V, d), np.float32)
        self.context_vectors_ = np.concatenate([self.context_vectors_, zeros])
        self.buckets_ = np.concatenate([self.buckets_, buckets[order]])
        self.index_to_key_, self.counts_ = corpus.words, corpus.counts
        self.vectors_ = compose(self.piece_vectors_, *self._pieces())

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
        """The word vectors, :class:`~embeddings.subwords.SubwordVectors`, which compose those of unseen words."""
        self._check_is_fitted()
        keyed = vars(self).get("_keyed")
        if keyed is None or keyed.vectors is not self.vectors_:
            known = self.index_to_key_, self.vectors_, self.counts_
            keyed = self._keyed = SubwordVectors(*known, self.piece_vectors_, self.buckets_, *self._ngram_settings)
        return keyed

    # fastText's own files --------------------------------------------------------------------------------------------

    def save_facebook_model(self, path):
        """Write the model as fastText's ``.bin``, which fastText and gensim open and can go on training.

        Such a file has a row for each of the `bucket` buckets, 4 · `vector_size` bytes; those that no word fell into
        are zeros. ``save`` keeps the model in less, with all of its parameters.

        Parameters
        ----------
        path : path
            Gzipped if it ends in ``.gz``, to be unpacked before fastText or gensim can open it.
        """
        self._check_is_fitted()
        arguments = {name: getattr(self, ours) for name, ours in _ARGUMENTS.items()}
        V = len(self.index_to_key_)
        rows = np.concatenate([np.arange(V), V + self.buckets_])
        known = self.index_to_key_, self.counts_, rows, self.piece_vectors_, self.context_vectors_
        write_fasttext(path, arguments, *known)

    @classmethod
    def load_facebook_model(cls, path):
        """Read a skip-gram model that fastText or gensim wrote, to use it or to go on training with ``partial_fit``.

        Its vectors stay on disk until then. Files of other models hold vectors, too:
        :meth:`KeyedVectors.load <embeddings.vectors.KeyedVectors.load>` reads them.

        Parameters
        ----------
        path : path

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is damaged, or holds no skip-gram model with n-grams and negative sampling.
        """
        file = read_fasttext(path)
        arguments, V = file.arguments, len(file.words)
        what = f"{MODELS.get(arguments['model'])} with {LOSSES.get(arguments['loss'])}"
        if what != "skipgram with negative sampling" or len(file.W_out) != V or not arguments["maxn"]:
            raise ValueError(
                f"{os.fspath(path)!r} holds {what}, n-grams of up to {arguments['maxn']} characters and "
                f"{len(file.W_out):,} output vectors for {V:,} words; skipgram with negative sampling, n-grams, and an "
                "output vector for each word are wanted. KeyedVectors.load reads what vectors there are"
            )
        params = {ours: arguments[name] for name, ours in _ARGUMENTS.items()}
        model = cls(**{**params, "min_n": max(params["min_n"], 1)})
        model._check_parameters()
        model.loss_history_, model.buckets_ = [], np.arange(model.bucket)
        keyed = SubwordVectors.of_file(path, file)
        model.index_to_key_, model.counts_, model.vectors_ = keyed.index_to_key, keyed.counts, keyed.vectors
        model.piece_vectors_, model.context_vectors_ = keyed.piece_vectors, np.asarray(file.W_out)
        return model

    # Within ----------------------------------------------------------------------------------------------------------

    @property
    def _ngram_settings(self):
        return self.min_n, self.max_n, self.bucket

    def _pieces(self):
        """Rows of ``piece_vectors_`` that each word is made of, its own one first, and where they begin and end."""
        parts = Subwords(self.buckets_, *self._ngram_settings)
        return parts.pieces(self.index_to_key_, 0, len(self.index_to_key_))

    def _check_parameters(self):
        self._check_training()
        check_integer("window", self.window, minimum=1, maximum=MAX_WINDOW)
        for name in ("negative", "min_n", "bucket"):
            check_integer(name, getattr(self, name), minimum=1)
        check_integer("max_n", self.max_n, minimum=self.min_n)
        check_number("sample", self.sample, minimum=0, maximum=1)
        check_number("ns_exponent", self.ns_exponent)
        alpha = check_number("alpha", self.alpha, minimum=0)
        check_number("min_alpha", self.min_alpha, minimum=0, maximum=alpha)
        implementation(kernel.IMPLEMENTATIONS, self.device)

    def _set_state(self, state):
        super()._set_state(state)
        shape = (len(self.index_to_key_) + len(self.buckets_), self.vector_size)
        if self.piece_vectors_.shape != shape:
            raise ValueError(f"piece_vectors_ has the shape {self.piece_vectors_.shape}, not {shape}")
        if (Subwords(self.buckets_, *self._ngram_settings).rows(self.index_to_key_)[0] < 0).any():
            raise ValueError("buckets_ lacks n-grams of the words")


class _FastTextTraining(Word2VecTraining):
    """Word2Vec's training on vectors that are composed."""

    def __init__(self, model, corpus):
        super().__init__(model, corpus, sg=True)
        self.shared_noise = SHARED_NOISE
        self.pieces = model._pieces()

    def _kernels(self):
        return kernel.IMPLEMENTATIONS

    def _inputs(self):
        return self.model.piece_vectors_

    def _pieces(self):
        return self.pieces

    def begin(self):
        """The model's n-grams are the largest thing in memory, and `publish` makes them anew."""
        self.model.piece_vectors_ = None

    def publish(self):
        """Compose the words' vectors."""
        model = self.model
        self.begin()
        model.piece_vectors_, model.context_vectors_ = self._whole(self.W_in), self._whole(self.W_out)
        model.vectors_ = compose(model.piece_vectors_, *self.pieces)
