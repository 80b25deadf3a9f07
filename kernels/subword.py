"""Subwords: the character n-grams of a word, hashed into a fixed number of buckets, as fastText does it.

A word is written between ``<`` and ``>``; its n-grams are all runs of ``min_n`` to ``max_n`` characters (UTF-8 is cut
at characters, never within one), except a lone ``<`` or ``>``. Each n-gram g of bytes g_1 … g_m goes to the row

    row(g) = n_words + FNV1a(g) mod bucket
    FNV1a:   h_0 = 2166136261,   h_i = (h_{i-1} xor signext(g_i)) * 16777619   (mod 2^32)

The published C++ reads bytes as *signed*, so that bytes from 128 on are extended by ones to 32 bits before the xor
(``signext``). Every trained model depends on it, so it stays.

======= ============= ======================== ==================================================
symbol  variable      shape                    what it is
======= ============= ======================== ==================================================
        utf8          (B,) uint8               the words' bytes, one after the other, without < >
        word_offsets  (W + 1,) int64           where each word begins and ends in `utf8`
        rows          (R,) int64               rows of all words' n-grams, one after the other
        offsets       (W + 1,) int64           where each word's rows begin and end in `rows`
======= ============= ======================== ==================================================

Bojanowski et al., "Enriching Word Vectors with Subword Information", TACL 2017, section 3.2; hash: Fowler, Noll & Vo.
"""

import numpy as np

from kernels.compile import compiled

FNV_OFFSET = 2166136261
FNV_PRIME = 16777619


def fnv1a(data):
    """The 32-bit FNV-1a hash of bytes, with fastText's sign extension.

    Examples
    --------
    >>> fnv1a(b"a") == ((2166136261 ^ 97) * 16777619) % 2**32
    True
    """
    h = FNV_OFFSET
    for byte in data:
        h ^= byte if byte < 128 else byte | 0xFFFFFF00
        h = h * FNV_PRIME % 2**32
    return h


def subword_numpy(utf8, word_offsets, min_n, max_n, bucket, n_words):
    """Rows of the n-grams of every word.

    Parameters
    ----------
    utf8 : array, shape (B,), uint8
    word_offsets : array, shape (W + 1,), int64
    min_n, max_n : int
        Shortest and longest n-gram, in characters.
    bucket : int
        Number of buckets.
    n_words : int
        Rows that come before the buckets: the vocabulary's size.

    Returns
    -------
    rows : array, shape (R,), int64
    offsets : array, shape (W + 1,), int64

    Examples
    --------
    The 3-grams of ``<cat>`` are ``<ca``, ``cat`` and ``at>``:

    >>> utf8 = np.frombuffer(b"cat", np.uint8)
    >>> rows, offsets = subword_numpy(utf8, np.array([0, 3]), 3, 3, 1000, 50)
    >>> rows.tolist() == [50 + fnv1a(g) % 1000 for g in (b"<ca", b"cat", b"at>")]
    True
    >>> offsets.tolist()
    [0, 3]
    """
    rows, offsets = [], [0]
    for start, end in zip(word_offsets[:-1], word_offsets[1:], strict=True):
        characters = _characters(b"<" + utf8[start:end].tobytes() + b">")
        for i in range(len(characters)):
            for n in range(1, min(max_n, len(characters) - i) + 1):
                is_lone_bracket = n == 1 and i in (0, len(characters) - 1)
                if n >= min_n and not is_lone_bracket:
                    rows.append(n_words + fnv1a(b"".join(characters[i : i + n])) % bucket)
        offsets.append(len(rows))
    return np.array(rows, dtype=np.int64), np.array(offsets, dtype=np.int64)


def _characters(data):
    """UTF-8 bytes cut into characters: a byte of the form 10xxxxxx continues the character before it."""
    characters = []
    for byte in data:
        if byte & 0xC0 == 0x80 and characters:
            characters[-1] += bytes([byte])
        else:
            characters.append(bytes([byte]))
    return characters


@compiled(fastmath=False)
def _hash_word(word, length, min_n, max_n, bucket, n_words, rows, count):
    """Write a word's rows from ``rows[count]`` on, or only count them where `rows` is empty. Returns the new count."""
    for i in range(length):
        if word[i] & 0xC0 == 0x80 and i > 0:
            continue
        h = np.uint32(2166136261)
        j = i
        n = 1
        while j < length and n <= max_n:
            while True:
                # Signed bytes, as the published C++ has it.
                h = np.uint32((h ^ np.uint32(np.int8(word[j]))) * np.uint32(16777619))
                j += 1
                if j >= length or word[j] & 0xC0 != 0x80:
                    break
            if n >= min_n and not (n == 1 and (i == 0 or j == length)):
                if rows.shape[0] > 0:
                    rows[count] = n_words + np.int64(h) % bucket
                count += 1
            n += 1
    return count


@compiled(fastmath=False)
def _hash_words(utf8, word_offsets, min_n, max_n, bucket, n_words, rows, offsets):
    W = word_offsets.shape[0] - 1
    longest = 0
    for w in range(W):
        longest = max(longest, word_offsets[w + 1] - word_offsets[w])
    word = np.empty(longest + 2, dtype=np.uint8)
    word[0] = 60  # <
    count = 0
    for w in range(W):
        length = word_offsets[w + 1] - word_offsets[w]
        word[1 : length + 1] = utf8[word_offsets[w] : word_offsets[w + 1]]
        word[length + 1] = 62  # >
        count = _hash_word(word, length + 2, min_n, max_n, bucket, n_words, rows, count)
        offsets[w + 1] = count
    return count


def subword_cpu(utf8, word_offsets, min_n, max_n, bucket, n_words):
    """Compiled :func:`subword_numpy`: a first pass counts, a second one writes."""
    offsets = np.zeros(len(word_offsets), dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64)
    count = _hash_words(utf8, word_offsets, min_n, max_n, bucket, n_words, nothing, offsets)
    rows = np.empty(count, dtype=np.int64)
    if count:
        _hash_words(utf8, word_offsets, min_n, max_n, bucket, n_words, rows, offsets)
    return rows, offsets


# No CUDA twin: hashing words is reading, done once per vocabulary.
IMPLEMENTATIONS = {"numpy": subword_numpy, "cpu": subword_cpu}
