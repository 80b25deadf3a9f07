"""N-grams: a document's vector says how often each run of n neighbouring words, or characters, occurs in it."""

import numbers

import numpy as np
from scipy import sparse

from embeddings.base import Embedder, NotFittedError
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.files import pack_strings, unpack_strings
from embeddings.text.grams import (
    N_CODE_POINTS,
    CallableTokens,
    CharacterTokens,
    Grams,
    WordTokens,
    alphabetical_order,
    check_documents,
    gather_words,
    in_blocks,
)
from embeddings.text.tokenizer import check_stop_words
from kernels import count as count_kernels
from kernels.device import implementation
from kernels.ngram import HASH_IMPLEMENTATIONS

count = implementation(count_kernels.COUNT_IMPLEMENTATIONS)
select = implementation(count_kernels.SELECT_IMPLEMENTATIONS)
hash_words = implementation(HASH_IMPLEMENTATIONS)


class NGramVectorizer(Embedder):
    """Count the n-grams of documents.

    Parameters
    ----------
    ngram_range : (int, int), default (1, 1)
        Shortest and longest n-gram.
    analyzer : {"word", "char"}, default "word"
        What an n-gram is made of. With ``"char"``, two or more white-space characters count as one space.
    lowercase : bool, default True
    tokenizer : callable, optional
        Cuts a document into a list of words; by default :func:`~embeddings.text.tokenize` does, compiled.
    min_length : int, default 1
        Words of fewer characters are dropped, except single Han ideographs.
    stop_words : iterable of str, optional
        Words to drop, before n-grams are formed.
    min_df, max_df : int or float, default 1 and 1.0
        Drop n-grams that occur in fewer, or in more, documents: an int is a number, a float a share of the documents.
    max_features : int, optional
        Keep the most frequent n-grams only; of equals, NumPy's sorting decides, as in scikit-learn.
    binary : bool, default False
        Say 1 where an n-gram occurs, however often.
    n_features : int, optional
        Hash n-grams into that many columns. Then there is no vocabulary to learn or keep: any text can be transformed,
        different n-grams may share a column, and `min_df`, `max_df` and `max_features` do not apply.
    dtype : numpy type, default numpy.int64

    Attributes
    ----------
    words_utf8_, word_offsets_ : arrays, shapes (L,) uint8 and (W + 1,) int64
        The words in the features, alphabetically, as packed UTF-8 (none for characters).
    grams_ : array, shape (V, longest), int32
        The features, alphabetically: the numbers of their words, or their code points; -1 behind the last.

    Examples
    --------
    >>> vectorizer = NGramVectorizer(ngram_range=(1, 2))
    >>> X = vectorizer.fit_transform(["the cat", "the cat, the ham"])
    >>> vectorizer.get_feature_names_out().tolist()
    ['cat', 'cat the', 'ham', 'the', 'the cat', 'the ham']
    >>> X.toarray().tolist()
    [[1, 0, 0, 1, 1, 0], [1, 1, 1, 2, 1, 1]]

    References
    ----------
    .. [1] Shannon, "A Mathematical Theory of Communication", 1948, section 3.
    .. [2] Hashing: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
    """

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
        n_features=None,
        dtype=np.int64,
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
        self.n_features = n_features
        self.dtype = dtype

    def fit(self, documents, y=None):
        """Learn which n-grams there are.

        Parameters
        ----------
        documents : iterable of str

        Raises
        ------
        TypeError
            For a single string, or a document that is not a string.
        ValueError
            If there is no document, no word in any of them, or nothing left after pruning; or for bad parameters.
        """
        self.fit_transform(documents)
        return self

    def fit_transform(self, documents, y=None):
        """Learn which n-grams there are, and count them in the same documents.

        Returns
        -------
        scipy.sparse.csr_matrix, shape (n_documents, n_features)
            Errors as in :meth:`fit`.
        """
        matrix, _ = self._fit_counts(documents)
        return self._finish(matrix)

    def transform(self, documents):
        """Count the n-grams that ``fit`` learned; others are ignored.

        Returns
        -------
        scipy.sparse.csr_matrix, shape (n_documents, n_features)
        """
        self._check_is_fitted()
        return self._finish(self._counts(documents))

    def get_feature_names_out(self, input_features=None):
        """The n-grams of the columns, words joined by spaces.

        Returns
        -------
        array of str objects, shape (n_features,)
        """
        self._check_is_fitted()
        self._refuse_hashing("get_feature_names_out")
        if self.analyzer == "char":
            names = ["".join(map(chr, gram[gram >= 0])) for gram in self.grams_]
        else:
            words = unpack_strings(self.words_utf8_, self.word_offsets_)
            if self.grams_.shape[1] == 1:
                names = [words[w] for w in self.grams_[:, 0].tolist()]
            else:
                names = [" ".join([words[w] for w in gram if w >= 0]) for gram in self.grams_.tolist()]
        return np.array(names, dtype=object)

    @property
    def vocabulary_(self):
        """Column of each n-gram, a dict."""
        return {name: column for column, name in enumerate(self.get_feature_names_out())}

    def inverse_transform(self, X):
        """The n-grams that occur in each row of `X`.

        Parameters
        ----------
        X : array or sparse matrix, shape (n_documents, n_features)

        Returns
        -------
        list of arrays of str

        Raises
        ------
        ValueError
            If `X` has another number of columns, or columns are hashes.
        """
        names = self.get_feature_names_out()
        X = sparse.csr_matrix(X)
        if X.shape[1] != len(names):
            raise ValueError(f"X must have {len(names)} columns, got {X.shape[1]}")
        return [names[np.sort(row.indices[row.data != 0])] for row in X]

    # Learning --------------------------------------------------------------------------------------------------------

    def _fit_counts(self, documents):
        """Sorted counts of the documents, and the number of documents that hold each feature."""
        self._check_parameters()
        documents = check_documents(documents)
        if self.n_features is not None:
            self.n_features_ = self.n_features
            matrix = self._counts(documents)
            return matrix, None
        grams = self._grams()
        n_levels = len(grams.sizes)
        blocks, document_frequency, total_counts = (
            [],
            [np.zeros(0, np.int64)] * n_levels,
            [np.zeros(0, np.int64)] * n_levels,
        )
        for block in in_blocks(documents):
            rows = []
            for level, (stream, offsets) in enumerate(grams.number(block, True)):
                size = grams.sizes[level]
                rows.append(count(stream, offsets, size))
                _, indices, counts = rows[-1]
                document_frequency[level] = _add(np.bincount(indices, minlength=size), document_frequency[level])
                if self.max_features is not None:
                    weights = None if self.binary else counts
                    total_counts[level] = _add(
                        np.bincount(indices, weights, size).astype(np.int64), total_counts[level]
                    )
            blocks.append(rows)
        n_documents = sum(len(rows[0][0]) - 1 for rows in blocks)
        if n_documents == 0:
            raise ValueError("there is no document to learn from: documents is empty")
        document_frequency = np.concatenate(document_frequency)
        if not document_frequency.any():
            raise ValueError(
                "no document holds a single term: they are empty, or stop_words, min_length or ngram_range drop all"
            )
        columns, n_columns = self._choose(grams, document_frequency, np.concatenate(total_counts), n_documents)
        column_frequency = np.empty(n_columns, dtype=np.int64)
        column_frequency[columns[columns >= 0]] = document_frequency[columns >= 0]
        return _assemble(blocks, columns, n_columns, grams.sizes), column_frequency

    def _choose(self, grams, document_frequency, total_counts, n_documents):
        """Decide on the features and store them. Returns each gram's column (or -1) and the number of columns."""
        least = self.min_df if isinstance(self.min_df, numbers.Integral) else self.min_df * n_documents
        most = self.max_df if isinstance(self.max_df, numbers.Integral) else self.max_df * n_documents
        if least > most:
            raise ValueError(
                f"min_df={self.min_df!r} asks for at least {least:g} documents and max_df={self.max_df!r} for at most "
                f"{most:g} of {n_documents}: no term can have both"
            )
        kept = np.flatnonzero((document_frequency >= max(least, 1)) & (document_frequency <= most))
        if len(kept) == 0:
            raise ValueError(
                f"no term remains: none occurs in {least:g} to {most:g} of the {n_documents} documents; "
                "lower min_df or raise max_df"
            )
        kept = self._store(grams, kept)
        if self.max_features is not None and self.max_features < len(kept):
            frequent = (-total_counts[kept]).argsort()[: self.max_features]
            kept = self._store(grams, np.sort(kept[frequent]))
        columns = np.full(len(document_frequency), -1, dtype=np.int32)
        columns[kept] = np.arange(len(kept), dtype=np.int32)
        return columns, len(kept)

    def _store(self, grams, kept):
        """Store the features, given in ascending order, alphabetically. Returns their numbers in this order."""
        firsts = np.concatenate([[0], np.cumsum(grams.sizes)])
        spelled = np.concatenate(
            [
                grams.spell(grams.shortest + level, kept[(kept >= first) & (kept < last)] - first)
                for level, (first, last) in enumerate(zip(firsts[:-1], firsts[1:], strict=True))
            ]
        )  # (V, longest)
        if self.analyzer == "char":
            self.words_utf8_, self.word_offsets_ = np.empty(0, np.uint8), np.zeros(1, np.int64)
        else:
            # Words are renumbered alphabetically: n-grams then sort by the numbers of their words, because the space
            # that joins words comes before every letter.
            used = np.unique(spelled) if grams.longest > 1 else np.sort(spelled[:, 0])
            used = used[used >= 0]
            words_utf8, word_offsets = gather_words(*_packed_words(grams.tokens), used)
            order = alphabetical_order(words_utf8, word_offsets)
            self.words_utf8_, self.word_offsets_ = gather_words(words_utf8, word_offsets, order)
            rank = np.full(grams.tokens.n_tokens + 1, -1, dtype=np.int32)  # the last one is for -1
            rank[used[order]] = np.arange(len(used), dtype=np.int32)
            spelled = rank[spelled]
        order = _order_of_rows(spelled)
        self.grams_ = spelled[order]
        self._known = None
        return kept[order]

    # Counting with what was learned ----------------------------------------------------------------------------------

    def _counts(self, documents):
        if self.n_features is not None:
            return self._hashed_counts(documents)
        grams, columns = self._known_grams()
        blocks = [
            [count(stream, offsets, size) for (stream, offsets), size in zip(levels, grams.sizes, strict=True)]
            for levels in (grams.number(block, False) for block in in_blocks(check_documents(documents)))
        ]
        return _assemble(blocks, columns, len(self.grams_), grams.sizes)

    def _known_grams(self):
        """The n-grams of the features and of all their beginnings, numbered anew, and the columns of those numbers."""
        key = self.ngram_range, self.analyzer, self.lowercase, self.tokenizer, self.min_length, self.stop_words
        if getattr(self, "_known", None) is None or self._known[0] != key:
            grams = self._grams(learned=True)
            columns = [np.full(0, -1, dtype=np.int32)] * len(grams.sizes)
            lengths = (self.grams_ >= 0).sum(axis=1)
            offsets = np.concatenate([[0], np.cumsum(lengths)])
            levels = grams.compose(self.grams_[self.grams_ >= 0], offsets, True)
            for level, ((stream, ends), size) in enumerate(zip(levels, grams.sizes, strict=True)):
                columns[level] = np.full(size, -1, dtype=np.int32)
                whole = np.flatnonzero(lengths == grams.shortest + level)
                columns[level][stream[ends[whole]]] = whole
            self._known = key, grams, np.concatenate(columns)
        return self._known[1:]

    def __getstate__(self):
        # The tables are made again where they are needed.
        return {name: value for name, value in vars(self).items() if name != "_known"}

    def _hashed_counts(self, documents):
        matrices = []
        for block in in_blocks(check_documents(documents)):
            grams = self._grams()
            levels = grams.number(block, True)
            if self.analyzer == "char":
                token_hashes = np.arange(N_CODE_POINTS, dtype=np.uint64)
            else:
                token_hashes = hash_words(*_packed_words(grams.tokens))
            matrix = 0
            for level, ((stream, offsets), size) in enumerate(zip(levels, grams.sizes, strict=True)):
                n = grams.shortest + level
                spelled = grams.spell(n, np.arange(size))
                hashes = np.zeros(size, dtype=np.uint64)
                for m in range(n):
                    hashes = _mix(hashes * np.uint64(0x100000001B3) ^ token_hashes[spelled[:, m]])
                columns = (hashes % np.uint64(self.n_features)).astype(np.int32)
                indptr, indices, counts = count(stream, offsets, size)
                shape = (len(offsets) - 1, self.n_features)
                matrix = sparse.csr_matrix((counts, columns[indices], indptr), shape=shape) + matrix
            matrix.sum_duplicates()
            matrices.append(matrix)
        if not matrices:
            return sparse.csr_matrix((0, self.n_features), dtype=np.int32)
        return sparse.vstack(matrices, format="csr")

    def _finish(self, matrix):
        if self.binary:
            matrix.data[:] = 1
        return matrix.astype(self.dtype, copy=False)

    def _grams(self, learned=False):
        """Nothing numbered yet, or the learned words."""
        shortest, longest = self.ngram_range
        stop_words = check_stop_words(self.stop_words)
        if self.analyzer == "char":
            return Grams(CharacterTokens(self.lowercase), shortest, longest)
        if self.tokenizer is not None:
            words = unpack_strings(self.words_utf8_, self.word_offsets_) if learned else ()
            options = self.ngram_range, self.lowercase, self.min_length, stop_words
            return Grams(CallableTokens(self.tokenizer, *options, words), 1, 1)
        words = (self.words_utf8_, self.word_offsets_) if learned else ()
        return Grams(WordTokens(self.lowercase, self.min_length, stop_words, *words), shortest, longest)

    # Checking --------------------------------------------------------------------------------------------------------

    def _check_parameters(self):
        check_choice("analyzer", self.analyzer, ("word", "char"))
        try:
            shortest, longest = self.ngram_range
        except (TypeError, ValueError):
            raise TypeError(f"ngram_range must be a pair (shortest, longest), got {self.ngram_range!r}") from None
        check_integer("ngram_range[0]", shortest, minimum=1)
        check_integer("ngram_range[1]", longest)
        if longest < shortest:
            raise ValueError(
                f"ngram_range must be (shortest, longest) with shortest ≤ longest, got {self.ngram_range!r}"
            )
        check_integer("min_length", self.min_length, minimum=1)
        for name, value in (("min_df", self.min_df), ("max_df", self.max_df)):
            if isinstance(value, numbers.Integral):
                check_integer(name, value, minimum=1)
            else:
                check_number(name, value, minimum=0, maximum=1)
        if self.max_features is not None:
            check_integer("max_features", self.max_features, minimum=1)
        if self.n_features is not None:
            check_integer("n_features", self.n_features, minimum=1, maximum=2**31 - 1)
        if self.tokenizer is not None and not callable(self.tokenizer):
            raise TypeError(f"tokenizer must be callable, got a {type(self.tokenizer).__name__}")
        if self.tokenizer is not None and self.analyzer == "char":
            raise ValueError('tokenizer cuts words: it has no place with analyzer="char"')
        check_stop_words(self.stop_words)

    def _refuse_hashing(self, what):
        if self.n_features is not None:
            raise NotFittedError(f"{what} needs a vocabulary, and with n_features={self.n_features} columns are hashes")

    def _set_state(self, state):
        super()._set_state(state)
        self._check_parameters()
        if self.n_features is not None:
            return
        words = unpack_strings(self.words_utf8_, self.word_offsets_)
        if self.grams_.ndim != 2 or self.grams_.dtype != np.int32 or 0 in self.grams_.shape:
            raise ValueError(f"grams_ must be a matrix of int32, got {self.grams_.dtype} of shape {self.grams_.shape}")
        if self.word_offsets_.dtype != np.int64 or self.words_utf8_.dtype != np.uint8:
            raise ValueError("words_utf8_ must be uint8 and word_offsets_ int64")
        if any(not word or "\0" in word for word in words) or len(set(words)) != len(words):
            raise ValueError("a word is empty, twice there, or holds a NUL")
        known = N_CODE_POINTS if self.analyzer == "char" else len(words)
        used = self.grams_ >= 0
        if self.grams_.min() < -1 or self.grams_.max() >= known or not used[:, 0].all():
            raise ValueError("grams_ refers to words that are not there")
        if (used[:, 1:] & ~used[:, :-1]).any() or len(np.unique(self.grams_, axis=0)) != len(self.grams_):
            raise ValueError("grams_ has a gap, or the same n-gram twice")
        longest = 1 if self.tokenizer is not None else self.ngram_range[1]
        if self.grams_.shape[1] != longest:
            raise ValueError(f"grams_ must have {longest} columns, got {self.grams_.shape[1]}")


def _packed_words(tokens):
    return pack_strings(tokens.words) if isinstance(tokens.words, list) else tokens.words


def _add(larger, smaller):
    larger[: len(smaller)] += smaller
    return larger


def _order_of_rows(spelled):
    """The rows' lexicographic order; as many columns as fit are packed into one 64-bit key."""
    bits = int(spelled.max() + 1).bit_length()
    per_key = max(63 // bits, 1)
    keys = []
    for first in range(0, spelled.shape[1], per_key):
        key = np.zeros(len(spelled), dtype=np.int64)
        for column in spelled[:, first : first + per_key].T:
            key = (key << bits) | (column + 1)
        keys.append(key)
    return np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])


def _mix(h):
    """Spread every bit of 64-bit hashes over all others (the finaliser of MurmurHash3)."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return h ^ (h >> np.uint64(33))


def _assemble(blocks, columns, n_columns, sizes):
    """One sorted matrix of the blocks' counts. The blocks are used up, so that memory holds each entry once."""
    most = sum(len(indices) for rows in blocks for _, indices, _ in rows)
    n_documents = sum(len(rows[0][0]) - 1 for rows in blocks)
    indptr = np.zeros(n_documents + 1, dtype=np.int64)
    indices, counts = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32)
    row = Z = 0
    blocks.reverse()
    while blocks:
        rows = blocks.pop()
        if len(rows) > 1:
            levels = [
                sparse.csr_matrix((level_counts, level_indices, level_indptr), shape=(len(level_indptr) - 1, size))
                for (level_indptr, level_indices, level_counts), size in zip(rows, sizes, strict=True)
            ]
            stacked = sparse.hstack(levels, format="csr")
            rows = [(stacked.indptr, stacked.indices, stacked.data)]
        block_indptr, block_indices, block_counts = select(*rows[0], columns)
        n, z = len(block_indptr) - 1, len(block_indices)
        indptr[row + 1 : row + n + 1] = block_indptr[1:] + Z
        indices[Z : Z + z], counts[Z : Z + z] = block_indices, block_counts
        row, Z = row + n, Z + z
    return sparse.csr_matrix((counts[:Z], indices[:Z], indptr), shape=(n_documents, n_columns))
