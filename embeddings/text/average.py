"""AverageEncoder: a document's vector is the mean of its words' vectors, weighed by how much each word says."""

import re

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.subwords import SubwordVectors
from embeddings.text.corpus import Corpus, Numbering
from embeddings.text.grams import check_documents
from embeddings.vectors import KeyedVectors
from kernels.average import IMPLEMENTATIONS
from kernels.count import COUNT_IMPLEMENTATIONS
from kernels.device import implementation

average = implementation(IMPLEMENTATIONS)
count = implementation(COUNT_IMPLEMENTATIONS)

# Words that are looked at together while a corpus is learned from.
BLOCK_WORDS = 1 << 20

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")


class AverageEncoder(Embedder):
    """Vectors of documents as means of word vectors that were learned before.

    A document without any known word has the vector of zeros.

    Parameters
    ----------
    vectors : KeyedVectors, or a fitted model of word vectors
        `Word2Vec`, `GloVe`, `FastText`, or a file through ``KeyedVectors.load``. Vectors that compose those of unseen
        words, as FastText's do, are asked for them. They are shared, not copied, also by scikit-learn's ``clone``.
        Texts are read in lower case, and each ideograph is a word; for vectors with other words, pass lists of words.
    weighting : {"uniform", "tfidf", "sif"}, default "uniform"
        What each occurrence of a word is multiplied by. ``"uniform"``: 1. ``"tfidf"``: the inverse document frequency
        ln((1 + N) / (1 + df)) + 1; the sum is divided by the sum of the weights. ``"sif"``: a / (a + p), where p is the
        word's share of the text (smooth inverse frequency; [1]_, algorithm 1); the sum is divided by the number of
        known words.
    remove_components : int, default 0
        Subtract from each document its part along that many common directions: the first right singular vectors of the
        vectors of the documents in ``fit``, uncentred ([1]_, algorithm 1, removes 1).
    unit : {"word", "sentence"}, default "word"
        Whether a document is the mean of all its words, so that long sentences count for more, or the mean of its
        sentences, each the mean of its own words. Sentences without a known word are left out. A text is cut into
        sentences behind ``. ! ?`` and white space, behind ``。！？``, and at line ends.
    a : float, default 1e-3
        The a of ``"sif"``: words that make up a larger share of the text are the ones that lose weight.

    Attributes
    ----------
    keyed_vectors_ : KeyedVectors
        The word vectors.
    weights_ : array, shape (V,), float32
        Each word's weight; a word that ``fit`` did not see has the weight of the rarest.
    components_ : array, shape (remove_components, d), float32
        The common directions, each of length 1.

    Examples
    --------
    *The* is in both documents and weighs ln(3 / 3) + 1 = 1; *cat*, in one, ln(3 / 2) + 1 = 1.41:

    >>> vectors = KeyedVectors(["the", "cat", "ham"], [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    >>> encoder = AverageEncoder(vectors).fit(["The cat", "the ham"])
    >>> encoder.transform(["The cat", "cat, cat, cat, ham!", "unknown words"]).tolist()
    [[0.5, 0.5], [-0.25, 0.75], [0.0, 0.0]]
    >>> encoder = AverageEncoder(vectors, weighting="tfidf").fit(["The cat", "the ham"])
    >>> print(encoder.weights_.round(2), encoder.transform(["the cat"]).round(2))
    [1.   1.41 1.41] [[0.42 0.58]]

    References
    ----------
    .. [1] Arora, Liang & Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", ICLR 2017.
    """

    def __init__(self, vectors=None, weighting="uniform", remove_components=0, unit="word", a=1e-3):
        self.vectors = vectors
        self.weighting = weighting
        self.remove_components = remove_components
        self.unit = unit
        self.a = a

    def fit(self, X, y=None):
        """Learn the words' weights and the common directions.

        Parameters
        ----------
        X : iterable of str or of lists of str
            Documents, read once: texts, or lists of words, all of a kind. With ``unit="sentence"``, a document that is
            not a text is a list of sentences, each a list of words.

        Raises
        ------
        TypeError, ValueError
            For bad parameters, vectors or documents; if no document holds a word; if not more than `remove_components`
            documents have a known word, for nothing would be left of them.
        """
        self._check_parameters()
        keyed = _keyed_vectors(self.vectors)
        sizes = []
        corpus = Corpus.encode(self._sentences(check_documents(X), sizes))
        ends = np.cumsum([0, *sizes])
        row = np.array([keyed.key_to_index.get(word, -1) for word in corpus.words])  # (W,)
        known = row >= 0
        V, N = len(keyed), len(sizes)
        weights = np.ones(V + 1)  # the last one is for words that fit does not see
        if self.weighting == "tfidf":
            df = np.zeros(V + 1)
            df[row[known]] = _document_frequency(corpus, ends)[known]
            weights = np.log((1 + N) / (1 + df)) + 1
        elif self.weighting == "sif":
            p = np.zeros(V + 1)
            p[row[known]] = corpus.counts[known] / corpus.counts.sum()
            weights = self.a / (self.a + p)
        self.keyed_vectors_ = keyed
        self.weights_, self.unseen_weight_ = weights[:V].astype(np.float32), float(weights[V])
        self.components_ = np.zeros((0, keyed.vector_size), np.float32)
        if self.remove_components:
            self.components_ = self._common_directions(corpus, ends)
        return self

    def transform(self, X):
        """Vectors of documents.

        Parameters
        ----------
        X : iterable of str or of lists of str
            As for :meth:`fit`; it is read once, a block at a time.

        Returns
        -------
        array, shape (n, d), float32
            Zeros for a document without a known word.

        Raises
        ------
        TypeError
            For a single string, or a document that is neither a text nor a list of strings.
        """
        self._check_is_fitted()
        numbering, words, sizes = Numbering(), _Words(self.keyed_vectors_), []
        documents, n = [], 0
        pending = self._no_sentence()
        for tokens, offsets in numbering.blocks(self._sentences(check_documents(X), sizes)):
            words.add(numbering.words_from(len(words)))
            pending = [np.concatenate(pair) for pair in zip(pending, self._means(words, tokens, offsets), strict=True)]
            # The last sentences may be of a document that goes on in the next block.
            ends = np.cumsum([0, *sizes[n:]])
            whole = int(np.searchsorted(ends, len(pending[0]), side="right")) - 1
            documents.append(_mean_of_sentences(*pending, ends[: whole + 1]))
            pending = [array[ends[whole] :] for array in pending]
            n += whole
        # Documents without any sentence, when no block came.
        documents.append(np.zeros((len(sizes) - n, self.keyed_vectors_.vector_size), np.float32))
        return self._without_components(np.concatenate(documents))

    def _no_sentence(self):
        return np.zeros((0, self.keyed_vectors_.vector_size), np.float32), np.zeros(0, np.float32)

    def _means(self, words, tokens, offsets):
        """The means of sentences, (S, d), and which of them have a known word, (S,), as 0 and 1."""
        vectors, weights, tokens = words.table(tokens, self.weights_, self.unseen_weight_)
        shares = weights if self.weighting == "tfidf" else np.ones_like(weights)
        means = np.empty((len(offsets) - 1, vectors.shape[1]), np.float32)
        average(vectors, weights, shares, tokens, offsets, means)
        n_known = np.diff(np.concatenate([[0], np.cumsum(tokens >= 0)])[offsets])
        return means, (n_known > 0).astype(np.float32)

    def _common_directions(self, corpus, ends):
        d, K = self.keyed_vectors_.vector_size, self.remove_components
        if d < K:
            raise ValueError(f"remove_components is {K}, but the vectors have only {d} numbers")
        words = _Words(self.keyed_vectors_)
        words.add(corpus.words)
        # The right singular vectors of all documents' vectors are the eigenvectors of the sum of their outer products.
        products, n = np.zeros((d, d)), 0
        for tokens, offsets, block_ends in _blocks(corpus, ends):
            means = _mean_of_sentences(*self._means(words, tokens, offsets), block_ends).astype(np.float64)
            n += int(means.any(axis=1).sum())
            products += means.T @ means
        if n <= K:
            raise ValueError(
                f"remove_components={K} needs at least {K + 1} documents with a known word, got {n} of {len(ends) - 1}"
            )
        components = np.linalg.eigh(products)[1][:, : -K - 1 : -1].T  # (K, d), the largest first
        largest = components[np.arange(K), np.abs(components).argmax(axis=1)]
        return np.ascontiguousarray(components * np.where(largest < 0, -1, 1)[:, None], np.float32)

    def _without_components(self, documents):
        """d - C'C d of every document, in place."""
        if len(self.components_):
            # Not by BLAS, whose last bit depends on how many documents there are.
            parts = np.einsum("nd,kd->nk", documents, self.components_)
            documents -= np.einsum("nk,kd->nd", parts, self.components_)
        return documents

    def _sentences(self, documents, sizes):
        """The sentences of documents, how many each has in `sizes`; where words count alike, a document is one."""
        for i, document in enumerate(documents):
            if self.unit == "word":
                sentences = [document]
            elif isinstance(document, str):
                sentences = split_sentences(document)
            else:
                try:
                    sentences = list(document)
                except TypeError:
                    sentences = [""]
                if any(isinstance(sentence, str) for sentence in sentences):
                    raise TypeError(
                        f'document {i} is {document!r:.60}; with unit="sentence", a document is a text, or a list of '
                        "sentences that are lists of words"
                    )
            sizes.append(len(sentences))
            yield from sentences

    # Files and checks ------------------------------------------------------------------------------------------------

    def __sklearn_clone__(self):
        # A copy of the vectors would cost memory, and a clone of a model of theirs would have forgotten them.
        return type(self)(**self.get_params(deep=False))

    def _get_saved_params(self):
        # The vectors are kept as arrays.
        return {name: value for name, value in super()._get_saved_params().items() if name != "vectors"}

    def _get_state(self):
        state = super()._get_state()
        keyed = state.pop("keyed_vectors_")
        # Named as those of a model of word vectors, so that KeyedVectors.load reads them, too.
        state |= {"index_to_key_": keyed.index_to_key, "vectors_": keyed.vectors, "counts_": keyed.counts}
        if isinstance(keyed, SubwordVectors):
            state |= {"piece_vectors_": keyed.piece_vectors, "buckets_": keyed.buckets, "settings_": keyed.settings}
        return state

    def _set_state(self, state):
        known = [state.pop(name) for name in ("index_to_key_", "vectors_", "counts_")]
        if "settings_" in state:
            pieces, buckets, settings = (state.pop(name) for name in ("piece_vectors_", "buckets_", "settings_"))
            if pieces.ndim != 2 or pieces.shape[1:] != known[1].shape[1:] or len(buckets) > len(pieces):
                raise ValueError(f"{len(buckets)} buckets do not fit vectors of the shape {pieces.shape}")
            keyed = SubwordVectors(*known, pieces, buckets, *settings)
        else:
            keyed = KeyedVectors(*known)
        super()._set_state({**state, "keyed_vectors_": keyed})
        self.vectors = keyed
        self._check_parameters()
        _keyed_vectors(keyed)
        check_number("unseen_weight_", self.unseen_weight_, minimum=0)
        shapes = {"weights_": (len(keyed),), "components_": (self.remove_components, keyed.vector_size)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32 or not np.isfinite(array).all():
                raise ValueError(f"{name} must be finite float32 of shape {shape}, got {array.dtype} of {array.shape}")

    def _check_parameters(self):
        check_choice("weighting", self.weighting, ("uniform", "tfidf", "sif"))
        check_choice("unit", self.unit, ("word", "sentence"))
        check_integer("remove_components", self.remove_components, minimum=0)
        if check_number("a", self.a, minimum=0) == 0:
            raise ValueError("a must be above 0, got 0")


def split_sentences(text):
    """The sentences of a text, cut behind ``. ! ?`` and white space, behind ``。！？``, and at line ends.

    Abbreviations are cut, too: for a mean, a piece of a sentence does no harm.

    Examples
    --------
    >>> split_sentences("The cat sleeps. Does it? 猫睡觉。真的！")
    ['The cat sleeps.', 'Does it?', '猫睡觉。', '真的！']
    """
    return [sentence for sentence in _SENTENCE_END.split(text) if sentence] or [""]


class _Words:
    """Words by number: the rows of their vectors, and vectors composed for words that have none."""

    def __init__(self, keyed):
        self._keyed = keyed
        self._rows = np.zeros(0, np.int32)
        self._composed = []

    def __len__(self):
        return len(self._rows)

    def add(self, words):
        """Give the next numbers to `words`."""
        rows = [self._keyed.key_to_index.get(word, -1) for word in words]
        if isinstance(self._keyed, SubwordVectors):
            for i, row in enumerate(rows):
                if row < 0:
                    try:
                        self._composed.append(self._keyed.get_vector(words[i]))
                    except KeyError:
                        continue
                    rows[i] = len(self._keyed) + len(self._composed) - 1
        self._rows = np.concatenate([self._rows, np.array(rows, np.int32)])

    def table(self, tokens, weights, unseen_weight):
        """Vectors and weights of some words, and the words as rows of them, -1 for unknown ones."""
        V = len(self._keyed)
        tokens = self._rows[tokens]
        if tokens.max(initial=-1) < V:
            return self._keyed.vectors, weights, tokens
        used, places = np.unique(tokens, return_inverse=True)
        n_unknown = np.searchsorted(used, 0)
        old, new = used[(used >= 0) & (used < V)], used[used >= V]
        composed = np.stack([self._composed[row - V] for row in new])
        vectors = np.concatenate([self._keyed.vectors[old], composed.astype(np.float32)])
        weights = np.concatenate([weights[old], np.full(len(new), unseen_weight, np.float32)])
        return vectors, weights, (places - n_unknown).astype(np.int32)


def _mean_of_sentences(sentences, known, ends):
    """The means of each document's sentences with a known word."""
    documents = np.empty((len(ends) - 1, sentences.shape[1]), np.float32)
    average(sentences, known, known, np.arange(len(sentences), dtype=np.int32), ends, documents)
    return documents


def _keyed_vectors(vectors):
    """The word vectors of what was passed as `vectors`, checked."""
    # NotFittedError is an AttributeError, and must not be taken for a missing wv.
    keyed = vectors.wv if hasattr(type(vectors), "wv") else vectors
    if not isinstance(keyed, KeyedVectors):
        raise TypeError(f"vectors must be KeyedVectors or a model of word vectors, got a {type(vectors).__name__}")
    if not len(keyed):
        raise ValueError("vectors must hold at least one word, got none")
    finite = np.isfinite(keyed.vectors).all(axis=1)
    if not finite.all():
        raise ValueError(f"vectors must be finite; that of {keyed.index_to_key[int(np.argmin(finite))]!r} is not")
    return keyed


def _blocks(corpus, ends):
    """Blocks of whole documents: tokens, where their sentences end in them, where documents end among the sentences."""
    start = 0
    while start < len(ends) - 1:
        first = corpus.offsets[ends[start]]
        stop = int(np.searchsorted(corpus.offsets[ends], first + BLOCK_WORDS, side="left"))
        stop = min(max(stop, start + 1), len(ends) - 1)
        offsets = corpus.offsets[ends[start] : ends[stop] + 1]
        yield corpus.tokens[first : offsets[-1]], offsets - first, ends[start : stop + 1] - ends[start]
        start = stop


def _document_frequency(corpus, ends):
    """In how many documents each word of a corpus occurs, (W,)."""
    frequency = np.zeros(len(corpus.words), np.int64)
    for tokens, offsets, block_ends in _blocks(corpus, ends):
        frequency += np.bincount(count(tokens, offsets[block_ends], len(frequency))[1], minlength=len(frequency))
    return frequency
