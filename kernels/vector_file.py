"""Word-vector files, a block of bytes at a time: the text form (``word 0.1 -2e-3 …``) and word2vec's binary form.

A number is a mantissa m, read as a whole number of at most 18 digits, times a power of ten: m · 10^e in float64, then
rounded to float32. A word may hold spaces (glove.840B has such): the numbers of a line are its *last* d pieces.

======= ============= ================= =============================================================
symbol  variable      shape             what it is
======= ============= ================= =============================================================
        data          (B,) uint8        a piece of the file that begins with a word
        vectors       (R, d) float32    written: a row for each word read
        words         (R, 2) int64      written: where each word begins and ends in `data`
======= ============= ================= =============================================================

Every function returns how many rows it read, how many bytes they took, and whether the next line is bad; a line that
`data` does not hold to its end is left for the next block.
"""

import numpy as np

from kernels.compile import compiled


def is_number(piece):
    """Whether bytes are a number in digits; Python itself would take "nan" and "1_000", too.

    Examples
    --------
    >>> is_number(b"-1.5e3"), is_number(b"nan"), is_number(b"1e")
    (True, False, False)
    """
    try:
        float(piece)
    except ValueError:
        return False
    return set(piece) <= set(b"0123456789+-.eE")


def text_numpy(data, vectors, words):
    """Lines of a word and d numbers.

    Examples
    --------
    >>> data = np.frombuffer(b"cat 0.5 -1\\nnew york 2e-1 3\\nham", np.uint8)
    >>> vectors, words = np.zeros((5, 2), np.float32), np.zeros((5, 2), np.int64)
    >>> text_numpy(data, vectors, words)
    (2, 27, False)
    >>> vectors[:2].tolist(), words[1].tolist()
    ([[0.5, -1.0], [0.20000000298023224, 3.0]], [11, 19])
    """
    d, n, at = vectors.shape[1], 0, 0
    raw = data.tobytes()
    while n < len(vectors) and (end := raw.find(b"\n", at)) >= 0:
        line = raw[at:end].replace(b"\t", b" ").rstrip(b" \r")
        pieces = line.rsplit(b" ", d)
        if line:
            if len(pieces) != d + 1 or not all(map(is_number, pieces[1:])):
                return n, at, True
            row = np.array([float(piece) for piece in pieces[1:]])
            if np.any(np.abs(row) > np.finfo(np.float32).max):
                return n, at, True
            vectors[n], words[n] = row, (at, at + len(pieces[0]))
            n += 1
        at = end + 1
    return n, at, False


@compiled(fastmath=False)
def text_cpu(data, vectors, words):
    """Compiled :func:`text_numpy`."""
    R, d = vectors.shape
    B = data.shape[0]
    n = at = 0
    row = np.empty(d, np.float32)
    powers = np.empty(23)
    powers[0] = 1.0
    for i in range(1, 23):
        powers[i] = powers[i - 1] * 10
    while n < R:
        end = at
        while end < B and data[end] != 10:
            end += 1
        if end == B:
            break
        last = end
        while last > at and (data[last - 1] == 32 or data[last - 1] == 13 or data[last - 1] == 9):
            last -= 1
        if last == at:
            at = end + 1
            continue
        i, missing = last, d
        while i > at and missing:
            i -= 1
            missing -= data[i] == 32 or data[i] == 9
        if missing:
            return n, at, True
        word_end = i
        for j in range(d):
            i += 1
            negative = i < last and data[i] == 45
            if i < last and (data[i] == 45 or data[i] == 43):
                i += 1
            mantissa, exponent, digits, seen = np.int64(0), np.int64(0), 0, False
            point = False
            while i < last:
                digit = np.int64(data[i]) - 48
                if 0 <= digit <= 9:
                    seen = True
                    if digits < 18:
                        mantissa = mantissa * 10 + digit
                        digits += mantissa > 0
                        exponent -= point
                    else:
                        exponent += not point
                elif data[i] == 46 and not point:
                    point = True
                else:
                    break
                i += 1
            if not seen:
                return n, at, True
            if i < last and (data[i] == 101 or data[i] == 69):
                i += 1
                down = i < last and data[i] == 45
                if i < last and (data[i] == 45 or data[i] == 43):
                    i += 1
                power, begin = np.int64(0), i
                while i < last and 48 <= data[i] <= 57 and i - begin < 4:
                    power = power * 10 + np.int64(data[i]) - 48
                    i += 1
                if i == begin:
                    return n, at, True
                exponent += -power if down else power
            if i < last and data[i] != 32 and data[i] != 9:
                return n, at, True
            value = np.float64(mantissa)
            if -22 <= exponent <= 22:
                value = value / powers[-exponent] if exponent < 0 else value * powers[exponent]
            elif mantissa:
                value = value * 10.0 ** np.float64(exponent)
            if value > 3.4028234663852886e38:
                return n, at, True
            row[j] = -value if negative else value
        vectors[n] = row
        words[n, 0], words[n, 1] = at, word_end
        n += 1
        at = end + 1
    return n, at, False


def binary_numpy(data, vectors, words):
    """A word, a space, and d float32 numbers as they lie in memory, the lowest byte first; then perhaps a line end.

    Examples
    --------
    >>> data = np.frombuffer(b"cat " + np.float32(0.5).tobytes() + b"\\nham", np.uint8)
    >>> vectors, words = np.zeros((5, 1), np.float32), np.zeros((5, 2), np.int64)
    >>> binary_numpy(data, vectors, words), vectors[0].tolist(), words[0].tolist()
    ((1, 8, False), [0.5], [0, 3])
    """
    size, n, at = 4 * vectors.shape[1], 0, 0
    raw = data.tobytes()
    while n < len(vectors):
        begin = at + (raw[at : at + 1] == b"\n")
        space = raw.find(b" ", begin)
        if space < 0 or len(raw) < space + 1 + size:
            break
        vectors[n] = np.frombuffer(raw, "<f4", vectors.shape[1], space + 1)
        if not np.isfinite(vectors[n]).all():
            return n, at, True
        words[n] = begin, space
        at = space + 1 + size
        n += 1
    return n, at, False


@compiled(fastmath=False)
def binary_cpu(data, vectors, words):
    """Compiled :func:`binary_numpy`."""
    R, d = vectors.shape
    B, size = data.shape[0], 4 * d
    n = at = 0
    rows = vectors.view(np.uint8)
    while n < R:
        begin = at
        if begin < B and data[begin] == 10:
            begin += 1
        space = begin
        while space < B and data[space] != 32:
            space += 1
        if B < space + 1 + size:
            break
        rows[n, :] = data[space + 1 : space + 1 + size]
        for j in range(d):
            if not np.isfinite(vectors[n, j]):
                return n, at, True
        words[n, 0], words[n, 1] = begin, space
        at = space + 1 + size
        n += 1
    return n, at, False


# No CUDA twins: the disk is the limit.
TEXT_IMPLEMENTATIONS = {"numpy": text_numpy, "cpu": text_cpu}
BINARY_IMPLEMENTATIONS = {"numpy": binary_numpy, "cpu": binary_cpu}
