"""Documents as streams of numbers: every n-gram of words, or of characters, gets a number when it is first seen."""

import itertools
import re

import numpy as np

from embeddings.progress import progress
from embeddings.text.tokenizer import TOKEN_PATTERN, character_classes, is_ideograph
from kernels.ngram import NGramTable
from kernels.tokenize import Scanner

# Text is read in blocks of about this many bytes, so that memory does not grow with the corpus.
BLOCK_BYTES = 1 << 22

N_CODE_POINTS = 0x110000

_TOKEN = re.compile(TOKEN_PATTERN)
_SPACES = re.compile(r"\s\s+")


def check_documents(documents):
    """`documents`, unless it is plainly not a collection of texts.

    Raises
    ------
    TypeError
        For one string or bytes where a list is wanted, or something that cannot be iterated over.
    """
    if isinstance(documents, str | bytes):
        kind = type(documents).__name__
        raise TypeError(f"documents must be a list of strings, got a single {kind}; put it in a list: [text]")
    try:
        iter(documents)
    except TypeError:
        raise TypeError(f"documents must be a list of strings, got a {type(documents).__name__}") from None
    return documents


def in_blocks(documents):
    """Lists of documents of about ``BLOCK_BYTES`` characters together, with a progress bar for long work.

    Raises
    ------
    TypeError
        For a document that is not a str, naming its position.
    """
    total = len(documents) if hasattr(documents, "__len__") else None
    documents = iter(documents)
    block, size, n = [], 0, 0
    with progress(total=total, desc="reading", unit=" documents", unit_scale=True) as bar:
        while some := list(itertools.islice(documents, 256)):
            if set(map(type, some)) != {str}:
                _check_strings(some, n)
            n += len(some)
            block += some
            size += sum(map(len, some))
            if size >= BLOCK_BYTES:
                yield block
                bar.update(len(block))
                block, size = [], 0
        if block:
            yield block
            bar.update(len(block))


def _check_strings(documents, first):
    for i, document in enumerate(documents, first):
        if not isinstance(document, str):
            shown = repr(document) if len(repr(document)) < 60 else repr(document)[:57] + "…"
            raise TypeError(f"documents must be strings, but document {i} is {shown}, a {type(document).__name__}")


class WordTokens:
    """Numbers the words of documents, with the compiled tokenizer.

    Parameters
    ----------
    lowercase : bool
    min_length : int
    stop_words : frozenset of str
    words_utf8, word_offsets : arrays, optional
        Words known from the start.
    """

    def __init__(self, lowercase, min_length, stop_words, words_utf8=None, word_offsets=None):
        self.lowercase = lowercase
        # Stop words come first in the scanner, so that a small number is a stop word's.
        stopped = [word.encode("utf-8", "surrogatepass") for word in sorted(stop_words) if _TOKEN.fullmatch(word)]
        self.n_stopped = len(stopped)
        known_utf8 = np.frombuffer(b"".join(stopped), dtype=np.uint8)
        known_offsets = np.cumsum([0, *map(len, stopped)], dtype=np.int64)
        if words_utf8 is not None:
            known_offsets = np.concatenate([known_offsets, known_offsets[-1] + word_offsets[1:]])
            known_utf8 = np.concatenate([known_utf8, words_utf8])
        self._scanner = Scanner(character_classes(), min_length, known_utf8, known_offsets)

    @property
    def n_tokens(self):
        """Numbers given so far."""
        return self._scanner.n_words - self.n_stopped

    @property
    def words(self):
        """``words_utf8`` and ``word_offsets`` of the numbered words."""
        words_utf8, word_offsets = self._scanner.words
        word_offsets = word_offsets[self.n_stopped :]
        return words_utf8[word_offsets[0] :], word_offsets - word_offsets[0]

    def number(self, documents, grow):
        """``tokens`` and ``token_offsets`` of a block of documents."""
        return self.scan(*self.pack(documents), grow)

    def pack(self, documents):
        """A block of documents as :meth:`scan` takes it."""
        # The scanner lowers ASCII by itself, so that runs of ASCII documents are encoded as one string; lowering other
        # letters is Python's knowledge.
        lengths = np.fromiter(map(len, documents), np.int64, len(documents))
        is_ascii = np.fromiter(map(str.isascii, documents), np.bool_, len(documents))
        parts, start = [], 0
        for i in np.flatnonzero(~is_ascii).tolist():
            if start < i:
                parts.append("\n".join(documents[start:i]).encode())
            parts.append(self._lowered(documents[i]))
            lengths[i] = len(parts[-1])
            start = i + 1
        if start < len(documents):
            parts.append("\n".join(documents[start:]).encode())
        return b"\n".join([*parts, b""]), _offsets(lengths + 1)

    def pack_lines(self, lines):
        """Lines of a file, bytes that end in a line's end, as :meth:`scan` takes them, each line a document."""
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n")) + 1
        lengths = np.diff(ends, prepend=0)
        if lines.isascii():
            return lines, _offsets(lengths)
        beyond_ascii = np.flatnonzero(np.frombuffer(lines, np.uint8) >= 0x80)
        parts, start = [], 0
        for i in np.unique(np.searchsorted(ends, beyond_ascii, side="right")).tolist():
            end = int(ends[i])
            parts.append(lines[start : end - lengths[i]])
            parts.append(self._lowered(lines[end - lengths[i] : end].decode("utf-8", "replace")))
            lengths[i] = len(parts[-1])
            start = end
        return b"".join([*parts, lines[start:]]), _offsets(lengths)

    def _lowered(self, text):
        return (text.lower() if self.lowercase else text).encode("utf-8", "surrogatepass")

    def scan(self, utf8, offsets, grow):
        """``tokens`` and ``token_offsets`` of packed documents."""
        tokens, token_offsets = self._scanner.scan(np.frombuffer(utf8, np.uint8), offsets, grow, self.lowercase)
        if self.n_stopped:
            kept = (tokens < 0) | (tokens >= self.n_stopped)
            token_offsets = np.concatenate([[0], np.cumsum(kept)])[token_offsets]
            tokens = np.where(tokens < 0, tokens, tokens - np.int32(self.n_stopped))[kept]
        return tokens, token_offsets


class ListTokens:
    """Numbers the words of lists, which are taken as they are; the compiled hash table is the tokenizer's."""

    def __init__(self):
        self._scanner = Scanner(character_classes(), 1)

    @property
    def words(self):
        """``words_utf8`` and ``word_offsets`` of the numbered words."""
        return self._scanner.words

    def pack(self, sentences):
        """A block of lists of words as :meth:`scan` takes it.

        Raises
        ------
        TypeError
            For a word that is not a str.
        ValueError
            For one that holds the character NUL.
        """
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        try:
            # Sentence by sentence, because then most of what is touched is still in the cache.
            joined = "\0".join(["\0".join(sentence) for sentence in sentences if len(sentence)])
        except TypeError:
            _check_words(sentences)
            raise
        offsets = _offsets(lengths)
        utf8 = joined.encode("utf-8", "surrogatepass") + b"\0" * bool(offsets[-1])
        if len(utf8) - np.count_nonzero(np.frombuffer(utf8, np.bool_)) != offsets[-1]:
            word = next(word for sentence in sentences for word in sentence if "\0" in word)
            raise ValueError(f"words must not hold the character NUL, got {word!r}")
        return utf8, offsets

    def scan(self, utf8, offsets, grow):
        """``tokens`` and ``token_offsets`` of packed lists."""
        return self._scanner.number(np.frombuffer(utf8, np.uint8), grow), offsets


def _check_words(sentences):
    for sentence in sentences:
        for word in sentence:
            if not isinstance(word, str):
                raise TypeError(f"words must be strings, got {word!r}, a {type(word).__name__}")


def _offsets(lengths):
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


class CharacterTokens:
    """Numbers the characters of documents by their code points; two or more spaces, of whatever kind, become one."""

    n_tokens = N_CODE_POINTS

    def __init__(self, lowercase):
        self.lowercase = lowercase

    def number(self, documents, grow):
        """``tokens`` and ``token_offsets`` of a block of documents."""
        texts = [_SPACES.sub(" ", document.lower() if self.lowercase else document) for document in documents]
        token_offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
        tokens = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.int32)
        return tokens, token_offsets


class CallableTokens:
    """Numbers the n-grams, joined by spaces, of what a function cuts documents into.

    The tokens of a function may hold spaces themselves, so that a token and an n-gram can be the same term; that is
    why these n-grams are numbered as strings.
    """

    def __init__(self, tokenizer, ngram_range, lowercase, min_length, stop_words, words=()):
        self.tokenizer = tokenizer
        self.ngram_range = ngram_range
        self.lowercase = lowercase
        self.min_length = min_length
        self.stop_words = stop_words
        self._numbers = {word: number for number, word in enumerate(words)}

    @property
    def n_tokens(self):
        """Numbers given so far."""
        return len(self._numbers)

    @property
    def words(self):
        """The numbered n-grams, a list of str."""
        return list(self._numbers)

    def number(self, documents, grow):
        """``tokens`` and ``token_offsets`` of a block of documents."""
        stream, token_offsets = [], [0]
        for document in documents:
            terms = self._terms(document)
            if grow:
                stream.extend([self._numbers.setdefault(term, len(self._numbers)) for term in terms])
            else:
                stream.extend([self._numbers.get(term, -1) for term in terms])
            token_offsets.append(len(stream))
        return np.array(stream, dtype=np.int32), np.array(token_offsets, dtype=np.int64)

    def _terms(self, document):
        tokens = self.tokenizer(document.lower() if self.lowercase else document)
        try:
            tokens = list(tokens)
            if isinstance(tokens, str) or not all(isinstance(token, str) for token in tokens):
                raise TypeError
        except TypeError:
            raise TypeError(
                f"tokenizer must return a list of strings; for {document[:40]!r} it returned {tokens!r}"
            ) from None
        tokens = [
            token
            for token in tokens
            if token not in self.stop_words and (len(token) >= self.min_length or is_ideograph(token))
        ]
        shortest, longest = self.ngram_range
        return [" ".join(tokens[i : i + n]) for n in range(shortest, longest + 1) for i in range(len(tokens) - n + 1)]


class Grams:
    """Numbers the n-grams of documents for every n up to the longest.

    Parameters
    ----------
    tokens : WordTokens, CharacterTokens or CallableTokens
    shortest, longest : int
        The range of n.
    """

    def __init__(self, tokens, shortest, longest):
        self.tokens = tokens
        self.shortest = shortest
        self.longest = longest
        self._tables = [NGramTable() for _ in range(2, longest + 1)]

    @property
    def sizes(self):
        """How many n-grams are numbered, for each n of the range."""
        sizes = [self.tokens.n_tokens, *(table.n_grams for table in self._tables)]
        return sizes[self.shortest - 1 :]

    def number(self, documents, grow):
        """A list of (grams, gram_offsets) of a block of documents, for each n of the range."""
        return self.compose(*self.tokens.number(documents, grow), grow)

    def compose(self, tokens, token_offsets, grow):
        """As :meth:`number`, of tokens that have numbers already."""
        levels = [(tokens, token_offsets)]
        for table in self._tables:
            levels.append(table.number(*levels[-1], tokens, token_offsets, grow))
        return levels[self.shortest - 1 :]

    def spell(self, n, grams):
        """The tokens of n-grams.

        Parameters
        ----------
        n : int
        grams : array, shape (F,), int
            Numbers of n-grams.

        Returns
        -------
        array, shape (F, longest), int32
            Numbers of tokens, -1 behind the last.
        """
        spelled = np.full((len(grams), self.longest), -1, dtype=np.int32)  # (F, longest)
        for m in range(n, 1, -1):
            pairs = self._tables[m - 2].pairs[grams]
            spelled[:, m - 1] = pairs & np.uint64(0xFFFFFFFF)
            grams = (pairs >> np.uint64(32)).astype(np.int64)
        spelled[:, 0] = grams
        return spelled


def alphabetical_order(words_utf8, word_offsets):
    """The numbers of the words in the order of their code points, which is that of their UTF-8 bytes.

    Parameters
    ----------
    words_utf8 : array, shape (L,), uint8
    word_offsets : array, shape (W + 1,), int64

    Returns
    -------
    array, shape (W,), int64

    Examples
    --------
    >>> from embeddings.files import pack_strings
    >>> alphabetical_order(*pack_strings(["the", "猫", "cat", "catch", "understandings", "understanding"])).tolist()
    [2, 3, 0, 5, 4, 1]
    """
    # Sort by the first eight bytes, equals by the next eight, and what is still equal by Python.
    high = _eight_bytes(words_utf8, word_offsets, 0)
    order = np.argsort(high)
    tied = np.flatnonzero(_in_run(high[order]))
    members = order[tied]
    low = _eight_bytes(words_utf8, word_offsets, 8, members)
    order[tied] = members[np.lexsort((low, high[members]))]
    low_of = np.zeros(len(order), dtype=np.uint64)
    low_of[members] = low
    high, low = high[order], low_of[order]
    same = np.concatenate([[False], (high[1:] == high[:-1]) & (low[1:] == low[:-1]), [False]])
    data = words_utf8.tobytes()
    for start in np.flatnonzero(~same[:-1] & same[1:]):
        end = start + 1
        while same[end]:
            end += 1
        run = order[start:end].tolist()
        order[start:end] = sorted(run, key=lambda w: data[word_offsets[w] : word_offsets[w + 1]])
    return order


def _eight_bytes(words_utf8, word_offsets, first, numbers=slice(None)):
    """Bytes `first` to `first` + 8 of every word as a number that sorts as they do; zeros behind the word."""
    places = np.arange(first, first + 8)
    lengths = np.diff(word_offsets)[numbers, None]  # (n, 1)
    padded = np.concatenate([words_utf8, np.zeros(1, np.uint8)])
    sources = np.where(places < lengths, word_offsets[:-1][numbers, None] + places, len(words_utf8))  # (n, 8)
    return padded[sources].view(">u8").astype(np.uint64).ravel()


def _in_run(values):
    """Which of the sorted values have an equal neighbour."""
    same = np.concatenate([[False], values[1:] == values[:-1], [False]])
    return same[1:] | same[:-1]


def gather_words(words_utf8, word_offsets, numbers):
    """The words of these numbers, packed: ``words_utf8`` and ``word_offsets``.

    Examples
    --------
    >>> gather_words(np.frombuffer(b"catham", np.uint8), np.array([0, 3, 6]), np.array([1]))
    (array([104,  97, 109], dtype=uint8), array([0, 3]))
    """
    starts, lengths = word_offsets[numbers], np.diff(word_offsets)[numbers]
    offsets = np.zeros(len(numbers) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return words_utf8[np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])], offsets
