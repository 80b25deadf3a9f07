"""N-grams: numbering the runs of n neighbouring tokens.

An n-gram is the (n-1)-gram that it begins with and one more token, so a pair of numbers stands for it:

    gram_n(t) = number of the pair (gram_{n-1}(t), token(t + n - 1)),      gram_1 = token

Pairs are numbered in the order of their first occurrence; -1 stands for an n-gram that holds an unknown token, or that
is not known itself and must not be added.

======= ================ ================ ==================================================
symbol  variable         shape            what it is
======= ================ ================ ==================================================
        tokens           (T,) int32       number of every token, document after document
        token_offsets    (N + 1,) int64   where each document begins and ends in `tokens`
        prefixes         (P,) int32       number of every (n-1)-gram, document after document
        prefix_offsets   (N + 1,) int64   where each document begins and ends in `prefixes`
        pairs            (G,) uint64      the known n-grams: prefix * 2^32 + token
        grams            (Q,) int32       number of every n-gram, document after document
        gram_offsets     (N + 1,) int64   where each document begins and ends in `grams`
======= ================ ================ ==================================================

N-grams as a description of language: Shannon, "A Mathematical Theory of Communication", 1948, section 3.
"""

import numpy as np

from kernels.compile import compiled

FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3


def ngram_numpy(prefixes, prefix_offsets, tokens, token_offsets, pairs, grow):
    """Number the n-grams of every document, from its (n-1)-grams and its tokens.

    Parameters
    ----------
    prefixes : array, shape (P,), int32
    prefix_offsets : array, shape (N + 1,), int64
    tokens : array, shape (T,), int32
    token_offsets : array, shape (N + 1,), int64
    pairs : array, shape (G,), uint64
        N-grams that are known already; their numbers are 0 … G - 1.
    grow : bool
        Whether new n-grams are added, or become -1.

    Returns
    -------
    grams : array, shape (Q,), int32
    gram_offsets : array, shape (N + 1,), int64
    pairs : array
        The known n-grams, with the new ones behind them.

    Examples
    --------
    The bigrams of ``a b a b``: ab is 0, ba is 1.

    >>> tokens, offsets = np.array([0, 1, 0, 1], np.int32), np.array([0, 4])
    >>> grams, gram_offsets, pairs = ngram_numpy(tokens, offsets, tokens, offsets, np.empty(0, np.uint64), True)
    >>> grams.tolist(), gram_offsets.tolist(), [divmod(int(p), 2**32) for p in pairs]
    ([0, 1, 0], [0, 3], [(0, 1), (1, 0)])
    """
    known = {int(pair): number for number, pair in enumerate(pairs)}
    grams, gram_offsets = [], [0]
    for d in range(len(token_offsets) - 1):
        document_prefixes = prefixes[prefix_offsets[d] : prefix_offsets[d + 1]].tolist()
        document_tokens = tokens[token_offsets[d] : token_offsets[d + 1]].tolist()
        last_tokens = document_tokens[len(document_tokens) - len(document_prefixes) + 1 :]
        for prefix, token in zip(document_prefixes, last_tokens, strict=False):
            pair = (prefix << 32) | token
            if prefix < 0 or token < 0:
                grams.append(-1)
                continue
            if pair not in known and grow:
                known[pair] = len(known)
            grams.append(known.get(pair, -1))
        gram_offsets.append(len(grams))
    return np.array(grams, np.int32), np.array(gram_offsets, np.int64), np.array(list(known), np.uint64)


@compiled(fastmath=False)
def _hash_pair(pair):
    h = pair * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(32)
    return h * np.uint64(0xD6E8FEB86659FD93)


@compiled(fastmath=False)
def _grown(slots, pairs, G):
    """A table of `slots` slots that holds the first `G` pairs: half a hash and the number + 1 in each, 0 if free."""
    table = np.zeros(slots, dtype=np.uint64)
    mask = np.uint64(slots - 1)
    for g in range(G):
        h = _hash_pair(pairs[g])
        slot = (h >> np.uint64(32)) & mask
        while table[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = (h << np.uint64(32)) | np.uint64(g + 1)
    return table


@compiled(fastmath=False)
def _number_pairs(prefixes, tokens, n, pairs, G, table, grow, grams):
    """Look `n` pairs up and append what is new; there is room for that. Returns how many pairs are known now."""
    mask = np.uint64(table.shape[0] - 1)
    for t in range(n):
        number = np.int32(-1)
        if prefixes[t] >= 0 and tokens[t] >= 0:
            pair = (np.uint64(prefixes[t]) << np.uint64(32)) | np.uint64(tokens[t])
            h = _hash_pair(pair)
            slot = (h >> np.uint64(32)) & mask
            tag = h & np.uint64(0xFFFFFFFF)
            while table[slot] != 0:
                if table[slot] >> np.uint64(32) == tag:
                    g = (table[slot] & np.uint64(0xFFFFFFFF)) - np.uint64(1)
                    if pairs[g] == pair:
                        number = np.int32(g)
                        break
                slot = (slot + np.uint64(1)) & mask
            if number < 0 and grow:
                number = np.int32(G)
                pairs[G] = pair
                G += 1
                table[slot] = (h << np.uint64(32)) | np.uint64(G)
        grams[t] = number
    return G


@compiled(fastmath=False)
def _number_documents(prefixes, prefix_offsets, tokens, token_offsets, pairs, G, table, grow):
    N = token_offsets.shape[0] - 1
    grams = np.empty(prefixes.shape[0], dtype=np.int32)
    gram_offsets = np.zeros(N + 1, dtype=np.int64)
    Q = 0
    for d in range(N):
        n = max(prefix_offsets[d + 1] - prefix_offsets[d] - 1, 0)
        if grow:
            if G + n > pairs.shape[0]:
                larger = np.empty(2 * (G + n), dtype=np.uint64)
                larger[:G] = pairs[:G]
                pairs = larger
            slots = table.shape[0]
            while 3 * (G + n) > 2 * slots:
                slots *= 2
            if slots > table.shape[0]:
                table = _grown(slots, pairs, G)
        first = prefix_offsets[d]
        G = _number_pairs(
            prefixes[first : first + n], tokens[token_offsets[d + 1] - n :], n, pairs, G, table, grow, grams[Q:]
        )
        Q += n
        gram_offsets[d + 1] = Q
    return grams[:Q], gram_offsets, pairs, G, table


class NGramTable:
    """The compiled numbering with the n-grams that it knows, for text that comes in blocks.

    Parameters
    ----------
    pairs : array, shape (G,), uint64, optional
        N-grams known from the start.
    """

    def __init__(self, pairs=None):
        self._pairs = np.empty(1 << 12, dtype=np.uint64) if pairs is None else pairs
        self.n_grams = 0 if pairs is None else len(pairs)
        slots = 1 << 14
        while 3 * self.n_grams > 2 * slots:
            slots *= 2
        self._table = _grown(slots, self._pairs, self.n_grams)

    @property
    def pairs(self):
        """The n-grams known by now: prefix · 2³² + token."""
        return self._pairs[: self.n_grams]

    def number(self, prefixes, prefix_offsets, tokens, token_offsets, grow):
        """``grams`` and ``gram_offsets``; new n-grams are kept if `grow`."""
        grams, gram_offsets, self._pairs, self.n_grams, self._table = _number_documents(
            prefixes, prefix_offsets, tokens, token_offsets, self._pairs, self.n_grams, self._table, grow
        )
        return grams, gram_offsets


def ngram_cpu(prefixes, prefix_offsets, tokens, token_offsets, pairs, grow):
    """Compiled :func:`ngram_numpy`."""
    table = NGramTable(pairs)
    grams, gram_offsets = table.number(prefixes, prefix_offsets, tokens, token_offsets, grow)
    return grams, gram_offsets, table.pairs


def hash_numpy(words_utf8, word_offsets):
    """The 64-bit FNV-1a hash of every word (Fowler, Noll & Vo): h = (h xor byte) * prime, mod 2^64.

    Parameters
    ----------
    words_utf8 : array, shape (L,), uint8
    word_offsets : array, shape (W + 1,), int64

    Returns
    -------
    array, shape (W,), uint64

    Examples
    --------
    >>> hash_numpy(np.frombuffer(b"a", np.uint8), np.array([0, 1])).tolist() == [0xAF63DC4C8601EC8C]
    True
    """
    hashes = np.empty(len(word_offsets) - 1, dtype=np.uint64)
    for w, (start, end) in enumerate(zip(word_offsets[:-1], word_offsets[1:], strict=True)):
        h = FNV_OFFSET
        for byte in words_utf8[start:end].tolist():
            h = ((h ^ byte) * FNV_PRIME) % 2**64
        hashes[w] = h
    return hashes


@compiled(fastmath=False)
def hash_cpu(words_utf8, word_offsets):
    """Compiled :func:`hash_numpy`."""
    hashes = np.empty(word_offsets.shape[0] - 1, dtype=np.uint64)
    for w in range(hashes.shape[0]):
        h = np.uint64(FNV_OFFSET)
        for i in range(word_offsets[w], word_offsets[w + 1]):
            h = (h ^ np.uint64(words_utf8[i])) * np.uint64(FNV_PRIME)
        hashes[w] = h
    return hashes


# No CUDA twins: numbering is part of reading text.
IMPLEMENTATIONS = {"numpy": ngram_numpy, "cpu": ngram_cpu}
HASH_IMPLEMENTATIONS = {"numpy": hash_numpy, "cpu": hash_cpu}
