"""Files of word vectors, in the forms the field uses; which one a file has is told by what is in it.

====================  ================================================================================================
``word2vec``          a line "V d", then a line of text for each word; fastText's ``.vec`` is the same
``word2vec-binary``   the same line, then each word, a space, and d float32 numbers
``glove``             text without the first line
``safetensors``       this project's own form; read without being copied into memory
``projector``         two tables for the Embedding Projector, ``NAME.tsv`` and ``NAME_metadata.tsv``; written alone
====================  ================================================================================================

All are read and written gzipped, too. fastText's own models, ``.bin``, are in ``fasttext_file.py``.
"""

import gzip
import json
import os
import re
from pathlib import Path

import numpy as np

from embeddings.checks import check_choice, check_integer
from embeddings.fasttext_file import is_fasttext
from embeddings.files import (
    atomic_write_zipped,
    damaged_gzip_named,
    is_gzipped,
    pack_strings,
    read_start,
    unpack_strings,
    unzipped,
    write_tensors,
)
from embeddings.progress import progress
from kernels.device import implementation
from kernels.vector_file import BINARY_IMPLEMENTATIONS, TEXT_IMPLEMENTATIONS, is_number

parse_text = implementation(TEXT_IMPLEMENTATIONS)
parse_binary = implementation(BINARY_IMPLEMENTATIONS)

FORMATS = ("word2vec", "word2vec-binary", "glove", "safetensors", "projector")

# Bytes that are read at a time; no line, and no vector, may be longer.
BLOCK = 1 << 24

# The longest header that the safetensors library takes.
LONGEST_HEADER = 100_000_000


def read_vectors(path, limit=None):
    """Words and vectors of a file.

    Parameters
    ----------
    path : path
    limit : int, optional
        Read that many words at most: files are sorted by frequency.

    Returns
    -------
    keys : list of str
    vectors : array, shape (V, d), float32
        A read-only memory map for a safetensors file.
    counts : array, shape (V,), int64, or None

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or of another kind; the message names the line or the byte. Memory grows with what was
        read, never with what a header promises.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.txt"
    >>> _ = path.write_text("cat 1 0.5\\nham -1 2\\n")
    >>> read_vectors(path)[0]
    ['cat', 'ham']
    """
    if limit is not None:
        check_integer("limit", limit, minimum=1)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    start = read_start(path, 16)
    _refuse_other_kinds(path, start)
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= LONGEST_HEADER:
        with unzipped(path) as plain:
            return _read_safetensors(os.fspath(path), plain, limit)
    opener = gzip.open if is_gzipped(path) else open
    with damaged_gzip_named(path), opener(path, "rb") as file:
        keys, vectors = _Reader(path, file, limit).read()
    return keys, vectors, None


def holds_fasttext(path):
    """Whether a file is one of fastText's own models; False if there is none."""
    return os.path.isfile(path) and is_fasttext(read_start(path, 4))


def _refuse_other_kinds(path, start):
    name = os.fspath(path)
    if not start:
        raise ValueError(f"{name!r} is empty")
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        raise ValueError(
            f"{name!r} is a Python pickle, which can run any code when it is read, and is not read here; "
            "save it with gensim's save_word2vec_format"
        )
    if start[:2] == b"PK":
        raise ValueError(f"{name!r} is a zip archive; unpack it and load the file inside")
    if is_fasttext(start):
        raise ValueError(f"{name!r} is a fastText model; KeyedVectors.load reads it, with the vectors of its n-grams")


class _Reader:
    """Reads a text or binary file block by block."""

    def __init__(self, path, file, limit):
        self.name, self.file, self.limit = os.fspath(path), file, limit
        self.rest, self.ended, self.bytes_before, self.lines_before = b"", False, 0, 0

    def read(self):
        self._fill()
        promised, d = self._header()
        binary = promised is not None and self._is_binary()
        if d is None:
            if b"\n" not in self.rest and not self.ended:
                raise ValueError(f"{self.name!r} holds no word vectors: its first line has no end")
            line = self.rest.split(b"\n", 1)[0].replace(b"\t", b" ").strip(b" \r")
            d = _numbers_at_the_end(line)
            if not d:
                raise ValueError(
                    f"{self.name!r} holds no word vectors: its first line {_shown(line)} is neither "
                    '"words numbers" nor a word with its numbers'
                )
        wanted = min(x for x in (promised, self.limit, 1 << 62) if x is not None)
        if 4 * d > BLOCK // 2:
            raise ValueError(f"{self.name!r} promises vectors of {d:,} numbers; {BLOCK // 8:,} are the most")
        keys, vectors = self._rows(d, wanted, parse_binary if binary else parse_text)
        if promised is not None and len(keys) < wanted:
            at = f"byte {self.bytes_before:,}" if binary else f"line {self.lines_before:,}"
            raise ValueError(
                f"{self.name!r} ends after {len(keys):,} of {promised:,} vectors, at {at}: the file is cut off, or its "
                "first line is wrong"
            )
        if promised is not None and self.limit is None and (self.rest.strip() or not self.ended):
            raise ValueError(f"{self.name!r} goes on after the {promised:,} vectors that its first line promises")
        if not keys:
            raise ValueError(f"{self.name!r} holds no vector")
        return keys, vectors

    def _fill(self):
        more = self.file.read(BLOCK)
        self.ended = len(more) < BLOCK
        self.rest += more

    def _header(self):
        """Words and numbers that the first line promises, or twice None."""
        match = re.match(rb"[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?\n", self.rest)
        if match is None:
            return None, None
        self._take(match.end(), 1)
        n, d = map(int, match.groups())
        if d < 1:
            raise ValueError(f"{self.name!r}, line 1: vectors of {d} numbers")
        return n, d

    def _take(self, n, lines):
        self.rest = self.rest[n:]
        self.bytes_before += n
        self.lines_before += lines

    def _is_binary(self):
        """What follows the first word is text if it looks like a number."""
        after = self.rest[:4096].lstrip(b"\n").split(b" ", 1)
        return len(after) == 2 and re.match(rb"[0-9eE+. -]{1,15}|-?(nan|inf)", after[1]) is None

    def _rows(self, d, wanted, parse):
        vectors = np.zeros((0, d), np.float32)
        keys, known = [], set()
        bar = progress(total=None if wanted == 1 << 62 else wanted, desc="reading", unit=" words", unit_scale=True)
        with bar:
            while len(keys) < wanted:
                if self.ended and parse is parse_text and self.rest and not self.rest.endswith(b"\n"):
                    self.rest += b"\n"
                room = min(wanted - len(keys), len(self.rest) // (2 * d if parse is parse_text else 4 * d) + 1)
                block = np.zeros((room, d), np.float32)
                places = np.zeros((room, 2), np.int64)
                n, taken, bad = parse(np.frombuffer(self.rest, np.uint8), block, places)
                self._add_keys(keys, known, places[:n], parse)
                vectors.resize((len(keys), d), refcheck=False)
                vectors[len(keys) - n :] = block[:n]
                bar.update(n)
                lines = self.rest.count(b"\n", 0, taken) if parse is parse_text else 0
                if bad:
                    self._complain(self.rest[taken:], d, parse, self.lines_before + lines)
                self._take(taken, lines)
                if self.ended and (n < room or not self.rest):
                    break
                if not self.ended and n < room:
                    if len(self.rest) > BLOCK:
                        raise ValueError(f"{self.name!r}: what begins at byte {self.bytes_before:,} has no end")
                    self._fill()
        return keys, vectors

    def _add_keys(self, keys, known, places, parse):
        for begin, end in places.tolist():
            raw = self.rest[begin:end]
            try:
                key = raw.decode("utf-8")
            except UnicodeDecodeError:
                raise ValueError(f"{self._where(begin, parse)}: the word {_shown(raw)} is not UTF-8") from None
            if key in known:
                raise ValueError(f"{self._where(begin, parse)}: the word {key!r} comes a second time")
            known.add(key)
            keys.append(key)

    def _where(self, offset, parse):
        if parse is parse_text:
            line = self.lines_before + self.rest.count(b"\n", 0, offset) + 1
            return f"{self.name!r}, line {line:,}"
        return f"{self.name!r}, byte {self.bytes_before + offset:,}"

    def _complain(self, rest, d, parse, lines):
        if parse is parse_binary:
            word = rest.lstrip(b"\n").split(b" ", 1)[0]
            at = self.bytes_before + len(self.rest) - len(rest)
            raise ValueError(f"{self.name!r}, byte {at:,}: the vector of {_shown(word)} holds NaN or infinity")
        line = rest.split(b"\n", 1)[0].replace(b"\t", b" ").rstrip(b" \r")
        pieces = line.rsplit(b" ", d)[1:]
        wrong = next((p for p in pieces if not is_number(p) or not np.isfinite(np.float32(float(p)))), None)
        found = _numbers_at_the_end(line)
        if wrong is not None and (is_number(wrong) or wrong.lstrip(b"+-").lower() in (b"nan", b"inf") or not found):
            what = f"{_shown(wrong)} is not a finite number"
        else:
            what = f"{found:,} numbers, not {d:,}"
        raise ValueError(f"{self.name!r}, line {lines + 1:,}: {what}; the line begins {_shown(line)}")


def _numbers_at_the_end(line):
    """How many of a line's last pieces are numbers; the first piece is a word, whatever it is."""
    pieces = line.split(b" ")[1:]
    n = 0
    while n < len(pieces) and is_number(pieces[-1 - n]):
        n += 1
    return n


def _shown(raw):
    text = raw[:40].decode("utf-8", "replace")
    return repr(text + ("…" if len(raw) > 40 else ""))


def _read_safetensors(name, path, limit):
    # The library checks header and size; the numbers themselves are then mapped, not read.
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = set(file.keys())
    except SafetensorError as error:
        raise ValueError(f"{name!r} is not a whole safetensors file: {error}") from error
    found = [
        pair for pair in (("vectors", "keys"), ("vectors_", "index_to_key_")) if {pair[0], pair[1] + ".utf8"} <= names
    ]
    if not found:
        raise ValueError(f"{name!r} holds no word vectors: its tensors are {sorted(names)}")
    which, keys = found[0]
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))

    def mapped(tensor, dtype):
        entry = header.get(tensor)
        if entry is None or entry["dtype"] != {"float32": "F32", "int64": "I64", "uint8": "U8"}[dtype]:
            raise ValueError(f"{name!r}: the tensor {tensor!r} is not there in {dtype}")
        begin, end = entry["data_offsets"]
        if begin == end:
            return np.zeros(entry["shape"], dtype)
        return np.memmap(path, dtype, "r", 8 + length + begin, tuple(entry["shape"]))

    vectors, offsets, utf8 = (
        mapped(which, "float32"),
        mapped(keys + ".offsets", "int64"),
        mapped(keys + ".utf8", "uint8"),
    )
    words = unpack_strings(np.asarray(utf8), np.asarray(offsets))
    counts_name = "counts_" if which == "vectors_" else "counts"
    counts = np.array(mapped(counts_name, "int64")) if counts_name in names else None
    if vectors.ndim != 2 or len(vectors) != len(words) or (counts is not None and counts.shape != (len(words),)):
        raise ValueError(f"{name!r}: {len(words):,} words do not fit vectors of the shape {vectors.shape}")
    return words[:limit], vectors[:limit], None if counts is None else counts[:limit]


def write_vectors(path, keys, vectors, counts=None, format=None):
    """Write words and vectors.

    Parameters
    ----------
    path : path
    keys : list of str
    vectors : array, shape (V, d), float32
    counts : array, shape (V,), int, optional
        Kept in safetensors files alone.
    format : {"word2vec", "word2vec-binary", "glove", "safetensors", "projector"}, optional
        By default what the name's end says: ``.safetensors``; ``.bin`` is word2vec's binary form, ``.tsv`` the
        projector's; anything else is word2vec's text. With ``.gz`` behind that, the file is gzipped.

    Raises
    ------
    ValueError
        If a word holds white space, or is empty, and the form has no way to say so; for NaN.
    """
    path = Path(path)
    plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    if format is None:
        by_suffix = {".safetensors": "safetensors", ".bin": "word2vec-binary", ".tsv": "projector"}
        format = by_suffix.get(plain.suffix.lower(), "word2vec")
    check_choice("format", format, FORMATS)
    vectors = np.asarray(vectors, np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError(
            f"the vector of {keys[int(np.argmin(np.isfinite(vectors).all(axis=1)))]!r} holds NaN or infinity"
        )
    if format == "safetensors":
        utf8, offsets = pack_strings(keys)
        tensors = {"vectors": vectors, "keys.utf8": utf8, "keys.offsets": offsets}
        if counts is not None:
            tensors["counts"] = np.asarray(counts, np.int64)
        write_tensors(path, tensors, {"model": "KeyedVectors"})
        return
    separators = re.compile(r"[\t\r\n]" if format == "projector" else r"\s")
    for key in keys:
        if not key or separators.search(key):
            raise ValueError(f'the word {key!r} cannot stand in a {format} file; format="safetensors" takes every word')
    with atomic_write_zipped(path) as file:
        if format.startswith("word2vec"):
            file.write(b"%d %d\n" % vectors.shape)
        rows = zip(progress(keys, desc="writing", unit=" words", unit_scale=True), vectors, strict=True)
        if format == "word2vec-binary":
            for key, row in rows:
                file.write(key.encode("utf-8") + b" " + row.astype("<f4").tobytes())
            return
        separator = "\t" if format == "projector" else " "
        # Nine digits bring every float32 back as it was.
        form = separator.join(["%.9g"] * vectors.shape[1])
        for key, row in rows:
            numbers = form % tuple(row.tolist())
            file.write(f"{numbers}\n".encode() if format == "projector" else f"{key} {numbers}\n".encode())
        if format == "projector":
            metadata = plain.with_name(f"{plain.stem}_metadata.tsv{path.suffix if plain != path else ''}")
            with atomic_write_zipped(metadata) as table:
                table.writelines(f"{key}\n".encode() for key in keys)
