"""Coherence: whether the best words of a topic go together, which is near to what people call a good topic."""

import numpy as np
from scipy import sparse

WINDOW = 10

# What keeps the logarithm of pairs that never meet finite, as Röder's program and gensim have it.
EPSILON = 1e-12


def umass(best, blocks):
    """Mean log((D(w_i, w_j) + 1) / D(w_j)) over the pairs of a topic's words with j before i (Mimno et al. 2011,
    equation 1, whose sum is divided by the number of pairs here). D counts the documents that hold the words.

    Parameters
    ----------
    best : array, shape (K, n)
        Numbers of words, the best first.
    blocks : iterable of (tokens, offsets)
        Documents as numbers, -1 for other words, and where each begins and ends.

    Returns
    -------
    array, shape (K,), float64
        0 for a topic one of whose earlier words is in no document: nothing is known of it. (Such pairs are left out.)

    Examples
    --------
    Two words in three documents, together in one: log((1 + 1) / 2).

    >>> umass(np.array([[0, 1]]), [(np.array([0, 1, 0, 1]), np.array([0, 2, 3, 4]))]).tolist()
    [0.0]

    References
    ----------
    Mimno, Wallach, Talley, Leenders & McCallum, "Optimizing Semantic Coherence in Topic Models", EMNLP 2011.
    """
    words, places = np.unique(best, return_inverse=True)
    places = places.reshape(best.shape)
    together = np.zeros((len(words), len(words)))
    for tokens, offsets in blocks:
        documents = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        together += _together(documents, _rank(words, tokens), len(offsets) - 1, len(words))
    before, after = np.triu_indices(best.shape[1], 1)
    j, i = places[:, before], places[:, after]  # (K, pairs)
    seen = together[j, j] > 0
    scores = np.log((together[i, j] + 1) / np.where(seen, together[j, j], 1))
    return np.where(seen, scores, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)


def c_npmi(best, blocks):
    """Mean normalised pointwise mutual information over the pairs of a topic's words (Röder, Both & Hinneburg 2015):

        NPMI(w, v) = log((P(w, v) + ε) / (P(w) P(v))) / -log(P(w, v) + ε)

    P is the share of the windows of 10 neighbouring words that hold the words; a shorter document is one window.

    Parameters
    ----------
    best, blocks
        As for :func:`umass`.

    Returns
    -------
    array, shape (K,), float64
        1: words that never stand apart; 0: as chance has it; -1: never together. A pair with a word that does not occur
        counts 0.

    Examples
    --------
    >>> documents = np.array([0, 1, 0, 1, 2, 2]), np.array([0, 2, 4, 5, 6])
    >>> c_npmi(np.array([[0, 1], [0, 2]]), [documents]).round(2).tolist()
    [1.0, -0.95]

    References
    ----------
    Röder, Both & Hinneburg, "Exploring the Space of Topic Coherence Measures", WSDM 2015.
    """
    words, places = np.unique(best, return_inverse=True)
    places = places.reshape(best.shape)
    together, n_windows = np.zeros((len(words), len(words))), 0
    for tokens, offsets in blocks:
        lengths = np.diff(offsets)
        windows = np.where(lengths > 0, np.maximum(lengths - WINDOW + 1, 1), 0)
        first_window = np.cumsum([0, *windows])
        rank = _rank(words, tokens)
        found = np.flatnonzero(rank >= 0)
        document = np.searchsorted(offsets, found, side="right") - 1
        place = found - offsets[document]
        # The word at a place is in the windows that begin at most nine places before, as far as there are such.
        starts = place[:, None] - np.arange(WINDOW)  # (n, 10)
        inside = (starts >= 0) & (starts < windows[document][:, None])
        number = (first_window[document][:, None] + starts)[inside]
        word = np.repeat(rank[found], WINDOW).reshape(-1, WINDOW)[inside]
        together += _together(number, word, int(first_window[-1]), len(words))
        n_windows += int(first_window[-1])
    p = together / max(n_windows, 1)
    w, v = np.triu_indices(best.shape[1], 1)
    joint, apart = p[places[:, w], places[:, v]], (np.diag(p)[places[:, w]], np.diag(p)[places[:, v]])
    seen = (apart[0] > 0) & (apart[1] > 0)
    chance = np.where(seen, apart[0] * apart[1], 1)
    # Two words in every window: log 1 over log 1, which is 1 as for all that never stand apart.
    certain = joint >= 1
    scores = np.log((joint + EPSILON) / chance) / -np.log(np.where(certain, 0.5, joint + EPSILON))
    return np.where(seen, np.where(certain, 1, scores), 0).mean(axis=1)


def _rank(words, tokens):
    """The place in `words`, which are sorted, of each token; -1 for the others."""
    place = np.minimum(np.searchsorted(words, tokens), len(words) - 1)
    return np.where(words[place] == tokens, place, -1)


def _together(rows, columns, n_rows, n_columns):
    """In how many rows each two columns are both found, (n_columns, n_columns); a column of -1 is none."""
    found = columns >= 0
    shape = n_rows, n_columns
    held = sparse.csr_matrix((np.ones(found.sum()), (rows[found], columns[found])), shape)
    held.data[:] = 1
    return (held.T @ held).toarray()
