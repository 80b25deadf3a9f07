"""Cutting text into words and numbering them, in one pass over its bytes.

The text arrives as the UTF-8 bytes of all documents, one after the other. Each character has a class:

    0  separator      1  word character (what ``\\w`` matches)      2  ideograph, a word of its own

A word is a longest run of class 1, or one character of class 2. Words are numbered in the order of their first
occurrence; -1 stands for a word that is not known and must not be added.

======= =============== ======================== ==================================================
symbol  variable        shape                    what it is
======= =============== ======================== ==================================================
        utf8            (B,) uint8               bytes of all documents
        offsets         (N + 1,) int64           where each document begins and ends in `utf8`
        classes         (1114112,) uint8         class of every code point
        ids             (T,) int32               number of every word, document after document
        token_offsets   (N + 1,) int64           where each document begins and ends in `ids`
        words_utf8      (L,) uint8               bytes of the W different words
        word_offsets    (W + 1,) int64           where each word begins and ends in `words_utf8`
======= =============== ======================== ==================================================

The compiled version works on tiles of bytes that stay in the cache. First every byte is marked as part of a word or
not, which a vector unit does for many bytes at once; the marks become bits; a word begins or ends where a bit differs
from the one before, so that the next place is found without looking at every byte. Then each word is looked up in an
open-addressing hash table (Knuth, TAOCP vol. 3, section 6.4, linear probing). A word of up to sixteen bytes *is* its
128-bit key, so that one comparison settles it; of a longer one the bytes are compared.
"""

import numpy as np

from kernels.compile import compiled

SEPARATOR, WORD, IDEOGRAPH = 0, 1, 2

# The compiled version takes it for granted that these are the word characters of ASCII.
ASCII_WORDS = np.array([c for c in range(128) if chr(c).isalnum() or c == ord("_")])

# Bytes that the compiled version looks at together.
TILE = 4096

# Where the one bit of a 64-bit number is set, by the top six bits of its product with a de Bruijn sequence (Leiserson,
# Prokop & Randall, "Using de Bruijn sequences to index a 1 in a computer word", 1998).
DE_BRUIJN_SEQUENCE = 0x03F79D71B4CB0A89
PLACE_OF_BIT = np.empty(64, dtype=np.uint8)
for _place in range(64):
    PLACE_OF_BIT[((DE_BRUIJN_SEQUENCE << _place) % 2**64) >> 58] = _place

# Masks of the first bytes of eight, for a word of 0 to 16 bytes, and of those of the next eight.
FIRST_BYTES = np.array([(1 << 8 * min(length, 8)) - 1 for length in range(17)], dtype=np.uint64)
FIRST_BYTES_BEYOND_EIGHT = np.array([(1 << 8 * max(length - 8, 0)) - 1 for length in range(17)], dtype=np.uint64)


def tokenize_numpy(utf8, offsets, classes, min_length, words_utf8, word_offsets, grow):
    """Number the words of every document.

    Parameters
    ----------
    utf8 : array, shape (B,), uint8
        Valid UTF-8 (encoded surrogates are let through).
    offsets : array, shape (N + 1,), int64
        Each document but the last must end in a separator.
    classes : array, shape (1114112,), uint8
        The word characters of ASCII are its letters, digits and underscore.
    min_length : int
        Runs of fewer characters are no words. An ideograph is always one.
    words_utf8 : array, shape (L,), uint8
    word_offsets : array, shape (W + 1,), int64
        Words that are known already; their numbers are 0 … W - 1.
    grow : bool
        Whether new words are added, or become -1.

    Returns
    -------
    ids : array, shape (T,), int32
    token_offsets : array, shape (N + 1,), int64
    words_utf8, word_offsets : arrays
        The known words, with the new ones behind them.

    Examples
    --------
    >>> classes = np.zeros(1114112, np.uint8)
    >>> classes[ASCII_WORDS] = WORD
    >>> classes[ord("猫")] = IDEOGRAPH
    >>> utf8 = np.frombuffer("the cat, the 猫".encode(), np.uint8)
    >>> nothing = np.empty(0, np.uint8), np.zeros(1, np.int64)
    >>> ids, token_offsets, _, word_offsets = tokenize_numpy(utf8, np.array([0, len(utf8)]), classes, 1, *nothing, True)
    >>> ids.tolist(), token_offsets.tolist(), word_offsets.tolist()
    ([0, 1, 0, 2], [0, 4], [0, 3, 6, 9])
    """
    known = {}
    for start, end in zip(word_offsets[:-1], word_offsets[1:], strict=True):
        known[words_utf8[start:end].tobytes()] = len(known)
    ids, token_offsets = [], [0]
    for start, end in zip(offsets[:-1], offsets[1:], strict=True):
        text = utf8[start:end].tobytes().decode("utf-8", "surrogatepass")
        for word in _words(text, classes, min_length):
            key = word.encode("utf-8", "surrogatepass")
            if key not in known and grow:
                known[key] = len(known)
            ids.append(known.get(key, -1))
        token_offsets.append(len(ids))
    all_words = np.frombuffer(b"".join(known), dtype=np.uint8)
    all_offsets = np.cumsum([0, *map(len, known)], dtype=np.int64)
    return np.array(ids, dtype=np.int32), np.array(token_offsets, dtype=np.int64), all_words, all_offsets


def _words(text, classes, min_length):
    run = ""
    for character in text + "\0":
        kind = classes[ord(character)]
        if kind == WORD:
            run += character
            continue
        if run and len(run) >= min_length:
            yield run
        run = ""
        if kind == IDEOGRAPH:
            yield character


@compiled(fastmath=False)
def _copy(source, target, lowercase):
    """Copy bytes, A–Z as a–z if `lowercase`."""
    if lowercase:
        for i in range(source.shape[0]):
            byte = source[i]
            target[i] = byte | ((np.uint8(byte - np.uint8(65)) < np.uint8(26)) << np.uint8(5))
    else:
        for i in range(source.shape[0]):
            target[i] = source[i]


@compiled(fastmath=False)
def _some_bytes(eights, i, count):
    """Up to eight bytes from byte `i` on, as one number; ``eights[i]`` is eight bytes, for every byte `i`."""
    # The shift is done in two steps, because one by 64 is undefined.
    half = min(count, np.uint64(8)) << np.uint64(2)
    return eights[i] & ~((np.uint64(0xFFFFFFFFFFFFFFFF) << half) << half)


@compiled(fastmath=False)
def _hash_rest(eights, start, length):
    """A hash of the bytes of a long word after the eighth."""
    h = length
    i = np.uint64(8)
    while i < length:
        h = (h ^ _some_bytes(eights, start + i, length - i)) * np.uint64(0x9E3779B97F4A7C15)
        h ^= h >> np.uint64(29)
        i += np.uint64(8)
    return h


@compiled(fastmath=False)
def _key(eights, start, length):
    """A word's 128-bit key: itself if it has at most sixteen bytes, else its first eight and a hash of the others."""
    if length > np.uint64(16):
        # No UTF-8 holds the byte FF, so that no short word has this key.
        return eights[start], _hash_rest(eights, start, length) | np.uint64(0xFF00000000000000)
    # Masks from tables: whether a word is longer than eight bytes is nothing that a processor could predict.
    return eights[start] & FIRST_BYTES[length], eights[start + np.uint64(8)] & FIRST_BYTES_BEYOND_EIGHT[length]


@compiled(fastmath=False)
def _hash_key(head, tail):
    h = (head ^ (tail * np.uint64(0xD6E8FEB86659FD93))) * np.uint64(0x9E3779B97F4A7C15)
    return h ^ (h >> np.uint64(32))


@compiled(fastmath=False)
def _grown(table, keys, W):
    """A table of twice the slots."""
    larger = np.zeros(2 * table.shape[0], dtype=np.uint64)
    mask = np.uint64(larger.shape[0] - 1)
    for w in range(W):
        h = _hash_key(keys[w, 0], keys[w, 1])
        slot = (h >> np.uint64(32)) & mask
        while larger[slot] != 0:
            slot = (slot + np.uint64(1)) & mask
        larger[slot] = (h << np.uint64(32)) | np.uint64(w + 1)
    return larger


@compiled(fastmath=False)
def _resized(array, size):
    larger = np.empty((size, *array.shape[1:]), dtype=array.dtype)
    larger[: array.shape[0]] = array
    return larger


@compiled(fastmath=False)
def _decode(utf8, i):
    """The code point at byte `i`, which is not ASCII, and how many bytes it takes."""
    byte = np.int64(utf8[i])
    second = np.int64(utf8[i + 1] & 0x3F)
    if byte < 0xE0:
        return ((byte & 0x1F) << 6) | second, 2
    third = np.int64(utf8[i + 2] & 0x3F)
    if byte < 0xF0:
        return ((byte & 0x0F) << 12) | (second << 6) | third, 3
    return ((byte & 0x07) << 18) | (second << 12) | (third << 6) | (utf8[i + 3] & 0x3F), 4


@compiled(fastmath=False)
def _known_words(eights, word_offsets):
    """Keys and hash table, at most half full, of the given words."""
    W = word_offsets.shape[0] - 1
    keys = np.empty((W, 2), dtype=np.uint64)
    for w in range(W):
        start = np.uint64(word_offsets[w])
        keys[w, 0], keys[w, 1] = _key(eights, start, np.uint64(word_offsets[w + 1]) - start)
    size = 1 << 15
    while size < W:
        size *= 2
    return keys, _grown(np.zeros(size, dtype=np.uint64), keys, W)


@compiled(fastmath=False)
def _mark_tile(utf8, words64, lo, classes, marks, marks64):
    """Mark the tile's bytes: 1 in a word, 2 where an ideograph begins, 4 behind one. Is any of them not ASCII?

    A character that begins in this tile and ends in the next has its last marks behind the tile, for the next call.
    """
    carried = marks64[TILE >> 3]
    marks64[TILE >> 3] = 0
    tile = utf8[lo : lo + TILE]
    for i in range(TILE):
        byte = tile[i]
        is_letter = np.uint8(np.uint8((byte | np.uint8(32)) - np.uint8(97)) < np.uint8(26))
        is_digit = np.uint8(np.uint8(byte - np.uint8(48)) < np.uint8(10))
        marks[i] = is_letter | is_digit | np.uint8(byte == np.uint8(95))
    marks64[0] |= carried
    tile64 = words64[lo >> 3 : (lo + TILE) >> 3]
    high_bits = np.uint64(0)
    for k in range(TILE >> 3):
        high_bits |= tile64[k]
    if high_bits & np.uint64(0x8080808080808080) == 0:
        return carried != 0
    for k in range(TILE >> 3):
        if tile64[k] & np.uint64(0x8080808080808080) == 0:
            continue
        for i in range(8 * k, 8 * k + 8):
            if tile[i] < 0xC0:
                continue
            code, width = _decode(utf8, lo + i)
            if classes[code] == WORD:
                for j in range(i, i + width):
                    marks[j] |= 1
            elif classes[code] == IDEOGRAPH:
                marks[i] |= 2
                marks[i + width] |= 4
    return True


@compiled(fastmath=False)
def _bits(marks64, g, bit):
    """One bit of each of the 64 marks of group `g`, side by side."""
    packed = np.uint64(0)
    for k in range(8):
        # Multiplying gathers the lowest bits of eight bytes in the highest byte.
        eight = (marks64[8 * g + k] >> np.uint64(bit)) & np.uint64(0x0101010101010101)
        packed |= ((eight * np.uint64(0x0102040810204080)) >> np.uint64(56)) << np.uint64(8 * k)
    return packed


@compiled(fastmath=False)
def _list_bits(bits, base, places, count):
    """Append to `places` where the bits of a 64-bit number are set."""
    while bits != 0:
        lowest = bits & (~bits + np.uint64(1))
        places[count] = base + np.uint64(PLACE_OF_BIT[(lowest * np.uint64(DE_BRUIJN_SEQUENCE)) >> np.uint64(58)])
        bits ^= lowest
        count += 1
    return count


@compiled(fastmath=False)
def _list_words(lo, beyond_ascii, marks64, in_word, starts, ends, n_starts):
    """Append the places where the tile's words begin and end."""
    n_ends = 0
    for g in range(TILE >> 6):
        base = np.uint64(lo + 64 * g)
        word = _bits(marks64, g, 0)
        before = (word << np.uint64(1)) | in_word
        first = word & ~before
        after = ~word & before
        in_word = word >> np.uint64(63)
        if beyond_ascii:
            first |= _bits(marks64, g, 1)
            after |= _bits(marks64, g, 2)
        n_starts = _list_bits(first, base, starts, n_starts)
        n_ends = _list_bits(after, base, ends, n_ends)
    return in_word, n_starts, n_ends


@compiled(fastmath=False)
def _number_words(utf8, eights, starts, ends, n, words_utf8, W, word_offsets, keys, table, grow, ids):
    """Look the listed words up, append what is new. Returns how many words are known now."""
    mask = np.uint64(table.shape[0] - 1)
    for t in range(n):
        start = starts[t]
        length = ends[t] - start
        head, tail = _key(eights, start, length)
        h = _hash_key(head, tail)
        slot = (h >> np.uint64(32)) & mask
        tag = h & np.uint64(0xFFFFFFFF)
        number = -1
        while table[slot] != 0:
            if table[slot] >> np.uint64(32) == tag:
                w = (table[slot] & np.uint64(0xFFFFFFFF)) - np.uint64(1)
                if keys[w, 0] == head and keys[w, 1] == tail:
                    if length <= np.uint64(16) or _equal(words_utf8, word_offsets, w, utf8, start, length):
                        number = np.int64(w)
                        break
            slot = (slot + np.uint64(1)) & mask
        if number < 0 and grow:
            number = W
            used = np.uint64(word_offsets[W])
            W += 1
            for i in range(length):
                words_utf8[used + i] = utf8[start + i]
            word_offsets[W] = used + length
            keys[number, 0] = head
            keys[number, 1] = tail
            table[slot] = (h << np.uint64(32)) | np.uint64(W)
        ids[t] = number
    return W


@compiled(fastmath=False)
def _with_room(n, length, words_utf8, W, word_offsets, keys, table):
    """Room for `n` words of `length` bytes together, should all of them be new."""
    if word_offsets[W] + length > words_utf8.shape[0]:
        words_utf8 = _resized(words_utf8, 2 * (word_offsets[W] + length))
    if W + n + 1 > word_offsets.shape[0]:
        word_offsets = _resized(word_offsets, 2 * (W + n + 1))
    if W + n > keys.shape[0]:
        keys = _resized(keys, 2 * (W + n))
    while 2 * (W + n) > table.shape[0]:
        table = _grown(table, keys, W)
    return words_utf8, word_offsets, keys, table


@compiled(fastmath=False)
def _number_all(utf8, eights, B, words_utf8, W, word_offsets, keys, table, grow, ids):
    """Look up all words, of which each ends in a zero byte, a tile at a time."""
    marks = np.zeros(TILE, dtype=np.uint8)
    marks64 = marks.view(np.uint64)
    starts = np.empty(TILE, dtype=np.uint64)
    ends = np.empty(TILE, dtype=np.uint64)
    start = np.uint64(0)
    T = 0
    for lo in range(0, B, TILE):
        tile = utf8[lo : lo + TILE]
        for i in range(TILE):
            marks[i] = tile[i] == 0
        n = 0
        for g in range(TILE >> 6):
            n = _list_bits(_bits(marks64, g, 0), np.uint64(lo + 64 * g), ends, n)
        # Behind the last word is only padding.
        n = min(n, ids.shape[0] - T)
        if n == 0:
            continue
        starts[0] = start
        for t in range(1, n):
            starts[t] = ends[t - 1] + np.uint64(1)
        start = ends[n - 1] + np.uint64(1)
        if grow:
            length = np.int64(start - starts[0])
            words_utf8, word_offsets, keys, table = _with_room(n, length, words_utf8, W, word_offsets, keys, table)
        W = _number_words(utf8, eights, starts, ends, n, words_utf8, W, word_offsets, keys, table, grow, ids[T:])
        T += n
    return words_utf8, W, word_offsets, keys, table


@compiled(fastmath=False)
def _scan(utf8, words64, eights, B, offsets, classes, min_length, words_utf8, W, word_offsets, keys, table, grow, ids):
    N = offsets.shape[0] - 1
    token_offsets = np.zeros(N + 1, dtype=np.int64)
    marks = np.zeros(TILE + 8, dtype=np.uint8)
    marks64 = marks.view(np.uint64)
    starts = np.empty(TILE + 2, dtype=np.uint64)
    ends = np.empty(TILE + 2, dtype=np.uint64)
    n_starts = 0
    in_word = np.uint64(0)
    T = 0
    document = 0
    for lo in range(0, B + 1, TILE):
        beyond_ascii = _mark_tile(utf8, words64, lo, classes, marks, marks64)
        in_word, n_starts, n = _list_words(lo, beyond_ascii, marks64, in_word, starts, ends, n_starts)
        unfinished = starts[n]
        has_unfinished = n_starts > n
        if min_length > 1:
            n = _drop_short(utf8, classes, min_length, starts, ends, n)
        if n and grow:
            length = np.int64(ends[n - 1] - starts[0])
            words_utf8, word_offsets, keys, table = _with_room(n, length, words_utf8, W, word_offsets, keys, table)
        for t in range(n):
            while starts[t] >= np.uint64(offsets[document + 1]):
                document += 1
                token_offsets[document] = T + t
        W = _number_words(utf8, eights, starts, ends, n, words_utf8, W, word_offsets, keys, table, grow, ids[T:])
        T += n
        n_starts = 0
        if has_unfinished:
            # This word reaches into the next tile.
            starts[0] = unfinished
            n_starts = 1
    token_offsets[document + 1 :] = T
    return T, token_offsets, words_utf8, W, word_offsets, keys, table


@compiled(fastmath=False)
def _equal(words_utf8, word_offsets, w, utf8, start, length):
    first = np.uint64(word_offsets[w])
    if np.uint64(word_offsets[w + np.uint64(1)]) != first + length:
        return False
    for k in range(length):
        if words_utf8[first + k] != utf8[start + k]:
            return False
    return True


@compiled(fastmath=False)
def _drop_short(utf8, classes, min_length, starts, ends, n):
    """Keep the words of at least `min_length` characters, and the ideographs. Returns how many those are."""
    kept = 0
    for t in range(n):
        start, end = starts[t], ends[t]
        characters = 0
        for i in range(start, min(end, start + np.uint64(4 * min_length))):
            characters += utf8[i] & 0xC0 != 0x80
        if characters >= min_length or (
            characters == 1 and utf8[start] >= 0xC0 and classes[_decode(utf8, np.int64(start))[0]] == IDEOGRAPH
        ):
            starts[kept] = start
            ends[kept] = end
            kept += 1
    return kept


class Scanner:
    """The compiled tokenizer with the words that it knows, for text that comes in blocks.

    Parameters
    ----------
    classes : array, shape (1114112,), uint8
    min_length : int
    words_utf8, word_offsets : arrays, optional
        Words known from the start.
    """

    def __init__(self, classes, min_length, words_utf8=None, word_offsets=None):
        if not np.array_equal(np.flatnonzero(classes[:128]), ASCII_WORDS) or np.any(classes[:128] == IDEOGRAPH):
            raise ValueError("classes must have the ASCII letters, digits and underscore for words, and no others")
        self.classes = classes
        self.min_length = min_length
        self.n_words = 0
        self._words_utf8 = np.empty(1 << 16, dtype=np.uint8)
        self._word_offsets = np.zeros(1 << 14, dtype=np.int64)
        self._keys = np.empty((1 << 14, 2), dtype=np.uint64)
        self._table = np.zeros(1 << 15, dtype=np.uint64)
        self._words64 = np.empty(0, dtype=np.uint64)
        self._ids = np.empty(0, dtype=np.int32)
        if words_utf8 is not None and len(words_utf8):
            self.n_words = len(word_offsets) - 1
            self._words_utf8, self._word_offsets = np.array(words_utf8), np.array(word_offsets)
            self._keys, self._table = _known_words(self._pad(words_utf8, False)[2], word_offsets)

    @property
    def words(self):
        """``words_utf8`` and ``word_offsets`` of the words known by now."""
        word_offsets = self._word_offsets[: self.n_words + 1]
        return self._words_utf8[: word_offsets[-1]], word_offsets

    def scan(self, utf8, offsets, grow, lowercase=False):
        """Number the words of a block of documents, of which each but the last ends in a separator.

        Parameters
        ----------
        utf8 : array, shape (B,), uint8
        offsets : array, shape (N + 1,), int64
        grow : bool
            Whether new words are added, or become -1.
        lowercase : bool, default False
            Take A–Z for a–z; other letters stay.

        Returns
        -------
        ids : array, shape (T,), int32
            Overwritten by the next scan.
        token_offsets : array, shape (N + 1,), int64
        """
        padded, words64, eights = self._pad(utf8, lowercase)
        # A word takes a byte and a separator, or an ideograph's three bytes.
        if len(self._ids) <= len(utf8) // 2:
            self._ids = np.empty(len(utf8) // 2 + 1, dtype=np.int32)
        T, token_offsets, self._words_utf8, self.n_words, self._word_offsets, self._keys, self._table = _scan(
            padded,
            words64,
            eights,
            len(utf8),
            offsets,
            self.classes,
            self.min_length,
            self._words_utf8,
            self.n_words,
            self._word_offsets,
            self._keys,
            self._table,
            grow,
            self._ids,
        )
        return self._ids[:T], token_offsets

    def number(self, utf8, grow):
        """Number words that are cut out already.

        Parameters
        ----------
        utf8 : array, shape (B,), uint8
            The bytes of every word, and a zero byte behind each; no word holds one.
        grow : bool

        Returns
        -------
        array, shape (T,), int32
        """
        ids = np.empty(len(utf8) - np.count_nonzero(utf8.view(np.bool_)), dtype=np.int32)
        padded, _, eights = self._pad(utf8, False)
        self._words_utf8, self.n_words, self._word_offsets, self._keys, self._table = _number_all(
            padded,
            eights,
            len(utf8),
            self._words_utf8,
            self.n_words,
            self._word_offsets,
            self._keys,
            self._table,
            grow,
            ids,
        )
        return ids

    def _pad(self, utf8, lowercase):
        """A copy of the bytes with separators behind, up to whole tiles, and two views of it as 64-bit numbers."""
        size = (len(utf8) // TILE + 1) * TILE
        if 8 * len(self._words64) < size + 24:
            self._words64 = np.zeros(size // 8 + 3, dtype=np.uint64)
        padded = self._words64.view(np.uint8)
        _copy(utf8, padded, lowercase)
        padded[len(utf8) : size + 24] = 0
        eights = np.ndarray((size + 16,), dtype="<u8", buffer=padded, strides=(1,))
        return padded, self._words64, eights


def tokenize_cpu(utf8, offsets, classes, min_length, words_utf8, word_offsets, grow):
    """Compiled :func:`tokenize_numpy`."""
    scanner = Scanner(classes, min_length, words_utf8, word_offsets)
    ids, token_offsets = scanner.scan(utf8, offsets, grow)
    return ids, token_offsets, *scanner.words


def number_numpy(utf8, words_utf8, word_offsets, grow):
    """Number words that are cut out already.

    Parameters
    ----------
    utf8 : array, shape (B,), uint8
        The bytes of every word, and a zero byte behind each.
    words_utf8, word_offsets, grow
        As in :func:`tokenize_numpy`.

    Returns
    -------
    ids : array, shape (T,), int32
    words_utf8, word_offsets : arrays
        The known words, with the new ones behind them.

    Examples
    --------
    >>> utf8 = np.frombuffer(b"the\\0cat\\0the\\0", np.uint8)
    >>> number_numpy(utf8, np.empty(0, np.uint8), np.zeros(1, np.int64), True)[0].tolist()
    [0, 1, 0]
    """
    known = {}
    for start, end in zip(word_offsets[:-1], word_offsets[1:], strict=True):
        known[words_utf8[start:end].tobytes()] = len(known)
    ids = []
    for word in utf8.tobytes().split(b"\0")[:-1]:
        if word not in known and grow:
            known[word] = len(known)
        ids.append(known.get(word, -1))
    all_words = np.frombuffer(b"".join(known), dtype=np.uint8)
    return np.array(ids, dtype=np.int32), all_words, np.cumsum([0, *map(len, known)], dtype=np.int64)


def number_cpu(utf8, words_utf8, word_offsets, grow):
    """Compiled :func:`number_numpy`."""
    classes = np.zeros(0x110000, dtype=np.uint8)
    classes[ASCII_WORDS] = WORD
    scanner = Scanner(classes, 1, words_utf8, word_offsets)
    return scanner.number(utf8, grow), *scanner.words


# No CUDA twins: tokenising is reading.
NUMBER_IMPLEMENTATIONS = {"numpy": number_numpy, "cpu": number_cpu}
IMPLEMENTATIONS = {"numpy": tokenize_numpy, "cpu": tokenize_cpu}
