"""TF-IDF: counts of n-grams, weighted by how few documents hold each."""

import numpy as np

from embeddings.checks import check_choice
from embeddings.text.ngram import NGramVectorizer
from kernels import tfidf as tfidf_kernel
from kernels.device import implementation
from kernels.tfidf import NORMS

weigh = implementation(tfidf_kernel.IMPLEMENTATIONS)


class TfidfVectorizer(NGramVectorizer):
    """Term frequency times inverse document frequency.

    Parameters
    ----------
    ngram_range, analyzer, lowercase, tokenizer, min_length, stop_words, min_df, max_df, max_features, binary
        As in :class:`~embeddings.text.NGramVectorizer`.
    norm : {"l2", "l1", None}, default "l2"
        What every document's vector is divided by.
    use_idf : bool, default True
    smooth_idf : bool, default True
        Count one more document that holds every term, so that nothing is divided by zero.
    sublinear_tf : bool, default False
        Take 1 + ln(count) for a count.
    dtype : numpy type, default numpy.float64

    Attributes
    ----------
    idf_ : array, shape (V,), float64
        Weight of each term (ones without `use_idf`).
    words_utf8_, word_offsets_, grams_
        As in :class:`~embeddings.text.NGramVectorizer`.

    Examples
    --------
    The term in both documents weighs ln(3 / 3) + 1 = 1, a term in one of them ln(3 / 2) + 1:

    >>> vectorizer = TfidfVectorizer(norm=None)
    >>> vectorizer.fit_transform(["the cat", "the ham ham"]).toarray().round(3).tolist()
    [[1.405, 0.0, 1.0], [0.0, 2.811, 1.0]]
    >>> vectorizer.get_feature_names_out().tolist()
    ['cat', 'ham', 'the']

    References
    ----------
    .. [1] Spärck Jones, "A statistical interpretation of term specificity and its application in retrieval", 1972.
    .. [2] Salton & Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
    """

    # Hashed columns have no document frequency.
    n_features = None

    def __init__(
        self,
        ngram_range=(1, 1),
        analyzer="word",
        lowercase=True,
        tokenizer=None,
        min_length=1,
        stop_words=None,
        min_df=1,
        max_df=1.0,
        max_features=None,
        binary=False,
        norm="l2",
        use_idf=True,
        smooth_idf=True,
        sublinear_tf=False,
        dtype=np.float64,
    ):
        self.ngram_range = ngram_range
        self.analyzer = analyzer
        self.lowercase = lowercase
        self.tokenizer = tokenizer
        self.min_length = min_length
        self.stop_words = stop_words
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.binary = binary
        self.norm = norm
        self.use_idf = use_idf
        self.smooth_idf = smooth_idf
        self.sublinear_tf = sublinear_tf
        self.dtype = dtype

    def fit_transform(self, documents, y=None):
        """Learn the terms and their weights, and weigh the same documents.

        Returns
        -------
        scipy.sparse.csr_matrix, shape (n_documents, n_features)
            Errors as in :meth:`fit`.
        """
        matrix, document_frequency = self._fit_counts(documents)
        extra = int(self.smooth_idf)
        if self.use_idf:
            self.idf_ = np.log((matrix.shape[0] + extra) / (document_frequency + extra)) + 1
        else:
            self.idf_ = np.ones(matrix.shape[1])
        return self._finish(matrix)

    def _finish(self, matrix):
        if self.binary:
            matrix.data[:] = 1
        matrix.data = weigh(
            matrix.indptr, matrix.indices, matrix.data, self.idf_, bool(self.sublinear_tf), NORMS[self.norm]
        )
        return matrix.astype(self.dtype, copy=False)

    def _check_parameters(self):
        super()._check_parameters()
        check_choice("norm", self.norm, tuple(NORMS))

    def _set_state(self, state):
        super()._set_state(state)
        if self.idf_.shape != (len(self.grams_),) or self.idf_.dtype != np.float64 or not np.isfinite(self.idf_).all():
            raise ValueError(f"idf_ must be {len(self.grams_)} finite numbers")
