"""Counting: from the numbers of tokens to a sparse matrix of documents × terms.

    X[d, j] = how often term j occurs in document d,      df[j] = in how many documents it occurs

A sparse matrix is kept by rows (CSR): the columns and values of row d are ``indices[indptr[d] : indptr[d + 1]]`` and
``counts[indptr[d] : indptr[d + 1]]``.

======= ================ ================ ==================================================
symbol  variable         shape            what it is
======= ================ ================ ==================================================
        tokens           (T,) int32       number of every token, document after document; -1 is not counted
        token_offsets    (N + 1,) int64   where each document begins and ends in `tokens`
n       n_terms          scalar           tokens are smaller than this
X       indptr           (N + 1,) int64   where each row begins and ends
        indices          (Z,) int32       term of each entry
        counts           (Z,) int32       how often it occurs in the document
        column_of        (n,) int32       the column that a term gets, or -1
======= ================ ================ ==================================================

Salton, Wong & Yang, "A Vector Space Model for Automatic Indexing", CACM 1975.
"""

import numpy as np

from kernels.compile import compiled
from kernels.tokenize import DE_BRUIJN_SEQUENCE, PLACE_OF_BIT


def count_numpy(tokens, token_offsets, n_terms):
    """Count every document's tokens.

    Parameters
    ----------
    tokens : array, shape (T,), int32
    token_offsets : array, shape (N + 1,), int64
    n_terms : int

    Returns
    -------
    indptr : array, shape (N + 1,), int64
    indices, counts : arrays, shape (Z,), int32
        Within a row, terms stand in the order of their first occurrence.

    Examples
    --------
    >>> indptr, indices, counts = count_numpy(np.array([1, 0, 1, -1, 2]), np.array([0, 3, 5]), 3)
    >>> indptr.tolist(), indices.tolist(), counts.tolist()
    ([0, 2, 3], [1, 0, 2], [2, 1, 1])
    """
    indptr, indices, counts = [0], [], []
    for start, end in zip(token_offsets[:-1], token_offsets[1:], strict=True):
        row = {}
        for token in tokens[start:end].tolist():
            if token >= 0:
                row[token] = row.get(token, 0) + 1
        indices.extend(row.keys())
        counts.extend(row.values())
        indptr.append(len(indices))
    return np.array(indptr, np.int64), np.array(indices, np.int32), np.array(counts, np.int32)


@compiled(fastmath=False)
def _count(tokens, token_offsets, place, indptr, indices, counts):
    Z = 0
    for d in range(token_offsets.shape[0] - 1):
        first = Z
        for t in range(token_offsets[d], token_offsets[d + 1]):
            token = tokens[t]
            if token < 0:
                continue
            # Where the term's last entry is; an entry before this row's first is another document's. Without a branch,
            # because nobody can predict which words are new to a document.
            z = place[token]
            is_new = z < first
            z = np.int32(Z) if is_new else z
            place[token] = z
            indices[z] = token
            counts[z] += 1
            Z += is_new
        indptr[d + 1] = Z
    return Z


def count_cpu(tokens, token_offsets, n_terms):
    """Compiled :func:`count_numpy`."""
    place = np.full(n_terms, -1, dtype=np.int32)
    indptr = np.zeros(len(token_offsets), dtype=np.int64)
    indices = np.empty(len(tokens), dtype=np.int32)
    counts = np.zeros(len(tokens), dtype=np.int32)
    Z = _count(tokens, token_offsets, place, indptr, indices, counts)
    return indptr, indices[:Z].copy(), counts[:Z].copy()


def select_numpy(indptr, indices, counts, column_of):
    """Give the terms their columns, drop those without one, and sort every row by column.

    Parameters
    ----------
    indptr : array, shape (N + 1,), int64
    indices, counts : arrays, shape (Z,), int32
        No term twice in a row.
    column_of : array, shape (n_terms,), int32
        No two terms have the same column.

    Returns
    -------
    indptr, indices, counts
        The new matrix.

    Examples
    --------
    >>> indptr, indices, counts = np.array([0, 3]), np.array([0, 1, 2], np.int32), np.array([5, 6, 7], np.int32)
    >>> [a.tolist() for a in select_numpy(indptr, indices, counts, np.array([1, -1, 0], np.int32))]
    [[0, 2], [0, 1], [7, 5]]
    """
    columns = column_of[indices]
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    kept = np.flatnonzero(columns >= 0)
    kept = kept[np.lexsort((columns[kept], rows[kept]))]
    new_indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=len(indptr) - 1))])
    return new_indptr.astype(np.int64), columns[kept].astype(np.int32), counts[kept]


@compiled(fastmath=False)
def _select(indptr, indices, counts, column_of, value, bits, summary, new_indptr, new_indices, new_counts):
    """Sort each row through a bitmap of the columns, whose words that are not 0 have a bitmap of their own."""
    Z = np.int64(0)
    for d in range(indptr.shape[0] - 1):
        for z in range(indptr[d], indptr[d + 1]):
            if column_of[indices[z]] >= 0:
                column = np.uint64(column_of[indices[z]])
                value[column] = counts[z]
                bits[column >> np.uint64(6)] |= np.uint64(1) << (column & np.uint64(63))
                summary[column >> np.uint64(12)] |= np.uint64(1) << ((column >> np.uint64(6)) & np.uint64(63))
        for s in range(summary.shape[0]):
            while summary[s] != 0:
                lowest = summary[s] & (~summary[s] + np.uint64(1))
                summary[s] ^= lowest
                b = (np.uint64(s) << np.uint64(6)) + np.uint64(
                    PLACE_OF_BIT[(lowest * np.uint64(DE_BRUIJN_SEQUENCE)) >> np.uint64(58)]
                )
                word = bits[b]
                bits[b] = 0
                while word != 0:
                    lowest = word & (~word + np.uint64(1))
                    word ^= lowest
                    column = (b << np.uint64(6)) + np.uint64(
                        PLACE_OF_BIT[(lowest * np.uint64(DE_BRUIJN_SEQUENCE)) >> np.uint64(58)]
                    )
                    new_indices[Z] = column
                    new_counts[Z] = value[column]
                    Z += 1
        new_indptr[d + 1] = Z


def select_cpu(indptr, indices, counts, column_of):
    """Compiled :func:`select_numpy`."""
    n_columns = int(column_of.max(initial=-1)) + 1
    new_indptr = np.zeros(len(indptr), dtype=np.int64)
    new_indices = np.empty(len(indices), dtype=np.int32)
    new_counts = np.empty(len(indices), dtype=np.int32)
    value = np.empty(n_columns, dtype=np.int32)
    bits = np.zeros((n_columns >> 6) + 1, dtype=np.uint64)
    summary = np.zeros((n_columns >> 12) + 1, dtype=np.uint64)
    _select(indptr, indices, counts, column_of, value, bits, summary, new_indptr, new_indices, new_counts)
    Z = new_indptr[-1]
    return new_indptr, new_indices[:Z], new_counts[:Z]


def tally_numpy(tokens, counts):
    """Add to `counts` how often each token occurs.

    Parameters
    ----------
    tokens : array, shape (T,), int32
        Each 0 or more, and smaller than n.
    counts : array, shape (n,), int64
        Added to in place.

    Examples
    --------
    >>> counts = np.array([5, 0])
    >>> tally_numpy(np.array([1, 0, 1], np.int32), counts)
    >>> counts.tolist()
    [6, 2]
    """
    counts += np.bincount(tokens, minlength=len(counts))


@compiled(fastmath=False)
def tally_cpu(tokens, counts):
    """Compiled :func:`tally_numpy`."""
    for t in range(tokens.shape[0]):
        counts[np.uint32(tokens[t])] += 1


def renumber_numpy(tokens, token_offsets, number):
    """Give tokens their final numbers, in place, and leave those out that have none.

    Parameters
    ----------
    tokens : array, shape (T,), int32
        The first tokens are overwritten.
    token_offsets : array, shape (N + 1,), int64
    number : array, shape (n,), int32
        What each token becomes; -1: it is left out.

    Returns
    -------
    array, shape (N + 1,), int64
        Where each document begins and ends now.

    Examples
    --------
    >>> tokens = np.array([0, 1, 2, 0], np.int32)
    >>> renumber_numpy(tokens, np.array([0, 3, 4]), np.array([5, -1, 4], np.int32)).tolist(), tokens[:3].tolist()
    ([0, 2, 3], [5, 4, 5])
    """
    renumbered = number[tokens]
    kept = renumbered >= 0
    total = np.concatenate([[0], np.cumsum(kept)])
    tokens[: total[-1]] = renumbered[kept]
    return total[token_offsets]


@compiled(fastmath=False)
def renumber_cpu(tokens, token_offsets, number):
    """Compiled :func:`renumber_numpy`."""
    offsets = np.zeros_like(token_offsets)
    written = 0
    for document in range(token_offsets.shape[0] - 1):
        for t in range(token_offsets[document], token_offsets[document + 1]):
            renumbered = number[np.uint32(tokens[t])]
            kept = renumbered >= 0
            # Without a branch: which words are rare is nothing that a processor could predict.
            tokens[written] = renumbered if kept else tokens[written]
            written += kept
        offsets[document + 1] = written
    return offsets


# No CUDA twins: counting is part of reading text.
COUNT_IMPLEMENTATIONS = {"numpy": count_numpy, "cpu": count_cpu}
SELECT_IMPLEMENTATIONS = {"numpy": select_numpy, "cpu": select_cpu}
TALLY_IMPLEMENTATIONS = {"numpy": tally_numpy, "cpu": tally_cpu}
RENUMBER_IMPLEMENTATIONS = {"numpy": renumber_numpy, "cpu": renumber_cpu}
