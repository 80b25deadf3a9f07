"""Corpora of documents: texts, lists of words, or a matrix of counts."""

import numpy as np
from scipy import sparse

from embeddings.text.corpus import Corpus, Numbering
from kernels.count import COUNT_IMPLEMENTATIONS
from kernels.device import implementation

count = implementation(COUNT_IMPLEMENTATIONS)

# Documents that are counted at once.
BLOCK_DOCUMENTS = 1 << 12


def corpus_of_documents(X, min_count=1, max_df=1.0):
    """The corpus of `X`.

    Parameters
    ----------
    X : path, iterable of str or of lists of str, or matrix of counts
        As :meth:`~embeddings.text.corpus.Corpus.encode` takes them, or as :func:`corpus_of_counts` does.
    min_count : int, default 1
        Rarer words are left out. A matrix keeps its columns.
    max_df : float, default 1.0
        Words in a greater share of the documents are left out. A matrix keeps its columns.

    Raises
    ------
    TypeError, ValueError
        For documents or counts that are none, or if no word remains.

    Examples
    --------
    >>> corpus_of_documents(["the cat", "the ham", "the soup"], max_df=0.5).words
    ['cat', 'ham', 'soup']
    """
    if is_matrix(X):
        corpus = corpus_of_counts(X)
        if corpus.n_tokens == 0:
            raise ValueError(f"there is no word to learn from: X, of the shape {X.shape}, holds no count above 0")
        return corpus
    corpus = Corpus.encode(X, min_count)
    if max_df == 1:
        return corpus
    n_documents = np.zeros(len(corpus.words), np.int64)
    for first in range(0, len(corpus), BLOCK_DOCUMENTS):
        offsets = corpus.offsets[first : first + BLOCK_DOCUMENTS + 1]
        _, words, _ = count(corpus.tokens[offsets[0] : offsets[-1]], offsets - offsets[0], len(n_documents))
        n_documents += np.bincount(words, minlength=len(n_documents))
    kept = n_documents <= max_df * len(corpus)
    if not kept.any():
        raise ValueError(f"no word remains: each is in more than {max_df:g} of the documents; raise max_df")
    number = np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int32)
    tokens, offsets = known_places(number[corpus.tokens], corpus.offsets)
    words = [word for word, keep in zip(corpus.words, kept, strict=True) if keep]
    return Corpus(words, corpus.counts[kept], tokens, offsets)


def is_matrix(X):
    """Whether `X` is a matrix of counts, and no documents."""
    return sparse.issparse(X) or (isinstance(X, np.ndarray) and X.dtype.kind in "biufc")


def corpus_of_counts(X):
    """The corpus that has the counts of a matrix: of each row, the words in the order of the columns.

    Raises
    ------
    ValueError
        For numbers that are negative, not whole, NaN or infinite.

    Examples
    --------
    >>> corpus_of_counts(np.array([[2, 0, 1], [0, 1, 0]])).tokens.tolist()
    [0, 0, 2, 1]
    """
    if X.ndim != 2:
        raise ValueError(f"a matrix of counts has two dimensions, got the shape {X.shape}")
    X = sparse.csr_matrix(X)
    if not X.has_canonical_format:
        # On a copy: the matrix is the caller's.
        X = X.copy()
        X.sum_duplicates()
    if X.dtype.kind == "c" or not np.isfinite(X.data).all():
        raise ValueError("X holds NaN, infinity or complex numbers; counts are wanted")
    if X.data.min(initial=0) < 0:
        raise ValueError(f"X holds {X.data.min()}; counts cannot be negative")
    counts = X.data.astype(np.int64)
    if np.any(counts != X.data):
        wrong = X.data[counts != X.data][0]
        raise ValueError(f"X holds {wrong}; counts are whole numbers (weights, as of TF-IDF, are none)")
    words = [str(column) for column in range(X.shape[1])]
    tokens = np.repeat(X.indices.astype(np.int32), counts)
    offsets = np.concatenate([[0], np.cumsum(counts)])[X.indptr]
    return Corpus(words, np.bincount(tokens, minlength=len(words)), tokens, offsets)


def numbered(X, words):
    """``tokens`` and ``offsets`` of texts or lists, block after block: each word by its place in `words`, or -1.

    Examples
    --------
    >>> [(tokens.tolist(), offsets.tolist()) for tokens, offsets in numbered(["a cat", "cats"], ["cat", "a"])]
    [([1, 0, -1], [0, 2, 3])]
    """
    numbering, number_of = Numbering(), {word: i for i, word in enumerate(words)}
    numbers = np.zeros(0, np.int32)
    for tokens, offsets in numbering.blocks(X):
        new = [number_of.get(word, -1) for word in numbering.words_from(len(numbers))]
        numbers = np.concatenate([numbers, np.array(new, np.int32)])
        yield numbers[tokens], offsets


def known_places(tokens, offsets):
    """Without the places of -1."""
    kept = tokens >= 0
    return tokens[kept], np.concatenate([[0], np.cumsum(kept)])[offsets]
