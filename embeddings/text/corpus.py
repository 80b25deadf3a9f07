"""A corpus as numbers: read once, kept on disk, so that memory holds the vocabulary and not the text."""

import array
import collections
import gzip
import itertools
import os
import tempfile

import numpy as np

from embeddings.files import unpack_strings
from embeddings.progress import progress
from embeddings.text.grams import WordTokens, alphabetical_order, gather_words, in_blocks
from embeddings.text.tokenizer import check_stop_words
from kernels.count import RENUMBER_IMPLEMENTATIONS
from kernels.device import implementation

renumber = implementation(RENUMBER_IMPLEMENTATIONS)


class Corpus:
    """The words of a corpus, numbered by frequency.

    Attributes
    ----------
    words : list of str
        By number: words known from before first, then the most frequent, equals alphabetically.
    counts : array, shape (V,), int64
    tokens : array, shape (N,), int32
        All sentences, one after the other, as a memory-mapped temporary file; it goes when the corpus does.
    offsets : array, shape (S + 1,), int64
        Where each sentence begins and ends.
    """

    def __init__(self, words, counts, tokens, offsets):
        self.words, self.counts, self.tokens, self.offsets = words, counts, tokens, offsets

    @classmethod
    def encode(cls, sentences, min_count=1, known=()):
        """Read and number a corpus.

        Parameters
        ----------
        sentences : path, or iterable of str or of lists of str
            A path is a text file, plain or gzipped, with a sentence in each line. Strings are cut into words by
            :func:`~embeddings.text.tokenize`; lists are taken as they are.
        min_count : int, default 1
            Rarer words are left out.
        known : list of str, default ()
            Words that have their numbers already; they are kept however rare.

        Raises
        ------
        TypeError
            For a sentence that is neither text nor a list of strings.
        ValueError
            If no word remains.

        Examples
        --------
        >>> corpus = Corpus.encode(["The cat sleeps.", "The mouse."])
        >>> corpus.words, corpus.tokens.tolist(), corpus.offsets.tolist()
        (['the', 'cat', 'mouse', 'sleeps'], [0, 1, 3, 0, 2], [0, 3, 5])
        """
        numbering = Numbering()
        lengths, counts = [], np.zeros(0, np.int64)
        file = tempfile.TemporaryFile(prefix="corpus-")
        for tokens, offsets in numbering.blocks(sentences):
            tokens.tofile(file)
            lengths.append(np.diff(offsets))
            more = np.bincount(tokens, minlength=max(len(counts), 1))
            more[: len(counts)] += counts
            counts = more
        lengths = np.concatenate(lengths) if lengths else np.zeros(0, np.int64)
        if len(lengths) == 0:
            raise ValueError("there is no sentence to learn from: sentences is empty")
        if not counts.any():
            raise ValueError(f"there is no word to learn from: none of {len(lengths):,} sentences holds one")
        words, counts, number = _choose(*numbering.words(), counts, min_count, known)
        if not words:
            raise ValueError(
                f"no word remains: none of {len(number)} different ones occurs {min_count} times in "
                f"{len(lengths):,} sentences; lower min_count"
            )
        tokens = _map(file)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        offsets = renumber(tokens, offsets, number)
        return cls(words, counts, tokens[: offsets[-1]], offsets)

    def __len__(self):
        return len(self.offsets) - 1


class Numbering:
    """Numbers words in the order in which they come; texts by the compiled tokenizer, lists by a dictionary.

    Examples
    --------
    >>> numbering = Numbering()
    >>> [tokens.tolist() for tokens, offsets in numbering.blocks(["The cat.", "A cat!"])]
    [[0, 1, 2, 1]]
    >>> numbering.words_from(1)
    ['cat', 'a']
    """

    def __init__(self):
        self._scanner = WordTokens(True, 1, check_stop_words(None))
        self._numbers = None

    def blocks(self, sentences):
        """``tokens`` and ``offsets`` of block after block."""
        if isinstance(sentences, str | os.PathLike):
            with _open(sentences) as file:
                for block in in_blocks(line.rstrip("\n") for line in file):
                    yield self._scanner.number(block, True)
            return
        sentences = iter(sentences)
        nothing = object()
        first = next(sentences, nothing)
        if first is nothing:
            return
        if isinstance(first, str):
            for block in in_blocks(_chain(first, sentences)):
                yield self._scanner.number(block, True)
            return
        # A new word gets the next number.
        self._numbers = collections.defaultdict(itertools.count().__next__)
        yield from self._lists(_chain(first, sentences))

    def _lists(self, sentences):
        numbers, stream, offsets = self._numbers, array.array("i"), [0]
        for i, sentence in enumerate(progress(sentences, desc="reading", unit=" sentences", unit_scale=True)):
            if isinstance(sentence, str | bytes):
                kind = type(sentence).__name__
                before = ", the ones before are lists" if i else ""
                raise TypeError(
                    f"sentence {i} is a {kind}{before}; texts or lists of words are wanted, all of one kind"
                )
            try:
                stream.extend(map(numbers.__getitem__, sentence))
            except TypeError:
                raise TypeError(f"sentence {i} is {sentence!r}; a text or a list of words is wanted") from None
            offsets.append(len(stream))
            if len(stream) > 1 << 20:
                yield np.frombuffer(stream, np.int32), np.array(offsets)
                stream, offsets = array.array("i"), [0]
        yield np.frombuffer(stream, np.int32) if stream else np.zeros(0, np.int32), np.array(offsets)

    def words(self):
        """The words by number, packed, and as a list if they came as one."""
        if self._numbers is None:
            return (*self._scanner.words, None)
        words = self.words_from(0)
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
        return np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([0, *map(len, encoded)]), words

    def words_from(self, first):
        """The words that have the number `first` or a higher one, a list of str."""
        if self._numbers is None:
            words_utf8, word_offsets = self._scanner.words
            word_offsets = word_offsets[first:]
            return unpack_strings(words_utf8[word_offsets[0] :], word_offsets - word_offsets[0])
        words = list(itertools.islice(self._numbers, first, None))
        for word in words:
            if not isinstance(word, str):
                raise TypeError(f"words must be strings, got {word!r}, a {type(word).__name__}")
        return words


def _open(path):
    """A text file, plain or gzipped, told apart by its first bytes; bytes that are not UTF-8 become question marks."""
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"No such file: {os.fspath(path)!r}. A string is taken for the path of a text file; pass texts in a list"
        )
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    opener = gzip.open if zipped else open
    return opener(path, "rt", encoding="utf-8", errors="replace", newline="\n")


def _chain(first, rest):
    yield first
    yield from rest


def _choose(words_utf8, word_offsets, words, counts, min_count, known):
    """Words and counts by final number, and the final number, or -1, of each word read."""
    order = alphabetical_order(words_utf8, word_offsets)
    order = order[np.argsort(-counts[order], kind="stable")]
    if known:
        words = words or unpack_strings(words_utf8, word_offsets)
        place = {word: i for i, word in enumerate(words)}
        old = [place.get(word, -1) for word in known]
        is_old = np.zeros(len(counts) + 1, bool)
        is_old[old] = True
        new = [w for w in order.tolist() if counts[w] >= min_count and not is_old[w]]
        number = np.full(len(counts) + 1, -1, np.int32)
        number[old] = np.arange(len(known))
        number[-1] = -1
        number[new] = np.arange(len(known), len(known) + len(new))
        counts_of = np.array([counts[i] if i >= 0 else 0 for i in old] + [counts[w] for w in new], np.int64)
        return [*known, *(words[w] for w in new)], counts_of, number[:-1]
    order = order[counts[order] >= min_count]
    number = np.full(len(counts), -1, np.int32)
    number[order] = np.arange(len(order))
    return unpack_strings(*gather_words(words_utf8, word_offsets, order)), counts[order], number


def _map(file):
    file.flush()
    size = file.tell() // 4
    # A memory map cannot be empty.
    return np.memmap(file, np.int32, "r+", shape=(size,)) if size else np.zeros(0, np.int32)
