"""Words as means of their parts: which rows their n-grams are, and vectors of words that nobody has seen."""

import os

import numpy as np

from embeddings.checks import check_integer
from embeddings.fasttext_file import read_fasttext, write_fasttext
from embeddings.files import pack_strings
from embeddings.progress import progress
from embeddings.vectors import KeyedVectors
from kernels.device import implementation
from kernels.fasttext import COMPOSE_IMPLEMENTATIONS
from kernels.subword import IMPLEMENTATIONS

subwords = implementation(IMPLEMENTATIONS)
compose = implementation(COMPOSE_IMPLEMENTATIONS)

# fastText's mark of a line's end, a word without n-grams.
END_OF_LINE = "</s>"

# Bytes of words times lengths of n-grams that are hashed at a time.
BLOCK = 1 << 22


def ngram_buckets(words, min_n, max_n, bucket):
    """The buckets of all n-grams of some words.

    Parameters
    ----------
    words : list of str
    min_n, max_n, bucket : int
        See :class:`~embeddings.text.FastText`.

    Returns
    -------
    buckets : array, shape (R,), int64
        One word after the other.
    offsets : array, shape (len(words) + 1,), int64
        Where each word's begin and end.

    Examples
    --------
    >>> buckets, offsets = ngram_buckets(["cat", "</s>", "cats"], 3, 3, 100)
    >>> offsets.tolist()
    [0, 3, 3, 7]
    """
    buckets, offsets = subwords(*pack_strings(words), min_n, max_n, bucket, 0)
    if END_OF_LINE in words:
        lengths = np.diff(offsets)
        has_ngrams = np.array([word != END_OF_LINE for word in words])
        buckets, offsets = buckets[np.repeat(has_ngrams, lengths)], np.append(0, np.cumsum(lengths * has_ngrams))
    return buckets, offsets


class Subwords:
    """The rows of words' n-grams, where some buckets have one and the others none.

    Parameters
    ----------
    buckets : array, shape (n,), int64
        Which bucket each row is.
    min_n, max_n, bucket : int
        See :class:`~embeddings.text.FastText`.

    Examples
    --------
    >>> buckets, _ = ngram_buckets(["cat"], 3, 3, 100)  # <ca, cat and at>
    >>> rows, offsets = Subwords(buckets, 3, 3, 100).rows(["cat", "</s>", "cart"])
    >>> rows.tolist(), offsets.tolist()
    ([0, 1, 2, 0, -1, -1, -1], [0, 3, 3, 7])
    """

    def __init__(self, buckets, min_n, max_n, bucket):
        self.settings = min_n, max_n, bucket
        buckets = np.asarray(buckets)
        # A file of fastText's has a row for every bucket: then a bucket's number is its row.
        self._dense = len(buckets) == bucket and np.array_equal(buckets, np.arange(bucket))
        self._order = np.argsort(buckets, kind="stable")
        self._sorted = buckets[self._order]

    def rows(self, words):
        """Rows of all n-grams, -1 for those without one, word after word; and where each word's begin and end."""
        hashed, offsets = ngram_buckets(words, *self.settings)
        if self._dense:
            return hashed, offsets
        if not len(self._sorted):
            return np.full(len(hashed), -1), offsets
        place = np.minimum(np.searchsorted(self._sorted, hashed), len(self._sorted) - 1)
        return np.where(self._sorted[place] == hashed, self._order[place], -1), offsets

    def pieces(self, words, first_word, first_row):
        """The pieces of words whose n-grams all have rows: a row of its own, then its n-grams', for each word.

        Parameters
        ----------
        words : list of str
        first_word, first_row : int
            Where the words' own rows, and those of buckets, begin.

        Returns
        -------
        pieces : array, shape (R,), int32
        offsets : array, shape (len(words) + 1,), int64
        """
        rows, offsets = self.rows(words)
        own = np.arange(first_word, first_word + len(words))
        pieces = np.insert(first_row + rows, offsets[:-1], own).astype(np.int32)
        return pieces, offsets + np.arange(len(words) + 1)


class SubwordVectors(KeyedVectors):
    """Keyed vectors that have one for unseen words, too: the mean of their n-grams.

    An n-gram whose bucket has no vector counts as zeros, so that fastText, which writes such buckets as zeros, gives
    the same vector.

    Parameters
    ----------
    keys, vectors, counts
        See :class:`~embeddings.vectors.KeyedVectors`.
    piece_vectors : array, shape (m + n, d), float32
        The words' own vectors, then those of buckets.
    buckets : array, shape (n,), int64
        Which buckets these are.
    min_n, max_n, bucket : int
        See :class:`~embeddings.text.FastText`.

    Examples
    --------
    >>> buckets, _ = ngram_buckets(["cat"], 3, 3, 100)
    >>> pieces = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 0.0]], np.float32)
    >>> vectors = SubwordVectors(["cat"], np.ones((1, 2)), None, pieces, buckets, 3, 3, 100)
    >>> vectors["cate"].tolist()  # <ca and cat have vectors, ate and te> have none
    [1.0, 1.0]
    """

    def __init__(self, keys, vectors, counts, piece_vectors, buckets, min_n, max_n, bucket):
        super().__init__(keys, vectors, counts)
        self.piece_vectors, self.buckets = piece_vectors, buckets
        self._subwords = Subwords(buckets, min_n, max_n, bucket)

    @property
    def settings(self):
        """``min_n``, ``max_n`` and ``bucket``."""
        return self._subwords.settings

    @classmethod
    def load(cls, path, limit=None):
        """Read a fastText model, ``.bin``; vectors of n-grams stay on disk until they are used.

        Parameters
        ----------
        path : path
            A gzipped file is unpacked to a temporary one first.
        limit : int, optional
            Read the first that many words alone; the others are composed of their n-grams.

        Raises
        ------
        FileNotFoundError, ValueError
            See :func:`~embeddings.fasttext_file.read_fasttext`.
        """
        if limit is not None:
            check_integer("limit", limit, minimum=1)
        return cls.of_file(path, read_fasttext(path, limit))

    @classmethod
    def of_file(cls, path, file):
        """The vectors of a :class:`~embeddings.fasttext_file.FastTextFile`; `path` is its name, for errors."""
        settings = file.arguments["minn"], file.arguments["maxn"], file.arguments["bucket"]
        buckets = np.arange(settings[2])
        W_in = np.asarray(file.W_in)
        vectors = np.zeros((len(file.words), W_in.shape[1]), np.float32)
        parts = Subwords(buckets, *settings)
        for first, last in _blocks(file.words, settings[1]):
            pieces, offsets = parts.pieces(file.words[first:last], first, len(W_in) - len(buckets))
            vectors[first:last] = compose(W_in, pieces, offsets)
            finite = np.isfinite(vectors[first:last]).all(axis=1)
            if not finite.all():
                bad = next((row for row in pieces.tolist() if not np.isfinite(W_in[row]).all()), first)
                word = file.words[first + int(np.argmin(finite))]
                raise ValueError(
                    f"{os.fspath(path)!r}, byte {file.W_in_start + 4 * W_in.shape[1] * bad:,}: a vector of which "
                    f"{word!r} is made holds NaN, infinity or too large numbers"
                )
        return cls(file.words, vectors, file.counts, W_in, buckets, *settings)

    def save(self, path, format=None):
        """Write the vectors; as a fastText model, ``.bin``, those of n-grams, too.

        Parameters
        ----------
        path : path
        format : str, optional
            ``"fasttext"``, which a name that ends in ``.bin`` or ``.bin.gz`` means by itself, or one of
            :func:`~embeddings.vector_files.write_vectors`. fastText and gensim open the file, but there is no output
            layer to train further; :meth:`~embeddings.text.FastText.save_facebook_model` writes that, too.
        """
        is_bin = os.fspath(path).lower().endswith((".bin", ".bin.gz"))
        if format != "fasttext" and not (format is None and is_bin):
            super().save(path, format)
            return
        V = len(self)
        counts = np.zeros(V, np.int64) if self.counts is None else self.counts
        arguments = dict(zip(("minn", "maxn", "bucket"), self.settings, strict=True))
        # Words beyond a limit have left their rows behind.
        rows = np.full(len(self.piece_vectors), -1)
        rows[:V] = np.arange(V)
        rows[len(rows) - len(self.buckets) :] = V + self.buckets
        no_output = np.zeros((0, self.vector_size), np.float32)
        write_fasttext(path, arguments, self.index_to_key, counts, rows, self.piece_vectors, no_output)

    def get_vector(self, key, norm=False):
        """The vector of a word, seen or not; with `norm`, divided by its length."""
        if key in self.key_to_index or not isinstance(key, str):
            return super().get_vector(key, norm)
        rows, _ = self._subwords.rows([key])
        first = len(self.piece_vectors) - len(self.buckets)
        vector = self.piece_vectors[first + rows[rows >= 0]].sum(axis=0) / np.float32(max(len(rows), 1))
        if not vector.any():
            raise KeyError(f"{key!r} is not among the {len(self):,} known words and shares no n-gram with them")
        if not np.isfinite(vector).all():
            raise ValueError(f"the vector of an n-gram of {key!r} holds NaN or infinity")
        return vector / np.linalg.norm(vector) if norm else vector


def _blocks(words, max_n):
    """First and last of words whose n-grams fit into memory together."""
    sizes = np.cumsum([len(word.encode()) * max(max_n, 1) for word in words])
    bounds = np.unique(np.append(np.searchsorted(sizes, np.arange(0, sizes[-1], BLOCK)), len(words))).tolist()
    with progress(total=len(words), desc="composing", unit=" words", unit_scale=True) as bar:
        for first, last in zip(bounds[:-1], bounds[1:], strict=True):
            yield first, last
            bar.update(last - first)
