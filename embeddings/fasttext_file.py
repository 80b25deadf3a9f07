"""fastText's own binary models, ``.bin``: header, dictionary, and the two matrices, all little-endian.

=========================  ============================================================================================
magic, version             int32 793712314, int32 11 or 12
arguments                  twelve int32 (`ARGUMENTS`) and a float64, the threshold of frequent words
dictionary                 int32 entries, words, labels; int64 tokens, pruned (-1: nothing is); then the entries: UTF-8
                           ended by a zero byte, int64 count, int8 kind (0 is a word, 1 a label; words come first)
input                      bool quantised; int64 rows, columns; float32 numbers: words first, then buckets
output                     the same once more; a row for each word where noise was sampled
=========================  ============================================================================================
"""

import contextlib
import mmap
import os
import struct
from typing import NamedTuple

import numpy as np

from embeddings.files import atomic_write_zipped, unzipped
from embeddings.progress import progress

MAGIC = 793712314
VERSION = 12
ARGUMENTS = (
    *("dim", "ws", "epoch", "minCount", "neg", "wordNgrams"),
    *("loss", "model", "bucket", "minn", "maxn", "lrUpdateRate"),
)
LOSSES = {1: "hierarchical softmax", 2: "negative sampling", 3: "softmax", 4: "one-vs-all"}
MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}

# What a file says of a training that is not known: fastText's defaults.
DEFAULTS = {
    **{"ws": 5, "epoch": 5, "minCount": 1, "neg": 5, "wordNgrams": 1, "loss": 2, "model": 2},
    **{"lrUpdateRate": 100, "t": 1e-4},
}

# Bytes of the longest word, and characters of the longest n-gram, that are taken from a file: a word has as many
# n-grams as the product of the two.
LONGEST_WORD, LONGEST_NGRAM = 1 << 16, 100

# Rows that are written at a time.
ROWS = 1 << 14


class FastTextFile(NamedTuple):
    """What a file holds."""

    arguments: dict
    """int by name, as in `ARGUMENTS`, and ``t``, a float."""
    words: list
    counts: np.ndarray
    W_in: np.ndarray
    """Shape (words in the file + buckets, dim), float32; mapped, not read."""
    W_out: np.ndarray
    """Shape (words in the file, dim) for negative sampling; mapped, not read."""
    W_in_start: int
    """Byte at which `W_in` begins."""


def is_fasttext(start):
    """Whether a file that begins with these bytes is a fastText model."""
    return int.from_bytes(start[:4], "little") == MAGIC


def read_fasttext(path, limit=None):
    """Read a model; its matrices stay on disk until they are used.

    Parameters
    ----------
    path : path
        A gzipped file is unpacked to a temporary one first.
    limit : int, optional
        Give the first that many words alone.

    Returns
    -------
    FastTextFile

    Raises
    ------
    ValueError
        If the file is damaged, cut off, or quantised. What its header promises is checked against its size first.
    """
    with unzipped(path) as plain, open(plain, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise ValueError(f"{os.fspath(path)!r} is empty")
        with contextlib.closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
            return _Reader(os.fspath(path), plain, data).read(limit)


class _Reader:
    """Takes one piece after the other off the front of a file."""

    def __init__(self, name, path, data):
        self.name, self.path, self.data, self.at = name, path, data, 0

    def read(self, limit):
        magic, version = self._take("2i")
        if magic != MAGIC:
            self._fail("its first four bytes are not fastText's")
        if version not in (11, 12):
            self._fail(f"version {version} of the format is not known, only 11 and 12")
        arguments = dict(zip(ARGUMENTS, self._take("12i"), strict=True))
        (arguments["t"],) = self._take("d")
        if version == 11 and arguments["model"] == 3:
            arguments["maxn"] = 0  # the classifiers of that version had no n-grams
        minn, maxn, bucket = (arguments[name] for name in ("minn", "maxn", "bucket"))
        if arguments["dim"] < 1 or bucket < 0 or minn < 0 or not 0 <= maxn <= LONGEST_NGRAM or (maxn and not bucket):
            self._fail(f"the header makes no sense: {arguments}")
        words, counts, n_words = self._dictionary(limit)
        W_in, start = self._matrix("input", arguments["dim"])
        W_out, _ = self._matrix("output", arguments["dim"])
        if self.at != len(self.data):
            self._fail(f"{len(self.data) - self.at:,} bytes too many")
        # Rows have numbers of 32 bits.
        if len(W_in) != n_words + bucket or len(W_in) >= 1 << 31:
            self._fail(f"{len(W_in):,} rows do not fit {n_words:,} words and {bucket:,} buckets")
        return FastTextFile(arguments, words, np.array(counts, np.int64), W_in, W_out, start)

    def _dictionary(self, limit):
        entries, n_words, n_labels, _, n_pruned = self._take("3i2q")
        if n_pruned >= 0:
            self._fail("a pruned (quantised) model, .ftz, cannot be read")
        if not 1 <= n_words <= entries or entries != n_words + n_labels or 10 * entries > len(self.data):
            self._fail(f"a dictionary of {entries:,} entries, {n_words:,} words and {n_labels:,} labels cannot be")
        wanted = n_words if limit is None else min(limit, n_words)
        words, counts, known = [], [], set()
        for i in progress(range(entries), desc="reading", unit=" words", unit_scale=True):
            begin, end = self.at, self.data.find(b"\0", self.at, self.at + LONGEST_WORD)
            if end <= begin:
                self._fail("a word has no end" if end < 0 else "a word is empty")
            self.at = end + 1
            count, kind = self._take("qb")
            if kind != (i >= n_words) or not 0 <= count < 1 << 40:
                self._fail(f"entry {i + 1:,} of the dictionary makes no sense: kind {kind}, count {count:,}")
            if i < wanted:
                words.append(self._word(begin, end, known))
                counts.append(count)
        return words, counts, n_words

    def _word(self, begin, end, known):
        raw = self.data[begin:end]
        try:
            word = raw.decode("utf-8")
        except UnicodeDecodeError:
            word = None
        if word is None or word in known:
            self.at = begin
            self._fail(f"the word {raw[:40]!r} is not UTF-8" if word is None else f"{word!r} comes a second time")
        known.add(word)
        return word

    def _matrix(self, which, d):
        """A matrix, and the byte it begins at."""
        quantised, rows, columns = self._take("B2q")
        if quantised:
            self._fail("a quantised model, .ftz, cannot be read")
        if rows < 0 or columns != d or rows > (len(self.data) - self.at) // (4 * d):
            self._fail(
                f"the {which} matrix, {rows:,} × {columns:,}, does not fit vectors of {d:,} numbers and the "
                f"{len(self.data) - self.at:,} bytes that are left; the file is damaged or cut off"
            )
        start, self.at = self.at, self.at + 4 * rows * d
        if not rows:
            return np.zeros((0, d), np.float32), start
        return np.memmap(self.path, "<f4", "r", start, (rows, d)), start

    def _take(self, form):
        size = struct.calcsize("<" + form)
        if self.at + size > len(self.data):
            self._fail("the file is cut off")
        taken = struct.unpack_from("<" + form, self.data, self.at)
        self.at += size
        return taken

    def _fail(self, what):
        raise ValueError(f"{self.name!r} is no fastText model that can be read; byte {self.at:,}: {what}")


def write_fasttext(path, arguments, words, counts, rows, vectors, W_out):
    """Write a model that fastText and gensim open.

    Parameters
    ----------
    path : path
        Gzipped if it ends in ``.gz``, to be unpacked before fastText or gensim can open it.
    arguments : dict
        Some of :class:`FastTextFile`'s; the others are fastText's defaults.
    words : list of str
    counts : array, shape (V,), int
    rows : array, shape (n,), int
        Which row of the input matrix, of ``V + bucket``, each of `vectors` is, -1 for none; the others are zeros.
    vectors : array, shape (n, dim), float32
    W_out : array, shape (V, dim), float32
        Without rows, the vectors can be used and not trained further.

    Raises
    ------
    ValueError
        For a word that is empty, too long, or holds a zero byte.
    """
    arguments = {**DEFAULTS, **arguments, "dim": vectors.shape[1]}
    V, d = len(words), arguments["dim"]
    height = V + arguments["bucket"]
    order = np.argsort(rows, kind="stable")
    rows = np.asarray(rows)[order]
    with atomic_write_zipped(path) as file:
        file.write(struct.pack("<2i12id", MAGIC, VERSION, *(arguments[name] for name in ARGUMENTS), arguments["t"]))
        file.write(struct.pack("<3i2q", V, V, 0, int(np.sum(counts)), -1))
        for word, count in zip(words, np.asarray(counts).tolist(), strict=True):
            raw = word.encode("utf-8")
            if not 0 < len(raw) < LONGEST_WORD or b"\0" in raw:
                raise ValueError(f"the word {word[:40]!r} cannot stand in a fastText file")
            file.write(raw + struct.pack("<bqb", 0, count, 0))
        file.write(struct.pack("<B2q", False, height, d))
        with progress(total=height, desc="writing", unit=" rows", unit_scale=True) as bar:
            for first in range(0, height, ROWS):
                block = np.zeros((min(ROWS, height - first), d), "<f4")
                begin, end = np.searchsorted(rows, [first, first + len(block)])
                block[rows[begin:end] - first] = vectors[order[begin:end]]
                file.write(block.data)
                bar.update(len(block))
        file.write(struct.pack("<B2q", False, *W_out.shape))
        file.write(np.ascontiguousarray(W_out, "<f4").data)
