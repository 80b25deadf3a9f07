"""A corpus as numbers: read once, kept on disk, so that memory holds the vocabulary and not the text."""

import concurrent.futures
import gzip
import os
import tempfile

import numpy as np

from embeddings.files import unpack_strings
from embeddings.progress import progress
from embeddings.text.grams import BLOCK_BYTES, ListTokens, WordTokens, alphabetical_order, gather_words, in_blocks
from embeddings.text.tokenizer import check_stop_words
from kernels.count import RENUMBER_IMPLEMENTATIONS, TALLY_IMPLEMENTATIONS
from kernels.device import implementation

renumber = implementation(RENUMBER_IMPLEMENTATIONS)
tally = implementation(TALLY_IMPLEMENTATIONS)

# Lists are numbered in blocks of about this many words.
BLOCK_WORDS = 1 << 19


class Corpus:
    """The words of a corpus, numbered by frequency.

    Attributes
    ----------
    words : list of str
        By number: words known from before first, then the most frequent, equals alphabetically.
    counts : array, shape (V,), int64
    tokens : array, shape (N,), int32
        All sentences, one after the other. They may stand in a temporary file, which goes when the corpus does; each
        look at `tokens` maps it anew, so that nothing stays in memory but what somebody holds.
    offsets : array, shape (S + 1,), int64
        Where each sentence begins and ends.
    """

    def __init__(self, words, counts, tokens, offsets):
        self.words, self.counts, self.offsets = words, counts, offsets
        self._tokens = tokens

    @property
    def tokens(self):
        """All tokens."""
        return self._tokens if isinstance(self._tokens, np.ndarray) else _map(self._tokens, self.n_tokens)

    @property
    def n_tokens(self):
        """How many there are."""
        return int(self.offsets[-1])

    @classmethod
    def encode(cls, sentences, min_count=1, known=(), workers=1):
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
        workers : int, default 1
            Threads; with two or more, one numbers words while the other gets the next ones ready.

        Raises
        ------
        TypeError
            For a sentence that is neither text nor a list of strings.
        ValueError
            If no word remains, or a word of a list holds the character NUL.
        FileNotFoundError
            If a path leads to no file.

        Examples
        --------
        >>> corpus = Corpus.encode(["The cat sleeps.", "The mouse."])
        >>> corpus.words, corpus.tokens.tolist(), corpus.offsets.tolist()
        (['the', 'cat', 'mouse', 'sleeps'], [0, 1, 3, 0, 2], [0, 3, 5])
        """
        numbering = Numbering()
        lengths, counts = [], np.zeros(0, np.int64)
        file = tempfile.TemporaryFile(prefix="corpus-")
        for tokens, offsets in numbering.blocks(sentences, workers):
            tokens.tofile(file)
            lengths.append(np.diff(offsets))
            counts = np.concatenate([counts, np.zeros(numbering.n_words - len(counts), np.int64)])
            tally(tokens, counts)
        lengths = np.concatenate(lengths) if lengths else np.zeros(0, np.int64)
        if len(lengths) == 0:
            raise ValueError("there is no sentence to learn from: sentences is empty")
        if not counts.any():
            raise ValueError(f"there is no word to learn from: none of {len(lengths):,} sentences holds one")
        words, counts, number = _choose(*numbering.words, counts, min_count, known)
        if not words:
            raise ValueError(
                f"no word remains: none of {len(number)} different ones occurs {min_count} times in "
                f"{len(lengths):,} sentences; lower min_count"
            )
        file.flush()
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        offsets = renumber(_map(file, offsets[-1]), offsets, number)
        return cls(words, counts, file, offsets)

    def __len__(self):
        return len(self.offsets) - 1


class Numbering:
    """Numbers words in the order in which they come, texts' and lists' alike, with compiled code.

    Examples
    --------
    >>> numbering = Numbering()
    >>> [tokens.tolist() for tokens, offsets in numbering.blocks(["The cat.", "A cat!"])]
    [[0, 1, 2, 1]]
    >>> numbering.words_from(1)
    ['cat', 'a']
    """

    def __init__(self):
        self._tokens = WordTokens(True, 1, check_stop_words(None))

    @property
    def words(self):
        """``words_utf8`` and ``word_offsets`` of all words so far."""
        return self._tokens.words

    @property
    def n_words(self):
        """How many words have numbers."""
        return len(self.words[1]) - 1

    def words_from(self, first):
        """The words that have the number `first` or a higher one, a list of str."""
        words_utf8, word_offsets = self.words
        word_offsets = word_offsets[first:]
        return unpack_strings(words_utf8[word_offsets[0] :], word_offsets - word_offsets[0])

    def blocks(self, sentences, workers=1):
        """``tokens`` and ``offsets`` of block after block; the next one may overwrite them."""
        if workers == 1:
            for packed in self._packed(sentences):
                yield self._tokens.scan(*packed, True)
            return
        # Compiled code numbers a block while Python packs the next one.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            scanned = None
            for packed in self._packed(sentences):
                if scanned is not None:
                    yield scanned.result()
                scanned = pool.submit(self._tokens.scan, *packed, True)
            if scanned is not None:
                yield scanned.result()

    def _packed(self, sentences):
        if isinstance(sentences, str | os.PathLike):
            for lines in _lines(sentences):
                yield self._tokens.pack_lines(lines)
            return
        sentences = iter(sentences)
        nothing = object()
        first = next(sentences, nothing)
        if first is nothing:
            return
        if isinstance(first, str):
            for block in in_blocks(_chain(first, sentences)):
                yield self._tokens.pack(block)
            return
        self._tokens = ListTokens()
        for block in _blocks_of_lists(_chain(first, sentences)):
            yield self._tokens.pack(block)


def _blocks_of_lists(sentences):
    """Lists of sentences of about ``BLOCK_WORDS`` words together."""
    block, size = [], 0
    for i, sentence in enumerate(progress(sentences, desc="reading", unit=" sentences", unit_scale=True)):
        if type(sentence) is not list:
            sentence = _as_list(i, sentence)
        block.append(sentence)
        size += len(sentence)
        if size >= BLOCK_WORDS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _as_list(i, sentence):
    if isinstance(sentence, str | bytes):
        before = ", the ones before are lists" if i else ""
        raise TypeError(
            f"sentence {i} is a {type(sentence).__name__}{before}; texts or lists of words are wanted, all of one kind"
        )
    try:
        return list(sentence)
    except TypeError:
        raise TypeError(f"sentence {i} is {sentence!r}; a text or a list of words is wanted") from None


def _lines(path):
    """Whole lines of a text file, plain or gzipped, ``BLOCK_BYTES`` or more at a time.

    The two are told apart by the first bytes.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"No such file: {os.fspath(path)!r}. A string is taken for the path of a text file; pass texts in a list"
        )
    with (
        open(path, "rb") as file,
        progress(total=os.path.getsize(path), desc="reading", unit="B", unit_scale=True) as bar,
    ):
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        text = gzip.open(file) if zipped else file
        while block := text.read(BLOCK_BYTES):
            if not block.endswith(b"\n"):
                block += text.readline()
            yield block if block.endswith(b"\n") else block + b"\n"
            bar.update(file.tell() - bar.n)


def _chain(first, rest):
    yield first
    yield from rest


def _choose(words_utf8, word_offsets, counts, min_count, known):
    """Words and counts by final number, and the final number, or -1, of each word read."""
    order = alphabetical_order(words_utf8, word_offsets)
    order = order[np.argsort(-counts[order], kind="stable")]
    number = np.full(len(counts), -1, np.int32)
    known_counts = np.zeros(len(known), np.int64)
    if known:
        place = {word: i for i, word in enumerate(unpack_strings(words_utf8, word_offsets))}
        for i, word in enumerate(known):
            if word in place:
                number[place[word]], known_counts[i] = i, counts[place[word]]
    new = order[(counts[order] >= min_count) & (number[order] < 0)]
    number[new] = np.arange(len(known), len(known) + len(new))
    words = unpack_strings(*gather_words(words_utf8, word_offsets, new))
    return [*known, *words], np.concatenate([known_counts, counts[new]]), number


def _map(file, size):
    # A memory map cannot be empty.
    return np.asarray(np.memmap(file, np.int32, "r+", shape=(size,))) if size else np.zeros(0, np.int32)
