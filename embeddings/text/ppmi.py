"""PPMI: which words stand together more often than by chance."""

import numpy as np
from scipy import sparse

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.text.cooccurrence import Cooccurrences
from embeddings.text.corpus import Corpus


class PPMI(Embedder):
    """Positive pointwise mutual information: a sparse vector for each word, with a number for every other.

    PPMI(i, j) = max(0, log P(i, j) / (P(i) P(j)) - log shift), with the probabilities of pairs in a window. Skip-gram
    with K noise words factorises this matrix, unclipped, with `shift` = K (Levy & Goldberg 2014, equation 11).

    Parameters
    ----------
    window : int, default 5
        How far a word sees to both sides.
    min_count : int, default 5
        Rarer words are left out.
    distance_weighting : bool, default False
        A pair counts 1 / distance, not 1.
    shift : float, default 1
        "k" in the paper; at least 1.
    smoothing : float, default 0.75
        Contexts' probabilities are those of counts to this power, so that rare ones do not win ("α" of Levy, Goldberg &
        Dagan 2015, section 3.1); 1 is the plain formula.

    Attributes
    ----------
    index_to_key_ : list of str
        The words, the most frequent first.
    counts_ : array, shape (V,), int64
    matrix_ : scipy.sparse.csr_matrix, shape (V, V), float32

    Examples
    --------
    The only neighbour of "a" is "b"; P(a, b) = 1/4 and P(a) P(b) = 1/4 · 1/2:

    >>> model = PPMI(window=1, min_count=1, smoothing=1).fit([["a", "b"], ["c", "b"]])
    >>> model.index_to_key_
    ['b', 'a', 'c']
    >>> model.transform(["a"]).toarray().astype(float).round(4).tolist()
    [[0.6931, 0.0, 0.0]]

    References
    ----------
    Levy & Goldberg, "Neural Word Embedding as Implicit Matrix Factorization", 2014; Levy, Goldberg & Dagan, "Improving
    Distributional Similarity with Lessons Learned from Word Embeddings", 2015.
    """

    def __init__(self, window=5, min_count=5, distance_weighting=False, shift=1, smoothing=0.75):
        self.window = window
        self.min_count = min_count
        self.distance_weighting = distance_weighting
        self.shift = shift
        self.smoothing = smoothing

    def fit(self, X, y=None):
        """Count.

        Parameters
        ----------
        X : path, or iterable of str or of lists of str
            As for :class:`Word2Vec`.

        Raises
        ------
        TypeError, ValueError
            For bad parameters or sentences, or if no word occurs `min_count` times, or no two stand together.
        """
        for name in ("window", "min_count"):
            check_integer(name, getattr(self, name), minimum=1)
        check_choice("distance_weighting", self.distance_weighting, (True, False))
        check_number("shift", self.shift, minimum=1)
        check_number("smoothing", self.smoothing, minimum=0)
        corpus = Corpus.encode(X, self.min_count)
        counts = Cooccurrences(corpus, self.window, distance_weighting=self.distance_weighting).matrix()
        if counts.nnz == 0:
            raise ValueError("no two words stand together in any sentence; there is nothing to learn from")
        totals = np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel()  # (V,)
        contexts = totals**self.smoothing * (totals > 0)
        # log P(i, j) / (P(i) P(j)) = log X_ij - log X_i. - log P(j): the sum of X cancels out.
        with np.errstate(divide="ignore"):
            log_rows, log_contexts = np.log(totals), np.log(contexts / contexts.sum())
        rows = np.repeat(np.arange(len(totals)), np.diff(counts.indptr))
        information = np.log(counts.data) - log_rows[rows] - log_contexts[counts.indices] - np.log(self.shift)
        counts.data = np.maximum(information, 0).astype(np.float32)
        counts.eliminate_zeros()
        self.index_to_key_, self.counts_, self.matrix_ = corpus.words, corpus.counts, counts
        return self

    def transform(self, X):
        """Rows of the matrix.

        Parameters
        ----------
        X : iterable of str

        Returns
        -------
        scipy.sparse.csr_matrix, shape (n, V), float32

        Raises
        ------
        KeyError
            For a word that is not in the vocabulary.
        """
        self._check_is_fitted()
        if isinstance(X, str):
            raise TypeError(f"X must be a list of words, got the single string {X!r}")
        number = {word: i for i, word in enumerate(self.index_to_key_)}
        unknown = [word for word in X if word not in number]
        if unknown:
            raise KeyError(f"the word {unknown[0]!r} is not among the {len(number):,} known ones")
        return self.matrix_[[number[word] for word in X]]

    def _get_state(self):
        state = super()._get_state()
        matrix = state.pop("matrix_")
        return {**state, "data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr}

    def _set_state(self, state):
        parts = [state.pop(name) for name in ("data", "indices", "indptr")]
        super()._set_state(state)
        V = len(self.index_to_key_)
        self.matrix_ = sparse.csr_matrix(tuple(parts), shape=(V, V))
        self.matrix_.check_format(full_check=True)
